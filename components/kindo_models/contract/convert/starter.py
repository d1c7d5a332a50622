"""A commented contract to start from: one entry of each chosen provider, with a current model of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kindo_models.catalog.models import facts, model_families
from kindo_models.catalog.ollama_models import ollama_models
from kindo_models.catalog.providers import Provider, providers
from kindo_models.contract.convert.entry_text import entry_text

DEFAULT = ("openai", "anthropic", "gemini", "azure", "bedrock", "vllm")
"""The providers of Kindo's page "Prepare AI Models"."""

_HEAD = """\
# Models for Kindo: the `models:` list of install-contract.yaml. Fields: https://docs.kindo.ai/deploy/prepare-ai-models/
# `${NAME}` names a secret: set it in the environment or as a Pulumi secret; never write a key here.
# Check this file with:  kindo-models validate FILE
#
# Kindo's flags need at least one chat model that calls tools, one model with metadataType Embeddings and one with
# Transcription (both type INTERNAL).
models:
"""
_COMMENTS = {
    "litellmModelName": "unique routing key; flags and Kindo refer to it",
    "litellmModel": "provider prefix and the provider's own name",
    "displayName": "shown to users",
    "type": "CHAT, or INTERNAL for embeddings and transcription",
    "costTier": "LOW, MEDIUM or HIGH",
    "contextWindow": "the model's full window, in tokens",
    "maxTokens": "longest answer, in tokens",
}


def starter(names: Iterable[str]) -> str:
    """The file. names: of `providers()`, in order; the first entry explains the common fields."""
    taken: set[str] = set()
    entries: list[str] = []
    for name in dict.fromkeys(names):
        provider = providers().providers[name]
        fields, comments = _entry(name, provider, taken)
        explained = comments if entries else {**_COMMENTS, **comments}
        entries.append(f"  # {provider.title}: {provider.docs}\n{entry_text(fields, explained)}")
    return _HEAD + "\n".join(entries)


def _entry(name: str, provider: Provider, taken: set[str]) -> tuple[dict[str, Any], dict[str, str]]:
    key = _routing_key(name, provider.starter.model, taken)
    row = facts(name, provider.starter.model)
    window = row.window if row else None
    if name == "ollama" and (tag := ollama_models().find(provider.starter.model)):
        window = tag.window
    family = model_families().find(provider.starter.model) if name == "vllm" else None
    if family:
        window = family[1].window
    fields: dict[str, Any] = {
        "litellmModelName": key,
        "litellmModel": f"{provider.prefixes[0]}/{provider.starter.model}",
        "displayName": provider.starter.model.rpartition("/")[2],
        "provider": provider.kindo_provider,
        "creator": provider.creator or provider.starter.creator,
        "type": "CHAT",
        "metadataType": "Text Generation",
        "costTier": "LOW" if name in ("vllm", "ollama") else "MEDIUM",
        "contextWindow": window,
        "maxTokens": row.output if row else 16384,
    }
    if provider.key_variables and not provider.keyless:
        fields["apiKey"] = f"${{{provider.key_variables[0]}}}"
    comments: dict[str, str] = {}
    if special := _SPECIAL.get(name):
        special(fields, comments, provider)
    return fields, comments


def _routing_key(name: str, model: str, taken: set[str]) -> str:
    key = model.rpartition("/")[2] if name != "bedrock" else model.rpartition(".")[2]
    if name in ("azure", "bedrock") or key in taken:
        key = f"{key}-{name}"
    taken.add(key)
    return key


def _azure(fields: dict[str, Any], comments: dict[str, str], provider: Provider) -> None:
    fields |= {
        "litellmModel": "azure/my-deployment",
        "apiBase": "https://my-resource.openai.azure.com",
        "apiVersion": "2024-10-21",
        "baseModel": provider.starter.model,
    }
    comments |= {
        "litellmModel": "the name of your deployment, not the model's",
        "apiBase": "the resource's address, without a path",
        "baseModel": "the model behind the deployment, for prices and capabilities",
    }


def _bedrock(fields: dict[str, Any], comments: dict[str, str], provider: Provider) -> None:
    fields["awsRegion"] = "us-west-2"
    comments |= {
        "litellmModel": "a cross-region profile (us.…); enable the model in the AWS console first",
        "awsAccessKeyId": "${AWS_ACCESS_KEY_ID}   both keys, or none: then the service account's role is used",
        "awsSecretAccessKey": "${AWS_SECRET_ACCESS_KEY}",
    }


def _vllm(fields: dict[str, Any], comments: dict[str, str], provider: Provider) -> None:
    name = fields["litellmModelName"]
    parser = model_families().families["gpt-oss"]
    fields |= {
        "litellmModel": f"openai/{name}",
        "apiKey": "${VLLM_API_KEY}",
        "deploy": {
            "model": provider.starter.model,
            "gpu": {"type": "H100", "count": 2},
            "toolCallParser": parser.tool_parsers[next(iter(parser.tool_parsers))],
            "reasoningParser": parser.reasoning_parsers[next(iter(parser.reasoning_parsers))],
        },
    }
    comments |= {
        "litellmModel": "ends in litellmModelName: the name that vLLM serves",
        "apiKey": "one key for server, gateway and Kindo; you choose it",
        "deploy": "served by us; for a server that exists write `apiBase: http://HOST:8000/v1` instead",
    }


def _ollama(fields: dict[str, Any], comments: dict[str, str], provider: Provider) -> None:
    name = fields["litellmModelName"]
    fields |= {
        "litellmModel": f"ollama_chat/{name}",
        "maxTokens": 8192,
        "deploy": {"engine": "ollama", "model": provider.starter.model},
    }
    comments |= {
        "litellmModel": "ends in litellmModelName",
        "deploy": "served by us; for an Ollama that exists write `apiBase: http://HOST:11434` instead",
    }


_SPECIAL = {"azure": _azure, "bedrock": _bedrock, "vllm": _vllm, "ollama": _ollama}


def provider_name(word: str) -> str | None:
    """The catalog's name for what a user may call a provider: its name, prefix, title or Kindo display name."""
    wanted = word.strip().lower()
    for name, provider in providers().providers.items():
        if wanted in {name, provider.title.lower(), *provider.prefixes}:
            return name
    shown: Mapping[str, str] = {
        provider.kindo_provider.lower(): name for name, provider in providers().providers.items()
    }
    return shown.get(wanted)
