"""What vLLM refuses whatever the memory is: shapes that cannot be split, contexts beyond the model, types that the GPU
cannot compute. Messages are vLLM's own, with this setup's numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from kindo_models.catalog.vllm_sizing import vllm_sizing
from kindo_models.planning.memory.model import Refusal, Setup
from kindo_models.planning.memory.settings import Settings

_VOCABULARY_PADDING = 64
"""layers/vocab_parallel_embedding.py DEFAULT_VOCAB_PADDING_SIZE"""


def shape_refusals(setup: Setup, settings: Settings) -> Iterator[Refusal]:
    yield from _parallel(setup, settings)
    yield from _node(setup)
    yield from _context(setup, settings)
    yield from _hardware(setup, settings)


def _parallel(setup: Setup, settings: Settings) -> Iterator[Refusal]:
    layers, pp = setup.architecture.num_layers, setup.pipeline_parallel
    if layers is not None and pp > layers:
        yield Refusal(
            code="tensor-parallel",
            message=f"pipeline parallel size {pp} exceeds the model's {layers} layers",
            fix=f"--pipeline-parallel-size up to {layers}",
        )
    message = _splits(setup, settings, setup.tensor_parallel)
    if message is not None:
        allowed = ", ".join(str(n) for n in (1, 2, 4, 8, 16) if _splits(setup, settings, n) is None)
        whole = ", or --enable-expert-parallel" if needs_expert_parallel(setup, settings) else ""
        yield Refusal(code="tensor-parallel", message=message, fix=f"--tensor-parallel-size one of {allowed}{whole}")


def _splits(setup: Setup, settings: Settings, tp: int) -> str | None:
    """vLLM's complaint about this TP size; None where it splits."""
    a = setup.architecture
    if tp == 1:
        return None
    if a.num_heads and a.num_heads % tp:
        return f"Total number of attention heads ({a.num_heads}) must be divisible by tensor parallel size ({tp})."
    if a.vocab_size:
        padded = math.ceil(a.vocab_size / _VOCABULARY_PADDING) * _VOCABULARY_PADDING
        if padded % tp:
            return f"{padded} is not divisible by {tp}"
    kv = a.num_kv_heads
    if kv and a.mla is None and kv % tp and tp % kv:
        return f"{max(kv, tp)} is not divisible by {min(kv, tp)}"
    width = a.experts.intermediate_size if a.experts else a.intermediate_size
    if width is None or (a.experts and setup.expert_parallel):
        return None
    if width % tp:
        return f"{width} is not divisible by {tp}"
    block = vllm_sizing().fp8_block.size
    if a.experts and _in_blocks(setup, settings) and (width // tp) % block:
        return (
            f"The output_size of gate's and up's weight = {width // tp} is not divisible by weight quantization "
            f"block_n = {block}."
        )
    return None


def needs_expert_parallel(setup: Setup, settings: Settings) -> bool:
    """Whether the split fails only because experts are cut below a block of FP8: whole experts per GPU would do."""
    together = replace(setup, expert_parallel=True)
    return _splits(setup, settings, setup.tensor_parallel) is not None and (
        _splits(together, settings, setup.tensor_parallel) is None
    )


def _in_blocks(setup: Setup, settings: Settings) -> bool:
    """Whether the checkpoint is FP8 in blocks: said so, or the publisher's own FP8 checkpoint."""
    a = setup.architecture
    if settings.quantization.name != "fp8":
        return False
    said = f"{setup.quantization or ''} {a.name}".lower()
    return "block" in said or (
        a.name.split("/")[0] in vllm_sizing().fp8_block.publishers and not settings.recurrent_16bit
    )


def _node(setup: Setup) -> Iterator[Refusal]:
    world, node = setup.tensor_parallel * setup.pipeline_parallel, setup.gpus_per_node
    if node is None or setup.tensor_parallel <= node:
        return
    yield Refusal(
        code="gpus-of-the-node",
        message=f"World size ({world}) is larger than the number of available GPUs ({node}) in this node.",
        fix=f"--tensor-parallel-size {node} and pipeline parallelism over nodes, or a node with more GPUs",
    )


def _context(setup: Setup, settings: Settings) -> Iterator[Refusal]:
    limit, length = settings.model_limit, setup.max_model_len
    if limit is None or length is None or length <= limit or setup.allow_long_max_model_len:
        return
    if not setup.architecture.limit_certain:
        return
    yield Refusal(
        code="context-beyond-model",
        message=(
            f"User-specified max_model_len ({length}) is greater than the derived max_model_len "
            f"(max_position_embeddings={limit} or model_max_length=None in model's config.json)."
        ),
        fix=f"--max-model-len {limit} or less; with RoPE scaling that the model supports, "
        "VLLM_ALLOW_LONG_MAX_MODEL_LEN=1",
    )


def _hardware(setup: Setup, settings: Settings) -> Iterator[Refusal]:
    gpu, q = setup.gpu, settings.quantization
    if (setup.dtype or "").lower() == "bfloat16" and not gpu.bf16:
        yield Refusal(
            code="hardware-support",
            message=(
                "Bfloat16 is only supported on GPUs with compute capability of at least 8.0. "
                f"Your {gpu.name} GPU has compute capability {gpu.compute_capability}."
            ),
            fix="--dtype half",
        )
    if q.capability_from and gpu.compute_capability and _number(gpu.compute_capability) < _number(q.capability_from):
        yield Refusal(
            code="hardware-support",
            message=(
                f"The quantization method {q.name} is not supported for the current GPU. Minimum capability: "
                f"{q.capability_from.replace('.', '')}. Current capability: {gpu.compute_capability.replace('.', '')}."
            ),
            fix=f"a GPU of compute capability {q.capability_from} or later, or an unquantised checkpoint",
        )


def warnings(setup: Setup, settings: Settings) -> Iterator[str]:
    """What starts, but is worth knowing."""
    gpu, q, a = setup.gpu, settings.quantization, setup.architecture
    if (
        q.tensor_cores_from
        and gpu.compute_capability
        and _number(gpu.compute_capability) < _number(q.tensor_cores_from)
    ):
        yield (
            f"{gpu.name} computes no {q.name}: weights are stored so and computed in 16 bit (Marlin); "
            "that saves memory, not time"
        )
    kv = a.num_kv_heads
    if kv and a.mla is None and setup.tensor_parallel > kv:
        yield f"{kv} KV heads over TP {setup.tensor_parallel}: heads are replicated, KV per GPU is as at TP {kv}"
    if a.mla is not None and setup.tensor_parallel > 1:
        yield "latent attention is not divided by TP: every GPU holds the whole KV cache"
    if setup.tensor_parallel > 1 and gpu.nvlink is False:
        yield f"{gpu.name} has no NVLink: prefer pipeline parallelism to tensor parallelism"


def _number(capability: str) -> tuple[int, ...]:
    return tuple(int(part) for part in capability.split("."))
