"""`kindo-models`: the command line. Each command's body is imported when it runs, so that `--help` stays quick."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    name="kindo-models",
    help="From one model contract to a running, verified and registered AI model platform.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


class Format(StrEnum):
    table = "table"
    json = "json"


ContractArgument = Annotated[
    Path | None, typer.Argument(help="Contract file; default: stacks/<stack>.contract.yaml", show_default=False)
]
StackOption = Annotated[str | None, typer.Option("--stack", "-s", help="Stack in stacks/.", show_default=False)]
EnvironmentOption = Annotated[
    Path | None, typer.Option("--environment", "-e", help="A stack file, wherever it lies.", show_default=False)
]


@app.callback()
def _root() -> None:
    pass


@app.command("plan")
def plan_command(
    contract: ContractArgument = None,
    stack: StackOption = None,
    environment: EnvironmentOption = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.table,
) -> None:
    """Show what `pulumi up` would make: servers, gateway, checks, registrations, flags, and every finding.

    Exit status: 0 no error, 1 findings of level error, 2 unusable input.
    """
    from kindo_models.commands.plan import show_plan

    raise typer.Exit(show_plan(contract, stack, environment, as_json=format is Format.json))


def main() -> NoReturn:
    app()
    raise SystemExit(0)
