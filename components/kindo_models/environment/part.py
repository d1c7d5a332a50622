"""What all parts of the environment have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """camelCase in the file, snake_case in Python; unknown keys are refused. A field's docstring is its documentation:
    docs/environment.md and the JSON Schema are made from it.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


def _off(value: Any) -> Any:
    return "off" if value is False else value


OffWord = BeforeValidator(_off)
"""For fields that take the word `off`: YAML 1.1 reads it, unquoted, as false."""
