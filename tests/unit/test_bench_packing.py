"""The tools that compare published hardware with the plan's, and that time the packing."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tools.bench import packing, published

COLUMNS = [
    "source_kind",
    "model",
    "precision",
    "gpu",
    "gpu_mem_gb",
    "n_gpus",
    "tp",
    "pp",
    "nodes",
    "instance_type",
    "max_model_len",
    "kv_dtype",
    "profile",
    "note",
]


def row(**given: str) -> dict[str, str]:
    return {**dict.fromkeys(COLUMNS, ""), "gpu": "H100", **given}


@pytest.mark.parametrize(
    ("given", "planned", "verdict", "reason"),
    [
        ({"model": "7–8B (class)", "precision": "FP8", "gpu": "", "gpu_mem_gb": "24", "n_gpus": "1",
          "max_model_len": "4096"}, "1× 24GB", "agrees", "cell of row 7–8B"),
        ({"source_kind": "reference_fact", "model": "DeepHat/DeepHat-V2-ext", "precision": "bf16", "n_gpus": "2",
          "max_model_len": "250000"}, "2× H100", "agrees", ""),
        ({"model": "Llama 2 7B Chat", "precision": "FP16", "n_gpus": "2", "profile": "Latency"},
         "1× H100", "fewer", "a profile for latency"),
        ({"model": "meta-llama/Llama-3.3-70B-Instruct", "n_gpus": "2", "max_model_len": "131072"},
         "4× H100", "more", "KV cache"),
        ({"model": "Qwen/Qwen3-4B", "gpu": "TPU", "n_gpus": "1"}, "–", "not compared", "TPU is no GPU"),
        ({"model": "org/unheard-of", "n_gpus": "1"}, "–", "not compared", "not in the catalog"),
    ],
)  # fmt: skip
def test_a_published_row_is_compared_with_the_plans_shape(
    given: dict[str, str], planned: str, verdict: str, reason: str
) -> None:
    found = published.compared(row(**given))
    assert (found.planned, found.verdict) == (planned, verdict)
    assert reason in found.reason


def test_the_table_replaces_the_one_in_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tmp_path / "rows.csv"
    with rows.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow(row(model="Llama 2 7B Chat", precision="FP16", n_gpus="1"))
        writer.writerow(row(model="no hardware", gpu=""))
    page = tmp_path / "page.md"
    page.write_text(f"before\n{published.BEGIN}\nold\n{published.END}\nafter\n")
    monkeypatch.setenv(published.VARIABLE, str(rows))
    assert published.main(["--into", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "1 rows: agrees 1." in text
    assert "old" not in text
    monkeypatch.delenv(published.VARIABLE)
    assert published.main([]) == 2


def test_the_page_has_every_row_that_names_hardware(repository: Path) -> None:
    text = (repository / "docs" / "packing.md").read_text()
    table = text.partition(published.BEGIN)[2].partition(published.END)[0]
    assert table.count("\n| ") > 60
    assert "| DeepHat/DeepHat-V2-ext | bf16, 250,000 | 2× H100 | 2× H100 | agrees |" in table


def test_the_bench_tells_time_proof_and_saving(capsys: pytest.CaptureFixture[str]) -> None:
    assert packing.main(["2"]) == 0
    out = capsys.readouterr().out
    assert "2 sets of up to 40 models: 2 proven optimal" in out
    assert "saving against a node for each replica" in out
