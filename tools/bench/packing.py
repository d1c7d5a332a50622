"""`python -m tools.bench.packing [SETS]`: random sets of up to 40 models on catalog prices: time, proof, saving."""

from __future__ import annotations

import statistics
import sys
import time

from kindo_models.planning.packing.contents import most_of
from kindo_models.planning.packing.problem import Problem, need
from kindo_models.planning.packing.search import search
from tools.bench.packing_sets import random_problem


def main(arguments: list[str]) -> int:
    sets = int(arguments[0]) if arguments else 100
    seconds, savings, optimal = [], [], 0
    for seed in range(sets):
        problem = random_problem(seed, models=40)
        start = time.monotonic()
        answer = search(problem).answer
        seconds.append(time.monotonic() - start)
        optimal += answer.optimal
        savings.append(max(0.0, 1 - answer.usd_per_hour / node_each(problem)))
    print(f"{sets} sets of up to 40 models: {optimal} proven optimal")
    print(f"seconds with both alternatives: median {statistics.median(seconds):.2f}, slowest {max(seconds):.2f}")
    print(
        f"saving against a node for each replica: median {statistics.median(savings):.0%}, "
        f"from {min(savings):.0%} to {max(savings):.0%}"
    )
    return 0


def node_each(problem: Problem) -> float:
    """Price of the cheapest node for each replica alone."""
    return sum(
        demand.replicas
        * min(
            supply.usd_per_hour
            for supply in problem.supplies
            for option in demand.options
            if most_of(supply, need(demand, option))
        )
        for demand in problem.demands
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
