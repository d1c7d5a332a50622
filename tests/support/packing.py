"""Packing problems from the catalog's prices, and two other ways to solve them that know nothing of the search."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

from kindo_models.catalog.gpus import gpus
from kindo_models.environment import Environment
from kindo_models.planning.packing.market import market
from kindo_models.planning.packing.problem import Demand, Limit, Option, Problem, Supply

Instances = tuple[tuple[str, int], ...]
SIZES = (1, 2, 4, 8)
CPU, MEMORY = 4000, 32 * 1024


@cache
def sold(cloud: str) -> tuple[Supply, ...]:
    """What the catalog sells for our servers in its own region, as an environment without wishes has it."""
    found = market(Environment.model_validate({"cluster": {"kind": cloud}}), None)
    assert found is not None
    return found.supplies


def random_problem(
    seed: int, *, models: int, supplies: int | None = None, tight: bool = False, replicas: bool = True
) -> Problem:
    """Up to `models` models of random memory needs on a cloud's instance types (`supplies`: only so many of them)."""
    random_ = random.Random(seed)
    there = [one for one in sold(random_.choice(("eks", "aks"))) if one.cpu >= CPU and one.memory >= MEMORY]
    if supplies is not None:
        there = random_.sample(there, supplies)
    most = {name: max(one.gpus for one in there if one.gpu == name) for name in {one.gpu for one in there}}
    wanted = [_demand(random_, f"m{n:02d}", most, tight, replicas) for n in range(random_.randint(1, models))]
    limits = []
    if tight:
        limits.append(Limit("nodes", "nodes", random_.randint(1, 6)))
        there = [replace(one, most=random_.choice((None, None, 1, 2))) for one in there]
        free = random_.randrange(len(there))
        there[free] = replace(there[free], usd_per_hour=0.0, most=1, existing=True)
    return Problem(tuple(wanted), tuple(there), tuple(limits))


def _demand(random_: random.Random, model: str, most: dict[str, int], tight: bool, several: bool) -> Demand:
    gigabytes = random_.choice((10, 20, 40, 60, 100, 150, 250, 400, 600))
    options = []
    for name, count in sorted(most.items()):
        enough = [size for size in SIZES if size * gpus()[name].nominal_gb * 0.85 > gigabytes and size <= count]
        if enough and random_.random() < 0.8:
            options.append(Option(name, enough[0], enough[0]))
    if not options:
        options = [Option(min(most), 1)]
    replicas = random_.choice((1, 1, 1, 2, 3)) if several else 1
    return Demand(model, replicas, tuple(options), CPU, MEMORY, dedicated=tight and random_.random() < 0.2)


def brute_force(problem: Problem) -> list[tuple[float, Instances]]:
    """Every way to share nodes: all sets of instance types that hold all models (one replica each), cheapest first."""
    demands = problem.demands
    everyone = (1 << len(demands)) - 1
    ways: dict[int, dict[tuple[int, ...], float]] = {0: {(): 0.0}}
    for group in range(1, everyone + 1):
        ways[group] = {}
        first = group & -group
        block = group
        while block:
            if block & first:
                together = [demands[n] for n in range(len(demands)) if block >> n & 1]
                for number, supply in enumerate(problem.supplies):
                    if _shares(supply, together):
                        for others, price in ways[group ^ block].items():
                            key = tuple(sorted((*others, number)))
                            total = price + supply.usd_per_hour
                            ways[group][key] = min(total, ways[group].get(key, total))
            block = (block - 1) & group
    best: dict[Instances, float] = {}
    for key, price in ways[everyone].items():
        if _within(problem, key):
            names = sorted(problem.supplies[number].instance for number in key)
            counted = tuple((name, names.count(name)) for name in dict.fromkeys(names))
            best[counted] = min(price, best.get(counted, price))
    return sorted((price, counted) for counted, price in best.items())


def _shares(supply: Supply, together: Sequence[Demand]) -> bool:
    options = [demand.on(supply.gpu) for demand in together]
    if any(one is None for one in options) or (len(together) > 1 and any(one.dedicated for one in together)):
        return False
    taken = sum(one.gpus for one in options if one)
    return taken <= supply.gpus and len(together) * CPU <= supply.cpu and len(together) * MEMORY <= supply.memory


def _within(problem: Problem, key: Iterable[int]) -> bool:
    used = list(key)
    for number, supply in enumerate(problem.supplies):
        if supply.most is not None and used.count(number) > supply.most:
            return False
    return all(
        sum(limit.counts(problem.supplies[number]) for number in used if not problem.supplies[number].existing)
        <= limit.most
        for limit in problem.limits
    )


def by_capacity(problem: Problem) -> float:
    """The least price by another formulation: no nodes and no contents, only sums of GPUs.

    All counts of GPUs are powers of two here, so replicas of at least s GPUs fit exactly when the nodes of at least s
    GPUs have as many as they take, for every s. CPU and memory never bind: a node has enough for a replica on each GPU.
    """
    import highspy

    class Quiet(highspy.Highs):
        def enableCallbacks(self) -> None:
            pass

    solver = Quiet()
    solver.silent()
    for option, value in (("threads", 1), ("mip_rel_gap", 0.0), ("mip_abs_gap", 1e-6), ("time_limit", 60.0)):
        solver.setOptionValue(option, value)
    there = problem.supplies
    assert all(one.cpu >= CPU * one.gpus and one.memory >= MEMORY * one.gpus for one in there)
    nodes = [solver.addIntegral(lb=0) for _ in there]
    chosen = {(demand.model, option): solver.addBinary() for demand in problem.demands for option in demand.options}
    for demand in problem.demands:
        solver.addConstr(sum(chosen[demand.model, option] for option in demand.options) == 1)
    for name in sorted({one.gpu for one in there} | {option.gpu for _, option in chosen}):
        for size in SIZES:
            taken = [
                chosen[demand.model, option] * float(option.gpus * demand.replicas)
                for demand in problem.demands
                for option in demand.options
                if option.gpu == name and option.gpus >= size
            ]
            had = [
                node * float(one.gpus) for node, one in zip(nodes, there, strict=True)
                if one.gpu == name and one.gpus >= size
            ]  # fmt: skip
            if taken:
                solver.addConstr(sum(taken) <= sum(had))
    solver.minimize(sum(node * one.usd_per_hour for node, one in zip(nodes, there, strict=True)))
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(solver.getInfo().objective_function_value)
