"""The thirteen providers: LiteLLM prefixes, Kindo display names, key variables, and how an endpoint is redirected."""

from __future__ import annotations

from functools import cache

from kindo_models.catalog.files import CatalogPart, Head, load


class Provider(CatalogPart):
    """One provider as LiteLLM 1.106.0 knows it.

    endpoint_parameter / endpoint_shape: the litellm_params key that redirects it, and its value for `{endpoint}`
    (scheme, host, port; no path) and `{model}` (the part after the prefix).
    """

    prefixes: tuple[str, ...]
    kindo_provider: str
    key_variables: tuple[str, ...]
    endpoint_parameter: str
    endpoint_shape: str
    keyless: bool = False


class Providers(CatalogPart):
    head: Head
    providers: dict[str, Provider]

    def by_prefix(self, prefix: str) -> tuple[str, Provider] | None:
        """(name, provider) that LiteLLM picks for `prefix/…`."""
        for name, provider in self.providers.items():
            if prefix in provider.prefixes:
                return name, provider
        return None


@cache
def providers() -> Providers:
    return Providers.model_validate(load("providers.yaml"))
