"""Which Unleash feature keys each Kindo release reads, and which models may serve them."""

from __future__ import annotations

from functools import cache
from typing import Literal

from kindo_models.catalog.files import CatalogPart, Head, load


class FlagKey(CatalogPart):
    """One feature key. `holds`: `one` takes the first candidate, `many` all of them in contract order."""

    required: bool
    metadata_type: Literal["Text Generation", "Embeddings", "Transcription"]
    tools: bool = False
    holds: Literal["one", "many"]


class FlagPresets(CatalogPart):
    head: Head
    presets: dict[str, dict[str, FlagKey]]


@cache
def flag_presets() -> FlagPresets:
    return FlagPresets.model_validate(load("flag_presets.yaml"))
