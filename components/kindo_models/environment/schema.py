"""JSON Schema of the environment: of a base file as it is, of a stack file with Pulumi's `config:` around it."""

from __future__ import annotations

from typing import Any

from kindo_models.environment.layers import EXTENDS
from kindo_models.environment.load import CONFIG_KEY
from kindo_models.environment.model import Environment
from kindo_models.json_schema import DIALECT

_VARIABLE = {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"}


def environment_schema() -> dict[str, Any]:
    """One schema for both files: a stack file has `config`, a base file has the environment's keys at the top.

    Every value may also be `${NAME}`. Nothing is required: a base file may hold what another file lacks.
    """
    schema = Environment.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema.pop("$defs")
    definitions["Environment"] = schema
    schema["properties"] = {
        EXTENDS: {
            "type": "string",
            "description": "Takes stacks/base/NAME.yaml: maps merge, everything else replaces.",
        },
        **schema["properties"],
    }
    for definition in definitions.values():
        definition.pop("required", None)
        definition["properties"] = {
            name: _or_variable(value) for name, value in definition.get("properties", {}).items()
        }
    stack = {
        "type": "object",
        "description": "A stack file (stacks/Pulumi.<stack>.yaml). Other keys are Pulumi's.",
        "required": ["config"],
        "properties": {
            "config": {"type": "object", "properties": {CONFIG_KEY: {"$ref": "#/$defs/Environment"}}},
        },
    }
    definitions["StackFile"] = stack
    return {
        "$schema": DIALECT,
        "title": "Environment of a kindo-models stack",
        "if": {"required": ["config"]},
        "then": {"$ref": "#/$defs/StackFile"},
        "else": {"$ref": "#/$defs/Environment"},
        "$defs": definitions,
    }


def _or_variable(value: dict[str, Any]) -> dict[str, Any]:
    """`value`, or `${NAME}`; the description stays where editors look for it. `null` takes away what a base says."""
    outer: dict[str, Any] = {key: value[key] for key in ("description", "default", "title") if key in value}
    inner = {key: item for key, item in value.items() if key not in outer}
    options = inner.pop("anyOf") if set(inner) == {"anyOf"} else [inner]
    return {**outer, "anyOf": [*options, _VARIABLE, *([] if {"type": "null"} in options else [{"type": "null"}])]}
