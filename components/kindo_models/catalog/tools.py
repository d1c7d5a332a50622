"""Programs that a person's machine needs, with the oldest release that does."""

from __future__ import annotations

from functools import cache

from kindo_models.catalog.files import CatalogPart, Head, load


class Tool(CatalogPart):
    required: bool
    floor: str
    version: tuple[str, ...]
    """Arguments that make it print its version."""
    purpose: str
    install: str
    """Where it is got from."""


class Tools(CatalogPart):
    head: Head
    tools: dict[str, Tool]


@cache
def tools() -> Tools:
    return Tools.model_validate(load("tools.yaml"))
