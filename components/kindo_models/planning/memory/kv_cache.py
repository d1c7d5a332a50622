"""KV cache of one request in bytes, blocks and tokens: the arithmetic of vLLM's allocator (v1/kv_cache_interface.py,
v1/core/kv_cache_utils.py), which is exact once the pool is known.

All layers of one GPU share one pool of equal blocks. Layers of one kind form groups of equal size; a block of a group
holds one page per layer. Kinds whose tokens are smaller get more tokens per page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kindo_models.catalog.architectures import Architecture

Kind = Literal["full", "window", "state", "encoder"]

GIB = 1024**3
BLOCK_TOKENS = 16
"""vLLM's block on NVIDIA GPUs (config/cache.py); MLA kernels ask for larger ones."""
INDEXER_BYTES = 132
"""Sparse-attention indexer: 128 bytes FP8 key + 4 bytes scale per token and layer (backends/mla/indexer.py);
V3.2 measured 78,325 B per token = 61 × (1152 + 132)."""
DENSE_GROUPING = 1.5
"""Kinds whose layer counts differ by less are padded to the larger count (kv_cache_utils.py)."""


@dataclass(frozen=True)
class CacheLayers:
    """Layers of one kind on the fullest GPU. Bytes are per layer and GPU: per token, or for a state in all."""

    kind: Kind
    layers: int
    bytes: int
    window: int = 0

    @property
    def is_state(self) -> bool:
        return self.kind == "state"


@dataclass(frozen=True)
class CachePlan:
    """How one GPU's pool is cut into blocks. `state_blocks`: blocks that one sequence's state takes per group."""

    layers: tuple[CacheLayers, ...]
    group_size: int
    page_bytes: int
    max_num_batched_tokens: int
    state_blocks: int
    encoder_tokens: int

    @property
    def grows(self) -> bool:
        """Whether a longer context takes more blocks without end."""
        return any(layers.kind == "full" for layers in self.layers)

    @property
    def block_bytes(self) -> int:
        """One block: a page in each layer of a group."""
        return self.page_bytes * self.group_size

    def blocks(self, pool_bytes: float) -> int:
        return max(0, int(pool_bytes // self.block_bytes)) if self.block_bytes else 0

    def blocks_per_request(self, tokens: int) -> int:
        """Blocks that one request of this many tokens can come to hold."""
        return sum(self._groups(layers) * self._blocks(layers, tokens) for layers in self.layers)

    def request_bytes(self, tokens: int) -> int:
        return self.blocks_per_request(tokens) * self.block_bytes

    def max_concurrency(self, pool_bytes: float, tokens: int) -> float:
        """What vLLM logs as "Maximum concurrency for N tokens per request"."""
        return self.blocks(pool_bytes) / self.blocks_per_request(tokens)

    def longest(self, pool_bytes: float, *, limit: int = 2**27) -> int:
        """Most tokens of one request that the pool holds; 0 when not even one fits."""
        low, high = 0, limit
        available = self.blocks(pool_bytes)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.blocks_per_request(middle) <= available else (low, middle - 1)
        return low

    def _groups(self, layers: CacheLayers) -> int:
        return math.ceil(layers.layers / self.group_size)

    def _blocks(self, layers: CacheLayers, tokens: int) -> int:
        if layers.is_state:
            return self.state_blocks
        per_block = max(1, self.page_bytes // layers.bytes)
        if layers.kind == "encoder":
            return math.ceil(self.encoder_tokens / per_block)
        if layers.kind == "window":
            # The chunk in flight is kept beside the window, and the window need not begin at a block's edge.
            kept = min(layers.window - 1 + self.max_num_batched_tokens, tokens)
            return math.ceil(kept / per_block) + 1
        return math.ceil(tokens / per_block)


def cache_plan(
    architecture: Architecture,
    *,
    tensor_parallel: int,
    pipeline_parallel: int,
    kv_bytes: float,
    max_num_batched_tokens: int,
    block_tokens: int = BLOCK_TOKENS,
    align_states: bool = False,
    draft_layers: int = 0,
) -> CachePlan | None:
    """The plan for the fullest GPU; None for a model without KV cache (encoders).

    Args:
        kv_bytes: bytes of one element (2, or 1 for fp8).
        block_tokens: tokens of one block of the attention kernel.
        align_states: prefix caching of recurrent states keeps a second one per sequence (mamba_cache_mode=align).
        draft_layers: full-attention layers of a draft model beside it.
    """
    kinds = tuple(_merged(_layers(architecture, tensor_parallel, pipeline_parallel, kv_bytes, draft_layers)))
    if not kinds:
        return None
    attention = [layers.bytes for layers in kinds if not layers.is_state]
    states = [layers.bytes for layers in kinds if layers.is_state]
    page = block_tokens * max(attention, default=0)
    if states and attention:
        # A page must hold a state, so attention gets longer blocks.
        page = max(page, math.ceil(max(states) / max(attention) / block_tokens) * block_tokens * max(attention))
    elif states:
        page = max(states)
    return CachePlan(
        layers=kinds,
        group_size=_group_size([layers.layers for layers in kinds]),
        page_bytes=page,
        max_num_batched_tokens=max_num_batched_tokens,
        state_blocks=2 if align_states else 1,
        encoder_tokens=architecture.encoder_tokens,
    )


def _group_size(counts: list[int]) -> int:
    return max(counts) if max(counts) < DENSE_GROUPING * min(counts) else min(counts)


def _merged(layers: Iterator[CacheLayers]) -> Iterator[CacheLayers]:
    """Kinds that vLLM sees as one are one; what has no layer is left out."""
    merged: dict[tuple[Kind, int, int], int] = {}
    for part in layers:
        if part.layers and part.bytes:
            key = (part.kind, part.bytes, part.window)
            merged[key] = merged.get(key, 0) + part.layers
    for (kind, size, window), count in merged.items():
        yield CacheLayers(kind, count, size, window)


def _layers(a: Architecture, tp: int, pp: int, kv_bytes: float, draft_layers: int) -> Iterator[CacheLayers]:
    counts = a.layers
    if counts is None or a.encoder_only:
        return

    def on_one_gpu(count: int) -> int:
        return math.ceil(count / pp)

    if a.mla is not None:
        token = int((a.mla.kv_lora_rank + a.mla.qk_rope_head_dim) * kv_bytes)
        indexer = INDEXER_BYTES if a.mla.index_head_dim else 0
        yield CacheLayers("full", on_one_gpu(counts.full) + draft_layers, token + indexer)
    elif counts.full or counts.sliding or counts.chunked:
        plain = token_bytes(a.num_kv_heads or 0, a.head_dim or 0, a.v_head_dim, tp, kv_bytes)
        wide = (
            token_bytes(a.global_kv_heads or a.num_kv_heads or 0, a.global_head_dim, None, tp, kv_bytes)
            if a.global_head_dim
            else plain
        )
        narrow = token_bytes(a.sliding_kv_heads or a.num_kv_heads or 0, a.head_dim or 0, a.v_head_dim, tp, kv_bytes)
        yield CacheLayers("full", on_one_gpu(counts.full) + draft_layers, wide)
        yield CacheLayers("window", on_one_gpu(counts.sliding), narrow, a.sliding_window or 0)
        # vLLM keeps chunked local attention (Llama 4) like full attention unless told otherwise (config/vllm.py).
        yield CacheLayers("full", on_one_gpu(counts.chunked), plain)
    if a.encoder_tokens:
        cross = token_bytes(a.num_kv_heads or 0, a.head_dim or 0, None, tp, kv_bytes)
        yield CacheLayers("encoder", on_one_gpu(counts.full), cross)
    if counts.mamba2 and a.mamba2:
        yield CacheLayers("state", on_one_gpu(counts.mamba2), mamba2_state_bytes(a, tp))
    if counts.gated_delta and a.gated_delta:
        yield CacheLayers("state", on_one_gpu(counts.gated_delta), gated_delta_state_bytes(a, tp))


def token_bytes(kv_heads: int, head_dim: int, v_head_dim: int | None, tp: int, kv_bytes: float) -> int:
    """Keys and values of one token in one layer on one GPU. Heads are replicated once tp exceeds them."""
    return int(max(1, kv_heads // tp) * (head_dim + (v_head_dim or head_dim)) * kv_bytes)


def mamba2_state_bytes(a: Architecture, tp: int) -> int:
    """Convolution state (16-bit) and SSM state of one sequence in one layer (layers/mamba/mamba_utils.py)."""
    m = a.mamba2
    assert m is not None
    inner = m.heads * m.head_dim
    conv = (inner + 2 * m.groups * m.state_size) // tp * (m.conv_kernel - 1) * 2
    return conv + inner * m.state_size // tp * _state_element(m.state_dtype)


def gated_delta_state_bytes(a: Architecture, tp: int) -> int:
    g = a.gated_delta
    assert g is not None
    conv = (2 * g.key_heads * g.key_head_dim + g.value_heads * g.value_head_dim) // tp * (g.conv_kernel - 1) * 2
    return conv + g.value_heads * g.value_head_dim * g.key_head_dim // tp * _state_element(g.state_dtype)


def _state_element(dtype: str | None) -> int:
    return 4 if dtype is not None and "float32" in dtype else 2
