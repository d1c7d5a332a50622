"""A stack by its name: reads `stacks/Pulumi.<stack>.yaml` and `stacks/<stack>.contract.yaml` and plans them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kindo_models.contract import Contract
from kindo_models.environment import Environment
from kindo_models.environment.load import load
from kindo_models.findings import Finding, InputError, errors
from kindo_models.placement_files import read_placement, read_prices
from kindo_models.planning import Plan
from kindo_models.planning.review import review
from kindo_models.source import Source, scan_file

DIRECTORY = Path("stacks")


@dataclass(frozen=True)
class Stack:
    """source: the contract's file, which knows the secrets that are written in it; by default none."""

    name: str
    contract: Contract
    environment: Environment
    plan: Plan
    source: Source = field(default=Source("<contract>", None), repr=False)


def load_stack(
    name: str,
    *,
    directory: Path = DIRECTORY,
    variables: Mapping[str, str] | None = None,
    today: datetime.date | None = None,
) -> Stack:
    """Read and plan a stack. Raises InputError with the errors of both files, not only of the first.

    today: the day that retirement dates are compared with; defaults to that of the catalog's lists (see `plan`).
    """
    return plan_files(
        directory / f"Pulumi.{name}.yaml", directory / f"{name}.contract.yaml", name, variables=variables, today=today
    )


def plan_files(
    settings: Path | Environment,
    models: Path,
    name: str,
    *,
    variables: Mapping[str, str] | None = None,
    today: datetime.date | None = None,
) -> Stack:
    """As `load_stack`, with both files named, or with settings that are in no file."""
    found: list[Finding] = []
    environment: Environment | None = None
    prices = previous = None
    lines: Source | None = None
    source: Source | None = None
    try:
        if isinstance(settings, Environment):
            environment = settings
        else:
            loaded = load(settings, variables=variables)
            environment, lines = loaded.environment, loaded.layers
            prices, previous = read_prices(environment, settings), read_placement(settings)
    except InputError as error:
        found += error.findings
    try:
        source = scan_file(models)
    except InputError as error:
        found += error.findings
    seen = None
    if source:
        seen = review(source, environment, settings=lines, stack=name, today=today, prices=prices, previous=previous)
    if found or environment is None or source is None or seen is None or seen.contract is None or seen.plan is None:
        raise InputError([*found, *(errors(seen.findings) if seen else ())])
    return Stack(name, seen.contract, environment, seen.plan, source)
