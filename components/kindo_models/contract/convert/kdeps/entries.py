"""One contract entry from the uses of one model: what the catalog knows is filled in, the rest is said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kindo_models.catalog.kdeps import Backend, kdeps_backends
from kindo_models.catalog.models import CloudModel, Mode, facts, model_families
from kindo_models.catalog.ollama_models import ollama_models
from kindo_models.catalog.providers import Provider, providers
from kindo_models.contract.convert.kdeps.keys import Keys
from kindo_models.contract.convert.kdeps.uses import Use
from kindo_models.findings import Finding
from kindo_models.source import nearest

_AZURE = re.compile(r"(https?://[^/]+\.openai\.azure\.[a-z]+)/openai/deployments/([^/?]+)(?:/[^?]*)?(?:\?(.*))?")
_LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal"}
_METADATA = {"chat": "Text Generation", "embedding": "Embeddings", "transcription": "Transcription"}
_UNKNOWN = "no source that we ship knows it"
# A weights file instead of a name: KDeps downloads and runs it by itself.
_FILE = re.compile(r"(://|\.(llamafile|gguf)$|^[./~])")


@dataclass(frozen=True)
class Endpoint:
    """Where a model is. provider: name in the catalog; address: its own, None for the provider's host or for what we
    serve; deploys: we serve it with Ollama.
    """

    provider: str
    model: str
    label: str
    backend: Backend | None
    address: str | None = None
    deploys: bool = False
    deployment: str | None = None
    api_version: str | None = None

    @property
    def serves_by_name(self) -> bool:
        """Whether it answers only to its model's name, so that Kindo's routing key must be the same."""
        return self.provider == "vllm"

    @property
    def key(self) -> tuple[str, ...]:
        return (self.provider, self.model, self.address or "", self.deployment or "")


@dataclass
class Made:
    """required: key → why it could not be filled in."""

    fields: dict[str, Any] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    required: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def endpoint_of(use: Use) -> Endpoint | Finding:
    """The endpoint of a use; a finding where nothing of ours corresponds."""
    catalog = kdeps_backends()
    backend = catalog.backends.get(use.backend)
    provider = backend.provider if backend else catalog.later.backends.get(use.backend)
    if provider is None:
        return _unknown_backend(use)
    if provider == "ollama" and _FILE.search(use.model):
        what = f"the weights file {use.model!r} has no counterpart: a contract names a model of a library or a provider"
        return use.finding("model", "kdeps-no-counterpart", f"{what}; it makes no entry")
    if use.base_url and "@" in (urlsplit(use.base_url).netloc):
        message = "baseUrl holds credentials, which are not copied; the model makes no entry"
        return use.finding("baseUrl", "kdeps-address-unusable", message, "write the address without user and password")
    if provider == "ollama":
        address = _ollama_address(use)
        return Endpoint(
            "ollama", use.model, urlsplit(address or "").hostname or "local", backend, address, address is None
        )
    if not use.base_url:
        return Endpoint(provider, use.model, use.backend, backend)
    if backend and use.backend == "openai" and (azure := _AZURE.fullmatch(use.base_url)):
        version = parse_qs(azure.group(3) or "").get("api-version", [None])[0]
        return Endpoint("azure", use.model, "azure", backend, azure.group(1), False, azure.group(2), version)
    parts = urlsplit(use.base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"baseUrl {use.base_url!r} is no address (scheme and host are needed); the model makes no entry"
        return use.finding("baseUrl", "kdeps-address-unusable", message, "write http://host or https://host")
    return _redirected(use, provider, backend)


def entry_of(
    name: str, endpoint: Endpoint, uses: Sequence[Use], keys: Keys, *, azure_api_version: str | None = None
) -> Made:
    """The entry under this routing key."""
    provider = providers().providers[endpoint.provider]
    made = Made()
    row = _row(endpoint)
    mode = _mode(endpoint, uses, row)
    identifier = _identifier(name, endpoint, provider, mode)
    made.fields |= {"litellmModelName": name, "litellmModel": identifier, "displayName": endpoint.model}
    made.fields["provider"] = provider.kindo_provider
    if endpoint.serves_by_name and name != endpoint.model:
        made.fields["provider"] = _other_server(made, name, endpoint, uses[0])
    if provider.creator:
        made.fields["creator"] = provider.creator
    made.fields |= {"type": "CHAT" if mode == "chat" else "INTERNAL", "metadataType": _METADATA[mode]}
    _sizes(made, endpoint, uses, row, mode)
    _address(made, endpoint, uses, azure_api_version)
    _key(made, endpoint, provider, uses, keys)
    if endpoint.deploys:
        made.fields["deploy"] = {"engine": "ollama", "model": endpoint.model}
        _served(made, uses)
    return made


def _redirected(use: Use, provider: str, backend: Backend | None) -> Endpoint:
    """A provider behind another address; an OpenAI-compatible server that is not OpenAI is a self-hosted one."""
    assert use.base_url is not None
    if backend is None:
        return Endpoint(provider, use.model, use.backend, None, use.base_url)
    host = backend.endpoint(use.base_url)
    if urlsplit(host).hostname == urlsplit(backend.base).hostname:
        return Endpoint(provider, use.model, use.backend, backend)
    if provider == "openai":
        provider = "vllm"
    address = providers().providers[provider].redirected(host, use.model)
    return Endpoint(provider, use.model, urlsplit(host).hostname or use.backend, backend, address)


def _ollama_address(use: Use) -> str | None:
    """Where an existing Ollama is; None when we serve the model.

    KDeps installs Ollama where `installOllama` says so, and without it when a chat uses it or `agentSettings.models`
    names a model: then it is its own, local one, unless an address elsewhere is given.
    """
    workflow = use.workflow
    if use.base_url and not _is_local(use.base_url):
        return use.base_url.rstrip("/")
    url = None if use.base_url else workflow.ollama_url if workflow else None
    if url and not _is_local(url) and not (workflow and workflow.install_ollama):
        return url.rstrip("/")
    return None


def _is_local(url: str) -> bool:
    return (urlsplit(url if "://" in url else f"//{url}").hostname or "") in _LOCAL


def _row(endpoint: Endpoint) -> CloudModel | None:
    if endpoint.provider in ("ollama", "vllm"):
        # A proxy may pass on a cloud model under its own name.
        return facts("openai", endpoint.model) if endpoint.provider == "vllm" else None
    return facts(endpoint.provider, endpoint.model)


def _mode(endpoint: Endpoint, uses: Sequence[Use], row: CloudModel | None) -> Mode:
    said = next((use.mode for use in uses if use.mode), None)
    if said:
        return said
    if row:
        return row.mode
    known = ollama_models().find(endpoint.model) if endpoint.provider == "ollama" else None
    return known.mode if known else model_families().mode(endpoint.model.partition(":")[0])


def _identifier(name: str, endpoint: Endpoint, provider: Provider, mode: Mode) -> str:
    if endpoint.provider == "azure":
        return f"azure/{endpoint.deployment}"
    if endpoint.provider == "vllm":
        return f"openai/{endpoint.model}"
    # LiteLLM's chat-only prefixes have a second one for everything else.
    prefix = provider.prefixes[0] if mode == "chat" else provider.prefixes[-1]
    return f"{prefix}/{name if endpoint.deploys else endpoint.model}"


def _sizes(made: Made, endpoint: Endpoint, uses: Sequence[Use], row: CloudModel | None, mode: Mode) -> None:
    window = row.window if row else None
    if window is None and endpoint.provider == "ollama":
        known = ollama_models().find(endpoint.model)
        window = known.window if known else None
    if window is None and endpoint.provider == "vllm" and (family := model_families().find(endpoint.model)):
        window = family[1].window
    if window is None:
        made.required["contextWindow"] = f"{_UNKNOWN} for {endpoint.model}"
        made.comments["contextWindow"] = "tokens; fill in the model's full window"
    else:
        made.fields["contextWindow"] = window
    lengths = [use.context_length for use in uses if use.context_length]
    length = max(lengths, default=None) or (row.output if row and mode == "chat" else None)
    if length is None:
        return
    if window is not None and length > window:
        made.findings.append(
            uses[0].finding(
                "contextLength",
                "kdeps-answer-longer-than-window",
                f"contextLength {length} is sent as max_tokens and is above the window of {window} tokens",
                "maxTokens is set to the window",
            )
        )
        length = window
    made.fields["maxTokens"] = length
    if len(set(lengths)) > 1:
        values = ", ".join(map(str, sorted(set(lengths))))
        message = f"actions use {values} as contextLength; the largest becomes maxTokens of the one entry"
        made.findings.append(uses[0].finding("contextLength", "kdeps-values-differ", message))


def _address(made: Made, endpoint: Endpoint, uses: Sequence[Use], azure_api_version: str | None) -> None:
    if endpoint.address:
        made.fields["apiBase"] = endpoint.address
    if endpoint.address and _is_local(endpoint.address):
        made.findings.append(
            uses[0].finding(
                "baseUrl",
                "kdeps-address-local",
                f"{endpoint.address} is this machine: from a pod it leads to the pod itself",
                "write an address that the cluster reaches",
            )
        )
    if endpoint.provider == "azure":
        made.fields["baseModel"] = endpoint.model
        if version := endpoint.api_version or azure_api_version:
            made.fields["apiVersion"] = version
        else:
            made.required["apiVersion"] = "KDeps sends none (its call would fail): take it from the Azure resource"
            made.comments["apiVersion"] = "fill in, for example '2024-10-21' (or import with --azure-api-version)"
    if endpoint.provider == "bedrock":
        made.required["awsRegion"] = "KDeps's configuration names none"
        made.comments["awsRegion"] = "fill in the region of the model"


def _key(made: Made, endpoint: Endpoint, provider: Provider, uses: Sequence[Use], keys: Keys) -> None:
    variable = endpoint.backend.variable if endpoint.backend else None
    default = (provider.key_variables or ("",))[0] if variable is None or endpoint.provider == "azure" else variable
    if (provider.keyless and not any(use.api_key for use in uses)) or not default:
        return
    found = [(use, keys.of(use.api_key, default)) for use in uses]
    # A key that is named wins over one that only a default stands for.
    chosen = next((key for use, key in found if use.api_key and not key.problem), found[0][1])
    made.fields["apiKey"] = f"${{{chosen.variable}}}"
    for use, key in found:
        if key.problem:
            made.findings.append(
                use.finding("apiKey", "kdeps-key-not-carried", key.problem, f"set the variable {chosen.variable}")
            )
    if others := sorted({key.variable for _, key in found} - {chosen.variable}):
        message = f"other actions read the key from {', '.join(others)}; the entry reads {chosen.variable}"
        made.findings.append(uses[0].finding("apiKey", "kdeps-values-differ", message))


def _other_server(made: Made, name: str, endpoint: Endpoint, use: Use) -> str:
    """A second server of the same model: its routing key cannot be the name that it serves."""
    message = f"{name}: another server has the name {endpoint.model} already, so this one is entered as an OpenAI proxy"
    made.findings.append(use.finding("baseUrl", "kdeps-name-taken", message, "is it one server under two addresses?"))
    return providers().providers["openai"].kindo_provider


def _served(made: Made, uses: Sequence[Use]) -> None:
    for use in uses:
        if use.workflow and use.workflow.install_ollama is False:
            made.findings.append(
                use.workflow.document.finding(
                    ("settings", "agentSettings", "installOllama"),
                    "kdeps-ollama-elsewhere",
                    f"installOllama is false and no address leads to an Ollama; {use.model} is to be served here",
                    "if one exists, write its `apiBase:` and remove `deploy:`",
                )
            )
            return
        if use.later and use.backend in ("file", "gguf"):
            made.findings.append(
                use.finding(
                    "model",
                    "kdeps-served-otherwise",
                    f"KDeps runs {use.model} itself (backend {use.backend}); here Ollama serves the tag of that name",
                )
            )
            return


def _unknown_backend(use: Use) -> Finding:
    catalog = kdeps_backends()
    if use.backend in catalog.later.backends:
        message = f"backend {use.backend} has no counterpart among our providers; {use.model} makes no entry"
        return use.finding("backend", "kdeps-no-counterpart", message)
    guess = nearest(use.backend, catalog.backends)
    known = f"did you mean {guess!r}?" if guess else f"known: {', '.join(catalog.backends)}"
    message = f"no backend is called {use.backend!r}; no entry is made"
    return use.finding("backend", "kdeps-unknown-backend", message, known, severity="error")
