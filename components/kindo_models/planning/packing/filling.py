"""Who lies on which node: names, zones and GPU numbers for an answer of `search`. Deterministic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kindo_models.planning.packing.problem import Problem, Supply, need
from kindo_models.planning.packing.search import Answer, Bought


@dataclass
class Filled:
    """One node with a name. `replicas`: (model, number of the replica), in the order of their GPUs."""

    name: str
    supply: Supply
    zone: str | None
    kept: bool
    free: Counter[object]
    replicas: list[tuple[str, int]] = field(default_factory=list)


def fill(problem: Problem, answer: Answer, zones: Sequence[str] = ()) -> tuple[Filled, ...]:
    """Staying replicas first; then each replica to a node with a place for it, away from replicas of its own model
    (another zone, else another node) where there is a choice.

    zones: those that nodes may be in where their supply names none; () leaves them open.
    """
    nodes = _named(answer.nodes, zones)
    demands = {one.model: one for one in problem.demands}
    by_name = {node.name: node for node in nodes}
    numbers = dict.fromkeys(demands, 0)

    def put(model: str, node: Filled) -> None:
        node.free[need(demands[model], answer.chosen[model])] -= 1
        node.replicas.append((model, numbers[model]))
        numbers[model] += 1

    for (model, name), count in sorted(answer.stays.items()):
        for _ in range(count):
            put(model, by_name[name])
    for model, demand in demands.items():
        wanted = need(demand, answer.chosen[model])
        while numbers[model] < demand.replicas:
            mine = [node for node in nodes for name, _ in node.replicas if name == model]
            there = Counter(node.name for node in mine)
            zone_of = Counter(node.zone for node in mine)
            free = [node for node in nodes if node.free[wanted] > 0]
            put(
                model,
                min(
                    free, key=lambda node: (zone_of[node.zone] if node.zone else 0, there[node.name], nodes.index(node))
                ),
            )
    for node in nodes:
        node.replicas.sort()
    return tuple(nodes)


def _named(bought: Iterable[Bought], zones: Sequence[str]) -> list[Filled]:
    """Previous nodes keep their names; a new one takes the first number of its instance type that is free."""
    ordered = sorted(bought, key=lambda one: (one.supply.instance, one.kept is None, one.supply, one.contents))
    taken = {one.kept.name for one in ordered if one.kept}
    used: Counter[str | None] = Counter(one.kept.zone for one in ordered if one.kept and one.kept.zone)
    nodes = []
    for one in ordered:
        name, zone = (one.kept.name, one.kept.zone) if one.kept else ("", None)
        if not name:
            name = next(text for n in range(1, 10**6) if (text := f"{one.supply.instance}-{n}") not in taken)
            taken.add(name)
        if zone is None:
            choice = one.supply.zones or tuple(zones)
            zone = min(choice, key=lambda text: (used[text], choice.index(text))) if choice else None
            used[zone] += 1
        nodes.append(Filled(name, one.supply, zone, one.kept is not None, Counter(dict(one.contents))))
    return sorted(nodes, key=lambda node: (node.supply.instance, _number(node.name)))


def _number(name: str) -> tuple[str, int]:
    head, _, tail = name.rpartition("-")
    return head, int(tail) if tail.isdigit() else 0
