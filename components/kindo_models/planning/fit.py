"""On which GPUs of a market one model may run: for each GPU type the fewest that are enough, split in a way vLLM takes.

What is enough, the sizing decides (`sizing.decide`): given hardware is taken as it is; Kindo's statement and table ask
for at least their GPUs, and the memory model must accept them where it knows the model; in mode `model` it alone does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from kindo_models.catalog.gpus import GpuType, gpus
from kindo_models.catalog.vllm_sizing import quantizations
from kindo_models.planning.packing.problem import Option
from kindo_models.planning.server_sizing import Sized
from kindo_models.planning.shapes import COUNTS, Shape
from kindo_models.planning.sizing import covers, options_of
from kindo_models.planning.trials import Trials
from kindo_models.planning.vram_table import statement_for

_STAGES = 2
"""Pipeline stages on GPUs without NVLink; KAITO caps them at 3 for a fault of vLLM's."""
_HALF = ("float16", "half", "float32", "float")


@dataclass(frozen=True)
class Fit:
    """options: at most one of each GPU type. refused: GPU type → why it is none."""

    options: tuple[Option, ...]
    refused: Mapping[str, str]


def fit(sized: Sized, most: Mapping[str, int], *, vendor: str = "nvidia", choose_stages: bool = True) -> Fit:
    """most: GPU type → most GPUs in one node. vendor: of the GPUs that the image runs on. choose_stages: pipeline
    stages may be chosen, because the entry says nothing about its GPUs."""
    options, refused = [], {}
    for name in sorted(most):
        gpu = gpus()[name]
        why = unsuitable(sized, gpu, vendor)
        shape = None if why else next((one for one in _shapes(sized, gpu, most[name]) if _enough(sized, one)), None)
        if shape is None:
            refused[name] = why or _too_small(sized, gpu, most[name])
        else:
            options.append(_split(sized, shape, choose_stages))
    return Fit(tuple(options), refused)


def unsuitable(sized: Sized, gpu: GpuType, vendor: str = "nvidia") -> str:
    """Why a GPU type is not for this model, however many there are; "" where it may be."""
    wished = sized.wish.gpu
    if gpu.vendor != vendor:
        return f"the image runs on {vendor} GPUs"
    if wished:
        # An H100 with more memory (H100-NVL) is an H100 too.
        same = gpu == wished or (gpu.name.startswith(f"{wished.name}-") and gpu.nominal_gb >= wished.nominal_gb)
        return "" if same else f"{wished.name} is wanted"
    if stored := computes_no(sized, gpu):
        return f"it computes no {stored}: weights would only be stored so"
    if not gpu.bf16 and _wants_bfloat16(sized):
        return f"it computes no bfloat16 (compute capability {gpu.compute_capability})"
    return ""


def computes_no(sized: Sized, gpu: GpuType) -> str:
    """The weight format that this GPU type has no matrix units for; "" where it has them."""
    precision = quantizations().get(sized.workload.precision)
    if precision is None or precision.tensor_cores_from is None or gpu.compute_capability is None:
        return ""
    lacking = _capability(gpu.compute_capability) < _capability(precision.tensor_cores_from)
    return precision.name if lacking else ""


def _wants_bfloat16(sized: Sized) -> bool:
    """Asked for, or what the checkpoint is in: in float16 vLLM starts, and some models overflow."""
    dtype, known = (sized.workload.dtype or "auto").lower(), sized.workload.architecture
    return dtype not in _HALF and (dtype == "bfloat16" or known is None or known.dtype == "bfloat16")


def _shapes(sized: Sized, gpu: GpuType, most: int) -> Iterator[Shape]:
    counts = (sized.wish.count,) if sized.wish.count else COUNTS
    return (Shape(gpu, count) for count in counts if count <= most)


def _enough(sized: Sized, shape: Shape) -> bool:
    decision, workload = sized.decision, sized.workload
    if decision.basis == "given":
        return True
    if sized.wish.gpu:
        return covers(shape, decision.shape)
    if decision.basis == "statement":
        statement = statement_for(workload.model, workload.context, workload.kv_cache_dtype)
        stated = options_of(statement) if statement else [decision.shape]
        return any(covers(shape, one) and not _older(shape.gpu, one.gpu) for one in stated)
    if decision.basis == "table" and not covers(shape, decision.shape):
        return False
    if workload.architecture is None:
        return True
    close = decision.verdict == "too-close" and sized.trials.likely(shape)
    return sized.trials.accepts(shape) or close


def _older(gpu: GpuType, than: GpuType) -> bool:
    return _capability(gpu.compute_capability or "0") < _capability(than.compute_capability or "0")


def _too_small(sized: Sized, gpu: GpuType, most: int) -> str:
    count = sized.wish.count
    if count and count > most:
        return f"one node has at most {most}"
    asked = f" (it takes {sized.decision.shape})" if sized.decision.basis != "memory model" else ""
    return f"{Shape(gpu, most)}, the most in one node, are not enough{asked}"


def _split(sized: Sized, shape: Shape, choose_stages: bool) -> Option:
    """Tensor parallel over the GPUs of the node; without NVLink two pipeline stages, where vLLM surely takes them."""
    stages = sized.workload.pipeline_parallel
    unlinked = shape.count > 1 and shape.gpu.vendor == "nvidia" and shape.gpu.nvlink is False
    if choose_stages and stages == 1 and unlinked and _text_decoder(sized):
        staged = Trials(replace(sized.workload, pipeline_parallel=_STAGES))
        if staged.accepts(shape):
            stages = _STAGES
    return Option(shape.gpu.name, shape.count, max(1, shape.count // stages), stages)


def _text_decoder(sized: Sized) -> bool:
    known = sized.workload.architecture
    return known is not None and sized.workload.generates and not known.vision


def _capability(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
