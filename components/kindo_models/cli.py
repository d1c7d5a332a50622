"""`kindo-models`: the command line. Each command's body is imported when it runs, so that `--help` stays quick; what is
imported here declares arguments and options only.
"""

from __future__ import annotations

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from kindo_models.commands.environment_command import environments
from kindo_models.commands.import_command import imports
from kindo_models.commands.options import (
    CloudOption,
    ContractArgument,
    EnvironmentOption,
    Format,
    FormatOption,
    OutputOption,
    RegionOption,
    StackOption,
    examples,
)
from kindo_models.commands.size_command import size_command

MACHINE_PANEL = "This machine"
STACK_PANEL = "Contract and stack"


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


class PlanFormat(StrEnum):
    table = "table"
    json = "json"
    markdown = "markdown"


@app.callback()
def _root() -> None:
    pass


app.add_typer(environments, rich_help_panel=STACK_PANEL)


@app.command(
    "plan",
    rich_help_panel=STACK_PANEL,
    epilog=examples(
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
    write: Annotated[
        bool, typer.Option("--write", help="Keep the placement in stacks/<stack>.placement.json.")
    ] = False,
) -> None:
    """Show what `pulumi up` would make: servers, gateway, checks, registrations, flags, and every finding.

    Exit status: 0 no error, 1 findings of level error, 2 unusable input.
    """
    from kindo_models.commands.plan import show_plan

    raise typer.Exit(
        show_plan(
            contract, stack, environment, cloud.value if cloud else None, region, format=format.value, write=write
        )
    )


@app.command(
    "doctor", rich_help_panel=MACHINE_PANEL, epilog=examples("kindo-models doctor", "kindo-models doctor --stack prod")
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
    epilog=examples("kindo-models outdated", "kindo-models outdated --stack prod --format json"),
)
def outdated_command(
    stack: StackOption = None, environment: EnvironmentOption = None, format: FormatOption = Format.table
) -> None:
    """List catalog facts past their date, and pins of the stacks below their floor. Without a stack: of all stacks.

    Exit status: 0 nothing, 1 something is outdated, 2 unusable input.
    """
    from kindo_models.commands.outdated import outdated

    raise typer.Exit(outdated(stack, environment, format=format.value))


class ValidateFormat(StrEnum):
    text = "text"
    json = "json"
    github = "github"


@app.command("validate", rich_help_panel=STACK_PANEL)
def validate_command(
    contract: ContractArgument = None,
    stack: StackOption = None,
    environment: EnvironmentOption = None,
    format: Annotated[ValidateFormat, typer.Option("--format", "-f", help="What to print.")] = ValidateFormat.text,
) -> None:
    """Check a contract file: every mistake with its line, what is allowed, and the fix.

    With --stack or --environment, what the environment fills in counts as present, and its own rules apply too.
    Exit status: 0 no error, 1 errors, 2 unreadable.
    """
    from kindo_models.commands.validate import validate

    raise typer.Exit(validate(contract, stack, environment, format.value))


@app.command("explain", rich_help_panel=STACK_PANEL)
def explain_command(
    code: Annotated[str | None, typer.Argument(help="Code of a finding, such as azure-field-missing.")] = None,
) -> None:
    """Explain a finding's code: what, why, fix. Without a code: list them all.

    Exit status: 0, 2 for a code that does not exist.
    """
    from kindo_models.commands.explain import explain

    raise typer.Exit(explain(code))


class SchemaOf(StrEnum):
    contract = "contract"
    environment = "environment"
    plan = "plan"


@app.command(
    "schema",
    rich_help_panel=STACK_PANEL,
    epilog=examples("kindo-models schema > contract.schema.json", "kindo-models schema environment"),
)
def schema_command(
    of: Annotated[SchemaOf, typer.Argument(help="Of what.")] = SchemaOf.contract,
) -> None:
    """Print a JSON Schema: of contract or environment files, for editors, or of what `plan --format json` prints.

    Exit status: 0.
    """
    if of is SchemaOf.environment:
        from kindo_models.commands.schema_environment import print_environment_schema as print_schema
    elif of is SchemaOf.plan:
        from kindo_models.commands.schema_plan import print_plan_schema as print_schema
    else:
        from kindo_models.commands.schema import print_schema

    raise typer.Exit(print_schema())


class RenderTarget(StrEnum):
    kindo = "kindo"
    litellm = "litellm"
    kdeps = "kdeps"
    vllm = "vllm"
    deephat_values = "deephat-values"
    env = "env"


class Via(StrEnum):
    direct = "direct"
    gateway = "gateway"


@app.command("render", rich_help_panel=STACK_PANEL)
def render_command(
    target: Annotated[RenderTarget, typer.Option("--target", "-t", help="Who reads it.", show_default=False)],
    contract: ContractArgument = None,
    via: Annotated[
        Via, typer.Option("--via", help="kindo only: models where they are, or all of them behind the gateway.")
    ] = Via.direct,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Only this entry.", show_default=False)] = None,
    stack: StackOption = None,
    environment: EnvironmentOption = None,
    output: OutputOption = None,
) -> None:
    """Write the contract in the form that Kindo, LiteLLM, KDeps, vLLM, the DeepHat chart or a shell reads.

    Addresses follow the stack, without one the default namespaces. Exit status: 0 done, 1 the contract has errors
    (it is written all the same), 2 unusable input.
    """
    from kindo_models.commands.render import render

    raise typer.Exit(
        render(
            contract,
            target.value,
            via_gateway=via is Via.gateway,
            model=model,
            stack=stack,
            environment=environment,
            output=output,
        )
    )


app.add_typer(imports, rich_help_panel=STACK_PANEL)


@app.command("init", rich_help_panel=STACK_PANEL)
def init_command(
    file: Annotated[Path, typer.Argument(help="File to write; - prints it.")] = Path("contract.yaml"),
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", "-p", help="One of the thirteen providers; repeat it.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a commented contract to start from. Exit status: 0 written, 2 nothing written."""
    from kindo_models.commands.init import init

    raise typer.Exit(init(file, provider or [], force=force))


app.command("size", rich_help_panel=STACK_PANEL)(size_command)


def main() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or log that cannot show a character gets a question mark, not a traceback.
            stream.reconfigure(errors="replace")
    app()
    raise SystemExit(0)
