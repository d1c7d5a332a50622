"""GiB of weights on the fullest GPU, from parameter counts, or from the sizes of the checkpoint's files where known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from kindo_models.catalog.architectures import Architecture
from kindo_models.catalog.vllm_sizing import Quantization, quantizations, since, vllm_sizing
from kindo_models.planning.memory.model import Interval, Setup
from kindo_models.planning.memory.parameters import Part, count
from kindo_models.planning.memory.settings import Settings, published_quantization

GIB = 1024**3
Edge = Literal["low", "likely", "high"]
EDGES: tuple[Edge, ...] = ("low", "likely", "high")

_UNQUANTIZED = frozenset({"embedding", "head", "replicated", "absorbed", "vision"})
_COUNT_TOLERANCE = 0.06
"""A count further from the checkpoint's size than this has missed something; the size is used."""


@dataclass(frozen=True)
class Weights:
    """`known`: False where nothing tells the size of the model."""

    gib: Interval
    formula: str
    source: str
    known: bool = True


def weights(setup: Setup, settings: Settings) -> Weights:
    held = _weights(setup, settings)
    data = vllm_sizing()
    gib = held.gib
    if setup.draft:
        layer = gib.likely / (setup.architecture.num_layers or 32)
        layers = max(1, setup.architecture.draft_layers)
        gib = gib + Interval(low=0.0, likely=layer * layers, high=4 * layer * layers)
    if setup.architecture.vision:
        high = gib.likely + math.hypot(gib.high - gib.likely, data.vision_load_gib)
        gib = Interval(low=gib.low, likely=gib.likely, high=high)
    if setup.gpu.vendor == "amd":
        factor = data.rocm_weights_factor
        gib = Interval(low=gib.low * factor.low, likely=gib.likely * factor.likely, high=gib.high * factor.high)
    return Weights(gib, held.formula, held.source, held.known)


def _weights(setup: Setup, settings: Settings) -> Weights:
    a = setup.architecture
    counted = count(a)
    files = _file_gib(setup, settings)
    parts = _with_vision(a, counted, settings) if counted else None
    if parts is not None and (files is None or abs(_whole(a, parts, settings) / files - 1) <= _COUNT_TOLERANCE):
        gib = {edge: _on_gpu(parts[edge], setup, settings, edge) for edge in EDGES}
        total = sum(part.count for part in parts["likely"] if part.kind != "absorbed") / 1e9
        data = vllm_sizing()
        factor = data.load_factor.unquantized if settings.quantization.name == "none" else data.load_factor.quantized
        interval = Interval(
            low=gib["low"] * factor.low + data.load_gib.low,
            likely=gib["likely"] * factor.likely + data.load_gib.likely,
            high=gib["high"] * factor.high + data.load_gib.high,
        )
        return Weights(
            interval,
            f"{total:.2f} billion parameters in {settings.quantization.name}, {_split(setup)}",
            f"counted from the configuration ({a.source})",
        )
    if files is not None:
        share = _shared(setup, settings, files)
        factor = 1.0 if setup.tensor_parallel * setup.pipeline_parallel == 1 else 1.03
        source = "given" if setup.weights_gib is not None else (a.checkpoint.source if a.checkpoint else "") or a.source
        return Weights(
            Interval(low=share * 0.97, likely=share * 1.003, high=share * 1.01 * factor),
            f"{files:.2f} GiB of weight files, {_split(setup)}",
            source,
        )
    if a.parameters_billion is None:
        return Weights(Interval.exactly(math.nan), "", "", known=False)
    return _from_total(setup, settings, a.parameters_billion)


def _from_total(setup: Setup, settings: Settings, billions: float) -> Weights:
    """From the number of parameters alone: published numbers are rounded, and what stays 16-bit is not known."""
    a, q = setup.architecture, settings.quantization
    rounding = 0.5 * 10 ** -_decimals(billions) / billions
    tables = 1 if a.tie_word_embeddings else 2
    kept = tables * (a.vocab_size or 150_000) * (a.hidden_size or 4096) / 1e9 + a.per_layer_embedding_billion
    kept += vllm_sizing().vision_tower_billion.likely if a.vision else 0.0
    kept = min(kept, 0.9 * billions)
    sixteen = _bytes(quantizations()["none"], settings, "likely")

    def gib(edge: Edge, factor: float) -> float:
        each = _bytes(q, settings, edge)
        return _shared(setup, settings, (billions * factor * each + kept * max(0.0, sixteen - each)) * 1e9 / GIB)

    spread = max(rounding, 0.02)
    return Weights(
        Interval(low=gib("low", 1 - spread), likely=gib("likely", 1.0), high=gib("high", 1 + spread + 0.02)),
        f"{billions:g} billion parameters in {q.name}, {_split(setup)}",
        f"published number of parameters ({a.source})",
    )


def _shared(setup: Setup, settings: Settings, total: float) -> float:
    """One GPU's share of the whole model's GiB; a vision tower lies whole on every GPU of a TP group."""
    tower = vllm_sizing().vision_tower_billion.likely * 1e9 * settings.dtype_bytes / GIB
    whole = min(tower, total / 2) if setup.architecture.vision else 0.0
    return (total - whole) / (setup.tensor_parallel * setup.pipeline_parallel) + whole


def _decimals(value: float) -> int:
    text = f"{value:g}"
    return len(text.split(".")[1]) if "." in text else 0


def _file_gib(setup: Setup, settings: Settings) -> float | None:
    """Size of the weight files in this quantisation, where given or published."""
    if setup.weights_gib is not None:
        return setup.weights_gib
    checkpoint = setup.architecture.checkpoint
    if checkpoint is None or checkpoint.gib is None:
        return None
    published = published_quantization(setup.architecture)
    return checkpoint.gib if published.name == settings.quantization.name and settings.dtype_bytes == 2 else None


def _with_vision(a: Architecture, parts: tuple[Part, ...], settings: Settings) -> dict[Edge, tuple[Part, ...]]:
    """The parts with the vision tower: what a 16-bit checkpoint holds beyond text and draft layers, else as usual."""
    if not a.vision:
        return dict.fromkeys(EDGES, parts)
    usual = vllm_sizing().vision_tower_billion
    checkpoint = a.checkpoint
    if checkpoint and checkpoint.gib and not checkpoint.quantization:
        text = sum(part.count for part in parts if part.kind != "absorbed")
        layer = (text - sum(part.count for part in parts if part.kind in ("embedding", "head"))) / (a.num_layers or 1)
        rest = checkpoint.gib * GIB / 2 - text - layer * a.draft_layers
        if 0.5 * usual.low < rest / 1e9 < 4 * usual.high:
            return dict.fromkeys(EDGES, (*parts, Part("vision", rest, whole=True)))
    return {edge: (*parts, Part("vision", getattr(usual, edge) * 1e9, whole=True)) for edge in EDGES}


def _whole(a: Architecture, parts: dict[Edge, tuple[Part, ...]], settings: Settings) -> float:
    return (
        sum(
            part.count * _part_bytes(part, a, settings, "likely") for part in parts["likely"] if part.kind != "absorbed"
        )
        / GIB
    )


def _on_gpu(parts: tuple[Part, ...], setup: Setup, settings: Settings, edge: Edge) -> float:
    """GiB on the GPU that holds most: layers are split over the stages, the ends hold embedding or output head."""
    a = setup.architecture
    tp, pp = setup.tensor_parallel, setup.pipeline_parallel
    layers = a.num_layers or 1
    stage = math.ceil(layers / pp) / layers
    expert_share = tp * (setup.data_parallel if setup.data_parallel > 1 else 1)
    inner = ends = 0.0
    for part in parts:
        size = part.count * _part_bytes(part, a, settings, edge)
        if part.kind == "experts" and edge != "low":
            size *= _padding(setup, settings)
        size /= 1 if part.whole else expert_share if part.kind == "experts" else tp
        if part.kind in ("embedding", "head", "vision"):
            ends = max(ends, size) if pp > 1 else ends + size
        else:
            inner += size
    return (inner * stage + ends) / GIB


def _padding(setup: Setup, settings: Settings) -> float:
    """How much larger padded expert matrices are than the configuration says."""
    e, given = setup.architecture.experts, (setup.quantization or "").lower()
    width, hidden = (e.intermediate_size if e else None), setup.architecture.hidden_size
    if e is None or not width or not hidden:
        return 1.0
    hidden = e.latent_size or hidden
    local = math.ceil(width / setup.tensor_parallel)
    for pad in vllm_sizing().expert_padding:
        named = settings.quantization.name in pad.quantizations or any(word in given for word in pad.words)
        if named and since(pad.since, settings.version):
            return _up(local, pad.width) / local * _up(hidden, pad.hidden) / hidden
    return 1.0


def _up(value: int, multiple: int) -> int:
    return math.ceil(value / multiple) * multiple


def _part_bytes(part: Part, a: Architecture, settings: Settings, edge: Edge) -> float:
    if part.kind in _UNQUANTIZED:
        return float(settings.dtype_bytes)
    q = settings.quantization
    # Recipes of mixture-of-experts models often leave attention 16-bit; those of dense models do not.
    rare = q.quantized_high if a.experts else None
    scope = {"low": q.quantized_low, "likely": None, "high": rare}[edge] or q.quantized
    if scope == "mlp" and part.kind == "attention":
        return float(settings.dtype_bytes)
    return _bytes(q, settings, edge)


def _bytes(q: Quantization, settings: Settings, edge: Edge) -> float:
    return settings.dtype_bytes if q.name == "none" else float(getattr(q.bytes, edge))


def _split(setup: Setup) -> str:
    tp, pp = setup.tensor_parallel, setup.pipeline_parallel
    return "on one GPU" if tp * pp == 1 else f"over TP {tp} × PP {pp}"
