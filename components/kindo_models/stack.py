"""A stack by its name: reads `stacks/Pulumi.<stack>.yaml` and `stacks/<stack>.contract.yaml` and plans them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kindo_models.contract import Contract, load_contract
from kindo_models.environment import Environment, load_environment
from kindo_models.findings import Finding, InputError
from kindo_models.placement_files import read_placement, read_prices
from kindo_models.planning import Plan, plan

DIRECTORY = Path("stacks")


@dataclass(frozen=True)
class Stack:
    name: str
    contract: Contract
    environment: Environment
    plan: Plan


def load_stack(name: str, *, directory: Path = DIRECTORY, variables: Mapping[str, str] | None = None) -> Stack:
    """Read and plan a stack. Raises InputError with the findings of both files, not only of the first."""
    settings, models = directory / f"Pulumi.{name}.yaml", directory / f"{name}.contract.yaml"
    found: list[Finding] = []
    environment = contract = prices = previous = None
    try:
        environment = load_environment(settings, variables=variables)
        prices = read_prices(environment, settings)
        previous = read_placement(settings)
    except InputError as error:
        found += error.findings
    try:
        contract = load_contract(models)
    except InputError as error:
        found += error.findings
    if found or environment is None or contract is None:
        raise InputError(found)
    made = plan(contract, environment, stack=name, prices=prices, previous=previous)
    return Stack(name, contract, environment, made)
