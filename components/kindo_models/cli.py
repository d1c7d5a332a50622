"""`kindo-models`: the command line. Each command's body is imported when it runs, so that `--help` stays quick."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from kindo_models.commands.options import (
    CloudOption,
    ContractArgument,
    EnvironmentOption,
    RegionOption,
    StackOption,
)

MACHINE_PANEL = "This machine"
STACK_PANEL = "Contract and stack"


def _examples(*lines: str) -> str:
    """As typer wants paragraphs, so that each stands on a line of its own."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])


app = typer.Typer(
    name="kindo-models",
    help="From one model contract to a running, verified and registered AI model platform.",
    epilog=(
        "Start with:\n\n  kindo-models doctor\n\n  kindo-models plan --stack local\n\n  pulumi up --stack local\n\n"
        "Exit status of every command: 0 fine, 1 errors or failures, 2 unusable input."
    ),
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


class Format(StrEnum):
    table = "table"
    json = "json"


class PlanFormat(StrEnum):
    table = "table"
    json = "json"
    markdown = "markdown"


class EnvironmentFormat(StrEnum):
    text = "text"
    json = "json"
    yaml = "yaml"


FormatOption = Annotated[Format, typer.Option("--format", "-f", help="What to print.")]


@app.callback()
def _root() -> None:
    pass


environments = typer.Typer(name="environment", help="Settings of a stack.", no_args_is_help=True)
app.add_typer(environments, rich_help_panel=STACK_PANEL)


@environments.callback()
def _environments() -> None:
    pass


@environments.command(
    "show",
    epilog=_examples(
        "kindo-models environment show --stack prod", "kindo-models environment show --stack prod --defaults"
    ),
)
def environment_show_command(
    stack: StackOption = None,
    environment: EnvironmentOption = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Also what no file says.")] = False,
    format: Annotated[
        EnvironmentFormat, typer.Option("--format", "-f", help="What to print.")
    ] = EnvironmentFormat.text,
) -> None:
    """Print a stack's settings with the file and line that each value comes from, after merging what it extends.

    Exit status: 0 done, 2 unusable input.
    """
    from kindo_models.commands.environment_show import show_environment

    raise typer.Exit(show_environment(stack, environment, defaults=defaults, format=format.value))


@app.command(
    "plan",
    rich_help_panel=STACK_PANEL,
    epilog=_examples(
        "kindo-models plan --stack prod",
        "kindo-models plan contract.yaml --cloud eks --region us-east-1",
        "kindo-models plan --stack prod --format markdown >> $GITHUB_STEP_SUMMARY",
    ),
)
def plan_command(
    contract: ContractArgument = None,
    stack: StackOption = None,
    environment: EnvironmentOption = None,
    cloud: CloudOption = None,
    region: RegionOption = None,
    format: Annotated[PlanFormat, typer.Option("--format", "-f", help="What to print.")] = PlanFormat.table,
) -> None:
    """Show what `pulumi up` would make: servers, gateway, checks, registrations, flags, and every finding.

    Exit status: 0 no error, 1 findings of level error, 2 unusable input.
    """
    from kindo_models.commands.plan import show_plan

    raise typer.Exit(
        show_plan(contract, stack, environment, cloud.value if cloud else None, region, format=format.value)
    )


@app.command(
    "doctor", rich_help_panel=MACHINE_PANEL, epilog=_examples("kindo-models doctor", "kindo-models doctor --stack prod")
)
def doctor_command(
    stack: StackOption = None, environment: EnvironmentOption = None, format: FormatOption = Format.table
) -> None:
    """Say what this machine lacks: tools, versions, credentials (never their values), cluster; each with the fix.

    With a stack also what that stack needs. Exit status: 0 nothing is missing, 1 something is, 2 unusable input.
    """
    from kindo_models.commands.doctor import doctor

    raise typer.Exit(doctor(stack, environment, format=format.value))


@app.command(
    "outdated",
    rich_help_panel=MACHINE_PANEL,
    epilog=_examples("kindo-models outdated", "kindo-models outdated --stack prod --format json"),
)
def outdated_command(
    stack: StackOption = None, environment: EnvironmentOption = None, format: FormatOption = Format.table
) -> None:
    """List catalog facts past their date, and pins of the stacks below their floor. Without a stack: of all stacks.

    Exit status: 0 nothing, 1 something is outdated, 2 unusable input.
    """
    from kindo_models.commands.outdated import outdated

    raise typer.Exit(outdated(stack, environment, format=format.value))


def main() -> NoReturn:
    app()
    raise SystemExit(0)
