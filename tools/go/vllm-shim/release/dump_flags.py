"""Write the flag table of one vLLM release by asking that release's own argument parser.

Runs in an environment where the release's Python sources import (no GPU is needed); see README.md beside this file.

    python dump_flags.py components/kindo_models/catalog/data/vllm_releases/0.33.0.yaml --date 2026-11-22
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path

import vllm
from vllm.entrypoints.common.cli_args import make_arg_parser
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm.utils.argparse_utils import FlexibleArgumentParser

# Options of earlier releases that this release's parser refuses, with what to write instead (vLLM's release notes).
REMOVED = {
    "device": "vLLM finds the device by itself",
    "enable-reasoning": "--reasoning-parser alone turns reasoning on",
    "guided-decoding-backend": "--structured-outputs-config '{\"backend\": …}'",
    "max-seq-len-to-capture": "--max-cudagraph-capture-size",
    "num-scheduler-steps": "nothing: the V1 engine schedules every step",
    "rope-scaling": "--hf-overrides '{\"rope_parameters\": …}'",
    "swap-space": "nothing: the V1 engine does not swap",
    "task": "--runner pooling, with --convert embed, classify or reward for a generative model",
}


def closure(function, name):
    """The variable `name` that a nested function carries."""
    values = [cell.cell_contents for cell in function.__closure__ or ()]
    return dict(zip(function.__code__.co_freevars, values, strict=True))[name]


def value_type(kind) -> dict:
    """What an option's argparse `type` accepts, as data."""
    if kind is None or kind is str:
        return {"type": "string"}
    if kind in (int, float):
        return {"type": kind.__name__}
    if kind is json.loads:
        return {"type": "json"}
    name = kind.__qualname__
    if name.startswith("optional_type"):
        return {**value_type(closure(kind, "return_type")), "none_allowed": True}
    if name.startswith("parse_type"):
        return value_type(closure(kind, "return_type"))
    if "parse_dataclass" in name:
        (cls,) = kind.__defaults__
        keys = sorted(field.name for field in dataclasses.fields(cls) if field.init)
        return {"type": "json", "config": cls.__name__, "keys": keys}
    return {
        "human_readable_int": {"type": "human_int"},
        "human_readable_int_or_auto": {"type": "human_int_or_auto"},
        "union_dict_and_str": {"type": "json_or_string"},
        "parse_reasoning_parser": {"type": "string"},
    }.get(name, {"type": "string"})


def describe(action: argparse.Action, spellings: list[str], group: str) -> tuple[str, dict]:
    positive = next((option for option in action.option_strings if option.startswith("--")), action.option_strings[0])
    entry: dict = {}
    if action.nargs == 0:
        negative_spellings = getattr(action, "negative_option_strings", set())
        entry["type"] = "boolean"
        entry["negative"] = sorted(option for option in spellings if option in negative_spellings)
    else:
        entry |= value_type(action.type)
        if action.choices is not None:
            entry["choices"] = [str(choice) for choice in action.choices]
        if action.nargs is not None:
            entry["values"] = action.nargs
    others = [option for option in spellings if option != positive and option not in entry.get("negative", [])]
    if others:
        entry["aliases"] = others
    if isinstance(action.default, (str, int, float, bool)) and action.default is not argparse.SUPPRESS:
        entry["default"] = action.default
    if re.search(r"\bis deprecated\b", action.help or ""):
        entry["deprecated"] = " ".join(action.help.split())
    entry["group"] = group
    return positive.removeprefix("--"), {key: value for key, value in entry.items() if value not in ([], None)}


def flags(parser: FlexibleArgumentParser) -> dict[str, dict]:
    spellings: dict[argparse.Action, list[str]] = {}
    for option, action in parser._option_string_actions.items():
        spellings.setdefault(action, []).append(option)
    groups = {action: group.title or "" for group in parser._action_groups for action in group._group_actions}
    return dict(sorted(describe(action, options, groups[action]) for action, options in spellings.items()))


def main() -> None:
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("output", type=Path)
    command.add_argument("--date", required=True)
    arguments = command.parse_args()
    version = vllm.__version__.partition("+")[0]
    table = flags(make_arg_parser(FlexibleArgumentParser(prog="vllm serve")))
    known = {spelling for name, entry in table.items() for spelling in [f"--{name}", *entry.get("aliases", [])]}
    removed = {name: hint for name, hint in REMOVED.items() if f"--{name}" not in known}
    lines = [
        f"# Command line of `vllm serve` {version}: every option that its parser knows, and the parsers it registers.",
        "# Written by tools/go/vllm-shim/release/dump_flags.py. `removed`: options of earlier releases that this",
        "# parser refuses, with our reading of what to write instead.",
        "head:",
        "  source: argument parser, ToolParserManager and ReasoningParserManager of the PyPI wheel "
        f"vllm {version}, run on CPU",
        f"  date: {json.dumps(arguments.date)}",
        "  licence: facts; vLLM is Apache-2.0 (https://github.com/vllm-project/vllm)",
        f"release: {version}",
        "positional: model_tag",
        "prefixes_accepted: true # argparse takes unique prefixes; write full names",
        "flags:",
        *(f"  {name}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in table.items()),
        "removed:",
        *(f"  {name}: {json.dumps(hint, ensure_ascii=False)}" for name, hint in sorted(removed.items())),
        f"tool_parsers: {json.dumps(sorted(ToolParserManager.list_registered()))}",
        f"reasoning_parsers: {json.dumps(sorted(ReasoningParserManager.list_registered()))}",
    ]
    arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
