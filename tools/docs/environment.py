"""docs/environment.md: every key of the environment, from the model that reads it."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kindo_models.environment import Environment
from kindo_models.planning.unused import NOT_USED

_HEAD = """\
<!-- Written by `python -m tools.docs` from components/kindo_models/environment/: edit the docstrings there. -->
# Environment of a stack

One object `kindo-models:environment` in `stacks/Pulumi.<stack>.yaml`. Unknown keys are refused with file, line and
the nearest key. A value that is exactly `${NAME}` is taken from the process environment; secrets do not belong here.
Everything has a default unless the table says "required".

`kindo-models environment show --stack S` prints what a stack's settings are and where each is written; `kindo-models
schema environment` prints a JSON Schema of stack files and of files in `stacks/base/`. In VS Code (YAML extension):
`# yaml-language-server: $schema=../environment.schema.json` as a file's first line.

## `extends`

`extends: NAME` takes `stacks/base/NAME.yaml` (beside the stack file), which is the environment object itself and may
extend another base. Maps merge, everything else replaces: lists too. `null` takes away what a base says. Findings
name the file and line that a value came from; a base that does not exist and bases that extend each other in a circle
are findings.

## Levels of findings

`findings: {CODE: error | warning | off}` changes the level of a finding. A warning may become an error or go off. An
error is what Kubernetes, a cloud, vLLM or LiteLLM would refuse, or what is not safe; it may become a `warning`, whose
text then says that it was lowered, and can never be `off`: that is the error `finding-not-switchable`. A code that
does not exist is an error with the nearest one. `stacks/base/production.yaml` makes `image-without-digest` an error;
the example stacks lower it visibly, because their
digests are not known here: write them under `images`, then take that line out.
"""

_SECRETS = """\
## Where secrets come from

| What | From |
|---|---|
| model keys (`${VAR}` of the contract) | the first that has it: process variable `VAR`, `pulumi config set --secret \
kindo-models:VAR …`, `secrets.existing.VAR`, `secrets.external.keys.VAR` |
| Kindo admin key | `KINDO_ADMIN_API_KEY`, or Pulumi secret `kindo-models:kindoAdminApiKey` |
| Unleash admin token | `UNLEASH_ADMIN_TOKEN`, or Pulumi secret `kindo-models:unleashAdminToken` |
| gateway master key | made inside the cluster, read with `kubectl get secret -n kindo-gateway litellm-master-key` |
| kubeconfig | `KUBECONFIG`, `cluster.kubeconfig` (a path), `kubernetes:kubeconfig`, or an output of `cluster.stack` |
"""


def page() -> str:
    sections: list[str] = []
    single: list[tuple[str, FieldInfo]] = []
    for name, info in Environment.model_fields.items():
        key, part = info.alias or name, _part(info.annotation)
        if part is None or get_origin(info.annotation) is dict:
            single.append((key, info))
        else:
            sections.append(_section(key, info, part))
    top = "\n".join(["## Top level", "", *_table([row for key, info in single for row in _rows(key, info)])])
    return "\n".join([_HEAD, top, "", *sections, _SECRETS])


def _section(key: str, info: FieldInfo, part: type[BaseModel]) -> str:
    rows = [row for name, field in part.model_fields.items() for row in _rows(f"{key}.{field.alias or name}", field)]
    notes = [f"`{name}` has no effect in this version: {why}." for name, why in NOT_USED.items() if _within(name, key)]
    head = [
        f"## `{key}`",
        "",
        _sentence(inspect.getdoc(part) or ""),
        "",
        *(line for note in notes for line in (note, "")),
    ]
    return "\n".join([*head, *_table(rows), ""])


def _within(name: str, key: str) -> bool:
    return name.partition(".")[0] == key


def _rows(key: str, info: FieldInfo) -> Iterator[tuple[str, str, str, str]]:
    """Key, values, default, meaning; a part's keys follow it."""
    part = _part(info.annotation)
    if part is None:
        yield key, _values(info), _default(info), info.description or ""
        return
    if get_origin(info.annotation) is dict:
        key = f"{key}.<name>"
    elif _optional(info.annotation):
        yield key, "map", _default(info), info.description or ""
    defaults = info.default if isinstance(info.default, part) else None
    for name, field in part.model_fields.items():
        for row in _rows(f"{key}.{field.alias or name}", field):
            # The default of a whole part goes before those of its fields.
            given = getattr(defaults, name) if defaults is not None and row[2] == "required" else None
            yield (*row[:2], f"`{given}`" if given is not None else row[2], row[3])


def _table(rows: list[tuple[str, str, str, str]]) -> list[str]:
    lines = ["| Key | Values | Default | Meaning |", "|---|---|---|---|"]
    return lines + [
        f"| `{key}` | {_cell(values)} | {_cell(default)} | {_cell(text)} |" for key, values, default, text in rows
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _part(annotation: Any) -> type[BaseModel] | None:
    """The model of a part, of an optional part, or of a map's values."""
    found = _bare(annotation)
    if get_origin(found) is dict:
        found = _bare(get_args(found)[1])
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _bare(annotation: Any) -> Any:
    """Without Annotated and None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        args = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _bare(args[0]) if len(args) == 1 else annotation
    return annotation


def _optional(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


_WORDS = {str: "text", int: "whole number", float: "number", bool: "`true`, `false`"}


def _values(info: FieldInfo) -> str:
    text = _type(info.annotation)
    bounds = {name: getattr(rule, name) for rule in info.metadata for name in ("ge", "le") if hasattr(rule, name)}
    if "ge" in bounds and "le" in bounds:
        return f"{text}, {bounds['ge']} to {bounds['le']}"
    return f"{text}, at least {bounds['ge']}" if "ge" in bounds else text


def _type(annotation: Any) -> str:
    bare = _bare(annotation)
    origin, args = get_origin(bare), get_args(bare)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in args)
    if origin is tuple:
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"map to {_type(args[1])}"
    return _WORDS.get(bare, "map")


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "–"
    if isinstance(value, (bool, tuple)):
        return f"`{json.dumps(value)}`"
    return f"`{value}`"
