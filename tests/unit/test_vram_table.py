"""The document's table as catalog data, and what it answers for a model."""

from __future__ import annotations

import pytest

from kindo_models.catalog.gpus import find_gpu
from kindo_models.catalog.vram_table import Cell, vram_table
from kindo_models.planning.vram_table import CellAnswer, NoCell, cell_for, statement_for

# The section "GPU sizing" of https://docs.kindo.ai/deploy/prepare-ai-models/, transcribed apart from the catalog.
DOCUMENT = """
| Model size | Quantization | Short (4k) | Medium (32k) | Full (128k+) |
|---|---|---|---|---|
| 7–8B | FP16/BF16 | 1× 24GB | 1× 24GB | 1× 48GB |
| 7–8B | FP8 | 1× 24GB | 1× 24GB | 1× 24GB |
| 13B | FP16/BF16 | 1× 48GB | 1× 80GB | 1× 80GB |
| 13B | FP8 | 1× 24GB | 1× 48GB | 1× 80GB |
| 30–34B | FP16/BF16 | 1× 80GB | 2× 80GB | 2–4× 80GB |
| 30–34B | FP8 | 1× 48GB | 1× 80GB | 1–2× 80GB |
| 70B | FP16/BF16 | 2× 80GB | 4× 80GB | 4–8× 80GB |
| 70B | FP8 | 1× 80GB | 2× 80GB | 2–4× 80GB |
| 70B | AWQ/GPTQ | 1× 80GB | 2× 80GB | 4× 80GB |
"""


def test_the_catalogs_cells_are_the_documents_text() -> None:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in DOCUMENT.strip().splitlines()]
    table = vram_table()
    assert list(table.columns) == lines[0][2:]
    assert [[row.size, row.quantization, *row.cells] for row in table.rows] == lines[2:]


def test_numbers_are_read_from_the_texts() -> None:
    table = vram_table()
    assert [table.context(column) for column in range(3)] == [4096, 32768, 131072]
    assert table.rows[4].cell(2) == Cell(text="2–4× 80GB", low=2, high=4, class_gb=80)
    assert table.rows[0].cell(0) == Cell(text="1× 24GB", low=1, high=1, class_gb=24)
    assert [row.billions for row in table.rows] == [8, 8, 13, 13, 34, 34, 70, 70, 70]


def test_every_gpu_of_the_table_is_known_and_of_its_class() -> None:
    table = vram_table()
    assert {cell.class_gb for row in table.rows for cell in row.all} == set(table.stand_ins)
    for gigabytes, name in table.stand_ins.items():
        assert find_gpu(name).nominal_gb == gigabytes
    for name in (*table.beyond, *(gpu for statement in table.statements for gpu, _ in statement.options)):
        assert find_gpu(name).name == name


@pytest.mark.parametrize(
    ("billions", "precision", "context", "size", "text"),
    [
        (7.6, "none", 4096, "7–8B", "1× 24GB"),
        (8.19, "none", 4097, "7–8B", "1× 24GB"),  # 8.19B is called 8B; 4,097 tokens: next column
        (8.19, "none", 32769, "7–8B", "1× 48GB"),
        (0.6, "none", 128, "7–8B", "1× 24GB"),  # next larger row
        (9.24, "fp8", 4096, "13B", "1× 24GB"),
        (14.8, "none", 4096, "30–34B", "1× 80GB"),
        (30.5, "none", 262144, "30–34B", "2–4× 80GB"),  # a mixture of experts by its total; 128k+ has no end
        (46.7, "int4", 32768, "70B", "2× 80GB"),
        (72.7, "int4", 100000, "70B", "4× 80GB"),
    ],
)
def test_a_model_takes_the_next_larger_row_and_column(
    billions: float, precision: str, context: int, size: str, text: str
) -> None:
    found = cell_for(billions, precision, context)
    assert isinstance(found, CellAnswer)
    assert (found.row.size, found.cell.text) == (size, text)
    assert size in found.reason


@pytest.mark.parametrize(
    ("billions", "precision", "why"),
    [
        (120.0, "none", "no FP16/BF16 row for 120B"),
        (8.0, "int4", "no AWQ/GPTQ row for 8B"),
        (8.0, "nvfp4", "no row for nvfp4"),
        (None, "none", "not known"),
    ],
)
def test_where_no_cell_fits_the_reason_says_so(billions: float | None, precision: str, why: str) -> None:
    found = cell_for(billions, precision, 4096)
    assert isinstance(found, NoCell)
    assert why in found.reason


def test_statements_answer_for_their_model_context_and_kv_cache_only() -> None:
    deephat = "DeepHat/DeepHat-V2-ext"
    nemotron = "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16"

    def options(model: str, context: int, kv: str | None = None) -> tuple[tuple[str, int], ...]:
        found = statement_for(model, context, kv)
        return found.options if found else ()

    assert options(deephat, 90_000) == (("H100", 1),)
    assert options(deephat, 90_001) == (("B200", 1), ("H100", 2))
    assert options(deephat, 250_000) == (("B200", 1), ("H100", 2))
    assert options(deephat, 250_001) == ()
    assert options(nemotron, 1_000_000, "fp8") == (("H100", 4),)
    assert options(nemotron, 1_000_000) == ()
    assert options("Qwen/Qwen3-8B", 4096) == ()
