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
    write: Annotated[
        bool, typer.Option("--write", help="Keep the placement in stacks/<stack>.placement.json.")
    ] = False,
) -> None:
    """Show what `pulumi up` would make: servers, gateway, checks, registrations, flags, and every finding.

    Exit status: 0 no error, 1 findings of level error, 2 unusable input.
    """
    from kindo_models.commands.plan import show_plan

    raise typer.Exit(show_plan(contract, stack, environment, as_json=format is Format.json, write=write))


class Sizing(StrEnum):
    table = "table"
    model = "model"


@app.command("size")
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
    app()
    raise SystemExit(0)
