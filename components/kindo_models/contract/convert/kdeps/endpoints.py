"""Where KDeps calls a model: a provider, a server that exists, or an Ollama that we serve."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from kindo_models.catalog.kdeps import Backend, kdeps_backends
from kindo_models.catalog.providers import providers
from kindo_models.contract.convert.kdeps.uses import Use
from kindo_models.findings import Finding
from kindo_models.source import nearest

# RESOURCE.openai.azure.com, the same resource as .cognitiveservices. or .services.ai., and the clouds of governments.
_AZURE = re.compile(
    r"(https?://[^/]+\.(?:openai|cognitiveservices|services\.ai)\.azure\.[a-z]+)"
    r"/openai/deployments/([^/?]+)(?:/[^?]*)?(?:\?(.*))?"
)
_LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal"}
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
    if problem := _unusable(use.base_url):
        key, message, hint = (
            "baseUrl",
            f"baseUrl {problem}; the model makes no entry",
            "write http://host or https://host",
        )
        return use.finding(key, "kdeps-address-unusable", message, hint)
    if provider == "ollama":
        return _ollama(use, backend)
    if not use.base_url:
        return Endpoint(provider, use.model, use.backend, backend)
    if use.backend == "openai" and (azure := _AZURE.fullmatch(use.base_url)):
        version = parse_qs(azure.group(3) or "").get("api-version", [None])[0]
        return Endpoint("azure", use.model, "azure", backend, azure.group(1), False, azure.group(2), version)
    return _redirected(use, provider, backend)


def is_local(url: str) -> bool:
    """Whether the address leads to the machine that asks."""
    return (urlsplit(url).hostname or "") in _LOCAL


def _unusable(url: str | None) -> str | None:
    """What is wrong with an address that a resource gives; it is not shown, as it may hold a secret."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        return "is no address: scheme and host are needed"
    if "@" in parts.netloc:
        return "holds a user name or password, which is not copied"
    # KDeps appends its path behind it; only Azure's form is one that can be understood.
    return "holds a query, which is not copied" if parts.query and not _AZURE.fullmatch(url) else None


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


def _ollama(use: Use, backend: Backend | None) -> Endpoint | Finding:
    """An Ollama that exists, or one that we serve.

    KDeps installs Ollama where `installOllama` says so, and without it when a chat uses it or `agentSettings.models`
    names a model: then it is its own, local one, unless an address elsewhere is given.
    """
    workflow = use.workflow
    url = use.base_url
    if not url and workflow and workflow.ollama_url and not workflow.install_ollama:
        if problem := _unusable(workflow.ollama_url):
            message = f"ollamaUrl {problem}; {use.model} makes no entry"
            place = ("settings", "agentSettings", "ollamaUrl")
            return workflow.document.finding(place, "kdeps-address-unusable", message, "write http://host:11434")
        url = workflow.ollama_url
    if not url or is_local(url):
        return Endpoint("ollama", use.model, "local", backend, None, deploys=True)
    # Its own API, not the one in OpenAI's form.
    address = url.rstrip("/").removesuffix("/v1").removesuffix("/api")
    return Endpoint("ollama", use.model, urlsplit(address).hostname or "ollama", backend, address)


def _unknown_backend(use: Use) -> Finding:
    catalog = kdeps_backends()
    if use.backend in catalog.later.backends:
        message = f"backend {use.backend} has no counterpart among our providers; {use.model} makes no entry"
        return use.finding("backend", "kdeps-no-counterpart", message)
    guess = nearest(use.backend, catalog.backends)
    known = f"did you mean {guess!r}?" if guess else f"known: {', '.join(catalog.backends)}"
    message = f"no backend is called {use.backend!r}; no entry is made"
    return use.finding("backend", "kdeps-unknown-backend", message, known, severity="error")
