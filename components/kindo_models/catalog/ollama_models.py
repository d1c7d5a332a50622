"""What models of the Ollama library can do, by tag."""

from __future__ import annotations

from functools import cache

from kindo_models.catalog.files import CatalogPart, Head, load


class OllamaModel(CatalogPart):
    tools: bool


class OllamaModels(CatalogPart):
    head: Head
    models: dict[str, OllamaModel]


@cache
def ollama_models() -> OllamaModels:
    return OllamaModels.model_validate(load("ollama_models.yaml"))
