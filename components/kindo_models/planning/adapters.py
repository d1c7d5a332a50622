"""LoRA adapters: entries that the server of another entry loads and serves under their own name."""

from __future__ import annotations

from collections.abc import Mapping

from kindo_models.contract.model import Contract, Deploy, ModelEntry
from kindo_models.planning.model import Server


def is_adapter(entry: ModelEntry) -> bool:
    return entry.deploy is not None and entry.deploy.adapter_of is not None


def completed(contract: Contract) -> Contract:
    """Adapters with what they share with their base: the server's key, its engine, parsers and image."""
    entries = {entry.litellm_model_name: entry for entry in contract.models}
    return contract.model_copy(update={"models": tuple(_completed(entry, entries) for entry in contract.models)})


def _completed(entry: ModelEntry, entries: Mapping[str, ModelEntry]) -> ModelEntry:
    base = entries.get(entry.deploy.adapter_of or "") if entry.deploy else None
    if entry.deploy is None or base is None or base.deploy is None:
        return entry
    shared = ("engine", "tool_call_parser", "reasoning_parser", "image")
    deploy = entry.deploy.model_copy(update={name: getattr(base.deploy, name) for name in shared})
    return entry.model_copy(update={"deploy": deploy, "api_key": entry.api_key or base.api_key})


def adapters_of(contract: Contract) -> dict[str, list[tuple[str, Deploy]]]:
    """Routing key of a base → (name, deploy) of its adapters, in contract order."""
    found: dict[str, list[tuple[str, Deploy]]] = {}
    for entry in contract.models:
        if entry.deploy is not None and entry.deploy.adapter_of is not None:
            found.setdefault(entry.deploy.adapter_of, []).append((entry.litellm_model_name, entry.deploy))
    return found


def serving_each(contract: Contract, servers: Mapping[str, Server]) -> dict[str, Server]:
    """Routing key → the server that answers to it: an entry's own, or that of an adapter's base."""
    found = dict(servers)
    for base, adapters in adapters_of(contract).items():
        if base in servers:
            found |= {name: servers[base] for name, _ in adapters}
    return found
