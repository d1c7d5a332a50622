"""What models of the Ollama library can do, by tag."""

from __future__ import annotations

from functools import cache
from typing import Literal

from kindo_models.catalog.files import CatalogPart, Head, load


class OllamaModel(CatalogPart):
    """One tag, or all tags of one name. window: tokens, None where the library's tags differ. creator: its author."""

    tools: bool
    vision: bool = False
    mode: Literal["chat", "embedding"] = "chat"
    window: int | None = None
    creator: str | None = None


class OllamaModels(CatalogPart):
    head: Head
    models: dict[str, OllamaModel]

    def find(self, tag: str) -> OllamaModel | None:
        """The tag's own row, else its name's."""
        return self.models.get(tag) or self.models.get(tag.partition(":")[0])


@cache
def ollama_models() -> OllamaModels:
    return OllamaModels.model_validate(load("ollama_models.yaml"))
