"""The cheapest nodes for all models together, then the fewest moves, then names; and the next-best answers.

Replicas with equal needs are interchangeable, so the program does not decide which replica lies on which node: it
decides how each model runs (one of its options), and how many nodes of each supply have which contents. That leaves
out all symmetry between equal nodes and equal replicas; `filling` then says who lies where. A node of the previous
placement has columns of its own, so that staying can be counted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from kindo_models.planning.packing.coarse import tractable
from kindo_models.planning.packing.contents import Contents, contents_of, gpus_in
from kindo_models.planning.packing.problem import Demand, Kept, Need, Option, Problem, Supply, need
from kindo_models.planning.packing.program import Infeasible, OutOfTime, Program, Solved

Term = tuple[int, float]
"""(column, coefficient)"""
CENT = 1e-4
"""Prices that differ by less are equal."""
_SHARES = (0.5, 0.7, 0.7)
"""Of the time that is left, what each stage of the answer may take; alternatives have the rest."""


@dataclass(frozen=True)
class Bought:
    """One node: its supply, what it holds, and the previous node that it is, if it is one."""

    supply: Supply
    contents: Contents
    kept: Kept | None = None


@dataclass(frozen=True)
class Answer:
    """chosen: model → how it runs; stays: (model, previous node) → replicas that stay there.

    usd_per_hour: what all nodes cost; bound: nothing is cheaper than that.
    """

    nodes: tuple[Bought, ...]
    chosen: Mapping[str, Option]
    stays: Mapping[tuple[str, str], int]
    usd_per_hour: float
    bound: float
    optimal: bool

    @property
    def instances(self) -> dict[str, int]:
        """Instance type → nodes, by name."""
        return dict(sorted(Counter(node.supply.instance for node in self.nodes).items()))


@dataclass(frozen=True)
class Found:
    """The answer, and the best ones with another multiset of instance types, cheapest first.

    problem: what was solved, in whose needs the contents are: `coarse` may have rounded requests up.
    """

    problem: Problem
    answer: Answer
    alternatives: tuple[Answer, ...]


def search(problem: Problem, *, alternatives: int = 2) -> Found:
    """Raises Infeasible where nothing satisfies all limits, OutOfTime where nothing was found in time."""
    end = time.monotonic() + problem.time_limit
    up, down = tractable(problem)
    if down is up:
        return _Search(up, end).run(alternatives)
    # Requests that were rounded up may hide a cheaper placement: the bound is that of those rounded down.
    bound = _Search(down, end).least()
    found = _Search(up, end).run(alternatives)
    answer = replace(found.answer, bound=bound, optimal=found.answer.usd_per_hour <= bound + CENT)
    return Found(up, answer, tuple(replace(one, bound=bound, optimal=False) for one in found.alternatives))


class _Search:
    def __init__(self, problem: Problem, end: float) -> None:
        self.problem = problem
        self.end = end
        self.program = Program()
        self.options: dict[tuple[str, Option], int] = {}
        self.nodes: list[tuple[int, Supply, Contents, Kept | None]] = []
        self.stays: dict[tuple[str, str], int] = {}
        self.demands: dict[str, Demand] = {one.model: one for one in problem.demands}
        self._build()
        self.price = {column: supply.usd_per_hour for column, supply, _, _ in self.nodes}

    def run(self, alternatives: int) -> Found:
        cheapest = self._cheapest()
        best = cheapest
        self._at_most(self.price, cheapest.objective * (1 + self.problem.tolerance))
        if self.stays:
            moves = dict.fromkeys(self.stays.values(), -1.0)
            best = self._better(best, moves, 1)
            self._at_most(moves, sum(-best.values[column] for column in moves))
            best = self._better(best, self.price, 2)
        self._at_most(self.price, _cost(self.price, best))
        best = self._better(best, self._by_name(), 2)
        answer = self._answer(best, bound=cheapest.bound, optimal=cheapest.optimal)
        return Found(self.problem, answer, tuple(self._alternatives(answer, alternatives)))

    def least(self) -> float:
        """No placement is cheaper than this."""
        try:
            return self.program.minimise(self.price, seconds=self._time(0)).bound
        except OutOfTime as late:
            return max(0.0, late.bound)

    def _cheapest(self) -> Solved:
        try:
            return self.program.minimise(self.price, seconds=self._time(0))
        except OutOfTime as late:
            values = self._apart()
            if values is None or not self.program.allows(values):
                raise
            price = sum(cost * values[column] for column, cost in self.price.items())
            return Solved(tuple(values), price, max(0.0, late.bound), optimal=False)

    def _apart(self) -> list[float] | None:
        """A solution if all else fails: each replica on the cheapest node of its own. None where one has none."""
        values = [0.0] * len(self.program.uppers)
        for demand in self.problem.demands:
            held = {((need(demand, option), 1),): option for option in demand.options}
            there = [
                (supply.usd_per_hour, column, held[contents])
                for column, supply, contents, kept in self.nodes
                if contents in held and supply.most is None and kept is None
            ]
            if not there:
                return None
            _, column, option = min(there)
            values[column] += demand.replicas
            values[self.options[demand.model, option]] = 1.0
        return values

    def _time(self, stage: int) -> float:
        return max(0.05, (self.end - time.monotonic()) * _SHARES[stage])

    def _better(self, best: Solved, costs: Mapping[int, float], stage: int) -> Solved:
        """The least of another objective, `best` where time ends before."""
        try:
            return self.program.minimise(costs, seconds=self._time(stage))
        except OutOfTime:
            return best

    def _at_most(self, costs: Mapping[int, float], value: float) -> None:
        self.program.row(costs.items(), high=value + CENT)

    def _build(self) -> None:
        problem, program = self.problem, self.program
        supplied: dict[Need, list[Term]] = {one: [] for one in problem.needs}
        by_supply: dict[Supply, list[Term]] = {one: [] for one in problem.supplies}
        for supply in problem.supplies:
            most = problem.replicas if supply.most is None else min(supply.most, problem.replicas)
            for column in self._node_columns(supply, most, None, supplied):
                by_supply[supply].append((column, 1.0))
        for kept in problem.kept:
            mine = [(column, 1.0) for column in self._node_columns(kept.supply, 1, kept, supplied)]
            by_supply[kept.supply] += mine
            program.row(mine, high=1)
        for demand in problem.demands:
            for option in demand.options:
                column = self.options[demand.model, option] = program.column(1)
                supplied[need(demand, option)].append((column, -float(demand.replicas)))
            program.row(((self.options[demand.model, one], 1.0) for one in demand.options), low=1, high=1)
        for terms in supplied.values():
            program.row(terms, low=0, high=0)
        for supply, terms in by_supply.items():
            if supply.most is not None:
                program.row(terms, high=supply.most)
        for limit in problem.limits:
            program.row(
                ((column, float(limit.counts(supply))) for column, supply, _, _ in self.nodes if not supply.existing),
                high=limit.most,
            )
        for kept in problem.kept:
            self._staying(kept)
        for model, demand in self.demands.items():
            self._no_more_stay_than_there_are(model, demand)

    def _node_columns(
        self, supply: Supply, most: int, kept: Kept | None, supplied: dict[Need, list[Term]]
    ) -> Iterator[int]:
        for contents in contents_of(supply, self.problem.needs):
            if self.problem.whole_nodes and not supply.existing and gpus_in(contents) < supply.gpus:
                continue
            column = self.program.column(most)
            self.nodes.append((column, supply, contents, kept))
            for one, count in contents:
                supplied[one].append((column, float(count)))
            yield column

    def _staying(self, kept: Kept) -> None:
        """Replicas stay only on a node that is kept, with room for them, and only if the model runs as before."""
        ran = dict(kept.options)
        room: dict[Need, list[Term]] = {}
        for model, replicas in kept.holds:
            demand = self.demands.get(model)
            option = ran.get(model)
            if demand is None or option not in demand.options:
                continue
            column = self.stays[model, kept.name] = self.program.column(min(replicas, demand.replicas))
            self.program.row([(column, 1.0), (self.options[model, option], -float(replicas))], high=0)
            room.setdefault(need(demand, option), []).append((column, 1.0))
        for one, terms in room.items():
            held = [
                (column, -float(dict(contents).get(one, 0))) for column, _, contents, node in self.nodes if node is kept
            ]
            self.program.row([*terms, *held], high=0)

    def _no_more_stay_than_there_are(self, model: str, demand: Demand) -> None:
        staying = [(column, 1.0) for (name, _), column in self.stays.items() if name == model]
        if len(staying) > 1:
            self.program.row(staying, high=demand.replicas)

    def _by_name(self) -> dict[int, float]:
        """Fewer nodes first, then the first instance types by name, then the first options."""
        rank = {name: n for n, name in enumerate(sorted({one.instance for one in self.problem.supplies}))}
        costs = {column: 1000.0 + rank[supply.instance] for column, supply, _, _ in self.nodes}
        for demand in self.problem.demands:
            for n, option in enumerate(sorted(demand.options)):
                costs[self.options[demand.model, option]] = float(n)
        return costs

    def _alternatives(self, answer: Answer, count: int) -> Iterator[Answer]:
        """The cheapest answers, each with other counts of instance types than all before it.

        `previous` and its tolerance do not bind them, limits do.
        """
        others = _Search(replace(self.problem, kept=()), self.end)
        for _ in range(count):
            others._differs_from(answer.instances)
            try:
                seconds = max(0.05, (self.end - time.monotonic()) / 2)
                solved = others.program.minimise(others.price, seconds=seconds)
            except (Infeasible, OutOfTime):
                return
            answer = others._answer(solved, bound=solved.bound, optimal=solved.optimal)
            yield answer

    def _differs_from(self, instances: Mapping[str, int]) -> None:
        """At least one instance type has more or fewer nodes."""
        program, most = self.program, self.problem.replicas
        by_type: dict[str, list[Term]] = {}
        for column, supply, _, _ in self.nodes:
            by_type.setdefault(supply.instance, []).append((column, 1.0))
        # A type that is not used differs by having any: one row for all of them.
        new = [term for name, terms in by_type.items() if name not in instances for term in terms]
        any_new = program.column(1)
        program.row([*new, (any_new, -1.0)], low=0)
        either = [(any_new, 1.0)]
        for name, count in instances.items():
            more, fewer = program.column(1), program.column(1)
            terms = by_type.get(name, [])
            program.row([*terms, (more, -float(count + 1))], low=0)
            program.row([*terms, (fewer, float(most - count + 1))], high=most)
            either += [(more, 1.0), (fewer, 1.0)]
        program.row(either, low=1)

    def _answer(self, solved: Solved, *, bound: float, optimal: bool) -> Answer:
        values = solved.values
        nodes = [
            Bought(supply, contents, kept)
            for column, supply, contents, kept in self.nodes
            for _ in range(int(values[column]))
        ]
        return Answer(
            nodes=tuple(nodes),
            chosen={model: option for (model, option), column in self.options.items() if values[column]},
            stays={key: int(values[column]) for key, column in self.stays.items() if values[column]},
            usd_per_hour=_cost(self.price, solved),
            bound=bound,
            optimal=optimal,
        )


def _cost(costs: Mapping[int, float], solved: Solved) -> float:
    return round(sum(cost * solved.values[column] for column, cost in costs.items()), 6)
