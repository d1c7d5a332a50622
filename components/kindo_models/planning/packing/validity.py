"""Whether a placement keeps every rule, checked from scratch: nothing here knows how it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kindo_models.planning.packing.placement import PlacedNode, Placement
from kindo_models.planning.packing.problem import Demand, Option, Problem, Supply, need


def violations(problem: Problem, placement: Placement) -> Iterator[str]:
    """In words, each with the node or model that breaks it; none: the placement is valid."""
    demands = {one.model: one for one in problem.demands}
    yield from _models(demands, placement)
    for name, count in Counter(node.name for node in placement.nodes).items():
        if count > 1:
            yield f"{count} nodes are called {name}"
    taken: Counter[Supply] = Counter()
    for node in placement.nodes:
        supply = supply_of(problem, node)
        if supply is None:
            what = f"{node.instance} ({node.capacity}) with {node.gpus}× {node.gpu} at ${node.usd_per_hour:g}/h"
            yield f"{node.name}: {what} cannot be had"
            continue
        taken[supply] += 1
        yield from _node(node, supply, demands, placement)
        if problem.whole_nodes and not supply.existing and node.idle:
            yield f"{node.name}: {len(node.idle)} GPUs are idle, which nodePools.idleGpus forbids"
    for supply, count in taken.items():
        if supply.most is not None and count > supply.most:
            yield f"{count} nodes {supply.instance} ({supply.capacity}), there are {supply.most}"
    for limit in problem.limits:
        used = sum(limit.counts(supply) * count for supply, count in taken.items() if not supply.existing)
        if used > limit.most:
            yield f"limit {limit.name}: {used} are used, {limit.most} are left"
    price = sum(node.usd_per_hour for node in placement.nodes)
    if abs(price - placement.usd_per_hour) > 0.01:
        yield f"its nodes cost ${price:,.2f}/h, it says ${placement.usd_per_hour:,.2f}/h"


def supply_of(problem: Problem, node: PlacedNode) -> Supply | None:
    """What the market has for a node as it stands."""
    return next(
        (
            one
            for one in problem.supplies
            if (one.instance, one.capacity, one.existing, one.gpu, one.gpus, one.reservation)
            == (node.instance, node.capacity, node.existing, node.gpu, node.gpus, node.reservation)
            and abs(one.usd_per_hour - node.usd_per_hour) < 1e-6
            and (not one.zones or node.zone in one.zones)
        ),
        None,
    )


def _models(demands: dict[str, Demand], placement: Placement) -> Iterator[str]:
    there = Counter(one.model for node in placement.nodes for one in node.holds)
    holders = {(one.model, one.replica): node.name for node in placement.nodes for one in node.holds}
    for model, demand in demands.items():
        placed = placement.model(model)
        if placed is None:
            yield f"{model} is not placed"
            continue
        option = Option(placed.gpu, placed.gpus, placed.tensor_parallel, placed.pipeline_parallel)
        if option not in demand.options:
            split = f"TP {placed.tensor_parallel}, PP {placed.pipeline_parallel}"
            yield f"{model}: {option} ({split}) is not one of its options"
        elif there[model] != demand.replicas or placed.replicas != demand.replicas:
            yield f"{model}: {there[model]} replicas are on nodes, {demand.replicas} are wanted"
        elif list(placed.nodes) != [holders.get((model, replica)) for replica in range(demand.replicas)]:
            yield f"{model}: the nodes that it names are not those that hold it"
    for model in sorted((set(there) | {one.model for one in placement.models}) - set(demands)):
        yield f"{model} is placed, and no model is called so"


def _node(node: PlacedNode, supply: Supply, demands: dict[str, Demand], placement: Placement) -> Iterator[str]:
    used: Counter[int] = Counter()
    cpu = memory = 0
    for one in node.holds:
        demand, placed = demands.get(one.model), placement.model(one.model)
        if demand is None or placed is None:
            continue
        used.update(one.gpus)
        takes = need(demand, Option(placed.gpu, placed.gpus))
        cpu, memory = cpu + takes.cpu, memory + takes.memory
        if placed.gpu != node.gpu:
            yield f"{node.name} has {node.gpu}, {one.model} takes {placed.gpu}"
        if len(one.gpus) != placed.gpus:
            yield f"{node.name}: {one.model} has {len(one.gpus)} GPUs there, it takes {placed.gpus}"
        if demand.dedicated and any(other.model != one.model for other in node.holds):
            yield f"{node.name}: {one.model} wants nodes of its own (packing.dedicated)"
    if twice := sorted(gpu for gpu, count in used.items() if count > 1):
        yield f"{node.name}: GPU {', '.join(map(str, twice))} is given twice"
    if beyond := sorted(gpu for gpu in used if not 0 <= gpu < supply.gpus):
        yield f"{node.name}: GPU {', '.join(map(str, beyond))} of {supply.gpus}"
    if cpu > supply.cpu or memory > supply.memory:
        has = f"{supply.cpu / 1000:g} and {supply.memory / 1024:g}"
        yield f"{node.name}: its servers ask for {cpu / 1000:g} CPU and {memory / 1024:g} GiB, it has {has}"
