"""`pack`: all models of an environment onto nodes: from the file while its inputs are the same, else by the solver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kindo_models.catalog.gpus import gpus
from kindo_models.catalog.price_file import PriceFile
from kindo_models.contract.model import Deploy, ModelEntry
from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.packing.cheaper import cheaper_shapes
from kindo_models.planning.packing.contents import gpus_in, most_of
from kindo_models.planning.packing.demands import Wanted, demands, wanted
from kindo_models.planning.packing.filling import Filled, fill
from kindo_models.planning.packing.findings import about, impossible, outdated, tampered
from kindo_models.planning.packing.market import Market, market
from kindo_models.planning.packing.placement import Alternative, Inputs, OnNode, PlacedModel, PlacedNode, Placement
from kindo_models.planning.packing.problem import Kept, Option, Problem, need
from kindo_models.planning.packing.program import Infeasible, OutOfTime
from kindo_models.planning.packing.saved import Saved, inputs_of
from kindo_models.planning.packing.search import Answer, Found, search
from kindo_models.planning.packing.validity import supply_of, violations
from kindo_models.planning.server_sizing import Sized
from kindo_models.planning.shapes import Shape


@dataclass(frozen=True)
class Packed:
    """placement: None where nothing is to be placed, or nothing can be."""

    placement: Placement | None
    findings: tuple[Finding, ...]

    def sized(self, model: str, sized: Sized | Finding | None) -> Sized | Finding | None:
        """A model's sizing on the GPUs on which it is placed."""
        placed = self.placement.model(model) if self.placement else None
        if placed is None or not isinstance(sized, Sized):
            return sized
        stages = placed.pipeline_parallel
        return sized.on(Shape(gpus()[placed.gpu], placed.tensor_parallel * stages), pipeline_parallel=stages)


def packed_onto(
    entries: Mapping[str, tuple[ModelEntry, Deploy, Sized | Finding | None]],
    environment: Environment,
    prices: PriceFile | None = None,
    previous: Saved | None = None,
) -> Packed:
    """All entries of a contract, by their routing keys, onto what can be had for the environment's cluster."""
    there = market(environment, prices)
    if there is None:
        return Packed(None, ())
    return pack(tuple(wanted(entries)), there, environment, previous)


def pack(models: Sequence[Wanted], there: Market, environment: Environment, previous: Saved | None = None) -> Packed:
    if not there.supplies:
        # Said once by the market, not once by each model.
        return Packed(None, there.findings if models else ())
    asked = demands(tuple(models), there, environment)
    found = [*there.findings, *asked.findings]
    problem = Problem(
        demands=asked.demands,
        supplies=there.supplies,
        limits=there.limits,
        tolerance=environment.packing.tolerance,
        time_limit=environment.packing.time_limit_seconds,
        whole_nodes=environment.node_pools.idle_gpus == "forbid",
    )
    if not problem.demands:
        return Packed(None, tuple(found))
    zones = environment.cloud.zones
    inputs = inputs_of(problem, zones)
    broken = list(violations(problem, previous.placement)) if previous else []
    if previous and previous.placement.inputs.hash == inputs.hash:
        if previous.sealed and not broken:
            kept = previous.placement
            return Packed(kept, (*found, *about(problem, kept), *cheaper_shapes(kept, models, there, environment)))
        found.append(tampered(broken))
    elif previous:
        found.append(outdated(previous.placement.inputs, inputs, broken))
    problem = replace(problem, kept=_kept(problem, previous.placement) if previous else ())
    try:
        answer = search(problem)
    except Infeasible:
        return Packed(None, (*found, *impossible(problem)))
    except OutOfTime:
        return Packed(None, (*found, *impossible(problem, late=True)))
    before = previous.placement if previous else None
    made = _placement(problem, answer, there, inputs, zones, asked.ruled_out, before)
    return Packed(made, (*found, *about(problem, made), *cheaper_shapes(made, models, there, environment)))


def _kept(problem: Problem, placement: Placement) -> tuple[Kept, ...]:
    """Nodes of the previous placement that can still be had, whatever they cost now."""
    options = {
        one.model: Option(one.gpu, one.gpus, one.tensor_parallel, one.pipeline_parallel) for one in placement.models
    }
    kept: dict[str, Kept] = {}
    for node in placement.nodes:
        supply = supply_of(problem, node) or next(
            (
                one
                for one in problem.supplies
                if (one.instance, one.capacity, one.existing, one.reservation)
                == (node.instance, node.capacity, node.existing, node.reservation)
                and (not one.zones or node.zone in (None, *one.zones))
            ),
            None,
        )
        if supply is None:
            continue
        models = sorted({one.model for one in node.holds} & options.keys())
        holds = tuple((model, sum(one.model == model for one in node.holds)) for model in models)
        ran = tuple((model, options[model]) for model in models)
        kept.setdefault(node.name, Kept(node.name, supply, node.zone, holds, ran))
    return tuple(kept[name] for name in sorted(kept))


def _placement(
    problem: Problem,
    found: Found,
    there: Market,
    inputs: Inputs,
    zones: tuple[str, ...],
    ruled_out: Mapping[str, Mapping[str, str]],
    before: Placement | None,
) -> Placement:
    answer = found.answer
    filled = fill(found.problem, answer, zones)
    moved = _moved(problem, answer, before) if before else {}
    return Placement(
        inputs=inputs,
        cloud=there.cloud,
        region=there.region,
        nodes=tuple(_node(problem, answer, one) for one in filled),
        models=tuple(_model(problem, answer, filled, one, ruled_out[one]) for one in answer.chosen),
        usd_per_hour=answer.usd_per_hour,
        bound=round(answer.bound, 6),
        optimal=answer.optimal,
        moves=sum(moved.values()),
        moved=tuple(sorted(moved)),
        separate_usd_per_hour=_separate(problem),
        alternatives=tuple(_alternative(one) for one in found.alternatives),
        reasons=tuple(_reasons(problem, answer, before is not None)),
    )


def _moved(problem: Problem, answer: Answer, before: Placement) -> dict[str, int]:
    """Model → replicas that were somewhere and are not there any more."""
    was = Counter(one.model for node in before.nodes for one in node.holds)
    moved = {}
    for demand in problem.demands:
        stay = sum(count for (model, _), count in answer.stays.items() if model == demand.model)
        if left := min(was[demand.model], demand.replicas) - stay:
            moved[demand.model] = left
    return moved


def _node(problem: Problem, answer: Answer, one: Filled) -> PlacedNode:
    held, gpu = [], 0
    # The largest first: counts are powers of two, so each one's GPUs are neighbours that NVLink bridges may join.
    for model, replica in sorted(one.replicas, key=lambda pair: (-answer.chosen[pair[0]].gpus, pair)):
        count = answer.chosen[model].gpus
        held.append(OnNode(model=model, replica=replica, gpus=tuple(range(gpu, gpu + count))))
        gpu += count
    supply = one.supply
    return PlacedNode(
        name=one.name,
        instance=supply.instance,
        capacity=supply.capacity,
        existing=supply.existing,
        zone=one.zone,
        gpu=supply.gpu,
        gpus=supply.gpus,
        usd_per_hour=supply.usd_per_hour,
        price=supply.price,
        region=supply.region,
        price_date=supply.price_date,
        price_source=supply.price_source,
        reservation=supply.reservation,
        holds=tuple(held),
    )


def _model(
    problem: Problem, answer: Answer, filled: Sequence[Filled], model: str, ruled_out: Mapping[str, str]
) -> PlacedModel:
    option = answer.chosen[model]
    nodes = {number: node for node in filled for name, number in node.replicas if name == model}
    beside = sorted({name for node in nodes.values() for name, _ in node.replicas} - {model})
    demand = problem.demand(model)
    return PlacedModel(
        model=model,
        replicas=demand.replicas,
        gpu=option.gpu,
        gpus=option.gpus,
        tensor_parallel=option.tensor_parallel,
        pipeline_parallel=option.pipeline_parallel,
        nodes=tuple(nodes[number].name for number in sorted(nodes)),
        reason=_why(problem, model, beside),
        would_do=tuple(str(one) for one in sorted(demand.options)),
        ruled_out=dict(ruled_out),
    )


def _why(problem: Problem, model: str, beside: Sequence[str]) -> str:
    demand = problem.demand(model)
    alone = _alone(problem, model)
    choice = (
        f"one of {len(demand.options)} GPU types that would do" if len(demand.options) > 1 else "the only GPUs that do"
    )
    shared = f", beside {', '.join(beside)}" if beside else ""
    price = f"; alone ${alone:,.2f}/h per replica" if alone is not None else ""
    return f"{choice}{shared}{price}"


def _alone(problem: Problem, model: str) -> float | None:
    """The cheapest node that is bought for one replica of a model alone."""
    demand = problem.demand(model)
    prices = [
        supply.usd_per_hour
        for supply in problem.supplies
        for option in demand.options
        if not supply.existing and supply.most is None and most_of(supply, need(demand, option))
    ]
    return min(prices, default=None)


def _separate(problem: Problem) -> float | None:
    total = 0.0
    for demand in problem.demands:
        alone = _alone(problem, demand.model)
        if alone is None:
            return None
        total += alone * demand.replicas
    return round(total, 6)


def _alternative(answer: Answer) -> Alternative:
    idle = sum(node.supply.gpus - gpus_in(node.contents) for node in answer.nodes)
    return Alternative(
        instances=answer.instances, usd_per_hour=answer.usd_per_hour, idle_gpus=idle, bound=round(answer.bound, 6)
    )


def _reasons(problem: Problem, answer: Answer, before: bool) -> list[str]:
    reasons = [
        "the cheapest nodes that hold all models, proven"
        if answer.optimal
        else f"the cheapest nodes found in {problem.time_limit:g} s; none is cheaper than ${answer.bound:,.2f}/h"
    ]
    if before and answer.usd_per_hour > answer.bound + 0.005 and answer.optimal:
        more = answer.usd_per_hour - answer.bound
        reasons = [
            f"${more:,.2f}/h above the cheapest (${answer.bound:,.2f}/h), within packing.tolerance "
            f"{problem.tolerance:.1%}, because fewer models move"
        ]
    separate = _separate(problem)
    if separate is not None and separate > answer.usd_per_hour + 0.005:
        saving = separate - answer.usd_per_hour
        reasons.append(f"${saving:,.2f}/h less than a node for each replica (${separate:,.2f}/h)")
    return reasons
