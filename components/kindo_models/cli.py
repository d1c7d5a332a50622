"""`kindo-models`: the command line. Each command's body is imported when it runs, so that `--help` stays quick."""

from __future__ import annotations

import io
import sys
from enum import StrEnum
from pathlib import Path
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
    epilog=_examples("kindo-models schema > contract.schema.json", "kindo-models schema environment"),
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


OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this file.", show_default="standard output")
]


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


imports = typer.Typer(name="import", help="Make a contract of other tools' files.", no_args_is_help=True)
app.add_typer(imports, rich_help_panel=STACK_PANEL)


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


class Sizing(StrEnum):
    table = "table"
    model = "model"


@app.command("size", rich_help_panel=STACK_PANEL)
def size_command(
    model: Annotated[
        str | None, typer.Argument(help="Hugging Face id, or the path of a config.json.", show_default=False)
    ] = None,
    context: Annotated[
        int | None, typer.Option("--context", "-c", help="Tokens of one request; default: the model's limit.")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Requests of that length at once.")] = 1,
    sizing: Annotated[
        Sizing, typer.Option(help="Who decides: Kindo's VRAM table, or the memory model.")
    ] = Sizing.table,
    gpu: Annotated[str | None, typer.Option(help="GPU type, as H100, L40S, A100-80GB.", show_default=False)] = None,
    tp: Annotated[
        int | None, typer.Option("--tp", help="GPUs (tensor parallel): 1, 2, 4, 8.", show_default=False)
    ] = None,
    quantization: Annotated[str | None, typer.Option(help="Weights: fp8, awq, gptq …", show_default=False)] = None,
    dtype: Annotated[str | None, typer.Option(help="As vLLM's --dtype.", show_default=False)] = None,
    kv_cache_dtype: Annotated[str | None, typer.Option(help="As vLLM's --kv-cache-dtype.", show_default=False)] = None,
    vllm_version: Annotated[str | None, typer.Option(help="Default: the release of our image.")] = None,
    gpu_memory_utilization: Annotated[float | None, typer.Option(help="As vLLM's.", show_default=False)] = None,
    max_num_seqs: Annotated[int | None, typer.Option(help="As vLLM's.", show_default=False)] = None,
    max_num_batched_tokens: Annotated[int | None, typer.Option(help="As vLLM's.", show_default=False)] = None,
    enforce_eager: Annotated[bool, typer.Option("--enforce-eager", help="No CUDA graphs.")] = False,
    allow_long_context: Annotated[
        bool, typer.Option("--allow-long-context", help="As with VLLM_ALLOW_LONG_MAX_MODEL_LEN=1.")
    ] = False,
    parameters: Annotated[
        float | None, typer.Option(help="Billions of parameters of a model that is not known.", show_default=False)
    ] = None,
    cloud: Annotated[str | None, typer.Option(help="eks, aks, gke or existing.", show_default=False)] = None,
    region: Annotated[str | None, typer.Option(help="Region of that cloud.", show_default=False)] = None,
    forbid_idle_gpus: Annotated[
        bool, typer.Option("--forbid-idle-gpus", help="Idle GPUs of the machine are an error.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Every term with formula and source.")] = False,
    batch: Annotated[Path | None, typer.Option(help="CSV with one setup a row.", show_default=False)] = None,
    output: Annotated[Path | None, typer.Option(help="CSV to write for --batch.", show_default=False)] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to print.")] = Format.table,
) -> None:
    """Show which GPUs a model gets, whether vLLM starts on them and with how much room, and what they cost.

    Exit status: 0 it fits, 1 it does not (or too close to call), 2 unusable input.
    """
    from kindo_models.commands.size import size, size_rows
    from kindo_models.commands.size_input import Asked

    asked = Asked(
        model=model,
        context=context,
        concurrency=concurrency,
        parameters=parameters,
        quantization=quantization,
        dtype=dtype,
        kv_cache_dtype=kv_cache_dtype,
        gpu=gpu,
        tensor_parallel=tp,
        vllm_version=vllm_version,
        gpu_memory_utilization=gpu_memory_utilization,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max_num_batched_tokens,
        enforce_eager=enforce_eager,
        allow_long_context=allow_long_context,
        cloud=cloud,
        region=region,
        mode=sizing.value,
    )
    if batch or output:
        raise typer.Exit(size_rows(asked, batch, output))
    raise typer.Exit(size(asked, explain=explain, as_json=format is Format.json, forbid_idle=forbid_idle_gpus))


def main() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or log that cannot show a character gets a question mark, not a traceback.
            stream.reconfigure(errors="replace")
    app()
    raise SystemExit(0)
