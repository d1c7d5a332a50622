"""Requests rounded to a few sizes, so that nodes have few different contents however many different servers there are.

Rounded up, a placement is one of the true problem too. Rounded down, the cheapest placement is no dearer than the true
one: its price is a bound.
"""

from __future__ import annotations

import math
from dataclasses import replace

from kindo_models.planning.packing.contents import how_many, most_of
from kindo_models.planning.packing.problem import Demand, Problem, need

MOST = 6000
"""Contents of all kinds of nodes together that the program can well have."""
_STEPS = (1.25, 2.0, 4.0, math.inf)


def tractable(problem: Problem) -> tuple[Problem, Problem]:
    """The problem with requests rounded up, and rounded down: itself twice where it has few contents already."""
    if _few(problem):
        return problem, problem
    up = down = problem
    for step in _STEPS:
        up = replace(problem, demands=tuple(_up(problem, one, step) for one in problem.demands))
        if _few(up):
            break
    for step in _STEPS:
        down = replace(problem, kept=(), demands=tuple(_down(problem, one, step) for one in problem.demands))
        if _few(down):
            break
    return up, down


def _few(problem: Problem) -> bool:
    found = 0
    for supply in problem.supplies:
        found += how_many(supply, problem.needs, MOST - found)
        if found > MOST:
            return False
    return True


def _up(problem: Problem, demand: Demand, step: float) -> Demand:
    """Rounded up, unless that leaves it no node: then as it is."""
    cpu, memory = _largest(problem)
    rounded = replace(
        demand,
        cpu=min(cpu, _power(demand.cpu, step, 1) if step < math.inf else cpu),
        memory=min(memory, _power(demand.memory, step, 1) if step < math.inf else memory),
    )
    held = all(any(most_of(supply, need(rounded, option)) for supply in problem.supplies) for option in demand.options)
    return rounded if held else demand


def _down(problem: Problem, demand: Demand, step: float) -> Demand:
    if step == math.inf:
        return replace(demand, cpu=0, memory=0)
    return replace(demand, cpu=_power(demand.cpu, step, 0), memory=_power(demand.memory, step, 0))


def _largest(problem: Problem) -> tuple[int, int]:
    return max(one.cpu for one in problem.demands), max(one.memory for one in problem.demands)


def _power(value: int, step: float, up: int) -> int:
    """The power of `step` below the value, or above it."""
    if value <= 1:
        return value
    exponent = math.log(value, step)
    power = math.ceil(exponent - 1e-9) if up else math.floor(exponent + 1e-9)
    return math.ceil(step**power) if up else min(value, math.floor(step**power))
