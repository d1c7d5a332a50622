"""A `vllm serve` command line as vLLM's parser reads it, against the flag table of a release."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from kindo_models.catalog.vllm_releases import Flag, VllmRelease
from kindo_models.source import shown

_LEVEL = re.compile(r"^-O=?(\d)$")
_NUMBER = re.compile(r"^-\d+$|^-\d*\.\d+$")
_HUMAN = re.compile(r"^(\d+(?:\.\d+)?)([kKmMgGtT])?$")
# vLLM: a lower-case letter counts in thousands, an upper-case one in 1024s (vllm/engine/arg_utils.py).
_UNITS: dict[str, int] = {letter: 1000**power for power, letter in enumerate("kmgt", 1)} | {
    letter: 1024**power for power, letter in enumerate("KMGT", 1)
}


class Argument(NamedTuple):
    """One option of the command line, or a word that belongs to none (`flag` is None then).

    at: its item. written: as it stands, without a value. spelling: the option that vLLM takes it for.
    values: what follows. key: of `--config.key value`, a part of the option's JSON value.
    """

    at: int
    written: str
    spelling: str | None = None
    flag: str | None = None
    values: tuple[str, ...] = ()
    key: str = ""


def parsed(items: Sequence[str], table: VllmRelease) -> list[Argument]:
    """The options among `items`, which follow the model."""
    found: list[Argument] = []
    index = 0
    while index < len(items):
        start, text = index, items[index]
        index += 1
        if not text.startswith("-") or _NUMBER.match(text):
            found.append(Argument(start, text))
            continue
        # `-O3` and `-O 3` (vllm/utils/argparse_utils.py).
        if level := _LEVEL.match(text):
            text = f"--optimization-level={level.group(1)}"
        elif text == "-O":
            text = "--optimization-level"
        head, equals, value = text.partition("=")
        # vLLM takes underscores for dashes.
        name, _, key = head.partition(".") if head.startswith("--") else (head, "", "")
        spelling = table.option(name.replace("_", "-"))
        flag = table.spellings[spelling] if spelling else None
        values: list[str] = [value] if equals else []
        many = flag is not None and table.flags[flag].values == "+"
        # What follows an option that does not exist is most likely its value.
        while not equals and index < len(items) and (many or not values):
            if items[index].startswith("-") and not _NUMBER.match(items[index]):
                break
            values.append(items[index])
            index += 1
        found.append(Argument(start, head if equals else text, spelling, flag, tuple(values), key))
    return found


def removed(argument: Argument, table: VllmRelease) -> str | None:
    """The removed flag that the argument is, None when it is none."""
    name = argument.written.removeprefix("--no-").removeprefix("--").replace("_", "-")
    return name if argument.flag is None and argument.written.startswith("--") and name in table.removed else None


def refusals(argument: Argument, flag: Flag) -> list[str]:
    """Why vLLM's parser does not take an option's values; empty when it does. Boolean options are not looked at."""
    if flag.type == "boolean":
        return []
    if argument.key:
        part = argument.key.partition(".")[0].removesuffix("+")
        known = not flag.keys or part.replace("-", "_") in flag.keys
        return [] if known and argument.values else [f"has no key {part!r}" if not known else "needs a value"]
    if not argument.values and flag.values != "?":
        return ["needs a value"]
    return [reason for value in argument.values if (reason := refused(flag, value))]


def refused(flag: Flag, value: str) -> str | None:
    """Why vLLM's parser does not take the value, None when it does."""
    if flag.none_allowed and value in ("None", ""):
        return None
    if flag.choices and value not in flag.choices:
        return f"takes {', '.join(flag.choices)} (found {shown(value)})"
    kinds = {"int": (int, "a whole number"), "float": (float, "a number")}
    if flag.type in kinds:
        read, what = kinds[flag.type]
        try:
            read(value)
        except ValueError:
            return f"takes {what} (found {shown(value)})"
    if flag.type in ("human_int", "human_int_or_auto"):
        auto = flag.type == "human_int_or_auto" and value in ("auto", "-1")
        return None if auto or _size(value) else f"takes a number such as 8192, 8k or 8K (found {shown(value)})"
    if flag.type == "json" or (flag.type == "json_or_string" and value.lstrip().startswith("{")):
        return _refused_json(flag, value)
    return None


def _refused_json(flag: Flag, value: str) -> str | None:
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return "takes JSON"
    unknown = sorted(set(document) - set(flag.keys)) if isinstance(document, dict) and flag.keys else []
    return f"has no key {', '.join(map(repr, unknown))}" if unknown else None


def same(one: str | bool, other: str | bool) -> bool:
    """Whether two values of an option mean the same: numbers by size, whatever their unit."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    first, second = _size(one), _size(other)
    return one == other or (first is not None and first == second)


def _size(text: str) -> float | None:
    """8192, 25.6k (thousands), 8K (1024s, whole numbers only), 0.9; None for anything else."""
    found = _HUMAN.match(text.strip())
    if not found or ("." in found.group(1) and (found.group(2) or "").isupper()):
        return None
    return float(found.group(1)) * _UNITS.get(found.group(2) or "", 1)
