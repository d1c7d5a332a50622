"""What a command works on: one of --stack, --environment, or --cloud with --region, and the contract file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kindo_models.environment import Environment
from kindo_models.environment.cluster import Cloud, Cluster
from kindo_models.environment.combinations import cloud_findings
from kindo_models.findings import Finding, InputError
from kindo_models.source import Source, nearest
from kindo_models.stack import DIRECTORY

ONE_OF = "use one of --stack NAME, --environment FILE, or --cloud eks|aks|existing with --region"
ONE_OF_TWO = "use --stack NAME or --environment FILE"


@dataclass(frozen=True)
class Selection:
    """`settings`: a stack file; None with --cloud, where `environment` is made of the defaults."""

    name: str
    settings: Path | None
    environment: Environment | None
    contract: Path | None


def select(
    contract: Path | None,
    stack: str | None,
    environment: Path | None,
    cloud: str | None = None,
    region: str | None = None,
    *,
    hint: str = ONE_OF,
) -> Selection:
    """hint: the ways that the command has, for the complaint.

    Raises InputError: `no-environment`, `no-such-stack`, `missing-key`, `region-of-other-cloud`.
    """
    given = [name for name, value in (("--stack", stack), ("--environment", environment), ("--cloud", cloud)) if value]
    if len(given) != 1:
        message = f"{' and '.join(given)} contradict each other" if given else "name one environment"
        raise InputError([Finding(code="no-environment", message=message, hint=hint)])
    if region and not cloud:
        raise InputError(
            [Finding(code="options-disagree", message="--region goes with --cloud", hint="a stack has its own region")]
        )
    if cloud:
        return Selection(cloud, None, _defaults(cloud, region), contract)
    if environment:
        return Selection(environment.stem.removeprefix("Pulumi."), environment, None, contract)
    assert stack is not None
    return Selection(stack, stack_file(stack), None, contract or DIRECTORY / f"{stack}.contract.yaml")


def stack_file(stack: str) -> Path:
    """The stack's file. Raises InputError (`no-such-stack`) with the nearest name."""
    file = DIRECTORY / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        known = stack_names()
        guess = nearest(stack, known)
        where = f"{DIRECTORY}/" if DIRECTORY.is_dir() else f"{DIRECTORY}/, and there is no such folder here"
        hint = (
            f"did you mean {guess!r}?" if guess else f"known: {', '.join(known)}" if known else "run it in the project"
        )
        raise InputError([Finding(code="no-such-stack", message=f"no stack is called {stack!r} in {where}", hint=hint)])
    return file


def stack_names() -> list[str]:
    """The stacks of the project in the current folder."""
    return sorted(file.stem.removeprefix("Pulumi.") for file in DIRECTORY.glob("Pulumi.*.yaml"))


def contract_file(selection: Selection, command: str) -> Path:
    """Raises InputError (`no-contract`) where neither an argument nor a stack names it."""
    if selection.contract is None:
        hint = f"kindo-models {command} CONTRACT …"
        raise InputError([Finding(code="no-contract", message="name the contract file", hint=hint)])
    return selection.contract


def _defaults(cloud: str, region: str | None) -> Environment:
    made = Environment(cluster=Cluster.model_validate({"kind": cloud}), cloud=Cloud(region=region))
    if cloud != "existing" and region is None:
        raise InputError(
            [Finding(code="missing-key", message=f"--cloud {cloud} needs a region", hint="add --region NAME")]
        )
    found = cloud_findings(made, Source("command line", {}))
    if wrong := [one for one in found if one.code == "region-of-other-cloud"]:
        raise InputError([one.model_copy(update={"field": "--region", "file": None, "line": None}) for one in wrong])
    return made
