"""Model architectures: what sizing needs to know of a model, each with its source. Records come from the catalog, from
a `config.json` (`catalog/hugging_face.py`) or from the Hugging Face Hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import Field

from kindo_models.catalog.files import CatalogPart, Head


class LatentAttention(CatalogPart):
    """Multi-head latent attention (MLA): one compressed vector per token for all heads."""

    kv_lora_rank: int = Field(gt=0)
    qk_rope_head_dim: int = Field(ge=0)
    q_lora_rank: int | None = None
    qk_nope_head_dim: int | None = None
    v_head_dim: int | None = None
    index_head_dim: int | None = None
    """Set where a sparse-attention indexer keeps keys of its own (DeepSeek-V3.2, GLM-5)."""


class Experts(CatalogPart):
    """Mixture of experts. `intermediate_size` is one expert's; None where no source gives it."""

    count: int = Field(gt=0)
    per_token: int | None = None
    intermediate_size: int | None = None
    shared_count: int = 0
    shared_intermediate_size: int | None = None
    dense_layers_first: int = 0
    every: int = 1
    """A layer of experts in every so many layers."""
    latent_size: int | None = None
    gated: bool = True
    """Two up-projections (SwiGLU); False: one (relu²)."""
    beside_dense_mlp: bool = False
    """Each layer has a dense MLP of intermediate_size too (Gemma 4)."""
    dense_intermediate_size: int | None = None
    """Width of the layers without experts, where it is not the model's intermediate_size (Llama 4)."""


class Mamba2(CatalogPart):
    """State of Mamba-2 layers, per sequence."""

    heads: int
    head_dim: int
    state_size: int
    groups: int
    conv_kernel: int
    state_dtype: str | None = None


class GatedDelta(CatalogPart):
    """State of gated delta net layers (`linear_attention`), per sequence."""

    key_heads: int
    value_heads: int
    key_head_dim: int
    value_head_dim: int
    conv_kernel: int = 4
    state_dtype: str | None = None


class LayerCounts(CatalogPart):
    """Layers by kind. Layers of experts or plain MLPs alone (Nemotron-H) keep no cache."""

    full: int = 0
    sliding: int = 0
    chunked: int = 0
    mamba2: int = 0
    gated_delta: int = 0
    shared_cache: int = 0
    """Attention layers that read another layer's cache (Gemma-3n, Gemma-4 E-series)."""
    without_cache: int = 0


class Checkpoint(CatalogPart):
    """One published checkpoint of an architecture: its quantisation and the GiB of its weight files."""

    quantization: str | None = None
    gib: float | None = None
    source: str = ""


class Architecture(CatalogPart):
    """One model. None = no source gives the value. Sizes are config.json's: whole model, not per GPU."""

    name: str
    source: str
    note: str = ""
    class_name: str | None = None
    hidden_size: int | None = None
    num_layers: int | None = None
    num_heads: int | None = None
    num_kv_heads: int | None = None
    head_dim: int | None = None
    v_head_dim: int | None = None
    """Set only where values have another width than keys (MiMo-V2)."""
    intermediate_size: int | None = None
    gated_mlp: bool = True
    """Two up-projections (SwiGLU); False: one (GELU, relu²)."""
    vocab_size: int | None = None
    max_position_embeddings: int | None = None
    context_length: int | None = None
    """What the vendor serves with the shipped configuration, where it differs from max_position_embeddings."""
    limit_certain: bool = True
    """False: the name was inferred from a relative's, whose context may differ."""
    tie_word_embeddings: bool | None = None
    attention_bias: bool = False
    attention_output_gate: bool = False
    """Queries come with a gate of the same width (Qwen3-Next, Qwen3.5)."""
    dtype: str = "bfloat16"
    layers: LayerCounts | None = None
    """None: the layer types are not known."""
    sliding_window: int | None = None
    attention_chunk_size: int | None = None
    sliding_kv_heads: int | None = None
    global_kv_heads: int | None = None
    global_head_dim: int | None = None
    global_key_is_value: bool = False
    mla: LatentAttention | None = None
    experts: Experts | None = None
    mamba2: Mamba2 | None = None
    gated_delta: GatedDelta | None = None
    encoder_layers: int = 0
    """Encoder whose output the decoder attends to (Whisper)."""
    encoder_tokens: int = 0
    encoder_only: bool = False
    draft_layers: int = 0
    """Multi-token-prediction layers in the checkpoint; loaded only when speculative decoding is on."""
    vision: bool = False
    per_layer_embedding_billion: float = 0.0
    """Embeddings that each layer adds for itself; never quantised (Gemma-3n, Gemma-4 E-series)."""
    parameters_billion: float | None = None
    """Total parameters, published or counted from the configuration."""
    checkpoint: Checkpoint | None = None
    unsupported: str = ""
    """Why the KV cache of this architecture cannot be computed, where it cannot."""


class _File(CatalogPart):
    head: Head
    architectures: dict[str, dict[str, object]]


@cache
def architectures() -> Mapping[str, Architecture]:
    """Every catalogued model by its Hugging Face id. Values are config.json's; what no source gives is left out."""
    data = files("kindo_models.catalog") / "data" / "architectures.json"
    entries = _File.model_validate(json.loads(data.read_text(encoding="utf-8"))).architectures
    return {name: Architecture.model_validate({"name": name, **entry}) for name, entry in entries.items()}


def find_architecture(name: str) -> Architecture:
    """The architecture that a model's name means (`catalog/model_names.py`). Raises UnknownModel with the nearest."""
    from kindo_models.catalog.model_names import find_model

    return find_model(name).architecture
