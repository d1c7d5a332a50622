"""The flag table that the vLLM stand-in is built with is the catalog's, and the catalog's is complete."""

from __future__ import annotations

import json

import pytest

from tools.peripherals import vllm_flags

TABLE = vllm_flags.table()


def test_the_shim_is_built_with_the_catalogs_table() -> None:
    assert vllm_flags.EMBEDDED.read_text() == vllm_flags.as_json(TABLE), "run `python -m tools.peripherals.vllm_flags`"
    embedded = json.loads(vllm_flags.EMBEDDED.read_text())
    assert embedded["flags"] == TABLE["flags"]
    assert embedded["release"] == vllm_flags.SIMULATED_RELEASE


def test_what_vllm_removed_is_no_option_any_more() -> None:
    spellings = {name for flag in TABLE["flags"].values() for name in flag.get("aliases", [])}
    assert TABLE["removed"]
    assert not {f"--{name}" for name in TABLE["removed"]} & ({f"--{name}" for name in TABLE["flags"]} | spellings)


def test_booleans_have_no_values_and_a_way_to_say_no() -> None:
    booleans = {name: flag for name, flag in TABLE["flags"].items() if flag["type"] == "boolean"}
    assert "--no-enable-chunked-prefill" in booleans["enable-chunked-prefill"]["negative"]
    assert "--disable-chunked-prefill" in booleans["enable-chunked-prefill"]["negative"]
    assert not [name for name, flag in booleans.items() if "choices" in flag or "values" in flag]


def test_the_parsers_of_the_release_are_all_there() -> None:
    assert len(TABLE["tool_parsers"]) == 58
    assert len(TABLE["reasoning_parsers"]) == 42
    assert {"hermes", "qwen3_coder", "deepseek_v3", "llama4_pythonic"} <= set(TABLE["tool_parsers"])
    assert {"qwen3", "nemotron_v3", "deepseek_r1"} <= set(TABLE["reasoning_parsers"])


def test_an_unknown_release_names_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"0\.1\.0.*0\.33\.0"):
        vllm_flags.table("0.1.0")
