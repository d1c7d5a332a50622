"""`kindo-models size`: its arguments and options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kindo_models.commands.options import Format, FormatOption


class Sizing(StrEnum):
    table = "table"
    model = "model"


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
    format: FormatOption = Format.table,
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
