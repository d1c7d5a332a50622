"""Table and memory model together: every cell of the document's table, its statements, clouds, ranges, waste."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kindo_models.catalog.gpus import find_gpu
from kindo_models.catalog.instances import Cloud
from kindo_models.catalog.vram_table import Cell, vram_table
from kindo_models.environment import SizingMode
from kindo_models.findings import errors
from kindo_models.planning.shapes import shapes
from kindo_models.planning.sizing import Unsizable, Wish
from kindo_models.planning.sizing_result import SizingResult, sized
from kindo_models.planning.trials import Workload
from kindo_models.planning.workloads import known_model, weight_format

DEEPHAT = "DeepHat/DeepHat-V2-ext"
NEMOTRON = "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16"
MODES: tuple[SizingMode, ...] = ("table", "model")
CLOUDS: tuple[Cloud | None, ...] = (None, "eks", "aks", "gke")
QUANTIZATION = {"FP16/BF16": None, "FP8": "fp8", "AWQ/GPTQ": "awq"}

# Models that stand for a size row of the table.
MODELS = {
    "7–8B": ("Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B", "Qwen/Qwen2.5-7B-Instruct"),
    "13B": ("meta-llama/Llama-2-13b-hf", "google/gemma-3-12b-it"),
    "30–34B": ("Qwen/Qwen3-32B", "Qwen/Qwen3-30B-A3B"),
    "70B": ("meta-llama/Llama-3.3-70B-Instruct", "Qwen/Qwen2.5-72B-Instruct"),
}
# Where vLLM would refuse the cell, and what it is raised to. Computed by hand from weights, KV cache and overhead.
RAISED = {
    ("Qwen/Qwen3-8B", "FP16/BF16", 1): "1× L40S",
    ("Qwen/Qwen3-8B", "FP8", 2): "1× L40S",
    ("meta-llama/Llama-3.1-8B", "FP8", 2): "1× L40S",
    ("meta-llama/Llama-2-13b-hf", "FP16/BF16", 2): "2× H100",
    ("meta-llama/Llama-2-13b-hf", "FP8", 2): "2× H100",
    ("Qwen/Qwen2.5-72B-Instruct", "FP16/BF16", 0): "4× H100",
    ("Qwen/Qwen2.5-72B-Instruct", "FP8", 0): "2× H100",
}
# Where the memory model cannot call it: one request fills what is left, within the interval.
TOO_CLOSE = {
    ("meta-llama/Llama-3.1-8B", "FP16/BF16", 1),
    ("meta-llama/Llama-3.3-70B-Instruct", "FP8", 0),
}
CELLS = [
    pytest.param(
        model, row.quantization, column, row.cell(column), id=f"{model.partition('/')[2]}-{row.quantization}-{n}"
    )
    for row in vram_table().rows
    for model in MODELS[row.size]
    for column, n in enumerate(("4k", "32k", "128k"))
]


def size(model: str, context: int, wish: Wish | None = None, **flags: Any) -> SizingResult:
    known = known_model(model)
    idle = flags.pop("forbid_idle", False)
    workload = Workload(
        model=model,
        context=context,
        architecture=known.architecture,
        why_unchecked=known.why,
        billions=known.billions,
        precision=weight_format(model, known.record, flags.get("quantization"), None),
        generates=known.generates,
        vllm_version="0.33.0",
        **flags,
    )
    return sized(workload, wish or Wish(), forbid_idle=idle)


def codes(result: SizingResult) -> set[str]:
    return {finding.code for finding in result.findings}


def stands_for(cell: Cell) -> set[str]:
    """What the cell is without a cloud: any count of its range."""
    counts = [count for count in (1, 2, 4, 8) if cell.low <= count <= cell.high]
    return {f"{count}× {vram_table().stand_ins[cell.class_gb]}" for count in counts}


@pytest.mark.parametrize(("model", "quantization", "column", "cell"), CELLS)
def test_a_cell_is_the_answer_unless_it_would_not_start(model: str, quantization: str, column: int, cell: Cell) -> None:
    context = vram_table().context(column)
    flags = {"quantization": QUANTIZATION[quantization], "allow_long_max_model_len": True}
    found = size(model, context, **flags)
    assert (found.basis, found.cell) == ("table", cell.text)
    key = (model, quantization, column)
    if key in RAISED:
        assert found.shape == RAISED[key]
        assert found.raised in stands_for(cell)
        assert "sizing-cell-raised" in codes(found)
        before = size(model, context, Wish(gpu=find_gpu(found.raised.partition("× ")[2]), count=cell.high), **flags)
        assert before.verdict == "refused"
    else:
        assert found.raised is None
        assert found.shape in stands_for(cell)
    assert found.verdict == ("too-close" if key in TOO_CLOSE else "fits")
    assert ("sizing-too-close" in codes(found)) == (key in TOO_CLOSE)


@pytest.mark.parametrize(("model", "quantization", "column", "cell"), CELLS)
def test_the_memory_model_never_takes_more_than_the_table(
    model: str, quantization: str, column: int, cell: Cell
) -> None:
    context = vram_table().context(column)
    flags = {"quantization": QUANTIZATION[quantization], "allow_long_max_model_len": True}
    table, least = size(model, context, **flags), size(model, context, Wish("model"), **flags)
    assert (least.basis, least.verdict) == ("memory model", "fits")
    if table.verdict == "fits":
        assert least.gpus * find_gpu(least.gpu).nominal_gb <= table.gpus * find_gpu(table.gpu).nominal_gb
        assert (table.smaller or table.shape) == least.shape or table.raised
    assert ("sizing-cell-wastes" in codes(table)) == (table.smaller is not None)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", vram_table().rows, ids=lambda row: f"{row.size}-{row.quantization}")
def test_a_model_that_is_not_known_gets_the_upper_end_of_each_cell_and_is_told(row: Any, mode: SizingMode) -> None:
    name = f"my-org/unheard-of-{row.billions}b"
    for column in range(3):
        cell = row.cell(column)
        found = size(name, vram_table().context(column), Wish(mode), quantization=QUANTIZATION[row.quantization])
        assert found.shape == f"{cell.high}× {vram_table().stand_ins[cell.class_gb]}"
        assert (found.basis, found.verdict, found.prediction) == ("table", "unchecked", None)
        assert "sizing-unchecked" in codes(found)


@pytest.mark.parametrize("mode", MODES)
def test_the_documents_hardware_statements_come_out_as_it_says(mode: SizingMode) -> None:
    wish = Wish(mode)
    assert size(DEEPHAT, 250_000, wish).shape == "2× H100"
    assert size(DEEPHAT, 250_000, Wish(mode, gpu=find_gpu("B200"))).shape == "1× B200"
    assert size(DEEPHAT, 90_000, wish).shape == "1× H100"
    assert size(DEEPHAT, 90_001, wish).shape == "2× H100"
    nemotron = size(NEMOTRON, 1_000_000, wish, kv_cache_dtype="fp8", allow_long_max_model_len=True)
    assert (nemotron.shape, nemotron.verdict) == ("4× H100", "fits")
    assert nemotron.prediction is not None
    assert nemotron.prediction.max_concurrency == pytest.approx(5, abs=1)  # about 5 requests of 1M tokens
    for found in (nemotron, size(DEEPHAT, 250_000, wish)):
        assert found.basis == "statement"
        assert found.reasons[0].startswith("Kindo's page: ")
        assert not errors(found.findings)


@pytest.mark.parametrize(
    ("gpu", "count", "verdict"), [("H100", 2, "stated"), ("B200", 1, "stated"), ("H100", 1, "refused")]
)
def test_hardware_that_is_given_is_held_against_the_statements(gpu: str, count: int, verdict: str) -> None:
    found = size(DEEPHAT, 250_000, Wish(gpu=find_gpu(gpu), count=count))
    assert found.verdict == verdict
    assert bool(errors(found.findings)) == (verdict == "refused")
    assert size(DEEPHAT, 90_000, Wish(gpu=find_gpu("H100"), count=1)).verdict == "stated"
    assert size(DEEPHAT, 250_000, Wish(gpu=find_gpu("H200"), count=1)).verdict == "unchecked"


def test_no_cell_is_the_memory_model_and_says_so() -> None:
    for model, context, why in (
        ("BAAI/bge-m3", 8192, "not embedding or transcription"),
        ("openai/whisper-large-v3", 448, "not embedding or transcription"),
        ("openai/gpt-oss-120b", 32768, "no row for mxfp4"),
        (NEMOTRON, 32768, "no FP16/BF16 row for 120B"),
    ):
        found = size(model, context)
        assert (found.basis, found.verdict, found.cell) == ("memory model", "fits", None)
        assert why in found.reasons[0]
    with pytest.raises(Unsizable, match="aks has no such GPUs"):
        size("Qwen/Qwen3-8B", 4096, Wish(cloud="aks", gpu=find_gpu("L40S")))
    with pytest.raises(Unsizable, match=r"not in the catalog.*no FP16/BF16 row for 340B"):
        size("my-org/unheard-of-340b", 4096)


@pytest.mark.parametrize(
    ("cloud", "shape", "instance"),
    [("eks", "2× RTX-PRO-6000", "g7e.12xlarge"), ("aks", "2× A100-80GB", "Standard_NC48ads_A100_v4")],
)
def test_two_80_gb_gpus_are_the_next_larger_ones_on_ec2(cloud: Cloud, shape: str, instance: str) -> None:
    found = size("my-org/unheard-of-34b", 32768, Wish(cloud=cloud))
    assert found.shape == shape
    assert found.chosen is not None
    assert (found.chosen.instance, found.chosen.idle) == (instance, 0)
    assert ("gpu-class-not-sold" in codes(found)) == (cloud == "eks")


def test_48_gb_on_azure_is_the_next_larger_class_with_the_reason() -> None:
    found = size("my-org/unheard-of-13b", 4096, Wish(cloud="aks"))
    assert (found.shape, found.cell) == ("1× A100-80GB", "1× 48GB")
    assert "aks sells no 1× 48GB; the next larger is 1× A100-80GB" in found.reasons


@pytest.mark.parametrize("count", [2, 4])
def test_h100s_on_ec2_lie_on_the_machine_with_eight_and_the_idle_ones_are_a_finding(count: int) -> None:
    wish = Wish(cloud="eks", gpu=find_gpu("H100"), count=count)
    found = size("Qwen/Qwen3-32B", 32768, wish)
    assert found.chosen is not None
    assert (found.chosen.instance, found.chosen.used, found.chosen.idle) == ("p5.48xlarge", count, 8 - count)
    idle = next(one for one in found.findings if one.code == "gpus-idle")
    assert idle.severity == "warning"
    assert f"${55.04 * (8 - count) / 8:,.2f} of $55.04 per hour" in idle.message
    assert "cheaper: 1× RTX-PRO-6000 on g7e.2xlarge" in idle.message
    forbidden = size("Qwen/Qwen3-32B", 32768, wish, forbid_idle=True)
    assert [one.code for one in errors(forbidden.findings)] == ["gpus-idle"]


def test_statements_take_an_h100_with_more_memory_where_a_cloud_sells_that_one() -> None:
    found = size(DEEPHAT, 250_000, Wish(cloud="aks"))
    assert found.chosen is not None
    assert (found.shape, found.chosen.instance, found.chosen.idle) == ("2× H100-NVL", "Standard_NC80adis_H100_v5", 0)
    assert size(DEEPHAT, 250_000, Wish(cloud="eks")).shape == "2× H100"


def test_more_requests_at_once_raise_the_cell_and_the_reason_says_so() -> None:
    one, many = size("Qwen/Qwen3-8B", 4096), size("Qwen/Qwen3-8B", 4096, concurrency=30)
    assert (one.shape, many.shape) == ("1× L4", "1× L40S")
    assert "it would not surely hold 30 requests at once" in many.reasons[-1]
    given = size("Qwen/Qwen3-8B", 4096, Wish(gpu=find_gpu("L4"), count=1), concurrency=30)
    assert (given.verdict, codes(given)) == ("fits", {"sizing-concurrency"})


def test_a_count_without_a_type_finds_the_type() -> None:
    assert size("Qwen/Qwen3-32B", 32768, Wish(count=2)).shape == "2× L40S"
    assert size("Qwen/Qwen3-32B", 32768, Wish(cloud="aks", count=2)).shape == "2× A100-80GB"
    refused = size("Qwen/Qwen2.5-7B-Instruct", 4096, Wish(count=8))
    assert [one.code for one in errors(refused.findings)] == ["vllm-tensor-parallel"]  # 28 heads


def test_a_type_without_a_count_finds_the_count() -> None:
    assert size("meta-llama/Llama-3.3-70B-Instruct", 32768, Wish(gpu=find_gpu("H100"))).shape == "4× H100"
    assert size("meta-llama/Llama-3.3-70B-Instruct", 4096, Wish(gpu=find_gpu("H200"))).shape == "2× H200"
    assert size("my-org/unheard-of-70b", 32768, Wish(gpu=find_gpu("H200"))).shape == "4× H200"


def test_a_refusal_carries_vllms_words_and_the_fix() -> None:
    found = size("meta-llama/Llama-3.3-70B-Instruct", 32768, Wish(gpu=find_gpu("H100"), count=2))
    assert {one.verdict for one in found.offers} == {"fits"}
    refusal = errors(found.findings)[0]
    assert refusal.code == "vllm-kv-cache-too-small"
    assert "To serve at least one request" in refusal.message
    assert "--max-model-len" in refusal.hint


@pytest.mark.parametrize("cloud", CLOUDS)
def test_offers_are_ranked_by_price_and_all_of_them_would_do(cloud: Cloud | None) -> None:
    found = size("Qwen/Qwen3-32B", 32768, Wish(cloud=cloud))
    prices = [one.usd_per_hour for one in found.offers if one.usd_per_hour is not None]
    assert prices == sorted(prices)
    assert len(prices) > 3
    assert {one.verdict for one in found.offers} == {"fits"}
    assert {one.cloud for one in found.offers} <= ({"eks", "aks", "gke"} if cloud is None else {cloud})
    for one in found.offers:
        if one.usd_per_hour and one.kv_tokens:
            assert one.usd_per_hour_per_million_kv_tokens == pytest.approx(one.usd_per_hour / one.kv_tokens * 1e6)


def test_a_result_survives_json() -> None:
    found = size("Qwen/Qwen3-8B", 32768, Wish(cloud="eks"))
    assert SizingResult.model_validate_json(found.model_dump_json()) == found


KNOWN = st.sampled_from([model for row in MODELS.values() for model in row] + [NEMOTRON, "deepseek-ai/DeepSeek-R1"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(KNOWN, st.sampled_from(CLOUDS), st.integers(64, 200_000), st.integers(0, 200_000), st.integers(1, 64))
def test_a_longer_context_or_more_requests_never_take_a_lesser_shape(
    model: str, cloud: Cloud | None, context: int, longer: int, requests: int
) -> None:
    ladder = [str(one) for one in shapes(cloud)]

    def rung(tokens: int, at_once: int) -> int:
        found = size(model, tokens, Wish("model", cloud), concurrency=at_once, allow_long_max_model_len=True)
        return (
            ladder.index(found.shape)
            if found.verdict == "fits" and "surely accepts none" not in found.reasons[-1]
            else len(ladder)
        )

    base = rung(context, 1)
    assert base <= rung(context + longer, 1)
    assert base <= rung(context, requests)
