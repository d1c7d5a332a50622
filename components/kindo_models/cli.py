"""`kindo-models`: the command line. Each command's body is imported when it runs, so that `--help` stays quick."""

from __future__ import annotations

import io
import sys
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


class ValidateFormat(StrEnum):
    text = "text"
    json = "json"
    github = "github"


@app.command("validate")
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


@app.command("explain")
def explain_command(
    code: Annotated[str | None, typer.Argument(help="Code of a finding, such as azure-field-missing.")] = None,
) -> None:
    """Explain a finding's code: what, why, fix. Without a code: list them all."""
    from kindo_models.commands.explain import explain

    raise typer.Exit(explain(code))


@app.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of the contract file, for editors."""
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


OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this file.", show_default="standard output")
]


@app.command("render")
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


imports = typer.Typer(name="import", help="Make a contract of other tools' files.", no_args_is_help=True)
app.add_typer(imports)


class ReportFormat(StrEnum):
    text = "text"
    json = "json"


@imports.callback()
def _imports() -> None:
    pass


@imports.command("kdeps")
def import_kdeps_command(
    paths: Annotated[
        list[Path], typer.Argument(help="Resources, workflows, ~/.kdeps/config.yaml, or folders of them.")
    ],
    output: OutputOption = None,
    azure_api_version: Annotated[
        str | None, typer.Option(help="apiVersion of Azure entries: KDeps has none.", show_default=False)
    ] = None,
    format: Annotated[
        ReportFormat, typer.Option("--format", "-f", help="json: contract, what is missing and the report in one.")
    ] = ReportFormat.text,
) -> None:
    """Turn KDeps resources and workflows into a contract: one entry for each model. The report is on standard error.

    Exit status: 0 complete, 1 a required fact or a model is missing (it is said), 2 unusable input.
    """
    from kindo_models.commands.import_ import import_kdeps

    raise typer.Exit(
        import_kdeps(paths, as_json=format is ReportFormat.json, output=output, azure_api_version=azure_api_version)
    )


@app.command("init")
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


def main() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or log that cannot show a character gets a question mark, not a traceback.
            stream.reconfigure(errors="replace")
    app()
    raise SystemExit(0)
