"""GPUs of a `deploy:` entry: found by the sizing where it names none, checked by the memory model where it does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from kindo_models.catalog.gpus import UnknownGpu, find_gpu
from kindo_models.catalog.vllm_sizing import UnknownQuantization
from kindo_models.contract.model import Deploy, Gpu, ModelEntry
from kindo_models.environment import Environment, Images
from kindo_models.findings import Finding
from kindo_models.planning.memory import BadSetup
from kindo_models.planning.model import ServerSizing
from kindo_models.planning.shapes import Shape
from kindo_models.planning.sizing import Decision, Unsizable, Wish, decide
from kindo_models.planning.sizing_findings import sizing_findings
from kindo_models.planning.trials import Trials, Workload
from kindo_models.planning.workloads import known_model, vllm_release, weight_format
from kindo_models.source import nearest

_NOT_MODELLED = ("--kv-cache-memory-bytes", "--cpu-offload-gb", "--enable-lora", "--data-parallel-size", "--config")
"""Flags that change the memory in ways that the memory model does not know."""


@dataclass(frozen=True)
class Sized:
    """One entry, sized: what it serves, what was wished, what was decided."""

    workload: Workload
    wish: Wish
    decision: Decision
    trials: Trials

    def on(self, shape: Shape, *, pipeline_parallel: int) -> Sized:
        """The same on another shape: where it is placed."""
        if shape == self.decision.shape and pipeline_parallel == self.workload.pipeline_parallel:
            return self
        workload = replace(self.workload, pipeline_parallel=pipeline_parallel)
        trials = Trials(workload)
        reasons = (*self.decision.reasons, f"placed on {shape}")
        decision = replace(self.decision, shape=shape, prediction=trials(shape), reasons=reasons, smaller=None)
        return Sized(workload, self.wish, decision, trials)


def sized_server(
    entry: ModelEntry, deploy: Deploy, environment: Environment, *, adapters: bool = False
) -> Sized | Finding | None:
    """None: without GPUs (Ollama on the CPU, no replicas). A finding: nothing can be said, and why.

    adapters: LoRA adapters are served beside it.
    """
    if deploy.engine != "vllm" or deploy.fixed_replicas == 0:
        return None
    try:
        workload = workload_of(entry, deploy, environment, adapters=adapters)
        wish = _wish(entry, deploy, environment)
        trials = Trials(workload)
        return Sized(workload, wish, decide(workload, wish, trials), trials)
    except (UnknownGpu, UnknownQuantization, BadSetup, Unsizable) as error:
        name = entry.litellm_model_name
        return _not_sized(deploy, name, f"models[{name}].deploy.gpu", str(error))


def with_gpus(
    entry: ModelEntry, deploy: Deploy, sized: Sized | Finding | None
) -> tuple[Deploy, ServerSizing | None, list[Finding]]:
    """The entry's `deploy` with the GPUs that it gets, how they were found, and what there is to say about them."""
    if not isinstance(sized, Sized):
        return deploy, None, [sized] if sized else []
    decision, shape = sized.decision, sized.decision.shape
    name = entry.litellm_model_name
    asked = deploy.gpu or Gpu()
    gpu = asked.model_copy(
        update={
            "type": asked.type or shape.gpu.name,
            "count": asked.count or shape.count,
            "pipeline_parallel": sized.workload.pipeline_parallel,
        }
    )
    sizing = ServerSizing(
        gpu=shape.gpu.name,
        gpus=shape.count,
        basis=decision.basis,
        verdict=decision.verdict,
        reasons=decision.reasons,
        longest_max_model_len=decision.prediction.longest_max_model_len if decision.prediction else None,
        max_concurrency=decision.prediction.max_concurrency if decision.prediction else None,
    )
    found = sizing_findings(decision, sized.trials, model=name, field=f"models[{name}].deploy.gpu")
    return deploy if decision.basis == "given" else deploy.model_copy(update={"gpu": gpu}), sizing, found


def workload_of(entry: ModelEntry, deploy: Deploy, environment: Environment, *, adapters: bool = False) -> Workload:
    """The entry as a workload: its context is what `--max-model-len` will say."""
    flags = _flags((*deploy.extra_args, "--enable-lora") if adapters else deploy.extra_args)
    known = known_model(deploy.model)
    context = deploy.max_model_len or entry.context_window
    quantization = deploy.quantization or flags.quantization
    dtype = deploy.dtype or flags.dtype
    return Workload(
        model=deploy.model,
        context=context,
        architecture=None if flags.not_modelled else known.architecture,
        why_unchecked=f"{flags.not_modelled} is not modelled" if flags.not_modelled else known.why,
        note=known.note,
        billions=known.billions,
        precision=weight_format(deploy.model, known.record, quantization, dtype),
        concurrency=deploy.concurrency or 1,
        generates=entry.metadata_type == "Text Generation" and known.generates,
        vllm_version=vllm_release(deploy.image or environment.images.vllm) or vllm_release(Images().vllm),
        dtype=dtype,
        quantization=quantization,
        kv_cache_dtype=deploy.kv_cache_dtype or flags.kv_cache_dtype,
        pipeline_parallel=deploy.gpu.pipeline_parallel if deploy.gpu else 1,
        gpu_memory_utilization=deploy.gpu_memory_utilization or flags.gpu_memory_utilization,
        enforce_eager=flags.enforce_eager,
        prefix_caching=deploy.prefix_caching,
        max_num_seqs=deploy.max_num_seqs or flags.max_num_seqs,
        max_num_batched_tokens=deploy.max_num_batched_tokens or flags.max_num_batched_tokens,
        allow_long_max_model_len=deploy.env.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN") == "1",
    )


def _wish(entry: ModelEntry, deploy: Deploy, environment: Environment) -> Wish:
    """What the entry says about GPUs. Those beyond tensor × pipeline parallel are not used by the engine."""
    gpu = deploy.gpu or Gpu()
    count = gpu.count
    if gpu.tensor_parallel or (count is None and gpu.pipeline_parallel > 1):
        count = (gpu.tensor_parallel or 1) * gpu.pipeline_parallel
    return Wish(environment.sizing.of(entry.litellm_model_name), None, find_gpu(gpu.type) if gpu.type else None, count)


def unknown_names(names: Sequence[str], environment: Environment) -> list[Finding]:
    """Models of `sizing.models` that the contract does not have."""
    return [
        Finding(
            code="sizing-unknown-model",
            field=f"sizing.models.{name}",
            message=f"the contract has no model {name!r}",
            hint=f"did you mean {guess!r}?" if (guess := nearest(name, names)) else f"it has {', '.join(names)}",
        )
        for name in environment.sizing.models
        if name not in names
    ]


def _not_sized(deploy: Deploy, name: str, field: str, why: str) -> Finding:
    """Without a count there is no server; with one there is, unchecked."""
    if deploy.gpu and (deploy.gpu.count or deploy.gpu.tensor_parallel):
        return Finding(
            code="sizing-unchecked",
            severity="warning",
            model=name,
            field=field,
            message=f"{name}: the memory model cannot check the entry's GPUs: {why}",
        )
    return Finding(
        code="gpu-count-missing",
        model=name,
        field=field,
        message=f"{name}: vLLM needs GPUs, the entry names none, and the sizing finds none: {why}",
        hint="write `deploy: {gpu: {type: H100, count: 2}}`",
    )


class _Flags(argparse.Namespace):
    """Engine flags of `extraArgs` that the memory model knows; None = not given."""

    gpu_memory_utilization: float | None
    max_num_seqs: int | None
    max_num_batched_tokens: int | None
    quantization: str | None
    dtype: str | None
    kv_cache_dtype: str | None
    enforce_eager: bool | None
    not_modelled: str | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _flags(extra: Sequence[str]) -> _Flags:
    """vLLM takes underscores in flags as well. What cannot be read is vLLM's to refuse, and is left out here."""
    words = [f"{flag.replace('_', '-')}{equals}{value}" if flag.startswith("--") else flag + equals + value
             for flag, equals, value in (word.partition("=") for word in extra)]  # fmt: skip
    parser = _Parser(add_help=False, allow_abbrev=False)
    for name, kind in (("gpu-memory-utilization", float), ("max-num-seqs", int), ("max-num-batched-tokens", int)):
        parser.add_argument(f"--{name}", type=kind)
    for name in ("quantization", "dtype", "kv-cache-dtype"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--enforce-eager", action="store_true", default=None)
    try:
        flags, rest = parser.parse_known_args(words, namespace=_Flags())
    except ValueError:
        flags, rest = parser.parse_known_args([], namespace=_Flags())[0], words
    flags.not_modelled = next((word for word in rest if word.partition("=")[0] in _NOT_MODELLED), None)
    return flags
