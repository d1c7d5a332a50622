"""`kindo-models plan`: the plan as a table for people or as JSON."""

from __future__ import annotations

import sys
from pathlib import Path

from kindo_models.contract import load_contract
from kindo_models.environment import load_environment
from kindo_models.findings import Finding, InputError, errors
from kindo_models.placement_files import read_placement, read_prices, write_placement
from kindo_models.planning import Plan, plan
from kindo_models.stack import DIRECTORY

_NOT_WRITTEN = "no placement was written: there is none, or the plan has errors"


def show_plan(
    contract: Path | None, stack: str | None, environment: Path | None, *, as_json: bool, write: bool = False
) -> int:
    """write: keep the placement in the file beside the stack's."""
    try:
        made, settings = _plan(contract, stack, environment)
        written, made = write_placement(settings, made) if write else (None, made)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if as_json:
        print(made.model_dump_json(indent=2))
    else:
        _table(made)
    if write:
        print(f"wrote {written}" if written else _NOT_WRITTEN, file=sys.stderr)
    return 1 if errors(made.findings) else 0


def _plan(contract: Path | None, stack: str | None, environment: Path | None) -> tuple[Plan, Path]:
    """The plan and the stack's file. Raises InputError."""
    if (stack is None) == (environment is None):
        raise InputError(
            [
                Finding(
                    code="no-environment",
                    message="name one environment",
                    hint="use either --stack NAME or --environment FILE",
                )
            ]
        )
    settings = environment or DIRECTORY / f"Pulumi.{stack}.yaml"
    models = contract or (DIRECTORY / f"{stack}.contract.yaml" if stack else None)
    if models is None:
        raise InputError(
            [Finding(code="no-contract", message="name the contract file", hint="kindo-models plan CONTRACT …")]
        )
    entries, loaded = load_contract(models), load_environment(settings)
    prices, previous = read_prices(loaded, settings), read_placement(settings)
    return plan(entries, loaded, stack=stack or settings.stem, prices=prices, previous=previous), settings


def _table(made: Plan) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from kindo_models.commands.placement_table import print_placement

    console = Console()
    table = Table(box=box.SIMPLE_HEAD, title=f"Plan of {made.stack}", title_justify="left")
    for column, justify in (
        ("model", "left"),
        ("served by", "left"),
        ("GPUs", "right"),
        ("endpoint", "left"),
        ("checks", "left"),
        ("flags", "right"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    servers = {server.model: server for server in made.servers}
    for endpoint in made.endpoints:
        server = servers.get(endpoint.model)
        calls = dict.fromkeys(check.check for check in endpoint.checks)
        table.add_row(
            endpoint.model,
            server.engine if server else made_provider(made, endpoint.model),
            str(server.gpus) if server and server.gpus else "",
            server.api_base if server else "",
            ", ".join(calls),
            str(sum(endpoint.model in flag.candidates for flag in made.flags)),
        )
    console.print(table)
    print_placement(made.placement, console)
    console.print(f"Gateway {made.gateway.url}   nvidia.com/gpu in all: {made.gpus}")
    for finding in made.findings:
        console.print(str(finding), markup=False, highlight=False)


def made_provider(made: Plan, model: str) -> str:
    return next(registration.provider for registration in made.registrations if registration.model == model)
