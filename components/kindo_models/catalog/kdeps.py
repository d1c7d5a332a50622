"""KDeps's LLM backends: names, addresses, variables, and the provider of ours that each one is."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

from pydantic import Field

from kindo_models.catalog.files import CatalogPart, Head, load


class Backend(CatalogPart):
    """One backend. provider: name in `providers()`. base + path is the request's address; `strip` is what a `baseUrl`
    must not end in, because KDeps appends it. variable: read when a resource has no `apiKey`; None: no key.
    """

    provider: str
    base: str
    path: str
    strip: str = ""
    variable: str | None = None
    header: str | None = None
    key_sent: bool = True

    def endpoint(self, base_url: str) -> str:
        """A `baseUrl`, with or without the part that KDeps appends, without any path of the API: `https://host`."""
        return base_url.rstrip("/").removesuffix(self.strip).removesuffix(self._base_path)

    def base_url(self, endpoint: str) -> str:
        """The reverse: what to write as `baseUrl` for an endpoint."""
        return endpoint.rstrip("/") + self._base_path

    @property
    def _base_path(self) -> str:
        return urlsplit(self.base).path


class Later(CatalogPart):
    """Backends of releases whose resources name only a model. None: nothing of ours corresponds."""

    default: str
    backends: dict[str, str | None]


class Features(CatalogPart):
    """KDeps's own feature table, by column; a number in brackets refers to `footnotes`."""

    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]
    footnotes: dict[str, str]
    note: str


class KdepsBackends(CatalogPart):
    head: Head
    default: str
    backends: dict[str, Backend]
    context_lengths: tuple[int, ...] = Field(min_length=1)
    later: Later
    features: Features

    def of_provider(self, provider: str) -> tuple[str, Backend] | None:
        """(name, backend) that reaches this provider; None where KDeps has none, as for Azure, Bedrock and vLLM."""
        return next(((name, found) for name, found in self.backends.items() if found.provider == provider), None)

    def context_length(self, tokens: int) -> int | None:
        """The largest allowed value that is not above `tokens`; None when all are."""
        return max((value for value in self.context_lengths if value <= tokens), default=None)


@cache
def kdeps_backends() -> KdepsBackends:
    return KdepsBackends.model_validate(load("kdeps_backends.yaml"))
