"""Three simple rules beside which the memory model is measured: what people compute on a napkin."""

from __future__ import annotations

from collections.abc import Callable

from kindo_models.catalog.gpus import gpus
from kindo_models.planning.memory import Setup
from kindo_models.planning.memory.kv_cache import GIB, cache_plan
from kindo_models.planning.memory.parameters import count
from kindo_models.planning.memory.settings import settings
from kindo_models.planning.memory.weights import weights
from kindo_models.planning.vram_table import NoCell, cell_for

Rule = Callable[[Setup], bool | None]
"""Would it start? None: the rule does not say."""


def weights_and_kv(setup: Setup) -> bool | None:
    """Weights and the KV cache of one request fit into what utilisation leaves of the GPUs' nominal memory."""
    chosen, held = settings(setup), weights(setup, settings(setup))
    if not held.known or chosen.max_model_len is None:
        return None
    plan = cache_plan(
        setup.architecture,
        tensor_parallel=setup.tensor_parallel,
        pipeline_parallel=setup.pipeline_parallel,
        kv_bytes=chosen.kv_bytes,
        max_num_batched_tokens=chosen.max_num_batched_tokens,
    )
    if plan is None or setup.architecture.unsupported:
        return None
    need = plan.request_bytes(chosen.max_model_len) / GIB
    return held.gib.likely + need <= _nominal(setup) * chosen.utilization


def weights_and_a_fifth(setup: Setup) -> bool | None:
    """1.2 × weights fit into the GPUs' nominal memory."""
    held = weights(setup, settings(setup))
    return held.gib.likely * 1.2 <= _nominal(setup) if held.known else None


def vram_table(setup: Setup) -> bool | None:
    """Kindo's VRAM table asks for no more GPUs, and no larger ones."""
    chosen = settings(setup)
    parts = count(setup.architecture)
    billions = (
        sum(part.count for part in parts if part.kind != "absorbed") / 1e9
        if parts
        else setup.architecture.parameters_billion
    )
    if chosen.max_model_len is None:
        return None
    answer = cell_for(billions, chosen.quantization.name, chosen.max_model_len)
    if isinstance(answer, NoCell):
        return None
    world = setup.tensor_parallel * setup.pipeline_parallel
    return _nominal(setup) * world >= answer.cell.low * answer.cell.class_gb * 0.9


def _nominal(setup: Setup) -> float:
    known = gpus().get(setup.gpu.name)
    return float(known.nominal_gb) if known else setup.gpu.memory_gib


RULES: dict[str, Rule] = {
    "weights + KV": weights_and_kv,
    "1.2 × weights": weights_and_a_fifth,
    "VRAM table": vram_table,
}
