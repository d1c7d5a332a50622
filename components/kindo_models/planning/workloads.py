"""What sizing makes of names: a model's architecture, its size and weight format, the vLLM release of an image."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kindo_models.catalog.architectures import Architecture
from kindo_models.catalog.model_names import UnknownModel, find_model, parameters_in_name
from kindo_models.catalog.vllm_sizing import find_quantization, parse_version, quantization_in_name, quantizations
from kindo_models.planning.memory.parameters import count
from kindo_models.planning.memory.settings import published_quantization

_SIXTEEN_BITS = (None, "", "auto", "bfloat16", "float16", "half")
_ACTIVE_ONLY = re.compile(r"(?<![a-z0-9])\d+e(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class KnownModel:
    """What is known of a model by its name.

    architecture: what the memory model can decide with, else None and `why` says what is missing.
    record: the catalog's record, even where the memory model can do nothing with it.
    """

    name: str
    architecture: Architecture | None
    record: Architecture | None = None
    why: str = ""
    note: str = ""

    @property
    def billions(self) -> float | None:
        """Total parameters in 10⁹: the record's, or counted from it, else what the name tells."""
        if self.record is None:
            return total_billions(self.name)
        counted = sum(part.count for part in count(self.record) or () if part.kind != "absorbed") / 1e9
        return self.record.parameters_billion or counted or total_billions(self.name)

    @property
    def limit(self) -> int | None:
        """Most tokens that vLLM derives from the model's configuration; None: not known."""
        known = self.record
        if known is None or not known.limit_certain:
            return None
        return known.context_length or known.max_position_embeddings

    @property
    def generates(self) -> bool:
        """False for embedding and transcription models; a model that is not known is taken to generate text."""
        return self.record is None or not (self.record.encoder_only or self.record.encoder_layers)


def known_model(name: str) -> KnownModel:
    """The model that a name means in the catalog."""
    try:
        match = find_model(name)
    except UnknownModel as error:
        near = f" (nearest: {', '.join(error.nearest)})" if error.nearest else ""
        return KnownModel(name, None, why=f"it is not in the catalog of architectures{near}")
    note = "" if match.how == "exact" else f"{name} is sized as a {match.how} of {match.base}"
    return of_architecture(match.architecture, note=note)


def of_architecture(record: Architecture, *, note: str = "") -> KnownModel:
    """The same for a record: where the memory model cannot compute its cache, the table is left."""
    why = record.unsupported
    if not why and record.layers is None and not record.encoder_only:
        why = "no source read tells its layers"
    return KnownModel(record.name, None if why else record, record, why, note)


def total_billions(name: str) -> float | None:
    """Total parameters that a model's name tells; None where it tells none, or the active ones only ("17B-16E")."""
    return None if _ACTIVE_ONLY.search(name) else parameters_in_name(name)


def weight_format(model: str, architecture: Architecture | None, quantization: str | None, dtype: str | None) -> str:
    """The weight format's name in vllm_sizing.yaml; `none` is 16-bit, `float32` what is wider.

    Raises UnknownQuantization for a word that is none of vLLM's.
    """
    given = find_quantization(quantization, model) if quantization else None
    published = published_quantization(architecture) if architecture else quantization_in_name(model)
    name = (given or published or quantizations()["none"]).name
    return "float32" if name == "none" and dtype not in _SIXTEEN_BITS else name


def vllm_release(image: str) -> str | None:
    """Release of a vLLM image: "docker.io/vllm/vllm-openai:v0.33.0@sha256:…" → "0.33.0"; None where no tag tells it."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    release = parse_version(tag)
    return ".".join(str(part) for part in release) if release else None
