"""Packing problems from the catalog's prices, each by its seed: for the bench and for the tests."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from kindo_models.catalog.gpus import gpus
from kindo_models.environment import Environment
from kindo_models.planning.packing.market import market
from kindo_models.planning.packing.problem import Demand, Limit, Option, Problem, Supply

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
