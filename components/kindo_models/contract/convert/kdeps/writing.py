"""Contract entries → KDeps resources of the generation that names the backend in the resource."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from kindo_models.catalog.kdeps import kdeps_backends
from kindo_models.catalog.providers import providers
from kindo_models.contract.model import Contract, ModelEntry
from kindo_models.findings import Finding
from kindo_models.source import listed

_HEAD = """\
# KDeps resources, one a model (kindo-models render --target kdeps). KDeps reads keys from the environment:
"""


@dataclass(frozen=True)
class Rendered:
    text: str
    findings: tuple[Finding, ...]


def resource_files(contract: Contract, *, gateway: str) -> Rendered:
    """A workflow with the local Ollama models, and one resource for each chat model, as one file of several documents.

    gateway: base URL of our gateway without /v1: what KDeps has no backend for goes through it.
    """
    documents: list[dict[str, Any]] = []
    findings: list[Finding] = []
    variables: dict[str, list[str]] = {}
    local: list[str] = []
    actions: set[str] = set()
    for entry in contract.models:
        if entry.deploy is not None and entry.deploy.engine == "ollama":
            local.append(entry.deploy.model)
        if entry.metadata_type != "Text Generation":
            if entry.deploy is None or entry.deploy.engine != "ollama":
                findings.append(_left_out(entry))
            continue
        chat, variable = _chat(entry, gateway)
        if variable:
            variables.setdefault(variable, []).append(entry.litellm_model_name)
        documents.append(_resource(_action_id(entry.litellm_model_name, actions), entry.display_name, chat))
    if local:
        target = documents[0]["metadata"]["actionId"] if documents else "none"
        documents.insert(0, _workflow(local, target))
    findings += _shared_variable(contract, variables, gateway)
    text = _HEAD + "".join(_needs(variables)) + "---\n".join(_dump(document) for document in documents)
    return Rendered(text, tuple(findings))


def _chat(entry: ModelEntry, gateway: str) -> tuple[dict[str, Any], str | None]:
    """`run.chat` of an entry, and the variable that KDeps reads its key from."""
    backend, model, base_url = _place(entry, gateway)
    chat: dict[str, Any] = {"backend": backend, "model": model}
    if base_url:
        chat["baseUrl"] = base_url
    chat |= {"role": "user", "prompt": "{{ get('q') }}"}
    if entry.max_tokens and (length := kdeps_backends().context_length(entry.max_tokens)):
        # KDeps sends it as max_tokens.
        chat["contextLength"] = length
    return chat, kdeps_backends().backends[backend].variable


def _place(entry: ModelEntry, gateway: str) -> tuple[str, str, str | None]:
    """(backend, model, baseUrl)."""
    found = providers().of(entry.prefix, entry.provider)
    if entry.deploy is not None:
        if entry.deploy.engine == "ollama":
            return "ollama", entry.deploy.model, None
        return "openai", entry.litellm_model_name, gateway
    if found is not None and found[0] == "vllm" and entry.api_base:
        return "openai", entry.suffix, kdeps_backends().backends["openai"].endpoint(entry.api_base)
    backend = kdeps_backends().of_provider(found[0]) if found else None
    if found is None or backend is None:
        return "openai", entry.litellm_model_name, gateway
    if not entry.api_base:
        return backend[0], entry.suffix, None
    endpoint = found[1].endpoint_of(entry.api_base, entry.suffix)
    return backend[0], entry.suffix, backend[1].base_url(endpoint)


def _resource(action: str, name: str, chat: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "kdeps.io/v1",
        "kind": "Resource",
        "metadata": {"actionId": action, "name": name},
        "run": {"chat": chat},
    }


def _workflow(models: list[str], target: str) -> dict[str, Any]:
    return {
        "apiVersion": "kdeps.io/v1",
        "kind": "Workflow",
        "metadata": {"name": "models", "version": "1.0.0", "targetActionId": target},
        "settings": {"agentSettings": {"installOllama": True, "models": list(dict.fromkeys(models))}},
    }


def _action_id(name: str, taken: set[str]) -> str:
    """`gpt-4o-mini` → `gpt4oMini`, numbered where two names come to the same."""
    words: list[str] = re.findall(r"[A-Za-z0-9]+", name) or ["model"]
    first, *rest = words
    identifier = first[0].lower() + first[1:] + "".join(word[0].upper() + word[1:] for word in rest)
    unique, number = identifier, 2
    while unique in taken:
        unique, number = f"{identifier}{number}", number + 1
    taken.add(unique)
    return unique


def _dump(document: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    return text


def _needs(variables: dict[str, list[str]]) -> Iterator[str]:
    for name, models in variables.items():
        yield f"#   {name}  for {', '.join(models)}\n"
    if not variables:
        yield "#   none is needed\n"


def _shared_variable(contract: Contract, variables: dict[str, list[str]], gateway: str) -> Iterator[Finding]:
    """KDeps has one variable a backend; OpenAI and a server of the same form cannot both have their own key."""
    shared = variables.get("OPENAI_API_KEY", [])
    by_name = {entry.litellm_model_name: entry for entry in contract.models}
    bases = {_place(by_name[name], gateway)[2] for name in shared}
    if len(bases) > 1:
        yield Finding(
            code="kdeps-one-key-for-several",
            severity="warning",
            message=f"KDeps reads OPENAI_API_KEY for {listed(shared)}, which are at {len(bases)} addresses",
            hint="run them as separate workflows, or send all of them through the gateway with its key",
        )


def _left_out(entry: ModelEntry) -> Finding:
    return Finding(
        code="kdeps-no-counterpart",
        severity="warning",
        model=entry.litellm_model_name,
        message=f"{entry.litellm_model_name}: this generation of KDeps has resources for chats only "
        f"({entry.metadata_type} is left out)",
    )
