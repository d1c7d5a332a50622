"""`size --batch`: one line for each row, whatever is wrong with it or with its neighbours."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kindo_models.catalog.architectures import architectures
from kindo_models.catalog.gpus import gpus
from kindo_models.commands.size_batch import size_batch
from kindo_models.planning.memory.rows import INPUT, OUTPUT, answer

GOOD = {
    "record_id": "one",
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "gpu": "H100-80GB",
    "n_gpus": "1",
    "tp": "1",
    "dtype": "bfloat16",
    "quant": "none",
    "kv_dtype": "auto",
    "max_model_len": "8192",
    "gpu_mem_util": "0.95",
    "vllm_version": "0.19.0",
    "eager": "False",
}


def write(file: Path, rows: list[dict[str, str]], columns: tuple[str, ...] = INPUT) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return file


def run(tmp_path: Path, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    output = tmp_path / "out.csv"
    assert size_batch(write(tmp_path / "in.csv", rows), output) == 0
    with output.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        assert tuple(reader.fieldnames or ()) == OUTPUT
        return list(reader)


def test_a_row_is_answered_with_pool_concurrency_and_longest_context(tmp_path: Path) -> None:
    (row,) = run(tmp_path, [GOOD])
    assert (row["record_id"], row["fits"]) == ("one", "true")
    # Logged: 58.11 GiB, 58.11 requests, 476,016 tokens.
    assert float(row["avail_kv_gib_per_gpu"]) == pytest.approx(58.11, abs=0.1)
    assert float(row["max_concurrency"]) == pytest.approx(58.11, abs=0.1)
    assert 0.95 * 476_016 < int(row["est_max_len"]) <= 476_016


def test_bad_rows_are_unknown_with_their_reason_and_the_others_still_run(tmp_path: Path) -> None:
    bad = {
        "no-model": {"model": ""},
        "strange-model": {"model": "acme/Wunder-XL"},
        "strange-gpu": {"gpu": "Abacus 3000"},
        "not-a-number": {"max_model_len": "long"},
        "negative": {"tp": "-2"},
        "not-a-flag": {"eager": "perhaps"},
        "strange-dtype": {"dtype": "int7"},
        "strange-kv": {"kv_dtype": "fp3"},
        "strange-quant": {"quant": "wishful"},
        "utilisation": {"gpu_mem_util": "1.7"},
    }
    rows = run(tmp_path, [GOOD, *({**GOOD, **values, "record_id": name} for name, values in bad.items()), GOOD])
    assert [row["record_id"] for row in rows] == ["one", *bad, "one"]
    assert rows[0]["fits"] == rows[-1]["fits"] == "true"
    for row in rows[1:-1]:
        assert row["fits"] == row["est_max_len"] == "unknown", row
        assert row["reason"], row
    reasons = {row["record_id"]: row["reason"] for row in rows}
    assert "nearest" in reasons["strange-gpu"] or "known" in reasons["strange-gpu"]
    assert "max_model_len 'long'" in reasons["not-a-number"]
    assert "give True or False" in reasons["not-a-flag"]
    assert "known: " in reasons["strange-quant"]


def test_all_that_is_wrong_with_a_row_is_said_at_once() -> None:
    reason = answer({**GOOD, "tp": "x", "eager": "y", "max_model_len": "0"}).reason
    assert all(column in reason for column in ("tp 'x'", "eager 'y'", "max_model_len '0'"))


def test_columns_of_answers_are_not_read(tmp_path: Path) -> None:
    lie = {**GOOD, "avail_kv_gib_per_gpu": "1.0", "weights_gib_per_gpu": "70", "status": "refused", "note": "no"}
    columns = (*INPUT, "avail_kv_gib_per_gpu", "weights_gib_per_gpu", "status", "note")
    output = tmp_path / "out.csv"
    assert size_batch(write(tmp_path / "in.csv", [lie], columns), output) == 0
    assert answer(GOOD).avail_kv_gib_per_gpu in output.read_text()


def test_a_verdict_that_rests_on_what_a_row_does_not_state_is_unknown() -> None:
    nothing = {**GOOD, "tp": "", "n_gpus": "", "max_model_len": ""}
    assert answer(nothing).fits == "unknown"
    assert "neither the number of GPUs nor max_model_len is stated" in answer(nothing).reason
    small = {**GOOD, "gpu": "A10G", "max_model_len": "", "gpu_mem_util": "0.9"}
    assert answer(small).fits == "unknown"
    assert "max_model_len is not stated" in answer(small).reason
    large = {**GOOD, "model": "meta-llama/Llama-3.3-70B-Instruct", "tp": "", "n_gpus": ""}
    assert answer(large).fits == "unknown"
    assert answer({**large, "tp": "1"}).fits == "false"


def test_what_expert_parallelism_decides_is_unknown_as_no_column_states_it() -> None:
    row = {**GOOD, "model": "MiniMaxAI/MiniMax-M2.5", "gpu": "H200", "tp": "8", "n_gpus": "8", "quant": "fp8"}
    assert answer(row).fits == "unknown"
    assert "--enable-expert-parallel" in answer(row).reason


def test_gpus_without_tp_are_tensor_parallel() -> None:
    eight = {**GOOD, "model": "meta-llama/Llama-3.3-70B-Instruct", "tp": "", "n_gpus": "4"}
    assert answer(eight).avail_kv_gib_per_gpu == answer({**eight, "tp": "4"}).avail_kv_gib_per_gpu


def test_more_tensor_parallel_than_gpus_does_not_start() -> None:
    assert answer({**GOOD, "n_gpus": "2", "tp": "4"}).fits == "false"


def test_a_model_known_by_its_size_alone_gets_a_pool_but_no_promise() -> None:
    made = answer({**GOOD, "model": "acme/Wunder-8B"})
    assert (made.fits, made.est_max_len) == ("unknown", "unknown")
    assert float(made.avail_kv_gib_per_gpu) > 0
    too_large = answer({**GOOD, "model": "acme/Wunder-180B"})
    assert too_large.fits == "false"


def test_a_gpu_of_an_unknown_type_is_sized_by_its_given_memory() -> None:
    assert answer({**GOOD, "gpu": "Abacus 3000", "gpu_total_gib": "79.19"}).fits == "true"
    assert answer({**GOOD, "gpu": "80GB GPU (model unstated)"}).fits == "true"


def test_a_draft_model_beside_it_costs_weights_and_kv_cache() -> None:
    alone, with_draft = answer(GOOD), answer({**GOOD, "model": GOOD["model"] + " + EAGLE draft"})
    assert with_draft.fits == "true"
    assert float(with_draft.avail_kv_gib_per_gpu) < float(alone.avail_kv_gib_per_gpu)
    assert int(with_draft.est_max_len) < int(alone.est_max_len)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "record_id,model\nx,y\n"])
def test_a_file_without_the_columns_is_unusable_input(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "in.csv"
    file.write_text(text)
    assert size_batch(file, tmp_path / "out.csv") == 2
    error = capsys.readouterr().err
    assert "in.csv:1" in error
    assert "columns: record_id, model, gpu" in error
    assert not (tmp_path / "out.csv").exists()


def test_files_that_cannot_be_read_or_written_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert size_batch(tmp_path / "missing.csv", tmp_path / "out.csv") == 2
    assert "cannot be read" in capsys.readouterr().err
    assert size_batch(write(tmp_path / "in.csv", [GOOD]), tmp_path / "no" / "out.csv") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_short_and_long_lines_do_not_stop_the_others(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("record_id,model,gpu\nshort\nlong,Qwen/Qwen3-8B,H100,extra,more\n")
    output = tmp_path / "out.csv"
    assert size_batch(file, output) == 0
    with output.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["record_id"] for row in rows] == ["short", "long"]
    assert rows[0]["fits"] == "unknown"


MESSY = {
    "model": st.sampled_from(
        [*architectures(), "acme/Wunder-7B", "+", "???", "a" * 300, "Qwen/Qwen3-8B + MTP", "8x7B"]
    ),
    "gpu": st.sampled_from([*gpus(), "", "?", "80 GB", "H100+L4", "+"]),
    "gpu_total_gib": st.sampled_from(["", "79.19", "nan", "inf", "-1", "1e9", "0.001", "x"]),
    "n_gpus": st.sampled_from(["", "1", "8", "0", "3.5", "2-4"]),
    "tp": st.sampled_from(["", "1", "2", "3", "8", "64", "1000000", "-1"]),
    "pp": st.sampled_from(["", "1", "2", "7", "200"]),
    "dp": st.sampled_from(["", "1", "8"]),
    "dtype": st.sampled_from(["", "auto", "bfloat16", "float32", "torch.float16", "int3"]),
    "quant": st.sampled_from(["", "none", "fp8", "awq", "gguf", "modelopt nvfp4", "compressed-tensors", "wishful"]),
    "kv_dtype": st.sampled_from(["", "auto", "fp8", "FP8_E4M3", "x"]),
    "max_model_len": st.sampled_from(["", "1", "16", "8192", "1e6", "99999999999", "auto", "0", "8,192"]),
    "gpu_mem_util": st.sampled_from(["", "0.9", "1", "0.0001", "2", "nan"]),
    "vllm_version": st.sampled_from(["", "0.11.0", "v0.33.0", "9.9.9", "latest", "0.1.dev20051+g4"]),
    "eager": st.sampled_from(["", "True", "maybe"]),
    "prefix_caching": st.sampled_from(["", "True", "False"]),
    "max_num_seqs": st.sampled_from(["", "1", "1024", "10000000"]),
    "max_num_batched_tokens": st.sampled_from(["", "1", "8192", "1000000000"]),
}


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.fixed_dictionaries(MESSY))
def test_no_row_stops_the_batch(row: dict[str, str]) -> None:
    made = answer({"record_id": "r", **row})
    assert made.fits in ("true", "false", "unknown")
    assert made.reason
    assert made.est_max_len == "unknown" or int(made.est_max_len) >= 0
    assert made.avail_kv_gib_per_gpu == "unknown" or float(made.avail_kv_gib_per_gpu) >= 0
    assert made.max_concurrency == "unknown" or float(made.max_concurrency) >= 0
