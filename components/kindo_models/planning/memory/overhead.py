"""What vLLM needs beside weights and KV cache: the peak of its profile run, memory outside torch, CUDA graphs.

The profile run forwards max_num_batched_tokens tokens and then samples for max_num_seqs requests at once
(v1/worker/gpu_model_runner.py profile_run): layers' temporaries are free again when the sampler runs, so the larger of
the two counts; expert workspaces are kept in some versions, and then add to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kindo_models.catalog.architectures import Architecture
from kindo_models.catalog.vllm_sizing import Bounds, NonTorch, VllmSizing, at_version, since, vllm_sizing
from kindo_models.planning.memory.model import Interval, Setup, Term
from kindo_models.planning.memory.settings import Settings

GIB = 1024**3
_RESERVED_VOCABULARY = 262_144
"""Stands for a vocabulary that no source gives: the largest in use."""
_RESERVED_HIDDEN = 8192


def overhead_terms(setup: Setup, settings: Settings, data: VllmSizing | None = None) -> tuple[Term, ...]:
    """The terms of one GPU. `data`: other constants than the catalog's (the bench refits them)."""
    return tuple(_terms(setup, settings, data or vllm_sizing()))


def graphs_gib(setup: Setup, settings: Settings) -> Interval:
    """CUDA graphs, wherever they are charged: inside the budget from 0.20 on, in what it leaves before."""
    a, data = setup.architecture, vllm_sizing().cuda_graphs_gib
    if settings.eager:
        return Interval.exactly(0.0)
    layers = -(-(a.num_layers or 60) // setup.pipeline_parallel)
    expert_layers = 0
    if a.experts:
        expert_layers = a.layers.without_cache if a.mamba2 and a.layers else layers // a.experts.every
    sizes = _capture_sizes(min(2 * settings.max_num_seqs, 512)) / _capture_sizes(512)
    likely = data.base + sizes * (
        data.per_layer * layers + data.per_expert_layer * expert_layers + (data.mla if a.mla else 0.0)
    )
    return Interval(low=likely * data.low_factor, likely=likely, high=likely * data.high_factor)


def _capture_sizes(largest: int) -> int:
    """Number of batch sizes that are captured up to this one (config/compilation.py: 1, 2, 4, by 8 to 256, by 16)."""
    return len([n for n in (1, 2, 4) if n <= largest]) + min(largest, 256) // 8 + max(0, largest - 256) // 16


def _terms(setup: Setup, settings: Settings, data: VllmSizing) -> Iterator[Term]:
    a = setup.architecture
    tokens, rows = settings.max_num_batched_tokens, min(settings.max_num_seqs, settings.max_num_batched_tokens)
    hidden = a.hidden_size or _RESERVED_HIDDEN
    states = tokens * hidden * settings.dtype_bytes / GIB
    yield Term(
        name="hidden states",
        gib=Interval.exactly(states),
        formula=f"{tokens} batched tokens × {hidden} × {settings.dtype_bytes} B",
        source="vLLM v1/worker/gpu_model_runner.py",
    )
    yield _peak(setup, settings, data, tokens, rows)
    workspace = expert_workspace_gib(setup, settings, data)
    kept = at_version(data.expert_workspace_kept, settings.version)
    if workspace is not None and (kept.value or not kept.certain):
        yield Term(
            name="expert workspaces",
            gib=workspace if kept.value else Interval(low=0.0, likely=0.0, high=workspace.likely),
            formula=_workspace_formula(a, setup, tokens),
            source="vLLM layers/fused_moe; " + kept.source,
        )
    if a.vision:
        yield Term(
            name="encoder cache",
            gib=Interval(low=0.0, likely=states, high=states + 0.6),
            formula=f"{tokens} image tokens × {hidden} × {settings.dtype_bytes} B",
            source="vLLM v1/core/encoder_cache_manager.py",
        )
    if setup.gpu.vendor == "amd":
        yield Term(name="ROCm", gib=_interval(data.rocm_gib), formula="measured", source=data.sources["ROCm"])
    outside = _non_torch(setup, settings, data)
    yield Term(
        name="outside torch",
        gib=_interval(outside),
        formula=f"TP {setup.tensor_parallel}, {setup.gpu.generation}: context, NCCL and all-reduce buffers",
        source=data.sources["outside torch"],
    )
    yield Term(name="rest", gib=_interval(data.rest_gib), formula="buffers, fragments", source=data.sources["rest"])
    decode = data.decode_workspace
    if (setup.gpu.compute_capability or "").startswith(decode.capability) and since(decode.since, settings.version):
        yield Term(
            name="decode workspaces",
            gib=_times(_interval(decode.gib_per_1024_sequences), settings.max_num_seqs / 1024),
            formula=f"{settings.max_num_seqs} sequences; what takes it is not established",
            source=data.sources["decode workspace"],
        )
    if setup.gpu.unified_memory and setup.tensor_parallel * setup.pipeline_parallel > 1:
        share = data.unified_memory_share
        yield Term(
            name="unified memory",
            gib=_times(_interval(share), settings.total_gib),
            formula="one GPU per host: buffers of the network between them lie in the same memory",
            source=data.sources["unified memory"],
        )
    if settings.graphs_in_budget and not settings.eager:
        yield Term(
            name="CUDA graphs",
            gib=graphs_gib(setup, settings),
            formula=f"{a.num_layers} layers, sizes up to {min(2 * settings.max_num_seqs, 512)}",
            source=data.sources["CUDA graphs"],
        )


def _peak(setup: Setup, settings: Settings, data: VllmSizing, tokens: int, rows: int) -> Term:
    """The largest of sampler, layer temporaries and vision encoder: the profile run goes through them in turn."""
    sampler = _sampler(setup.architecture, settings, data, rows)
    layers = _layer_temporaries(setup, settings, data, tokens)
    encoder = _vision_encoder(setup, settings, data)
    peak = Interval(
        low=max(sampler.low, layers.low, encoder.low),
        likely=max(sampler.likely, layers.likely, encoder.likely),
        high=max(sampler.high, layers.high, encoder.high),
    )
    if encoder.likely > max(sampler.likely, layers.likely):
        return Term(
            name="vision encoder",
            gib=peak,
            formula=f"the largest image or video through the vision tower over TP {setup.tensor_parallel}",
            source=data.sources["vision encoder"],
        )
    vocabulary = setup.architecture.vocab_size
    if sampler.likely >= layers.likely:
        entry = at_version(data.sampler_bytes, settings.version)
        return Term(
            name="sampler",
            gib=peak,
            formula=f"{rows} sequences × vocabulary {vocabulary or 'unknown'} × {entry.likely} B",
            source=f"vLLM {entry.source}",
        )
    return Term(
        name="layer temporaries",
        gib=peak,
        formula=f"{tokens} batched tokens through the widest layer",
        source="vLLM v1/worker/gpu_model_runner.py profile_run",
    )


def _sampler(a: Architecture, settings: Settings, data: VllmSizing, rows: int) -> Interval:
    if a.encoder_only:
        return Interval.exactly(0.0)
    entry = at_version(data.sampler_bytes, settings.version)
    wider = 2 if settings.dtype_bytes == 4 else 0  # logits come in the model's type
    most = rows * (a.vocab_size or _RESERVED_VOCABULARY) / GIB
    least = rows * (a.vocab_size or 32_000) / GIB
    return Interval(
        low=least * (entry.low + wider),
        likely=most * (entry.likely + wider) * (1.0 if a.vocab_size else 0.6),
        high=most * (entry.high + wider),
    )


def _vision_encoder(setup: Setup, settings: Settings, data: VllmSizing) -> Interval:
    if not setup.architecture.vision or setup.architecture.class_name not in data.vision_peak_classes:
        return Interval.exactly(0.0)
    peak, tp = at_version(data.vision_peak_gib, settings.version), setup.tensor_parallel
    old, capability = data.vision_peak_old_gpus, setup.gpu.compute_capability
    wider = old.high_factor if capability and float(capability) < float(old.capability) else 1.0
    return Interval(
        low=peak.whole.low + peak.split.low / tp,
        likely=peak.whole.likely + peak.split.likely / tp,
        high=(peak.whole.high + peak.split.high / tp) * wider,
    )


def _layer_temporaries(setup: Setup, settings: Settings, data: VllmSizing, tokens: int) -> Interval:
    a, tp, share = setup.architecture, setup.tensor_parallel, data.layer_temporaries
    hidden = a.hidden_size or _RESERVED_HIDDEN
    width = a.intermediate_size or (a.experts.intermediate_size if a.experts else None) or 4 * hidden
    if a.experts and not a.experts.dense_layers_first and a.experts.every == 1 and not a.experts.beside_dense_mlp:
        width = a.experts.shared_intermediate_size or (a.experts.intermediate_size or 0) * a.experts.shared_count
    head_dim = max(a.head_dim or 128, a.global_head_dim or 0)
    queries = (a.num_heads or hidden // 128) * head_dim
    elements = (share.mlp * width + share.queries * queries) / tp + share.hidden * hidden
    size = tokens * elements * settings.dtype_bytes / GIB
    if a.mla and a.mla.qk_nope_head_dim and a.mla.v_head_dim:
        length = settings.max_model_len or data.mla_workspace_tokens
        most = min(max(8 * length, 4 * settings.max_num_seqs * settings.block_tokens), data.mla_workspace_tokens)
        size += most * (a.num_heads or 128) / tp * (a.mla.qk_nope_head_dim + a.mla.v_head_dim) * 2 / GIB
    kept = at_version(data.expert_workspace_kept, settings.version).value
    workspace = None if kept else expert_workspace_gib(setup, settings, data)
    transient = workspace or Interval.exactly(0.0)
    return Interval(
        low=size * share.low_factor + transient.low,
        likely=size + transient.likely,
        high=size * share.high_factor + transient.high,
    )


def expert_workspace_gib(setup: Setup, settings: Settings, data: VllmSizing) -> Interval | None:
    """Two buffers of batched tokens × experts per token rows (fused_moe workspace_shapes); None without experts."""
    a = setup.architecture
    e = a.experts
    if e is None:
        return None
    width = -(-(e.intermediate_size or 2048) // setup.tensor_parallel)
    hidden = e.latent_size or a.hidden_size or _RESERVED_HIDDEN
    rows = _expert_tokens(setup, settings, data) * (e.per_token or 8)
    size = rows * (max(width, hidden) + max((2 if e.gated else 1) * width, hidden)) * 2 / GIB
    free = data.expert_workspace_free
    given = (setup.quantization or "").lower()
    without = (
        settings.quantization.name in free.quantizations
        or any(word in given for word in free.words)
        or setup.gpu.generation in free.generations
    )
    if without:
        return Interval(low=0.0, likely=0.0, high=size)
    least, most = data.expert_workspace_low_factor, data.expert_workspace_high_factor
    return Interval(low=size * least, likely=size, high=size * most)


def _expert_tokens(setup: Setup, settings: Settings, data: VllmSizing) -> int:
    """Tokens that the experts of one GPU see at once: those of all data-parallel ranks, a chunk at a time."""
    tokens = settings.max_num_batched_tokens
    together = tokens * setup.data_parallel
    return together if together == tokens else max(tokens, min(together, data.expert_chunk_tokens))


def _workspace_formula(a: Architecture, setup: Setup, tokens: int) -> str:
    e = a.experts
    assert e is not None
    return (
        f"{tokens} batched tokens × {e.per_token or 8} experts × two buffers of width {e.latent_size or a.hidden_size} "
        f"or {e.intermediate_size} over TP {setup.tensor_parallel} × 2 B"
    )


def _non_torch(setup: Setup, settings: Settings, data: VllmSizing) -> NonTorch:
    fitting = [
        entry
        for entry in data.non_torch_gib
        if since(entry.since, settings.version)
        and (not entry.generations or setup.gpu.generation in entry.generations)
        and (not entry.capabilities or setup.gpu.compute_capability in entry.capabilities)
        and not (entry.nvlink and setup.gpu.nvlink is False)
    ]
    size = max(
        (entry.tensor_parallel for entry in fitting if entry.tensor_parallel <= setup.tensor_parallel), default=1
    )
    return at_version([entry for entry in fitting if entry.tensor_parallel == size], settings.version)


def _times(interval: Interval, factor: float) -> Interval:
    return Interval(low=interval.low * factor, likely=interval.likely * factor, high=interval.high * factor)


def _interval(bounds: Bounds) -> Interval:
    return Interval(low=bounds.low, likely=bounds.likely, high=bounds.high)
