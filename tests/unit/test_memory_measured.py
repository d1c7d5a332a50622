"""The memory model against measured vLLM starts, where KINDO_MODELS_MEASURED names them, and the bench's scores."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from kindo_models.planning.memory.rows import INPUT
from tools.bench.sizing import score
from tools.bench.sizing_rows import Measured, distinct, measured_rows
from tools.bench.sizing_scores import memory_model, pool_errors, promises, rule_of_thumb, true_longest, verdicts

ANSWERS = ("avail_kv_gib_per_gpu", "max_concurrency", "est_max_len", "status", "note")
LLAMA = {
    "record_id": "llama",
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "gpu": "H100-80GB",
    "n_gpus": "1",
    "tp": "1",
    "max_model_len": "8192",
    "gpu_mem_util": "0.95",
    "vllm_version": "0.19.0",
    "avail_kv_gib_per_gpu": "58.11",
    "max_concurrency": "58.11",
    "status": "ok",
}
REFUSED = {
    **LLAMA,
    "record_id": "qwen",
    "model": "Qwen/Qwen3-32B",
    "max_model_len": "32000",
    "gpu_mem_util": "0.9",
    "vllm_version": "0.11.0",
    "avail_kv_gib_per_gpu": "",
    "max_concurrency": "",
    "status": "failed",
}


def rows(tmp_path: Path, *cells: dict[str, str]) -> tuple[Measured, ...]:
    file = tmp_path / "measured.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, (*INPUT, *ANSWERS), restval="")
        writer.writeheader()
        writer.writerows(cells)
    return measured_rows(file)


def test_failures_that_are_not_sizing_do_not_count(tmp_path: Path) -> None:
    download = {**REFUSED, "record_id": "x", "note": "HF download failure: not a sizing failure"}
    assert [row.record for row in rows(tmp_path, LLAMA, REFUSED, download)] == ["llama", "qwen"]


def test_verdicts_count_false_fits_and_false_refusals(tmp_path: Path) -> None:
    measured = rows(tmp_path, LLAMA, REFUSED, {**LLAMA, "record_id": "?", "gpu": "Abacus"})
    always = verdicts(measured, rule_of_thumb(lambda setup: True))
    never = verdicts(measured, rule_of_thumb(lambda setup: False))
    assert (always.answered, always.false_fits, never.false_refusals) == (2, 1, 1)
    ours = verdicts(measured, memory_model)
    assert (ours.answered, ours.right, ours.false_fits, ours.false_refusals) == (2, 2, 0, 0)


def test_rows_that_repeat_a_setup_weigh_once(tmp_path: Path) -> None:
    twice = rows(tmp_path, LLAMA, {**LLAMA, "record_id": "again", "vllm_version": "0.19.0+build7"}, REFUSED)
    assert len(distinct(twice)) == 2
    assert pool_errors(twice).count == 1


def test_a_logged_pool_gives_the_true_limit_and_nothing_is_promised_above(tmp_path: Path) -> None:
    measured = rows(tmp_path, LLAMA)
    # The log's "GPU KV cache size": 476,016 tokens.
    assert true_longest(measured[0]) == pytest.approx(476_016, rel=1e-3)
    made = promises(measured)
    assert (made.limits, made.promised_above, made.refused_below) == (1, {"5 %": 0, "10 %": 0}, 0)


def test_the_model_meets_its_goals_on_the_measured_rows() -> None:
    named = os.environ.get("KINDO_MODELS_MEASURED")
    if not named:
        pytest.skip("KINDO_MODELS_MEASURED names no measured rows")
    measured = measured_rows(Path(named))
    nvidia = [row for row in measured if row.setup is None or row.setup.gpu.vendor == "nvidia"]
    scores = score(nvidia)
    ours = scores["verdicts"]["memory model"]
    assert ours["false_fits"] == 0
    assert ours["false_refusals"] <= 0.01 * ours["rows"]
    assert all(
        scores["verdicts"][rule]["false_fits"] > ours["false_fits"]
        for rule in ("weights + KV", "1.2 × weights", "VRAM table")
    )
    assert scores["pool_gib"]["median"] <= 0.3
    assert scores["pool_gib_family_left_out"]["median"] <= 0.3
    assert scores["concurrency"]["median"] <= 0.005
    assert scores["concurrency_given_pool"]["p90"] <= 0.01
