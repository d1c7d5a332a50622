"""`deploy.extraArgs` and the values of `deploy` against the command line of the server's vLLM release."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kindo_models.catalog.vllm_releases import Flag, VllmRelease
from kindo_models.contract.draft import Entry
from kindo_models.planning.engine_flags import CHART, DERIVED, FIELDS, SWITCHES, TEXTS, VLLM_PORT
from kindo_models.planning.rules.command_line import Argument, parsed, refusals, refused, removed, same
from kindo_models.planning.rules.context import Context
from kindo_models.planning.rules.families import table_of
from kindo_models.planning.rules.registry import Problem, entry_rule
from kindo_models.source import nearest, shown


@entry_rule(
    "flag-unknown",
    "error",
    what="An item of extraArgs is no option of the server's vLLM release.",
    why="vLLM refuses the command line and does not start.",
    fix="Write the option's full name; option and value are two items.",
)
def flag_unknown(entry: Entry, context: Context) -> Iterator[Problem]:
    table = table_of(entry, context)
    for argument in _arguments(entry, table):
        if argument.flag is not None or removed(argument, table):
            continue
        at = ("deploy", "extraArgs", argument.at)
        if not argument.written.startswith("-"):
            yield Problem(
                at, f"{_safe(argument.written)} belongs to no option", "write it behind the option it belongs to"
            )
        elif re.search(r"\s", argument.written):
            yield Problem(
                at,
                f"{_safe(argument.written)} is one item, so vLLM reads blank and value as part of the name",
                "write two items: `- --option` and `- value`",
            )
        else:
            guess = nearest(argument.written, table.spellings, cutoff=0.7)
            yield Problem(
                at,
                f"vLLM {table.release} has no option {_safe(argument.written)}",
                f"did you mean {guess}?" if guess else "remove it",
            )


@entry_rule(
    "flag-removed",
    "error",
    what="An option of extraArgs was removed from vLLM.",
    why="vLLM refuses the command line and does not start.",
    fix="Write what took its place, or nothing.",
)
def flag_removed(entry: Entry, context: Context) -> Iterator[Problem]:
    table = table_of(entry, context)
    for argument in _arguments(entry, table):
        if name := removed(argument, table):
            yield Problem(
                ("deploy", "extraArgs", argument.at),
                f"--{name} was removed; vLLM {table.release} refuses it",
                f"instead: {table.removed[name]}",
            )


@entry_rule(
    "boolean-flag-with-value",
    "error",
    what="A boolean option of vLLM is written with a value.",
    why="Boolean options are bare; `--enable-x true` and `--enable-x=true` are errors of vLLM's parser.",
    fix="Write the option alone, or its negative form (`--no-enable-x`).",
)
def boolean_flag_with_value(entry: Entry, context: Context) -> Iterator[Problem]:
    table = table_of(entry, context)
    for argument in _arguments(entry, table):
        if argument.flag is None or table.flags[argument.flag].type != "boolean" or not argument.values:
            continue
        off = argument.values[0].strip().lower() in ("false", "0", "no", "off")
        negatives = table.flags[argument.flag].negative
        # `--no-x false` says yes.
        on = off == (argument.spelling in negatives)
        negative = next(iter(negatives), None)
        hint = f"write --{argument.flag} alone" if on else f"write {negative} alone" if negative else "leave it out"
        yield Problem(
            ("deploy", "extraArgs", argument.at),
            f"{argument.written} is a boolean option and takes no value (found {shown(argument.values[0])})",
            hint,
        )


@entry_rule(
    "flag-value-refused",
    "error",
    what="vLLM does not take the value of an option.",
    why="vLLM refuses the command line and does not start.",
    fix="Write a value of the option's type, or one of its choices.",
)
def flag_value_refused(entry: Entry, context: Context) -> Iterator[Problem]:
    table, deploy = table_of(entry, context), entry.deploy
    for argument in _arguments(entry, table):
        flag = table.flags[argument.flag] if argument.flag else None
        for reason in refusals(argument, flag) if flag else ():
            first = argument.values[0] if argument.values else ""
            hint = _choices_hint(flag, first) if flag and first else "write the value as the next item"
            yield Problem(("deploy", "extraArgs", argument.at), f"{argument.written} {reason}", hint)
    if deploy is None or entry.engine != "vllm":
        return
    for field in FIELDS:
        written = deploy.text(field.key)
        if written is not None and (wrong := refused(table.flags[field.flag], written)):
            hint = _choices_hint(table.flags[field.flag], written)
            yield Problem(("deploy", field.key), f"{field.key} (--{field.flag}) {wrong}", hint)


@entry_rule(
    "managed-flag",
    "error",
    what="extraArgs sets an option that the plan writes from the contract, to something else.",
    why=(
        "The plan, the gateway, the checks and Kindo work with the contract's value; the server would run with "
        "another. vLLM takes the last one of an option that is written twice."
    ),
    fix="Write the value into the key that the message names, and take it out of extraArgs.",
)
def managed_flag(entry: Entry, context: Context) -> Iterator[Problem]:
    table, deploy = table_of(entry, context), entry.deploy
    if deploy is None:
        return
    for argument in _arguments(entry, table):
        flag = argument.flag
        key = _manager(flag)
        # A second key has a rule of its own.
        if flag is None or key is None or (flag == "api-key" and entry.wrote("apiKey")):
            continue
        wanted = _wanted(entry, key, flag)
        given = _given(table.flags[flag], argument)
        if given is None or (wanted is None and flag in _HARMLESS) or (wanted is not None and same(wanted, given)):
            continue
        now = f", which is {shown(wanted)}" if wanted is not None else ""
        fix = "" if key == CHART else f"set {key}, and "
        yield Problem(
            ("deploy", "extraArgs", argument.at),
            f"{argument.written} contradicts the contract: --{flag} is written from {key}{now}",
            f"{fix}remove {argument.written} from extraArgs",
        )


@entry_rule(
    "flag-has-key",
    "warning",
    what="extraArgs sets an option for which `deploy` has a key.",
    why="What stands in extraArgs is passed on unseen: sizing and checks work without it.",
    fix="Write the key that the message names instead.",
)
def flag_has_key(entry: Entry, context: Context) -> Iterator[Problem]:
    table, deploy = table_of(entry, context), entry.deploy
    for argument in _arguments(entry, table):
        key = _manager(argument.flag) if argument.flag in _HARMLESS else None
        if key and deploy and not deploy.wrote(key):
            at = ("deploy", "extraArgs", argument.at)
            yield Problem(at, f"{argument.written} has a key of its own in deploy", f"write `{key}: …` instead")


# Options that change nothing which the plan must know, where the contract does not set them.
_HARMLESS = {field.flag for field in (*TEXTS, *SWITCHES)}


def _manager(flag: str | None) -> str | None:
    """The contract's key that a flag is written from."""
    return next((field.key for field in FIELDS if field.flag == flag), None) or DERIVED.get(flag or "")


def _arguments(entry: Entry, table: VllmRelease) -> list[Argument]:
    return parsed(entry.deploy.texts("extraArgs"), table) if entry.deploy and entry.engine == "vllm" else []


def _choices_hint(flag: Flag, value: str) -> str:
    if not flag.choices:
        return "write a value of that type"
    guess = nearest(value, flag.choices)
    return f"did you mean {guess!r}?" if guess else "write one of them"


def _wanted(entry: Entry, key: str, flag: str) -> str | bool | None:
    """What the plan writes for the flag, None where the contract says nothing about it."""
    deploy = entry.deploy
    assert deploy is not None
    if flag == "served-model-name":
        return entry.name
    if flag == "port":
        return str(VLLM_PORT)
    if flag == "runner":
        return "pooling" if entry.text("metadataType") == "Embeddings" else "generate"
    if flag == "max-model-len":
        length = deploy.number("maxModelLen") or entry.number("contextWindow")
        return str(length) if length else None
    if flag == "enable-auto-tool-choice":
        return True if deploy.wrote("toolCallParser") else None
    gpu = deploy.block("gpu")
    if flag == "tensor-parallel-size" and gpu:
        count, stages = gpu.number("count") or 0, gpu.number("pipelineParallel") or 1
        return str(gpu.number("tensorParallel") or max(1, count // stages))
    if flag == "pipeline-parallel-size" and gpu:
        return str(gpu.number("pipelineParallel") or 1)
    if key.startswith("deploy."):
        key = key.removeprefix("deploy.")
    value = deploy.values.get(key)
    return (
        value if isinstance(value, bool) else None if value is None or isinstance(value, (dict, list)) else str(value)
    )


def _given(flag: Flag, argument: Argument) -> str | bool | None:
    if flag.type == "boolean":
        return argument.spelling not in flag.negative
    return " ".join(argument.values) if argument.values else None


def _safe(text: str) -> str:
    """An option as a message may show it: what follows a `=` or a blank may be a secret."""
    return shown(re.split(r"[=\s]", text)[0])
