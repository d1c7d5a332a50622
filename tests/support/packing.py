"""Two other ways to solve packing problems, which know nothing of the search, and entries of contracts to place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kindo_models.planning.packing.problem import Demand, Problem, Supply
from tools.bench.packing_sets import CPU, MEMORY, SIZES

Instances = tuple[tuple[str, int], ...]
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def entry(name: str, model: str = LLAMA, *, context: int = 8192, **deploy: Any) -> dict[str, Any]:
    return {
        "litellmModelName": name,
        "litellmModel": f"openai/{name}",
        "displayName": name,
        "provider": "Self-Hosted",
        "type": "CHAT",
        "metadataType": "Text Generation",
        "contextWindow": context,
        "apiKey": "${KEY}",
        "deploy": {"model": model, **deploy},
    }


def on_h100(name: str, count: int, **more: Any) -> dict[str, Any]:
    return entry(name, gpu={"type": "H100", "count": count}, **more)


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
