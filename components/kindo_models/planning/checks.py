"""What the gate checks for each model: the endpoint itself where we serve it, always the way through the gateway."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from kindo_models.catalog.models import supports
from kindo_models.catalog.ollama_models import ollama_models
from kindo_models.catalog.providers import providers
from kindo_models.contract.model import ModelEntry
from kindo_models.environment import Environment
from kindo_models.planning.gateway import MASTER_KEY
from kindo_models.planning.model import Check, Endpoint, Gateway, Server

CallName = Literal["tool-call", "chat", "embeddings", "transcription"]

# A reasoning model spends tokens before it calls the tool; 256, as Kindo's page writes, is too few.
_TOOL_CALL_TOKENS = 1024
_CHAT_TOKENS = 32


def calls_tools(entry: ModelEntry) -> bool:
    """Whether the model is expected to call tools: vLLM with a parser, Ollama by catalog, an endpoint unless its
    provider passes no tools on.
    """
    if entry.metadata_type != "Text Generation":
        return False
    deploy = entry.deploy
    if deploy is None:
        known_as = providers().of(entry.prefix, entry.provider)
        return known_as is None or supports(known_as[0], known_as[1].model_id(entry.suffix), "tools") is not False
    if deploy.engine == "vllm":
        return deploy.tool_call_parser is not None
    known = ollama_models().find(deploy.model)
    return known is not None and known.tools


def endpoint(entry: ModelEntry, server: Server | None, gateway: Gateway, environment: Environment) -> Endpoint:
    name = entry.litellm_model_name
    checks: list[Check] = []
    if server is not None:
        base = server.api_base if server.engine == "vllm" else f"{server.api_base}/v1"
        key = server.key.secret_key if server.key else None
        # Ollama lists `NAME:latest` for a name without a tag, and answers to both.
        served = f"{name}:latest" if server.engine == "ollama" and ":" not in name else name
        checks += _checks(entry, served, "direct", base, key)
    checks += _checks(entry, name, "gateway", f"{gateway.url}/v1", MASTER_KEY)
    return Endpoint(
        model=name,
        routing=routing(name, gateway),
        workload=f"{environment.cluster.namespace}/{server.release}" if server else None,
        checks=tuple(checks),
        startup_seconds=(server.startup_seconds if server else 0) + gateway.startup_seconds,
        deadline_seconds=environment.verification.deadline_seconds,
        failure_policy=environment.verification.on_failure,
    )


def routing(name: str, gateway: Gateway) -> str:
    items = [item for item in gateway.values["config"]["model_list"] if item["model_name"] == name]
    return hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()[:16]


def _checks(
    entry: ModelEntry, name: str, via: Literal["direct", "gateway"], base_url: str, key_env: str | None
) -> list[Check]:
    call = _call(entry)
    tokens = {"tool-call": _TOOL_CALL_TOKENS, "chat": _CHAT_TOKENS}.get(call)
    parser = entry.deploy.tool_call_parser if entry.deploy and call == "tool-call" else None
    common = {"via": via, "base_url": base_url, "model": name, "key_env": key_env}
    return [
        Check(check="dns", **common),
        Check(check="models", **common),
        Check(check=call, max_tokens=tokens, expected_parser=parser, **common),
    ]


def _call(entry: ModelEntry) -> CallName:
    if entry.metadata_type == "Embeddings":
        return "embeddings"
    if entry.metadata_type == "Transcription":
        return "transcription"
    return "tool-call" if calls_tools(entry) else "chat"
