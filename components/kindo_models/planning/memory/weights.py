"""GiB of weights on the fullest GPU, from parameter counts, or from the sizes of the checkpoint's files where known."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kindo_models.catalog.architectures import Architecture
from kindo_models.catalog.vllm_sizing import Edge, Quantization, quantizations, since, vllm_sizing
from kindo_models.planning.memory.model import Interval, Setup
from kindo_models.planning.memory.parameters import Part, count
from kindo_models.planning.memory.settings import Settings, published_quantization

GIB = 1024**3
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
    """GiB on the fullest GPU, with what loading adds."""
    held = _stored(setup, settings)
    data, gib = vllm_sizing(), held.gib
    if setup.draft:
        layers = max(1, setup.architecture.draft_layers)
        layer = gib.likely / (setup.architecture.num_layers or 32)
        gib = gib + Interval(low=0.0, likely=layer * layers, high=4 * layer * layers)
    if setup.architecture.vision:
        high = gib.likely + math.hypot(gib.high - gib.likely, data.vision_load_gib)
        gib = Interval(low=gib.low, likely=gib.likely, high=high)
    if setup.gpu.vendor == "amd":
        factor = data.rocm_weights_factor
        gib = Interval(low=gib.low * factor.low, likely=gib.likely * factor.likely, high=gib.high * factor.high)
    return Weights(gib, held.formula, held.source, held.known)


def _stored(setup: Setup, settings: Settings) -> Weights:
    """Given sizes first, then a count that agrees with the published size, that size, the published number."""
    a = setup.architecture
    if setup.weights_gib is not None:
        return _from_files(setup, settings, setup.weights_gib, "given", low=0.99)
    counted, files = count(a), _file_gib(a, settings)
    if counted is not None:
        parts = _with_vision(a, counted)
        if files is None or abs(_whole(a, parts["likely"], settings) / files - 1) <= _COUNT_TOLERANCE:
            return _from_count(setup, settings, parts)
    if files is not None:
        return _from_files(setup, settings, files, (a.checkpoint.source if a.checkpoint else "") or a.source, low=0.97)
    if a.parameters_billion is None:
        return Weights(Interval.exactly(math.nan), "size not known", a.source, known=False)
    return _from_total(setup, settings, a.parameters_billion)


def _from_count(setup: Setup, settings: Settings, parts: dict[Edge, tuple[Part, ...]]) -> Weights:
    data = vllm_sizing()
    factor = data.load_factor.unquantized if settings.quantization.name == "none" else data.load_factor.quantized

    def gib(edge: Edge) -> float:
        return _on_gpu(parts[edge], setup, settings, edge) * factor.at(edge) + data.load_gib.at(edge)

    total = sum(part.count for part in parts["likely"] if part.kind != "absorbed") / 1e9
    return Weights(
        Interval(low=gib("low"), likely=gib("likely"), high=gib("high")),
        f"{total:.2f} billion parameters, {_format(settings)}, {_split(setup)}",
        f"counted from the configuration ({setup.architecture.source})",
    )


def _from_files(setup: Setup, settings: Settings, gib: float, source: str, *, low: float) -> Weights:
    """Low: published sizes may hold what is not loaded (draft layers, other copies)."""
    share = {edge: _shared(setup, settings, gib, edge) for edge in EDGES}
    kept_whole = 1.0 if setup.tensor_parallel * setup.pipeline_parallel == 1 else 1.03
    return Weights(
        Interval(low=share["low"] * low, likely=share["likely"] * 1.003, high=share["high"] * 1.01 * kept_whole),
        f"{gib:.2f} GiB of weight files, {_split(setup)}",
        source,
    )


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
        total = (billions * factor * each + kept * max(0.0, sixteen - each)) * 1e9 / GIB
        return _shared(setup, settings, total, edge)

    spread = max(rounding, 0.02)
    return Weights(
        Interval(low=gib("low", 1 - spread), likely=gib("likely", 1.0), high=gib("high", 1 + spread + 0.02)),
        f"{billions:g} billion parameters, {_format(settings)}, {_split(setup)}",
        f"published number of parameters ({a.source})",
    )


def _shared(setup: Setup, settings: Settings, total: float, edge: Edge) -> float:
    """One GPU's share of the whole model's GiB, a vision tower apart."""
    tower = vllm_sizing().vision_tower_billion.likely * 1e9 * settings.dtype_bytes / GIB
    whole = min(tower, total / 2) if _holds_tower_whole(setup.architecture, edge) else 0.0
    return (total - whole) / (setup.tensor_parallel * setup.pipeline_parallel) + whole


def _holds_tower_whole(a: Architecture, edge: Edge) -> bool:
    """Whether every GPU of a TP group holds the whole vision tower: by the model's class, at worst."""
    return a.vision and (edge == "high" or a.class_name in vllm_sizing().vision_whole)


def _decimals(value: float) -> int:
    text = f"{value:g}"
    return len(text.split(".")[1]) if "." in text else 0


def _file_gib(a: Architecture, settings: Settings) -> float | None:
    """Size of the weight files in this quantisation, where published."""
    if a.checkpoint is None or a.checkpoint.gib is None or settings.dtype_bytes != 2:
        return None
    return a.checkpoint.gib if published_quantization(a).name == settings.quantization.name else None


def _with_vision(a: Architecture, parts: tuple[Part, ...]) -> dict[Edge, tuple[Part, ...]]:
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
            return dict.fromkeys(EDGES, (*parts, Part("vision", rest)))
    return {edge: (*parts, Part("vision", usual.at(edge) * 1e9)) for edge in EDGES}


def _whole(a: Architecture, parts: tuple[Part, ...], settings: Settings) -> float:
    """GiB of the checkpoint's files by the count."""
    return sum(part.count * _part_bytes(part, a, settings, "likely") for part in parts if part.kind != "absorbed") / GIB


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
        if part.kind == "experts":
            size *= _padding(setup, settings, edge)
        whole = part.whole or (part.kind == "vision" and _holds_tower_whole(a, edge))
        size /= 1 if whole else expert_share if part.kind == "experts" else tp
        if part.kind in ("embedding", "head", "vision"):
            ends = max(ends, size) if pp > 1 else ends + size
        else:
            inner += size
    return (inner * stage + ends) / GIB


def _padding(setup: Setup, settings: Settings, edge: Edge) -> float:
    """How much larger padded expert matrices are than the configuration says."""
    e, given = setup.architecture.experts, (setup.quantization or "").lower()
    hidden = (e.latent_size if e else None) or setup.architecture.hidden_size
    if e is None or not e.intermediate_size or not hidden:
        return 1.0
    local = math.ceil(e.intermediate_size / setup.tensor_parallel)
    for pad in vllm_sizing().expert_padding:
        named = settings.quantization.name in pad.quantizations or any(word in given for word in pad.words)
        if (
            named
            and since(pad.since, settings.version)
            and (not pad.generations or setup.gpu.generation in pad.generations)
        ):
            width, rows = {
                "low": (pad.low_width, pad.low_hidden),
                "likely": (pad.width, pad.hidden),
                "high": (pad.high_width or pad.width, pad.high_hidden or pad.hidden),
            }[edge]
            return _up(local, width) / local * _up(hidden, rows) / hidden
    return 1.0


def _up(value: int, multiple: int) -> int:
    return math.ceil(value / multiple) * multiple


def _part_bytes(part: Part, a: Architecture, settings: Settings, edge: Edge) -> float:
    sixteen = (edge == "high" and not settings.recurrent_quantized) or settings.recurrent_16bit
    if part.kind in _UNQUANTIZED or (part.kind == "recurrent" and edge != "low" and sixteen):
        return float(settings.dtype_bytes)
    q = settings.quantization
    # Recipes of mixture-of-experts models often leave attention 16-bit; those of dense models do not.
    rare = q.quantized_high if a.experts else None
    scope = {"low": q.quantized_low, "likely": None, "high": rare}[edge] or q.quantized
    if scope == "mlp" and part.kind in ("attention", "recurrent"):
        return float(settings.dtype_bytes)
    return _bytes(q, settings, edge)


def _bytes(q: Quantization, settings: Settings, edge: Edge) -> float:
    return settings.dtype_bytes if q.name == "none" else q.bytes.at(edge)


def _format(settings: Settings) -> str:
    q = settings.quantization
    return settings.dtype if q.name == "none" else f"{q.name} ({q.bytes.likely:g} B per quantised weight)"


def _split(setup: Setup) -> str:
    tp, pp = setup.tensor_parallel, setup.pipeline_parallel
    return "on one GPU" if tp * pp == 1 else f"over TP {tp} × PP {pp}"
