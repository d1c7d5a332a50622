"""What vLLM makes of the flags: defaults of the version and the GPU where nothing is given, names in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from kindo_models.catalog.architectures import Architecture
from kindo_models.catalog.gpus import GpuType
from kindo_models.catalog.vllm_sizing import (
    Quantization,
    Version,
    at_version,
    find_quantization,
    first_release,
    parse_version,
    quantizations,
    since,
    vllm_sizing,
)
from kindo_models.planning.memory.kv_cache import BLOCK_TOKENS
from kindo_models.planning.memory.model import Setup

UNKNOWN_VERSION: Version = (0, 16, 0)
"""Stands for a version that is not known: the last of the regime with the larger overhead."""
_SMI_TOLERANCE_GIB = 0.06

DTYPE_BYTES = {"bfloat16": 2, "float16": 2, "half": 2, "float32": 4, "float": 4}
KV_DTYPE_BYTES = {
    "auto": None,
    "bfloat16": 2.0,
    "float16": 2.0,
    "fp16": 2.0,
    "bf16": 2.0,
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
    "fp8_inc": 1.0,
    "fp8_ds_mla": 1.0,
    "fp8_per_token_head": 1.0,
    "int8": 1.0,
    "int8_per_token_head": 1.0,
    "float32": 4.0,
}


class BadSetup(ValueError):
    """A value that no vLLM takes; the message names the field, the value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """The numbers of one Setup. Bytes per element, GiB as torch counts them."""

    version: Version
    version_known: bool
    utilization: float
    max_num_seqs: int
    max_num_batched_tokens: int
    max_model_len: int | None
    model_limit: int | None
    dtype: str
    dtype_bytes: int
    kv_bytes: float
    block_tokens: int
    eager: bool
    graphs_in_budget: bool
    total_gib: float
    total_spread_gib: float
    quantization: Quantization
    recurrent_16bit: bool
    """Whether this checkpoint's recipe leaves recurrent layers 16-bit."""
    recurrent_quantized: bool
    """Whether it surely quantises them: the publisher's own FP8 checkpoint."""
    align_states: bool


def settings(setup: Setup) -> Settings:
    check(setup)
    data = vllm_sizing()
    known = parse_version(setup.vllm_version) if setup.vllm_version else None
    version = known or max(UNKNOWN_VERSION, first_release(setup.architecture.class_name))
    architecture = setup.architecture
    total, spread = _total(setup)
    dtype = setup.dtype if setup.dtype not in (None, "", "auto") else architecture.dtype
    if dtype == "float32" and setup.dtype in (None, "", "auto") and not architecture.encoder_only:
        dtype = "float16"
    limit = architecture.context_length or architecture.max_position_embeddings
    max_model_len = setup.max_model_len if setup.max_model_len is not None else limit
    seqs, batched = _batch(setup, version, total, max_model_len)
    dtype_bytes = DTYPE_BYTES[dtype]
    kv_bytes = KV_DTYPE_BYTES[(setup.kv_cache_dtype or "auto").lower()] or float(dtype_bytes)
    stored = f"{setup.quantization or ''} {architecture.name}".lower()
    leaves_16bit = any(word in stored for word in data.recurrent_16bit_words)
    latent_block = (
        at_version(data.mla_block_tokens, version).tokens.get(setup.gpu.generation) if architecture.mla else None
    )
    return Settings(
        version=version,
        version_known=known is not None,
        utilization=setup.gpu_memory_utilization
        if setup.gpu_memory_utilization is not None
        else at_version(data.gpu_memory_utilization, version).value,
        max_num_seqs=seqs,
        max_num_batched_tokens=batched,
        max_model_len=max_model_len,
        model_limit=limit,
        dtype=dtype,
        dtype_bytes=dtype_bytes,
        kv_bytes=kv_bytes,
        block_tokens=latent_block or BLOCK_TOKENS,
        eager=bool(setup.enforce_eager),
        graphs_in_budget=since(data.cuda_graphs_in_budget_since, version),
        total_gib=total,
        total_spread_gib=spread,
        quantization=quantization(setup),
        recurrent_16bit=leaves_16bit,
        recurrent_quantized=not leaves_16bit
        and quantization(setup).name == "fp8"
        and architecture.name.split("/")[0] in data.fp8_block.publishers,
        align_states=bool(setup.prefix_caching) and since(data.align_states_since, version),
    )


def check(setup: Setup) -> None:
    """Raises BadSetup for values that are wrong whatever the model and the GPU are; all of them at once."""
    wrong = []
    for name in ("tensor_parallel", "pipeline_parallel", "data_parallel", "max_model_len", "max_num_seqs",
                 "max_num_batched_tokens", "gpus_per_node"):  # fmt: skip
        value = getattr(setup, name)
        if value is not None and value < 1:
            wrong.append(f"{name} is {value}: give a whole number from 1 on")
    for name in ("gpu_total_gib", "weights_gib"):
        value = getattr(setup, name)
        if value is not None and not 0 < value < 100_000:
            wrong.append(f"{name} is {value}: give GiB above 0")
    use = setup.gpu_memory_utilization
    if use is not None and not 0 < use <= 1:
        wrong.append(f"gpu_memory_utilization is {use}: give a fraction above 0, up to 1")
    if setup.dtype not in (None, "", "auto") and setup.dtype not in DTYPE_BYTES:
        wrong.append(f"dtype is {setup.dtype!r}: allowed are auto, {', '.join(DTYPE_BYTES)}")
    if setup.kv_cache_dtype is not None and setup.kv_cache_dtype.lower() not in KV_DTYPE_BYTES:
        wrong.append(f"kv_cache_dtype is {setup.kv_cache_dtype!r}: allowed are {', '.join(KV_DTYPE_BYTES)}")
    if wrong:
        raise BadSetup("; ".join(wrong))


@lru_cache(maxsize=512)
def _named(text: str, name: str) -> Quantization | None:
    return find_quantization(text, name)


def published_quantization(architecture: Architecture) -> Quantization:
    """How the checkpoint of this name is stored: as its record or its name says, else 16-bit."""
    stated = architecture.checkpoint.quantization if architecture.checkpoint else None
    return _named(stated or "", architecture.name) or quantizations()["none"]


def quantization(setup: Setup) -> Quantization:
    """How the weights are stored: as given, else as the checkpoint is published."""
    published = published_quantization(setup.architecture)
    given = (setup.quantization or "").strip()
    if not given or given.lower() == "auto":
        return published
    found = _named(given, setup.architecture.name) or published
    # A checkpoint that is published quantised cannot be loaded otherwise; a relative's may be published differently.
    return published if found.name == "none" and setup.architecture.limit_certain else found


def _total(setup: Setup) -> tuple[float, float]:
    """Total memory and its uncertainty. A given figure that is nvidia-smi's, not torch's, is recognised as such."""
    gpu: GpuType = setup.gpu
    given = setup.gpu_total_gib
    if given is None:
        return gpu.memory_gib, gpu.memory_spread_gib
    if gpu.nvidia_smi_mib is not None and abs(given - gpu.nvidia_smi_mib / 1024) < _SMI_TOLERANCE_GIB:
        return gpu.memory_gib, gpu.memory_spread_gib
    return given, 0.01


def _batch(setup: Setup, version: Version, total: float, max_model_len: int | None) -> tuple[int, int]:
    defaults = next(
        entry
        for entry in vllm_sizing().batch_defaults
        if total >= entry.memory_gib_from and setup.gpu.name not in entry.excluded and since(entry.since, version)
    )
    batched = setup.max_num_batched_tokens
    if engine_v0(setup.gpu, version):
        smallest = vllm_sizing().batch_defaults[-1].max_num_seqs
        return setup.max_num_seqs or smallest, batched or _batched_v0(setup.architecture, version, max_model_len or 0)
    seqs = setup.max_num_seqs or defaults.max_num_seqs
    if batched is None:
        batched = defaults.max_num_batched_tokens
        if max_model_len is not None:
            batched = min(batched, seqs * max_model_len)
    return seqs, batched


def engine_v0(gpu: GpuType, version: Version) -> bool:
    """Whether the old engine runs: everywhere in old versions, and on old GPUs for longer."""
    v0 = vllm_sizing().engine_v0
    old_gpu = gpu.compute_capability is not None and _capability(gpu.compute_capability) < _capability(v0.capability)
    return not since(v0.until_old_gpus if old_gpu else v0.until, version)


def _batched_v0(architecture: Architecture, version: Version, max_model_len: int) -> int:
    """A whole prompt is one batch, unless the context is so long that prompts are cut (arg_utils.py)."""
    v0, a = vllm_sizing().engine_v0, architecture
    whole = a.vision or a.mla is not None or (a.layers is not None and a.layers.sliding > 0)
    if max_model_len > v0.cut_beyond and not whole and since(v0.cut_since, version):
        return int(at_version(v0.cut_tokens, version).value)
    return max(max_model_len, v0.vision_tokens if a.vision else vllm_sizing().batch_defaults[-1].max_num_batched_tokens)


def _capability(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
