"""A stack by its name: reads `stacks/Pulumi.<stack>.yaml` and `stacks/<stack>.contract.yaml` and plans them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kindo_models.contract import Contract, load_contract
from kindo_models.environment import Environment
from kindo_models.environment.load import Loaded, load
from kindo_models.findings import Finding, InputError
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
    loaded: Loaded | None = None
    contract: Contract | None = None
    try:
        loaded = load(settings, variables=variables)
    except InputError as error:
        found += error.findings
    try:
        contract = load_contract(models)
    except InputError as error:
        found += error.findings
    if loaded is None or contract is None:
        raise InputError(found)
    made = plan(contract, loaded.environment, stack=name)
    findings = tuple(loaded.layers.located(finding) for finding in made.findings)
    return Stack(name, contract, loaded.environment, made.model_copy(update={"findings": findings}))
