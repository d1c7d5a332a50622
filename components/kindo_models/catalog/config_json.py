"""A `config.json` → an architecture: how vLLM and transformers read layer types, windows, experts and states in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from kindo_models.catalog.architectures import (
    Architecture,
    Checkpoint,
    Experts,
    GatedDelta,
    LatentAttention,
    LayerCounts,
    Mamba2,
)

_UNSCALED_ROPE = ("default", "su", "longrope", "llama3", "mrope", "proportional")
"""RoPE types whose factor is in max_position_embeddings already (vLLM config/model.py)."""
_GLOBAL_EVERY = {"gemma2": 2, "gemma3_text": 6, "gemma3": 6, "cohere2": 4}
"""Where the configuration names a pattern by the model type alone: one layer in so many is full attention."""
_WINDOW_IN_ALL_LAYERS = ("mistral", "phi3", "starcoder2")
_OUTPUT_GATE = ("qwen3_next", "qwen3_5", "qwen3_5_moe", "qwen3_5_text", "qwen3_5_moe_text")
_TIED_BY_DEFAULT = ("gemma", "gemma2", "gemma3", "gemma3_text", "gemma4", "gemma4_text", "cohere", "cohere2")
_PLAIN_MLP = ("phi", "gpt_neox", "falcon", "starcoder2", "nemotron", "nemotron_h", "xlm-roberta", "bert", "whisper")
_BLOCK_LETTERS = {"M": "mamba2", "*": "full", "E": "without_cache", "-": "without_cache"}


class UnusableConfig(ValueError):
    """A configuration that does not describe a model that can be sized; the message says what is missing."""


def architecture_from_config(config: Mapping[str, Any], *, name: str, source: str) -> Architecture:
    """From the parsed configuration; nested text configurations of multimodal models are found.

    Raises UnusableConfig for what is no language model's configuration.
    """
    try:
        return _read(config, name=name, source=source)
    except (ValidationError, TypeError, AttributeError, KeyError) as error:
        raise UnusableConfig(f"{source}: is not a configuration as transformers writes it: {error}") from error


def _read(config: Mapping[str, Any], *, name: str, source: str) -> Architecture:
    text = {**config, **_nested(config)}
    kind = str(text.get("model_type") or config.get("model_type") or "")
    layers = _integer(text, "num_hidden_layers", "n_layer", "num_layers", "encoder_layers")
    hidden = _integer(text, "hidden_size", "n_embd", "d_model", "dim")
    if layers is None or hidden is None:
        raise UnusableConfig(f"{source}: no num_hidden_layers and hidden_size: not a language model's configuration")
    heads = _integer(text, "num_attention_heads", "n_head", "n_heads", "decoder_attention_heads")
    mla = _latent(text)
    encoder_only = _encoder_only(config, kind)
    return Architecture(
        name=name,
        source=source,
        class_name=next(iter(config.get("architectures") or []), None),
        hidden_size=hidden,
        num_layers=layers,
        num_heads=heads,
        num_kv_heads=_kv_heads(text) or heads,
        head_dim=_integer(text, "head_dim", "attention_head_dim")
        or (hidden // heads if heads and mla is None else None),
        v_head_dim=_integer(text, "v_head_dim") if mla is None else None,
        intermediate_size=_integer(text, "intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim"),
        gated_mlp=not kind.startswith(_PLAIN_MLP) or kind.startswith("phi3"),
        vocab_size=_integer(text, "vocab_size", "padded_vocab_size"),
        max_position_embeddings=_context(text),
        tie_word_embeddings=_tied(config, text, kind),
        attention_bias=bool(text.get("attention_bias") or kind.startswith("qwen2")),
        attention_output_gate=bool(text.get("attn_output_gate")) or kind in _OUTPUT_GATE,
        dtype=_dtype(str(text.get("dtype") or text.get("torch_dtype") or "")),
        layers=LayerCounts(without_cache=layers) if encoder_only else _layers(text, kind, layers),
        sliding_window=_integer(text, "sliding_window", "sliding_window_size"),
        attention_chunk_size=_integer(text, "attention_chunk_size") if kind.startswith("llama4") else None,
        sliding_kv_heads=_integer(text, "swa_num_key_value_heads"),
        global_kv_heads=_integer(text, "num_global_key_value_heads"),
        global_head_dim=_integer(text, "global_head_dim"),
        global_key_is_value=bool(text.get("attention_k_eq_v")),
        mla=mla,
        experts=_experts(text, kind),
        mamba2=_mamba2(text),
        gated_delta=_gated_delta(text),
        encoder_layers=_integer(text, "encoder_layers") or 0 if kind == "whisper" else 0,
        encoder_tokens=_integer(text, "max_source_positions") or 0 if kind == "whisper" else 0,
        encoder_only=encoder_only,
        draft_layers=_integer(text, "num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules") or 0,
        vision=any(config.get(key) for key in ("vision_config", "vision_encoder", "img_processor")),
        checkpoint=_checkpoint(config, text),
        unsupported=_unsupported(text),
    )


def _dtype(text: str) -> str:
    """The compute type; checkpoints stored in another one (float8) compute in bfloat16."""
    plain = text.removeprefix("torch.")
    return plain if plain in ("bfloat16", "float16", "float32") else "bfloat16"


def _nested(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("text_config", "llm_config", "language_config", "language_model_config", "thinker_config"):
        inner = config.get(key)
        if isinstance(inner, dict):
            return {**inner, **_nested(inner)}
    return {}


def _integer(text: Mapping[str, Any], *keys: str) -> int | None:
    for key in keys:
        value = text.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _kv_heads(text: Mapping[str, Any]) -> int | None:
    if text.get("multi_query_attention") and not text.get("num_key_value_heads"):
        return _integer(text, "multi_query_group_num")  # ChatGLM
    if text.get("multi_query") is True and not text.get("new_decoder_architecture"):
        return 1  # Falcon 7B, StarCoder
    return _integer(text, "num_key_value_heads", "n_head_kv", "num_kv_heads", "n_kv_heads")


def _context(text: Mapping[str, Any]) -> int | None:
    """As vLLM derives it: a stated model_max_length (Command R), else RoPE scaling stretches the trained length."""
    stated = _integer(text, "model_max_length")
    if stated is not None:
        return stated
    trained = _integer(
        text, "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_target_positions"
    )
    scaling = text.get("rope_scaling") or text.get("rope_parameters")
    if trained is None or not isinstance(scaling, dict):
        return trained
    kind = str(scaling.get("rope_type") or scaling.get("type") or "default")
    factor = scaling.get("factor")
    if kind in _UNSCALED_ROPE or not isinstance(factor, (int, float)):
        return trained
    original = scaling.get("original_max_position_embeddings")
    return int((original if kind == "yarn" and isinstance(original, int) else trained) * factor)


def _tied(config: Mapping[str, Any], text: Mapping[str, Any], kind: str) -> bool:
    if _encoder_only(config, kind):
        return True  # no output head
    for source in (config, text):
        if isinstance(source.get("tie_word_embeddings"), bool):
            return bool(source["tie_word_embeddings"])
    return kind in _TIED_BY_DEFAULT


def _encoder_only(config: Mapping[str, Any], kind: str) -> bool:
    return kind in ("bert", "roberta", "xlm-roberta", "modernbert", "nomic_bert", "distilbert", "mpnet")


def _layers(text: Mapping[str, Any], kind: str, layers: int) -> LayerCounts | None:
    pattern = text.get("hybrid_override_pattern") or text.get("hybrid_layers_pattern")
    if isinstance(pattern, str):
        return _counted([_BLOCK_LETTERS.get(letter, "") for letter in pattern])
    linear = text.get("linear_attn_config")
    if isinstance(linear, dict) and isinstance(linear.get("kda_layers"), list):
        delta = len(linear["kda_layers"])
        return LayerCounts(full=layers - delta, gated_delta=delta)
    types = text.get("layer_types") or text.get("layers_block_type")
    if isinstance(types, list) and types:
        return _counted([_layer_kind(str(kind_of)) for kind_of in types], shared=_integer(text, "num_kv_shared_layers"))
    binary = text.get("hybrid_layer_pattern")
    if isinstance(binary, list) and binary:
        return _counted(["sliding" if each else "full" for each in binary])
    if kind.startswith("llama4") and text.get("attention_chunk_size"):
        full = layers // 4
        return LayerCounts(full=full, chunked=layers - full)
    if _integer(text, "full_attention_interval") and _gated_delta(text):
        full = layers // (_integer(text, "full_attention_interval") or 1)
        return LayerCounts(full=full, gated_delta=layers - full)
    window = _integer(text, "sliding_window")
    every = _integer(text, "sliding_window_pattern", "_sliding_window_pattern") or _GLOBAL_EVERY.get(kind)
    if window and every and text.get("use_sliding_window") is not False:
        return LayerCounts(full=layers // every, sliding=layers - layers // every)
    if window and kind in _WINDOW_IN_ALL_LAYERS:
        return LayerCounts(sliding=layers)
    if text.get("mamba_d_state") and kind == "falcon_h1":
        return LayerCounts(full=layers, mamba2=layers)
    if text.get("block_configs"):
        blocks = [block.get("attention") or {} for block in text["block_configs"] if isinstance(block, dict)]
        full = sum(1 for block in blocks if not block.get("no_op") and not block.get("replace_with_linear"))
        return LayerCounts(full=full, without_cache=layers - full)
    return LayerCounts(full=layers)


def _layer_kind(name: str) -> str:
    return {
        "full_attention": "full",
        "attention": "full",
        "sliding_attention": "sliding",
        "chunked_attention": "chunked",
        "linear_attention": "gated_delta",
        "mamba": "mamba2",
        "hybrid": "hybrid",
    }.get(name, "")


def _counted(kinds: Sequence[str], *, shared: int | None = None) -> LayerCounts | None:
    """Layers by kind; None where one is of a kind that is not known. The last `shared` read earlier layers' caches."""
    if any(not kind or kind == "hybrid" for kind in kinds):
        return None
    own = kinds[: len(kinds) - shared] if shared else kinds
    counts = {kind: own.count(kind) for kind in dict.fromkeys(own)}
    return LayerCounts(**counts, shared_cache=shared or 0)


def _latent(text: Mapping[str, Any]) -> LatentAttention | None:
    rank = _integer(text, "kv_lora_rank")
    if rank is None:
        return None
    return LatentAttention(
        kv_lora_rank=rank,
        qk_rope_head_dim=_integer(text, "qk_rope_head_dim") or 0,
        q_lora_rank=_integer(text, "q_lora_rank"),
        qk_nope_head_dim=_integer(text, "qk_nope_head_dim"),
        v_head_dim=_integer(text, "v_head_dim"),
        index_head_dim=_integer(text, "index_head_dim"),
    )


def _experts(text: Mapping[str, Any], kind: str) -> Experts | None:
    count = _integer(text, "n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts")
    if count is None or count == 1:
        return None
    frequency = text.get("moe_layer_freq")
    dense = _integer(text, "first_k_dense_replace") or 0
    if isinstance(frequency, list):
        dense = sum(1 for each in frequency if not each)
    elif isinstance(text.get("mlp_only_layers"), list):
        dense = max(dense, len(text["mlp_only_layers"]))
    return Experts(
        count=count,
        per_token=_integer(text, "num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk"),
        intermediate_size=_integer(text, "moe_intermediate_size", "expert_ffn_hidden_size")
        or _integer(text, "intermediate_size"),
        shared_count=_integer(text, "n_shared_experts", "num_shared_experts")
        or (1 if kind.startswith("llama4") else 0),
        shared_intermediate_size=_integer(
            text,
            "shared_expert_intermediate_size",
            "moe_shared_expert_intermediate_size",
            "shared_intermediate_size",
            "share_expert_dim",
        ),
        dense_layers_first=dense,
        every=_integer(text, "interleave_moe_layer_step", "decoder_sparse_step") or 1,
        latent_size=_integer(text, "moe_latent_size"),
        gated=not kind.startswith("nemotron_h"),
        beside_dense_mlp=bool(text.get("enable_moe_block")),
        dense_intermediate_size=_integer(text, "intermediate_size_mlp", "dense_intermediate_size"),
    )


def _mamba2(text: Mapping[str, Any]) -> Mamba2 | None:
    heads = _integer(text, "mamba_num_heads", "mamba_n_heads")
    head_dim = _integer(text, "mamba_head_dim", "mamba_d_head")
    state = _integer(text, "ssm_state_size", "mamba_d_state")
    if heads is None or head_dim is None or state is None:
        return None
    return Mamba2(
        heads=heads,
        head_dim=head_dim,
        state_size=state,
        groups=_integer(text, "n_groups", "mamba_n_groups") or 1,
        conv_kernel=_integer(text, "conv_kernel", "mamba_d_conv") or 4,
        state_dtype=text.get("mamba_ssm_cache_dtype"),
    )


def _gated_delta(text: Mapping[str, Any]) -> GatedDelta | None:
    keys, values = _integer(text, "linear_num_key_heads"), _integer(text, "linear_num_value_heads")
    if keys is not None and values is not None:
        return GatedDelta(
            key_heads=keys,
            value_heads=values,
            key_head_dim=_integer(text, "linear_key_head_dim") or 128,
            value_head_dim=_integer(text, "linear_value_head_dim") or 128,
            conv_kernel=_integer(text, "linear_conv_kernel_dim") or 4,
            state_dtype=text.get("mamba_ssm_dtype") or text.get("mamba_ssm_cache_dtype"),
        )
    linear = text.get("linear_attn_config")
    if not isinstance(linear, dict) or not linear.get("num_heads"):
        return None
    heads, head_dim = int(linear["num_heads"]), int(linear.get("head_dim") or 128)
    return GatedDelta(
        key_heads=heads,
        value_heads=heads,
        key_head_dim=head_dim,
        value_head_dim=head_dim,
        conv_kernel=int(linear.get("short_conv_kernel_size") or 4),
        state_dtype="float32",
    )


def _checkpoint(config: Mapping[str, Any], text: Mapping[str, Any]) -> Checkpoint | None:
    """How the weights are stored, by the names of catalog/data/vllm_sizing.yaml."""
    quantized = config.get("quantization_config") or text.get("quantization_config")
    if not isinstance(quantized, dict):
        return None
    method = str(quantized.get("quant_method") or quantized.get("quant_algo") or "")
    algorithm = str(quantized.get("quant_algo") or quantized.get("format") or "").lower()
    bits = quantized.get("bits") or quantized.get("w_bit")
    for group in (quantized.get("config_groups") or {}).values():
        weights = group.get("weights") or {} if isinstance(group, dict) else {}
        bits = bits or weights.get("num_bits")
        if weights.get("type") == "float" and weights.get("num_bits") == 4:
            algorithm = "mxfp4" if "mxfp4" in algorithm else "nvfp4"
        elif weights.get("type") == "float" and weights.get("num_bits") == 8:
            algorithm = "fp8"
    for known in ("nvfp4", "mxfp4", "fp8"):
        if known in algorithm or known == method:
            return Checkpoint(quantization=known)
    if bits in (3, 4, 8):
        return Checkpoint(quantization=f"int{bits}")
    return Checkpoint(quantization=method or None)


def _unsupported(text: Mapping[str, Any]) -> str:
    if text.get("compress_ratios"):
        return "compressed sparse attention: the size of its KV cache is not established"
    sparse = text.get("sparse_attention_config")
    if isinstance(sparse, dict) and sparse.get("use_sparse_attention"):
        return "block-sparse attention with an index of its own: the size of its KV cache is not established"
    return ""
