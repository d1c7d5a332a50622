"""One row of a batch: texts in, an answer with its reason out. What cannot be read is `unknown`, never an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from kindo_models.catalog.architectures import Architecture
from kindo_models.catalog.gpus import GpuType, UnknownGpu, find_gpu
from kindo_models.catalog.model_names import UnknownModel, find_model, parameters_in_name, split_draft
from kindo_models.catalog.vllm_sizing import UnknownQuantization
from kindo_models.planning.memory.limits import needs_expert_parallel
from kindo_models.planning.memory.model import Prediction, Setup
from kindo_models.planning.memory.settings import BadSetup, settings
from kindo_models.planning.memory.verdict import predict

INPUT = (
    "record_id", "model", "gpu", "gpu_total_gib", "n_gpus", "tp", "pp", "dp", "dtype", "quant", "kv_dtype",
    "max_model_len", "gpu_mem_util", "vllm_version", "eager", "prefix_caching", "max_num_seqs",
    "max_num_batched_tokens",
)  # fmt: skip
OUTPUT = ("record_id", "fits", "avail_kv_gib_per_gpu", "max_concurrency", "est_max_len", "reason")
UNKNOWN = "unknown"

_NOT_STATED = ("none", "null", "default", "auto", "-1", "-", "n/a", "na", "unknown", "unstated", "nan")
_TORCH_OF_SOLD = 0.96
"""Torch's GiB of the gigabytes that a card is sold with: 0.92 (24 GB) to 0.99 (80 GB)."""

_T = TypeVar("_T")


class Unreadable(ValueError):
    """The row's values cannot be used; the message names the columns."""


@dataclass(frozen=True)
class Answer:
    """One row of the output."""

    record_id: str
    fits: Literal["true", "false", "unknown"]
    avail_kv_gib_per_gpu: str
    max_concurrency: str
    est_max_len: str
    reason: str


def answer(row: Mapping[str, str]) -> Answer:
    """The answer for one row of texts; blank = that version's default."""
    record = (row.get("record_id") or "").strip()
    try:
        setup = read(row)
        prediction = predict(setup)
    except (Unreadable, UnknownModel, UnknownGpu, UnknownQuantization, BadSetup) as error:
        return Answer(record, "unknown", UNKNOWN, UNKNOWN, UNKNOWN, str(error))
    return _answer(record, setup, prediction, unstated=_unstated(row, setup, prediction))


def _unstated(row: Mapping[str, str], setup: Setup, prediction: Prediction) -> str | None:
    """Why a verdict is not the row's: it rests on values that the row does not state and a log would not default."""
    gpus_stated = any((row.get(name) or "").strip() for name in ("tp", "n_gpus"))
    length_stated = setup.max_model_len is not None
    if prediction.verdict == "fits" and not gpus_stated and not length_stated:
        return "neither the number of GPUs nor max_model_len is stated"
    codes = {refusal.code for refusal in prediction.refusals}
    if codes == {"kv-cache-too-small"} and not length_stated:
        return f"max_model_len is not stated: the model's full context {prediction.max_model_len} would be refused"
    if codes == {"tensor-parallel"} and needs_expert_parallel(setup, settings(setup)):
        return "whether experts are parallel is not a column: without --enable-expert-parallel it would be refused"
    if "no-kv-cache-memory" in codes and not gpus_stated:
        return "neither tp nor n_gpus is stated: on one GPU it would be refused"
    return None


def _answer(record: str, setup: Setup, prediction: Prediction, *, unstated: str | None) -> Answer:
    verdicts: Mapping[str, Literal["true", "false", "unknown"]] = {"fits": "true", "refused": "false"}
    pool = prediction.kv_pool_gib.likely
    sized = pool == pool and not setup.architecture.unsupported
    return Answer(
        record_id=record,
        fits="unknown" if unstated else verdicts.get(prediction.verdict, "unknown"),
        avail_kv_gib_per_gpu=f"{max(pool, 0.0):.2f}" if sized else UNKNOWN,
        max_concurrency=UNKNOWN if prediction.max_concurrency is None else f"{prediction.max_concurrency:.2f}",
        est_max_len=UNKNOWN if prediction.longest_max_model_len is None else str(prediction.longest_max_model_len),
        reason="; ".join((*([unstated] if unstated else []), prediction.reason, *prediction.warnings)),
    )


def read(row: Mapping[str, str]) -> Setup:
    """The setup of a row. Raises Unreadable with every column that cannot be read."""
    cells = {name: (row.get(name) or "").strip() for name in INPUT}
    for name in INPUT:
        if name != "quant" and cells[name].lower() in _NOT_STATED:
            cells[name] = ""
    wrong: list[str] = []

    def parsed(name: str, parse: Callable[[str], _T]) -> _T | None:
        if not cells[name]:
            return None
        try:
            return parse(cells[name])
        except ValueError as error:
            wrong.append(f"{name} {cells[name]!r}: {error}")
            return None

    total = parsed("gpu_total_gib", _positive)
    tp, pp, dp = (parsed(name, _count) for name in ("tp", "pp", "dp"))
    gpus = parsed("n_gpus", _count)
    length, seqs, batched = (
        parsed(name, _count) for name in ("max_model_len", "max_num_seqs", "max_num_batched_tokens")
    )
    utilization = parsed("gpu_mem_util", _positive)
    eager, prefix = (parsed(name, _flag) for name in ("eager", "prefix_caching"))
    if not cells["model"]:
        wrong.append("model is blank")
    if not cells["gpu"] and total is None:
        wrong.append("gpu is blank")
    if wrong:
        raise Unreadable("; ".join(wrong))
    if tp is None:
        tp = max(1, (gpus or 1) // ((pp or 1) * (dp or 1)))
    if gpus is not None and tp <= gpus < tp * (pp or 1):
        raise Unreadable(f"tp {tp} × pp {pp} needs more than the {gpus} of n_gpus")
    name, draft = split_draft(cells["model"])
    return Setup(
        architecture=_architecture(name),
        draft=draft,
        gpu=_gpu(cells["gpu"], total),
        vllm_version=cells["vllm_version"] or None,
        tensor_parallel=tp,
        pipeline_parallel=pp or 1,
        data_parallel=dp or 1,
        dtype=cells["dtype"].removeprefix("torch.") or None,
        quantization=cells["quant"] or None,
        kv_cache_dtype=cells["kv_dtype"] or None,
        max_model_len=length,
        gpu_memory_utilization=utilization,
        enforce_eager=eager,
        prefix_caching=prefix,
        max_num_seqs=seqs,
        max_num_batched_tokens=batched,
        gpus_per_node=gpus if gpus is not None and gpus < tp else None,
        gpu_total_gib=total,
    )


def _architecture(name: str) -> Architecture:
    """The catalogued architecture; where only the name's parameter count is known, a model of that size."""
    try:
        return find_model(name).architecture
    except UnknownModel:
        billions = parameters_in_name(name)
        if billions is None:
            raise
        return Architecture(
            name=name, source="the name's parameter count", parameters_billion=billions, limit_certain=False
        )


def _gpu(text: str, total: float | None) -> GpuType:
    """The catalogued type; for another one with a known memory, a type that is no more than that."""
    try:
        return find_gpu(text)
    except UnknownGpu:
        sold = re.search(r"(\d+(?:\.\d+)?) ?gi?b\b", text.lower())
        if total is None and sold is None:
            raise
        memory = total if total is not None else _TORCH_OF_SOLD * float(sold[1] if sold else 0)
        return GpuType(
            name=text or "unknown GPU",
            vendor="amd" if re.search(r"\bamd\b|rocm|\bmi\d", text.lower()) else "nvidia",
            generation="unknown",
            memory_gib=memory,
            memory_spread_gib=(0.01 if total is not None else 1 - _TORCH_OF_SOLD) * memory,
            memory_source="given" if total is not None else "the name's gigabytes",
            nominal_gb=round(memory),
            bf16=True,
            fp8=False,
            fp4=False,
        )


def _count(text: str) -> int:
    number = float(text.replace(",", "").replace("_", ""))
    if number != int(number) or number < 1:
        raise ValueError("give a whole number from 1 on")
    return int(number)


def _positive(text: str) -> float:
    number = float(re.sub(r"\s*gi?b$", "", text, flags=re.IGNORECASE))
    if not 0 < number < 100_000:
        raise ValueError("give a number above 0")
    return number


def _flag(text: str) -> bool:
    if text.lower() in ("true", "1", "yes", "on"):
        return True
    if text.lower() in ("false", "0", "no", "off"):
        return False
    raise ValueError("give True or False")
