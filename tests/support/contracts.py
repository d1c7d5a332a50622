"""Contracts for tests: one good entry of each kind, and what a change of it gives."""

from __future__ import annotations

import datetime
from copy import deepcopy
from typing import Any

import yaml

from kindo_models.contract.draft import read_draft
from kindo_models.findings import Finding
from kindo_models.planning.rules import Context, check
from kindo_models.source import scan

TODAY = datetime.date(2026, 11, 25)

CLOUD = {
    "litellmModelName": "claude-haiku-4-5-20251001",
    "litellmModel": "anthropic/claude-haiku-4-5-20251001",
    "displayName": "Claude Haiku 4.5",
    "provider": "Anthropic",
    "creator": "Anthropic",
    "type": "CHAT",
    "metadataType": "Text Generation",
    "costTier": "LOW",
    "contextWindow": 200000,
    "maxTokens": 64000,
    "apiKey": "${ANTHROPIC_API_KEY}",
}
AZURE = CLOUD | {
    "litellmModelName": "azure-gpt",
    "litellmModel": "azure/my-deployment",
    "provider": "Azure OpenAI",
    "creator": "OpenAI",
    "contextWindow": 1050000,
    "apiBase": "https://my-resource.openai.azure.com",
    "apiVersion": "2024-10-21",
    "apiKey": "${AZURE_API_KEY}",
    "baseModel": "gpt-5.4",
}
BEDROCK = {key: value for key, value in CLOUD.items() if key != "apiKey"} | {
    "litellmModelName": "bedrock-haiku",
    "litellmModel": "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "provider": "AWS Bedrock",
    "awsRegion": "us-west-2",
}
OPENAI = CLOUD | {
    "litellmModelName": "gpt",
    "litellmModel": "openai/gpt-5.4",
    "provider": "OpenAI",
    "contextWindow": 1050000,
    "apiKey": "${OPENAI_API_KEY}",
}
ENDPOINT = CLOUD | {
    "litellmModelName": "qwen",
    "litellmModel": "openai/qwen",
    "provider": "Self-Hosted",
    "apiBase": "http://qwen.inference.svc.cluster.local:8000/v1",
    "apiKey": "${VLLM_API_KEY}",
}
SERVED = {key: value for key, value in ENDPOINT.items() if key != "apiBase"} | {
    "contextWindow": 262144,
    "deploy": {
        "model": "Qwen/Qwen3-Coder-30B-A3B-Instruct",
        "gpu": {"type": "H100", "count": 2},
        "toolCallParser": "qwen3_coder",
    },
}
OLLAMA = {key: value for key, value in ENDPOINT.items() if key != "apiKey"} | {
    "litellmModelName": "llama",
    "litellmModel": "ollama_chat/llama3.2:1b",
    "apiBase": "http://ollama.inference.svc.cluster.local:11434",
}
EMBEDDINGS = {key: value for key, value in SERVED.items() if key != "maxTokens"} | {
    "litellmModelName": "bge",
    "litellmModel": "openai/bge",
    "type": "INTERNAL",
    "metadataType": "Embeddings",
    "contextWindow": 8192,
    "deploy": {"model": "BAAI/bge-m3", "gpu": {"type": "L4", "count": 1}},
}
GOOD = (CLOUD, AZURE, BEDROCK, OPENAI, ENDPOINT, SERVED | {"litellmModelName": "q2", "litellmModel": "openai/q2"})


def changed(entry: dict[str, Any], *removed: str, **values: Any) -> dict[str, Any]:
    """A copy without the removed keys and with other values; `deploy` is merged."""
    copy = deepcopy(entry)
    for key in removed:
        copy.pop(key, None)
    if isinstance(values.get("deploy"), dict):
        values["deploy"] = copy.get("deploy", {}) | values["deploy"]
    return copy | values


def document(*entries: Any) -> str:
    return yaml.safe_dump({"models": list(entries)}, sort_keys=False, allow_unicode=True)


def findings(*entries: Any, **context: Any) -> list[Finding]:
    """What the rules say about these entries on a fixed day."""
    return text_findings(document(*entries), **context)


def text_findings(text: str, **context: Any) -> list[Finding]:
    return check(read_draft(scan(text, file="c.yaml")), Context(**({"today": TODAY} | context)))


def codes(*entries: Any, **context: Any) -> list[str]:
    return [finding.code for finding in findings(*entries, **context)]
