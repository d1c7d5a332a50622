"""extraArgs are judged as vLLM's own parser judges them: its recorded answers are the measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kindo_models.catalog.vllm_releases import vllm_release
from kindo_models.planning.rules.command_line import parsed, refusals, same

RECORDED = Path(__file__).parents[2] / "tools" / "go" / "vllm-shim" / "testdata" / "vllm-0.33.0.json"
TABLE = vllm_release("0.33.0")
# Refused by checks between options and of single values, which come after the parser.
LATER = {
    ("--enable-log-outputs",),
    ("--enable-per-request-metrics", "--disable-log-stats"),
    ("--sse-keep-alive-interval", "-1"),
}


def cases() -> list[Any]:
    """Command lines that begin with the model, as the plan writes them."""
    return [
        pytest.param(tuple(case["arguments"][1:]), case["code"] == 0, id=" ".join(case["arguments"])[:60] or "empty")
        for case in json.loads(RECORDED.read_text())
        if case["arguments"] and not case["arguments"][0].startswith("-")
    ]


def complaints(items: tuple[str, ...]) -> list[str]:
    assert TABLE
    found = []
    for argument in parsed(items, TABLE):
        flag = TABLE.flags[argument.flag] if argument.flag else None
        if flag is None:
            found.append(f"{argument.written} is unknown")
        elif flag.type == "boolean" and argument.values:
            found.append(f"{argument.written} has a value")
        else:
            found += refusals(argument, flag)
    return found


@pytest.mark.parametrize(("items", "taken"), cases())
def test_a_command_line_is_refused_where_vllm_refuses_it(items: tuple[str, ...], taken: bool) -> None:
    if items in LATER or (not taken and "--enable-auto-tool-choice" in items):
        # Tool parsers have rules of their own: parser-unknown, managed-flag.
        assert not taken
        return
    assert (complaints(items) == []) == taken, complaints(items)


def test_there_are_enough_recorded_answers_of_both_kinds() -> None:
    kinds = [case.values[1] for case in cases()]
    assert min(kinds.count(True), kinds.count(False)) > 40


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("131072", "128K", True),
        ("128000", "128k", True),
        ("128K", "128k", False),
        ("0.90", "0.9", True),
        ("a", "a", True),
        ("a", "b", False),
    ],
)
def test_numbers_are_compared_by_size(one: str, other: str, equal: bool) -> None:
    assert same(one, other) is equal
