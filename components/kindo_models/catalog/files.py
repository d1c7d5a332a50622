"""Reads a catalog file once per process. Every file has a head: `source`, `date`, `licence`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CatalogPart(BaseModel):
    """Base of all catalog types: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(CatalogPart):
    """Where the facts of a file come from, on which date, and under which licence they are stated."""

    source: str
    date: str
    licence: str


@cache
def load(name: str) -> Any:
    """Parsed content of `data/<name>`."""
    text = (files("kindo_models.catalog") / "data" / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 (a safe loader, in C where libyaml is there)


def names(folder: str) -> tuple[str, ...]:
    """Names of the YAML files in `data/<folder>`, sorted, as `load` takes them."""
    entries = (files("kindo_models.catalog") / "data" / folder).iterdir()
    return tuple(sorted(f"{folder}/{entry.name}" for entry in entries if entry.name.endswith(".yaml")))
