"""pydantic's complaints as findings: key path, line, the value, what is allowed, the nearest known key."""

from __future__ import annotations

import datetime
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from kindo_models.findings import Finding
from kindo_models.source.document import Source
from kindo_models.source.secrets import is_secret_name
from kindo_models.source.words import KeyPath, dotted, nearest, shown


def findings_of(error: ValidationError, source: Source, model: type[BaseModel], at: KeyPath = ()) -> list[Finding]:
    """pydantic's errors as findings: key path, line, the value, what is allowed, the nearest known key."""
    return [_finding(detail, source, model, at) for detail in error.errors(include_url=False, include_context=True)]


def _finding(detail: Any, source: Source, model: type[BaseModel], at: KeyPath) -> Finding:
    path = (*at, *(part for part in detail["loc"] if not str(part).startswith(("function-", "is-instance"))))
    name = dotted(path) if path and isinstance(path[-1], int) else str(path[-1]) if path else ""
    kind, value = detail["type"], detail.get("input")
    if kind == "extra_forbidden":
        known = _keys(model, tuple(detail["loc"][:-1]))
        guess = nearest(name, known)
        hint = f"did you mean {guess!r}?" if guess else f"known keys: {', '.join(sorted(known))}"
        return source.finding(path, "unknown-key", f"unknown key {name!r}", hint)
    if kind == "missing":
        state = "is empty" if path in source.places else "is missing"
        return source.finding(path, "missing-key", f"required key {name!r} {state}", f"add `{name}: …`")
    found = ""
    # The item of a list may be the secret that the item before it announces.
    if (
        not isinstance(path[-1] if path else 0, int)
        and isinstance(value, (str, int, float, bool, datetime.date))
        and not is_secret_name(name)
    ):
        found = f" (found {shown(value)})"
    if kind in ("literal_error", "enum"):
        expected = detail.get("ctx", {}).get("expected", "")
        words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
        guess = nearest(value, words) if isinstance(value, str) else None
        hint = f"did you mean {guess!r}?" if guess else f"write one of {', '.join(words)}"
        return source.finding(path, "not-allowed", f"{name}: allowed are {expected}{found}", hint)
    if kind == "value_error":
        return source.finding(path, "invalid-value", str(detail["ctx"]["error"]))
    message = _EXPECTED.get(kind) or detail["msg"][0].lower() + detail["msg"][1:]
    if kind in _BOUNDS:
        message = _BOUNDS[kind].format(limit=next(iter((detail.get("ctx") or {}).values()), ""))
    return source.finding(path, "wrong-type", f"{name}: {message}{found}", _type_hint(kind, name, value, found))


# What a value should have been, by pydantic's error types.
_EXPECTED = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a map of keys and values",
    "model_type": "must be a map of keys and values",
    "model_attributes_type": "must be a map of keys and values",
}
_BOUNDS = {
    "greater_than_equal": "must be at least {limit}",
    "greater_than": "must be above {limit}",
    "less_than_equal": "must be at most {limit}",
    "less_than": "must be below {limit}",
    "string_too_short": "must not be empty",
}


def _type_hint(kind: str, name: str, value: Any, found: str) -> str:
    """How the same value is written in the right type."""
    if kind == "string_type" and found:
        # A secret field has no `found`: its value goes nowhere.
        reading = " (YAML reads it as a date)" if isinstance(value, datetime.date) else ""
        return f"put it in quotes: `{name}: '{value}'`{reading}"
    if kind == "string_type":
        return "put it in quotes" if isinstance(value, (int, float)) else "write one text"
    if kind == "int_type" and isinstance(value, str):
        digits = value.replace(",", "").replace("_", "").replace(" ", "")
        return (
            f"write `{name}: {digits}`"
            if digits.isdecimal() and len(digits) < 12
            else "write the number out, in digits"
        )
    if kind in ("int_type", "int_from_float"):
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e12
        return f"write `{name}: {int(value)}`" if whole else "write a whole number, in digits"
    if kind == "bool_type":
        return "write true or false, without quotes"
    if kind in ("tuple_type", "list_type"):
        return "write a list: `- item` on lines of their own, or [item, item]"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return "write `key: value` pairs, each on a line of its own"
    return "write a number within the bounds" if kind in _BOUNDS and kind != "string_too_short" else "write a value"


def _keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> set[str]:
    """Keys that the (nested) model at `loc` knows, by their names in the file."""
    current: Any = model
    for part in loc:
        current = _step(current, part)
        if current is None:
            return set()
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return set()
    return {info.alias or name for name, info in current.model_fields.items()}


def _step(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                return _unwrap(info.annotation)
        return None
    args = [arg for arg in get_args(annotation) if arg is not type(None)]
    if get_origin(annotation) is not None and args:
        return _unwrap(args[-1] if not isinstance(part, int) else args[0])
    return None


def _unwrap(annotation: Any) -> Any:
    """Strip Optional; keep lists and maps, whose element type `_step` takes."""
    if get_origin(annotation) in (list, dict, tuple, Literal) or isinstance(annotation, type):
        return annotation
    args = [arg for arg in get_args(annotation) if arg is not type(None)]
    return _unwrap(args[0]) if len(args) == 1 else annotation
