"""Writes catalog/data/cloud_models.yaml from the model map of a LiteLLM release.

    pip download --no-deps litellm==1.109.1 -d /tmp/litellm
    .venv/bin/python -m tools.model_catalog /tmp/litellm/litellm-1.109.1-*.whl 2026-11-21

The date is the day on which the package was looked at. Taken are chat, embedding and transcription models of the cloud
providers, and of each row only what the catalog uses.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "components" / "kindo_models" / "catalog" / "data" / "cloud_models.yaml"
_MAP = "litellm/model_prices_and_context_window_backup.json"

# Our provider → litellm_provider values, and the prefix that its keys carry in the map ("" where they are bare).
SOURCES: dict[str, tuple[tuple[str, ...], str]] = {
    "openai": (("openai",), ""),
    "anthropic": (("anthropic",), ""),
    "gemini": (("gemini",), "gemini/"),
    "azure": (("azure",), "azure/"),
    "bedrock": (("bedrock", "bedrock_converse"), ""),
    "cohere": (("cohere_chat", "cohere"), "cohere/"),
    "mistral": (("mistral",), "mistral/"),
    "together": (("together_ai",), "together_ai/"),
    "perplexity": (("perplexity",), "perplexity/"),
    "groq": (("groq",), "groq/"),
    "deepseek": (("deepseek",), "deepseek/"),
}
# OpenAI's and Azure's models of the Responses API answer LiteLLM's chat route as well.
_MODES = {"chat": "chat", "embedding": "embedding", "audio_transcription": "transcription"}
_RESPONSES_AS_CHAT = {"openai", "azure"}
_SUPPORTS = {
    "tools": "supports_function_calling",
    "vision": "supports_vision",
    "json": "supports_response_schema",
    "reasoning": "supports_reasoning",
}
# Providers whose own IDs hold a slash; elsewhere a slash marks a region, a commitment or an image size of the map.
_SLASHES = {"together", "groq", "perplexity"}
# Keys without the provider's prefix that are real IDs, where the map has both forms.
_BARE_TOO = {"cohere", "deepseek"}
_PLAIN = re.compile(r"[A-Za-z][\w./:@-]*\Z")

_HEAD = """\
# Model IDs of the cloud providers. Generated: python -m tools.model_catalog WHEEL DATE.
# Corrections belong in model_lifecycle.yaml.
head:
  source: model_prices_and_context_window_backup.json in the PyPI package litellm {version}
  date: "{date}"
  licence: MIT (Copyright BerriAI); facts taken from it
providers:
"""


def rows(models: dict[str, dict[str, Any]], provider: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(model ID, row of the map) of one provider; the prefixed row wins where both forms are there."""
    names, prefix = SOURCES[provider]
    found: dict[str, dict[str, Any]] = {}
    for key, row in models.items():
        if row.get("litellm_provider") not in names or _mode(row, provider) is None:
            continue
        prefixed = bool(prefix) and key.startswith(prefix)
        if prefix and not prefixed and provider not in _BARE_TOO:
            continue
        model_id = key.removeprefix(prefix) if prefix else key
        # Fine-tunes have names of their own; a chat model without any window is a container or a price row.
        if model_id.startswith("ft:") or (_mode(row, provider) == "chat" and not row.get("max_input_tokens")):
            continue
        if "/" in model_id and provider not in _SLASHES:
            continue
        if prefixed or model_id not in found:
            found[model_id] = row
    yield from sorted(found.items())


def _mode(row: dict[str, Any], provider: str) -> str | None:
    mode = str(row.get("mode"))
    return "chat" if mode == "responses" and provider in _RESPONSES_AS_CHAT else _MODES.get(mode)


def line(model_id: str, row: dict[str, Any], provider: str) -> str:
    """One row as a YAML flow mapping."""
    parts = [f"mode: {_mode(row, provider)}"]
    for name, key in (("window", "max_input_tokens"), ("output", "max_output_tokens")):
        # Zero and text stand for "not known" in the map.
        if isinstance(value := row.get(key), int | float) and value:
            parts.append(f"{name}: {int(value)}")
    if supports := [name for name, key in _SUPPORTS.items() if row.get(key)]:
        parts.append(f"supports: [{', '.join(supports)}]")
    if row.get("supports_native_streaming") is False:
        parts.append("streaming: false")
    if date := row.get("deprecation_date"):
        parts.append(f"retires: {date}")
    key = model_id if _PLAIN.match(model_id) else json.dumps(model_id)
    return f"    {key}: {{{', '.join(parts)}}}\n"


def document(models: dict[str, dict[str, Any]], *, version: str, date: str) -> str:
    text = _HEAD.format(version=version, date=date)
    for provider in SOURCES:
        text += f"  {provider}:\n" + "".join(line(key, row, provider) for key, row in rows(models, provider))
    return text


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    wheel, date = Path(arguments[0]), arguments[1]
    with zipfile.ZipFile(wheel) as archive:
        models = json.loads(archive.read(_MAP))
    TARGET.write_text(document(models, version=wheel.name.split("-")[1], date=date))
    print(f"{TARGET}: {TARGET.read_text().count('mode:')} models")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
