"""How many parameters a model has, part by part, from its configuration: the parts differ in what is quantised, split
over GPUs or kept whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kindo_models.catalog.architectures import Architecture

Kind = Literal["embedding", "head", "attention", "recurrent", "mlp", "experts", "replicated", "absorbed", "vision"]
"""recurrent: gated delta nets · replicated: whole on every GPU, 16-bit (routers) · absorbed: 16-bit copies that MLA
makes at load."""


@dataclass(frozen=True)
class Part:
    """Parameters of one kind in the whole model. `whole`: every GPU of a TP group holds all of them."""

    kind: Kind
    count: float
    whole: bool = False


def count(a: Architecture) -> tuple[Part, ...] | None:
    """The parts; None where the configuration lacks what counting needs."""
    if a.hidden_size is None or a.num_layers is None or a.vocab_size is None or a.encoder_layers:
        return None
    if a.per_layer_embedding_billion:
        return None  # layers that share caches have other widths
    attention = _attention(a)
    feed_forward = _feed_forward(a)
    if attention is None or feed_forward is None:
        return None
    embedding = a.vocab_size * a.hidden_size
    parts = [Part("embedding", embedding)]
    if not a.tie_word_embeddings:
        parts.append(Part("head", embedding))
    return (*parts, *attention, *feed_forward)


def _attention(a: Architecture) -> tuple[Part, ...] | None:
    layers = a.layers
    hidden = a.hidden_size or 0
    if layers is None:
        return None
    if a.mla is not None:
        return _latent(a)
    attending = layers.full + layers.sliding + layers.chunked + layers.shared_cache
    if a.encoder_only:
        attending = a.num_layers or 0
    if attending and not (a.num_heads and a.num_kv_heads and a.head_dim):
        return None
    parts: list[Part] = []
    if attending:
        sliding = _projections(a, a.head_dim or 0, a.sliding_kv_heads or a.num_kv_heads or 0)
        full = (
            _projections(a, a.global_head_dim, a.global_kv_heads or a.num_kv_heads or 0, a.global_key_is_value)
            if a.global_head_dim
            else _projections(a, a.head_dim or 0, a.num_kv_heads or 0)
        )
        total = full * (attending - layers.sliding) + sliding * layers.sliding
        parts.append(Part("attention", total))
    if layers.mamba2 and a.mamba2:
        m = a.mamba2
        inner = m.heads * m.head_dim
        each = hidden * (2 * inner + 2 * m.groups * m.state_size + m.heads) + inner * hidden
        parts.append(Part("attention", each * layers.mamba2))
    if layers.gated_delta and a.gated_delta:
        g = a.gated_delta
        keys, values = g.key_heads * g.key_head_dim, g.value_heads * g.value_head_dim
        each = hidden * (2 * keys + 2 * values + 2 * g.value_heads) + values * hidden
        parts.append(Part("recurrent", each * layers.gated_delta))
    return tuple(parts)


def _projections(a: Architecture, head_dim: int, kv_heads: int, key_is_value: bool = False) -> float:
    hidden, heads = a.hidden_size or 0, a.num_heads or 0
    queries = heads * head_dim * (2 if a.attention_output_gate else 1)
    keys_values = kv_heads * (head_dim if key_is_value else head_dim + (a.v_head_dim or head_dim))
    output = heads * (a.v_head_dim or head_dim)
    bias = queries + keys_values if a.attention_bias else 0
    return hidden * (queries + keys_values + output) + bias


def _latent(a: Architecture) -> tuple[Part, ...] | None:
    m, heads, hidden, layers = a.mla, a.num_heads, a.hidden_size or 0, a.num_layers or 0
    if m is None or not heads or m.qk_nope_head_dim is None or m.v_head_dim is None:
        return None
    query_width = heads * (m.qk_nope_head_dim + m.qk_rope_head_dim)
    up = m.kv_lora_rank * heads * (m.qk_nope_head_dim + m.v_head_dim)
    compress = hidden * (m.kv_lora_rank + m.qk_rope_head_dim)
    queries = m.q_lora_rank * query_width if m.q_lora_rank else hidden * query_width
    compress += hidden * m.q_lora_rank if m.q_lora_rank else 0
    output = heads * m.v_head_dim * hidden
    return (
        Part("attention", (queries + up + output) * layers),
        Part("attention", compress * layers, whole=True),
        Part("absorbed", up * layers),
    )


def _feed_forward(a: Architecture) -> tuple[Part, ...] | None:
    return tuple(_feed_forward_parts(a)) if _countable(a) else None


def _countable(a: Architecture) -> bool:
    if a.layers is not None and a.layers.without_cache and not (a.mamba2 or a.encoder_only):
        return False  # widths differ from layer to layer (neural architecture search)
    if a.experts is None:
        return a.intermediate_size is not None
    dense = a.experts.dense_layers_first or a.experts.every > 1
    return a.experts.intermediate_size is not None and not (
        dense and a.intermediate_size is None and a.experts.dense_intermediate_size is None
    )


def _feed_forward_parts(a: Architecture) -> Iterator[Part]:
    hidden = a.hidden_size or 0
    layers = a.layers.without_cache if a.mamba2 and a.layers else a.num_layers or 0
    e = a.experts
    matrices = 3 if a.gated_mlp else 2
    if e is None:
        yield Part("mlp", matrices * hidden * (a.intermediate_size or 0) * layers)
        return
    with_experts = (layers - e.dense_layers_first) // e.every
    each = 3 if e.gated else 2
    width = e.latent_size or hidden
    yield Part("experts", each * width * (e.intermediate_size or 0) * e.count * with_experts)
    shared = e.shared_intermediate_size or e.shared_count * (e.intermediate_size or 0)
    if shared:
        yield Part("mlp", each * hidden * shared * with_experts)
    if e.latent_size:
        yield Part("mlp", 2 * hidden * e.latent_size * with_experts)
    dense = layers - with_experts
    if dense:
        yield Part("mlp", 3 * hidden * (e.dense_intermediate_size or a.intermediate_size or 0) * dense)
    yield Part("replicated", hidden * e.count * with_experts, whole=True)
    if e.beside_dense_mlp:
        yield Part("mlp", matrices * hidden * (a.intermediate_size or 0) * with_experts)
