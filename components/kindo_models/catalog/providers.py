"""The thirteen providers: prefixes, Kindo display names, required fields, variables, addresses, capabilities."""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import Field

from kindo_models.catalog.files import CatalogPart, Head, load

Support = Literal["yes", "no", "by model"]


class Keyless(CatalogPart):
    """A way to call the provider without a key in the contract. `contract`: whether Kindo's contract can express it;
    where not, only this project's own gateway can use it.
    """

    name: str
    how: str
    contract: bool


class ModelList(CatalogPart):
    """`GET` that lists the provider's models: the cheapest authenticated read of an endpoint.

    path: below the host, `{region}` where the provider is regional. headers: `{key}` stands for the API key.
    host: the provider's own; None where it is the entry's `apiBase`.
    """

    path: str
    host: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    note: str = ""


class Capabilities(CatalogPart):
    """What the provider's chat API can do as such; `by model`: see `cloud_models()`, else the model's own card."""

    tools: Support
    vision: Support
    json_response: Support
    streaming: Support
    source: str
    date: str


class Starter(CatalogPart):
    """A current model of a provider, for `init`. creator: where the provider has none for all its models."""

    model: str
    creator: str | None = None


class Provider(CatalogPart):
    """One provider as LiteLLM 1.106.0 and 1.109.1 know it.

    creator: author of all its models, None where it serves other people's.
    prefixes: the first is the one to write. routes: parts of a model ID that choose an API and are no part of its name.
    key_variables: names LiteLLM reads; the first is the one we ask for. variables: its other variables, by
    litellm_params key, first wins. required: contract keys that the entry must have besides the common ones; apiKey is
    in it where there is no keyless way. documented: Kindo's page names the prefix.
    base_path: path that a contract's `apiBase` ends in. default_base: LiteLLM's own, None where there is none.
    endpoint_parameter / endpoint_shape: the litellm_params key that redirects it, and its value for `{endpoint}`
    (scheme, host, port; no path) and `{model}` (the part after the prefix).
    dated_ids: the provider's undated IDs are aliases that move, so a dated ID is asked for.
    """

    title: str
    creator: str | None = None
    starter: Starter
    prefixes: tuple[str, ...]
    routes: tuple[str, ...] = ()
    kindo_provider: str
    documented: bool
    key_variables: tuple[str, ...]
    variables: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    required: tuple[str, ...] = ()
    base_path: str = ""
    default_base: str | None
    endpoint_parameter: str
    endpoint_shape: str
    keyless: bool = False
    keyless_options: tuple[Keyless, ...] = ()
    model_list: ModelList
    capabilities: Capabilities
    dated_ids: bool = False
    docs: str

    def model_id(self, suffix: str) -> str:
        """The provider's own name for what follows the prefix: `converse/anthropic.…` → `anthropic.…`."""
        for route in self.routes:
            suffix = suffix.removeprefix(f"{route}/")
        return suffix

    def redirected(self, endpoint: str, model: str) -> str:
        """Value of `endpoint_parameter` that sends requests for a model to `scheme://host[:port]`."""
        return self.endpoint_shape.format(endpoint=endpoint.rstrip("/"), model=model)

    def endpoint_of(self, value: str, model: str) -> str:
        """The reverse of `redirected`."""
        return value.rstrip("/").removesuffix(self.endpoint_shape.format(endpoint="", model=model))


class Providers(CatalogPart):
    head: Head
    providers: dict[str, Provider]

    def by_prefix(self, prefix: str) -> tuple[str, Provider] | None:
        """(name, provider) that LiteLLM picks for `prefix/…`."""
        for name, provider in self.providers.items():
            if prefix in provider.prefixes:
                return name, provider
        return None

    def of(self, prefix: str, kindo_provider: str) -> tuple[str, Provider] | None:
        """(name, provider) that an entry means: `openai/` under `provider: Self-Hosted` is a vLLM server."""
        vllm = self.providers["vllm"]
        if prefix == "openai" and kindo_provider == vllm.kindo_provider:
            return "vllm", vllm
        return self.by_prefix(prefix)

    @property
    def display_names(self) -> tuple[str, ...]:
        """ModelProvider display names, each once; any other name creates a new row in Kindo."""
        return tuple(dict.fromkeys(provider.kindo_provider for provider in self.providers.values()))


@cache
def providers() -> Providers:
    return Providers.model_validate(load("providers.yaml"))
