"""`predict(setup)`: would vLLM start with exactly these flags, and with how much room."""

from __future__ import annotations

import math
from dataclasses import replace

from kindo_models.catalog.vllm_sizing import VllmSizing, first_release, parse_version
from kindo_models.planning.memory.kv_cache import GIB, CachePlan, cache_plan
from kindo_models.planning.memory.limits import shape_refusals, warnings
from kindo_models.planning.memory.model import Interval, Prediction, Refusal, Setup, Term, Verdict
from kindo_models.planning.memory.overhead import overhead_terms
from kindo_models.planning.memory.room import Room
from kindo_models.planning.memory.settings import Settings, settings
from kindo_models.planning.memory.weights import weights

_POSSIBLE_VERSIONS = ("0.5.3", "0.7.3", "0.19.1", "0.33.0")
"""Beside UNKNOWN_VERSION, the ends of each regime that an unknown version may belong to."""


def predict(setup: Setup, *, data: VllmSizing | None = None) -> Prediction:
    """Verdict, refusals, terms and room of one setup.

    Args:
        data: other constants of the memory profile than the catalog's (the bench refits them).

    Raises:
        BadSetup: a value that vLLM takes for no model (negative numbers, unknown types).
    """
    chosen = settings(setup)
    held = weights(setup, chosen)
    terms, overhead = _overhead(setup, chosen, data)
    budget = chosen.total_gib * chosen.utilization
    spread = chosen.total_spread_gib * chosen.utilization
    pool = _pool(budget, spread, held.gib, overhead)
    plan = _plan(setup, chosen)
    need = _need(plan, chosen)
    room = Room(setup, chosen, plan, pool, need, held.gib, terms)
    refusals = [*shape_refusals(setup, chosen), *(room.refusals() if held.known else ())]
    verdict, reason = _verdict(room, refusals, known=held.known)
    concurrency = _concurrency(plan, chosen, pool.likely)
    length = chosen.max_model_len
    return Prediction(
        verdict=verdict,
        reason=reason,
        refusals=tuple(refusals),
        warnings=tuple(warnings(setup, chosen)),
        margin_gib=None if need is None or not held.known else pool.likely - need,
        terms=(
            Term(name="weights", gib=held.gib, formula=held.formula, source=held.source),
            *terms,
        ),
        total_gib=chosen.total_gib,
        budget_gib=budget,
        weights_gib=held.gib,
        overhead_gib=overhead,
        kv_pool_gib=pool,
        request_kv_gib=need,
        max_model_len=length,
        kv_tokens=None if concurrency is None or length is None else int(concurrency * length),
        max_concurrency=concurrency,
        longest_max_model_len=_longest(setup, plan, pool, known=held.known),
        gpu_memory_utilization=chosen.utilization,
        max_num_seqs=chosen.max_num_seqs,
        max_num_batched_tokens=chosen.max_num_batched_tokens,
    )


def _overhead(setup: Setup, chosen: Settings, data: VllmSizing | None) -> tuple[tuple[Term, ...], Interval]:
    """The terms and their sum. An unknown version has the older regime's terms; the sum spans all regimes."""
    terms = overhead_terms(setup, chosen, data)
    total = _sum(terms)
    if not chosen.version_known:
        fixed = replace(setup, gpu_memory_utilization=chosen.utilization)
        earliest = first_release(setup.architecture.class_name)
        others = [
            replace(fixed, vllm_version=version)
            for version in _POSSIBLE_VERSIONS
            if (parse_version(version) or earliest) >= earliest
        ]
        sums = [_sum(overhead_terms(other, settings(other), data)) for other in others]
        total = Interval(
            low=min(total.low, *(other.low for other in sums)),
            likely=total.likely,
            high=max(total.high, *(other.high for other in sums)),
        )
    return terms, total


def _pool(budget: float, spread: float, held: Interval, overhead: Interval) -> Interval:
    likely = budget - held.likely - overhead.likely
    return Interval(
        low=likely - math.hypot(spread, held.high - held.likely, overhead.high - overhead.likely),
        likely=likely,
        high=likely + math.hypot(spread, held.likely - held.low, overhead.likely - overhead.low),
    )


def _sum(terms: tuple[Term, ...]) -> Interval:
    """Sum of the terms; they vary independently, so the half-widths add in quadrature."""
    likely = sum(term.gib.likely for term in terms)
    below = math.sqrt(sum((term.gib.likely - term.gib.low) ** 2 for term in terms))
    above = math.sqrt(sum((term.gib.high - term.gib.likely) ** 2 for term in terms))
    return Interval(low=likely - below, likely=likely, high=likely + above)


def plan_of(setup: Setup) -> CachePlan | None:
    """How the setup's KV cache is cut into blocks; None without one, or where it cannot be computed."""
    return _plan(setup, settings(setup))


def _plan(setup: Setup, chosen: Settings) -> CachePlan | None:
    if setup.architecture.unsupported:
        return None
    return cache_plan(
        setup.architecture,
        tensor_parallel=setup.tensor_parallel,
        pipeline_parallel=setup.pipeline_parallel,
        kv_bytes=chosen.kv_bytes,
        max_num_batched_tokens=chosen.max_num_batched_tokens,
        block_tokens=chosen.block_tokens,
        align_states=chosen.align_states,
        draft_layers=max(1, setup.architecture.draft_layers) if setup.draft else 0,
    )


def _need(plan: CachePlan | None, chosen: Settings) -> float | None:
    if plan is None or chosen.max_model_len is None:
        return None
    return plan.request_bytes(chosen.max_model_len) / GIB


def _concurrency(plan: CachePlan | None, chosen: Settings, pool_gib: float) -> float | None:
    if plan is None or chosen.max_model_len is None or not pool_gib > 0:
        return None
    return plan.max_concurrency(pool_gib * GIB, chosen.max_model_len)


def _longest(setup: Setup, plan: CachePlan | None, pool: Interval, *, known: bool) -> int | None:
    if not known:
        return None
    if setup.architecture.encoder_only:
        limit = setup.architecture.max_position_embeddings
        return limit if pool.low > 0 else 0
    if plan is None:
        return None
    if not plan.grows:
        # Windows and states alone: memory ends no context, the model's own limit does.
        return setup.architecture.max_position_embeddings if plan.request_bytes(1) <= pool.low * GIB else 0
    return plan.longest(pool.low * GIB) if pool.low > 0 else 0


def _verdict(room: Room, refusals: list[Refusal], *, known: bool) -> tuple[Verdict, str]:
    if refusals:
        return "refused", refusals[0].message
    doubt = _doubt(room, known=known)
    if doubt is not None:
        return "too-close", doubt
    pool, need = room.pool, room.need
    if need is None:
        return "fits", f"weights and activations leave {pool.likely:.2f} GiB; no KV cache is needed"
    return (
        "fits",
        f"KV pool {pool.likely:.2f} GiB ({pool.low:.2f} to {pool.high:.2f}), one request of "
        f"{room.chosen.max_model_len} tokens needs {need:.2f} GiB",
    )


def _doubt(room: Room, *, known: bool) -> str | None:
    """What stands between a setup that is not refused and a promise."""
    a, chosen, plan, pool, need = room.setup.architecture, room.chosen, room.plan, room.pool, room.need
    if not known:
        return f"no source tells the size of {a.name}"
    if a.unsupported:
        return a.unsupported
    if plan is None and not a.encoder_only:
        return f"the attention layers of {a.name} are not known"
    limit, length = chosen.model_limit, room.setup.max_model_len
    if not a.limit_certain and limit and length and length > limit and not room.setup.allow_long_max_model_len:
        return f"context {length} is beyond the {limit} of the relative whose configuration is known ({a.source})"
    if need is None and not a.encoder_only:
        return f"no context length is given and none is known for {a.name}"
    if pool.low <= 0 or (need is not None and need > pool.low):
        return (
            f"too close to call: KV pool {pool.low:.2f} to {pool.high:.2f} GiB, one request needs {need or 0.0:.2f} GiB"
        )
    return room.doubt()
