"""How vLLM spends GPU memory, by version: defaults and the constants of its memory profile, each with its interval."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal, Protocol, TypeVar

from pydantic import Field

from kindo_models.catalog.files import CatalogPart, Head, load

Version = tuple[int, ...]
Edge = Literal["low", "likely", "high"]


class _Since(Protocol):
    @property
    def since(self) -> str: ...


_S = TypeVar("_S", bound=_Since)


class Number(CatalogPart):
    since: str
    value: float


class Choice(CatalogPart):
    """`certain`: False where the source speaks of other models, so that the opposite is within the interval."""

    since: str
    value: bool
    certain: bool = True
    source: str


class Bounds(CatalogPart):
    low: float
    likely: float
    high: float

    def at(self, edge: Edge) -> float:
        return {"low": self.low, "likely": self.likely, "high": self.high}[edge]


class BoundsSince(Bounds):
    since: str
    source: str


class NonTorch(Bounds):
    since: str
    tensor_parallel: int
    generations: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    nvlink: bool = False
    """Only on GPUs that may have NVLink."""


class BatchDefaults(CatalogPart):
    memory_gib_from: float
    excluded: tuple[str, ...] = Field(default=(), alias="except")
    max_num_batched_tokens: int
    max_num_seqs: int
    since: str = "0"


class EngineV0(CatalogPart):
    """`until`: first version without it; `until_old_gpus`: on GPUs below `capability`. From `cut_since` on, prompts
    are cut into `cut_tokens` where max_model_len is beyond `cut_beyond`, elsewhere a batch holds a whole prompt."""

    until: str
    until_old_gpus: str
    capability: str
    cut_since: str
    cut_beyond: int
    cut_tokens: tuple[Number, ...]
    vision_tokens: int


class BlockTokens(CatalogPart):
    since: str
    tokens: dict[str, int]


class CudaGraphs(CatalogPart):
    base: float
    per_layer: float
    per_expert_layer: float
    mla: float
    low_factor: float
    high_factor: float


class DecodeWorkspace(CatalogPart):
    """On GPUs whose compute capability begins with `capability`, from `since` on."""

    since: str
    capability: str
    gib_per_1024_sequences: Bounds


class VisionPeak(CatalogPart):
    """GiB while the profile run encodes the largest image or video: on every GPU, and split over TP."""

    since: str
    whole: Bounds
    split: Bounds


class VisionPeakOldGpus(CatalogPart):
    """`high_factor`: on GPUs below `capability`."""

    capability: str
    high_factor: float


class LayerTemporaries(CatalogPart):
    mlp: float
    queries: float
    hidden: float
    low_factor: float
    high_factor: float


class WorkspaceFree(CatalogPart):
    quantizations: tuple[str, ...]
    words: tuple[str, ...]
    generations: tuple[str, ...]


class Quantization(CatalogPart):
    """How weights are stored; see the file for the meaning of the scopes."""

    name: str
    bytes: Bounds
    quantized: Literal["linear", "mlp"]
    quantized_low: Literal["linear", "mlp"] | None = None
    quantized_high: Literal["linear", "mlp"] | None = None
    words: tuple[str, ...]
    capability_from: str | None = None
    tensor_cores_from: str | None = None


class ExpertPadding(CatalogPart):
    """`high_…` and `low_…`: multiples of other kernels that the installation may bring."""

    since: str
    quantizations: tuple[str, ...]
    words: tuple[str, ...] = ()
    generations: tuple[str, ...] = ()
    width: int
    hidden: int
    high_width: int | None = None
    high_hidden: int | None = None
    low_width: int = 1
    low_hidden: int = 1


class Fp8Block(CatalogPart):
    size: int
    publishers: tuple[str, ...]


class LoadFactor(CatalogPart):
    unquantized: Bounds
    quantized: Bounds


class VllmSizing(CatalogPart):
    head: Head
    sources: dict[str, str]
    gpu_memory_utilization: tuple[Number, ...]
    batch_defaults: tuple[BatchDefaults, ...]
    mla_block_tokens: tuple[BlockTokens, ...]
    align_states_since: str
    mamba_check_since: str
    engine_v0: EngineV0
    architecture_since: dict[str, str]
    cuda_graphs_in_budget_since: str
    sampler_bytes: tuple[BoundsSince, ...]
    expert_workspace_kept: tuple[Choice, ...]
    expert_workspace_low_factor: float
    expert_workspace_high_factor: float
    expert_workspace_free: WorkspaceFree
    expert_chunk_tokens: int
    non_torch_gib: tuple[NonTorch, ...]
    rocm_gib: Bounds
    context_gib: Bounds
    rest_gib: Bounds
    unified_memory_share: Bounds
    decode_workspace: DecodeWorkspace
    cuda_graphs_gib: CudaGraphs
    layer_temporaries: LayerTemporaries
    mla_workspace_tokens: int
    expert_padding: tuple[ExpertPadding, ...]
    rocm_weights_factor: Bounds
    vision_tower_billion: Bounds
    vision_whole: tuple[str, ...]
    vision_load_gib: float
    vision_peak_classes: tuple[str, ...]
    vision_peak_gib: tuple[VisionPeak, ...]
    vision_peak_old_gpus: VisionPeakOldGpus
    load_factor: LoadFactor
    load_gib: Bounds
    quantizations: dict[str, dict[str, object]]
    quantization_containers: tuple[str, ...]
    fp8_block: Fp8Block
    recurrent_16bit_words: tuple[str, ...]


@cache
def vllm_sizing() -> VllmSizing:
    return VllmSizing.model_validate(load("vllm_sizing.yaml"))


@cache
def quantizations() -> Mapping[str, Quantization]:
    entries = vllm_sizing().quantizations
    return {name: Quantization.model_validate({"name": name, **entry}) for name, entry in entries.items()}


class UnknownQuantization(ValueError):
    """Nothing that vLLM or a checkpoint calls its weight format; the message lists what is known."""


def find_quantization(text: str, model_name: str = "") -> Quantization | None:
    """The format that a flag, a log or a checkpoint's name means (`gptq_marlin`, `FP8-dynamic`, `modelopt nvfp4`).

    Args:
        model_name: asked where the text names only a container (`compressed-tensors`, `modelopt`).

    Returns:
        None where neither says; raises UnknownQuantization for a word that is none of vLLM's.
    """
    named = quantization_in_name(model_name)
    words = _format_words(text)
    found = [known for word in words if (known := _formats().get(word))]
    vague = not found or "modelopt" in words or all(known.name == "none" for known in found)
    if named is not None and vague:
        return named
    if found:
        # `modelopt nvfp4`, `fp8 fp4`: the narrowest is meant.
        return min(found, key=lambda known: known.bytes.likely)
    containers = {_squeezed(word) for word in vllm_sizing().quantization_containers}
    if not words or containers & set(words):
        return named
    raise UnknownQuantization(
        f"unknown quantisation {text!r}; known: {', '.join(sorted(quantizations()))} and vLLM's names for them"
    )


def quantization_in_name(model_name: str) -> Quantization | None:
    """The format that a checkpoint's name tells, None if it tells none."""
    found = [known for word in _format_words(model_name) if (known := _formats().get(word)) and known.name != "none"]
    return min(found, key=lambda known: known.bytes.likely) if found else None


@cache
def _formats() -> Mapping[str, Quantization]:
    return {_squeezed(word): known for known in quantizations().values() for word in (known.name, *known.words)}


def _squeezed(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _format_words(text: str) -> list[str]:
    """Words of a name, and each two or three neighbours as one (`auto_round`, `q4_k_m`)."""
    words = [word for word in re.split(r"[^a-z0-9]+", text.lower()) if word]
    return ["".join(words[start : start + length]) for length in (3, 2, 1) for start in range(len(words) - length + 1)]


def parse_version(text: str) -> Version | None:
    """`v0.19.1.dev6+g6d4a8e6d2` → (0, 19, 1); None when no release number is in it. A build after a release that has no
    release number of its own (`0.1.dev20051`) is no release either."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    if found is None or re.match(r"v?0\.\d+\.dev\d{3,}", text.strip()):
        return None
    return tuple(int(part) for part in found.groups(default="0"))


def at_version(entries: Iterable[_S], version: Version) -> _S:
    """The last entry whose `since` is not after the version."""
    return max(
        (entry for entry in entries if _release(entry.since) <= version), key=lambda entry: _release(entry.since)
    )


def since(text: str, version: Version) -> bool:
    """Whether the version is the release `text` or a later one."""
    return version >= _release(text)


def first_release(class_name: str | None) -> Version:
    """First release that serves this class of models; (0, 0, 0) where it is not recorded."""
    return _release(vllm_sizing().architecture_since.get(class_name or "", "0"))


def _release(text: str) -> Version:
    parts = [int(part) for part in text.split(".")]
    return tuple(parts + [0] * (3 - len(parts)))
