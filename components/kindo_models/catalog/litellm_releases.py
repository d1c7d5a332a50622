"""LiteLLM releases: denylist, floor and preferred floor, each with the advisory that sets it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache

from kindo_models.catalog.files import CatalogPart, Head, load


class Bound(CatalogPart):
    version: str
    reason: str


class LiteLlmReleases(CatalogPart):
    head: Head
    floor: Bound
    preferred_floor: Bound
    denied: tuple[Bound, ...]

    def denial(self, version: str) -> Bound | None:
        return next((bound for bound in self.denied if fnmatchcase(version, bound.version)), None)


@cache
def litellm_releases() -> LiteLlmReleases:
    return LiteLlmReleases.model_validate(load("litellm_releases.yaml"))
