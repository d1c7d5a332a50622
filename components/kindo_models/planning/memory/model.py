"""What goes into the memory model and what comes out. Memory is in GiB per GPU unless a name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from kindo_models.catalog.architectures import Architecture
from kindo_models.catalog.gpus import GpuType

Verdict = Literal["fits", "refused", "too-close"]
RefusalCode = Literal[
    "free-memory",
    "kv-cache-too-small",
    "no-kv-cache-memory",
    "mamba-blocks",
    "sampler-warm-up",
    "cuda-graph-capture",
    "context-beyond-model",
    "tensor-parallel",
    "gpus-of-the-node",
    "hardware-support",
]


@dataclass(frozen=True)
class Setup:
    """One `vllm serve` on one kind of GPU. None = not given: the default of that vLLM version applies."""

    architecture: Architecture
    gpu: GpuType
    vllm_version: str | None = None
    """`0.19.1`, `v0.20.0+local`; None: unknown, the larger overhead of the known versions is assumed."""
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    data_parallel: int = 1
    expert_parallel: bool = False
    dtype: str | None = None
    quantization: str | None = None
    """How weights are stored, as logs and people write it (`fp8`, `awq`, `compressed-tensors`); None: as published."""
    kv_cache_dtype: str | None = None
    max_model_len: int | None = None
    """Tokens; None: the model's own limit."""
    gpu_memory_utilization: float | None = None
    enforce_eager: bool | None = None
    prefix_caching: bool | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    gpus_per_node: int | None = None
    """None: not checked."""
    gpu_total_gib: float | None = None
    """Total memory as torch reports it, instead of the catalog's."""
    draft: bool = False
    """Speculative decoding with draft layers (MTP, EAGLE): about one layer more, of weights and of KV cache."""
    weights_gib: float | None = None
    """Bytes of the checkpoint's weight files in GiB, whole model, instead of the estimate."""
    allow_long_max_model_len: bool = False
    """VLLM_ALLOW_LONG_MAX_MODEL_LEN=1."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Interval(_Part):
    """GiB: `low` ≤ `likely` ≤ `high`; about one in twenty measured values lies outside."""

    low: float
    likely: float
    high: float

    def __add__(self, other: Interval) -> Interval:
        return Interval(low=self.low + other.low, likely=self.likely + other.likely, high=self.high + other.high)

    @classmethod
    def exactly(cls, value: float) -> Interval:
        return cls(low=value, likely=value, high=value)


class Term(_Part):
    """One term of the budget, for `--explain`. `formula` has this setup's numbers in it."""

    name: str
    gib: Interval
    formula: str
    source: str


class Refusal(_Part):
    """Why vLLM would not start: `message` is what it would print, with this setup's numbers; `fix` what to change."""

    code: RefusalCode
    message: str
    fix: str


class Prediction(_Part):
    """The answer for one Setup. GiB are per GPU."""

    verdict: Verdict
    reason: str
    """One sentence: why this verdict."""
    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]
    """What starts but is worth knowing (weight-only FP8 on Ampere, replicated KV heads)."""
    margin_gib: float | None
    """Likely KV pool minus the KV of one request at max_model_len; negative when it does not fit."""
    terms: tuple[Term, ...]
    total_gib: float
    """The GPU's memory as torch reports it."""
    budget_gib: float
    """total × gpu_memory_utilization."""
    weights_gib: Interval
    """NaN where nothing tells the model's size (null in JSON), and then the pool's too."""
    overhead_gib: Interval
    kv_pool_gib: Interval
    request_kv_gib: float | None
    """KV cache of one request at max_model_len; None where it cannot be computed."""
    max_model_len: int | None
    """Tokens: as given, or the model's own limit."""
    kv_tokens: int | None
    """Tokens that the likely pool holds: max_concurrency × max_model_len, as vLLM logs it from 0.20.2 on."""
    max_concurrency: float | None
    """Requests of max_model_len tokens that the likely pool holds at once ("Maximum concurrency")."""
    longest_max_model_len: int | None
    """Longest max_model_len that surely starts, from memory alone: counted with the low end of the pool. 0: none."""
    gpu_memory_utilization: float
    max_num_seqs: int
    max_num_batched_tokens: int
