"""Model servers: engine arguments, Helm values, addresses, GPUs, start-up budget. One server a `deploy:` entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kindo_models.contract.model import Deploy, ModelEntry
from kindo_models.environment import Environment
from kindo_models.planning import engine_flags
from kindo_models.planning.engine_flags import VLLM_PORT
from kindo_models.planning.model import KeyReference, Server

OLLAMA_PORT = 11434


Adapters = Sequence[tuple[str, Deploy]]
"""LoRA adapters of a server: the name that each is served under, and its `deploy`."""


def server(
    entry: ModelEntry,
    deploy: Deploy,
    release: str,
    environment: Environment,
    *,
    key: KeyReference | None,
    adapters: Adapters = (),
) -> Server:
    """The release of one entry, which also serves its LoRA adapters. key: the secret that vLLM asks for."""
    if deploy.engine == "vllm":
        return _vllm(entry, deploy, release, environment, key, adapters)
    return _ollama(entry, deploy, release, environment)


def gpu_count(deploy: Deploy) -> int:
    """GPUs of one replica: `gpu.count`, else tensor × pipeline parallel; Ollama runs on the CPU without `gpu`."""
    gpu = deploy.gpu
    if gpu is None:
        return 0
    return gpu.count or (gpu.tensor_parallel or 1) * gpu.pipeline_parallel


def tensor_parallel(deploy: Deploy) -> int:
    gpu = deploy.gpu
    if gpu is None:
        return 1
    return gpu.tensor_parallel or gpu_count(deploy) // gpu.pipeline_parallel


def max_model_len(entry: ModelEntry, deploy: Deploy) -> int:
    """`maxModelLen`, else the advertised window: never silently less."""
    return deploy.max_model_len or entry.context_window


def vllm_arguments(entry: ModelEntry, deploy: Deploy, adapters: Adapters = ()) -> list[str]:
    """Arguments after `vllm serve`, model first. Boolean flags carry no value: vLLM refuses `--flag true`."""
    arguments = [deploy.model, "--served-model-name", entry.litellm_model_name, "--port", str(VLLM_PORT)]
    arguments += ["--max-model-len", str(max_model_len(entry, deploy))]
    for flag in engine_flags.TEXTS:
        if (value := getattr(deploy, flag.attribute)) is not None:
            arguments += [f"--{flag.flag}", str(value)]
    if entry.metadata_type == "Embeddings":
        arguments += ["--runner", "pooling"]
    if (parallel := tensor_parallel(deploy)) > 1:
        arguments += ["--tensor-parallel-size", str(parallel)]
    if deploy.gpu and deploy.gpu.pipeline_parallel > 1:
        arguments += ["--pipeline-parallel-size", str(deploy.gpu.pipeline_parallel)]
    if deploy.trust_remote_code:
        arguments.append(f"--{engine_flags.TRUST.flag}")
    if deploy.tool_call_parser:
        arguments += ["--tool-call-parser", deploy.tool_call_parser, "--enable-auto-tool-choice"]
    if deploy.reasoning_parser:
        arguments += ["--reasoning-parser", deploy.reasoning_parser]
    for flag in engine_flags.SWITCHES:
        if (wanted := getattr(deploy, flag.attribute)) is not None:
            arguments.append(f"--{flag.flag}" if wanted else f"--no-{flag.flag}")
    if adapters:
        arguments += ["--enable-lora", "--max-loras", str(len(adapters)), "--lora-modules"]
        arguments += [f"{name}={adapter.model}" for name, adapter in adapters]
    return [*arguments, *deploy.extra_args]


def _vllm(
    entry: ModelEntry,
    deploy: Deploy,
    release: str,
    environment: Environment,
    key: KeyReference | None,
    adapters: Adapters,
) -> Server:
    gpus = gpu_count(deploy)
    values: dict[str, Any] = {
        **_common(deploy, release, environment, image=deploy.image or environment.images.vllm, port=VLLM_PORT),
        "args": vllm_arguments(entry, deploy, adapters),
        "gpus": gpus,
        "sharedMemory": environment.serving.shared_memory,
    }
    if key:
        values["apiKeySecret"] = {"name": f"{release}-key", "key": "api-key"}
    return Server(
        model=entry.litellm_model_name,
        release=release,
        engine="vllm",
        chart="vllm",
        port=VLLM_PORT,
        api_base=f"http://{release}.{environment.cluster.namespace}.svc.cluster.local:{VLLM_PORT}/v1",
        values=values,
        key=key,
        gpus=gpus * deploy.fixed_replicas,
        gpu_type=deploy.gpu.type if deploy.gpu else None,
        tensor_parallel=tensor_parallel(deploy),
        context_tokens=max_model_len(entry, deploy),
        startup_seconds=environment.serving.startup_seconds,
    )


def _ollama(entry: ModelEntry, deploy: Deploy, release: str, environment: Environment) -> Server:
    gpus = gpu_count(deploy)
    values: dict[str, Any] = {
        **_common(deploy, release, environment, image=deploy.image or environment.images.ollama, port=OLLAMA_PORT),
        "model": deploy.model,
        "servedModelName": entry.litellm_model_name,
        "contextLength": max_model_len(entry, deploy),
        "gpus": gpus,
    }
    if environment.serving.ollama_models_path:
        values["modelsFromImage"] = environment.serving.ollama_models_path
    return Server(
        model=entry.litellm_model_name,
        release=release,
        engine="ollama",
        chart="ollama",
        port=OLLAMA_PORT,
        api_base=f"http://{release}.{environment.cluster.namespace}.svc.cluster.local:{OLLAMA_PORT}",
        values=values,
        key=None,
        gpus=gpus * deploy.fixed_replicas,
        gpu_type=deploy.gpu.type if deploy.gpu else None,
        tensor_parallel=tensor_parallel(deploy),
        context_tokens=max_model_len(entry, deploy),
        startup_seconds=environment.serving.startup_seconds,
    )


def _common(deploy: Deploy, release: str, environment: Environment, *, image: str, port: int) -> dict[str, Any]:
    resources = environment.serving.resources
    return {
        "name": release,
        "image": image,
        "imagePullPolicy": environment.images.pull_policy,
        "imagePullSecrets": [{"name": name} for name in environment.images.pull_secrets],
        "replicas": deploy.fixed_replicas,
        "port": port,
        "env": dict(sorted(deploy.env.items())),
        "resources": {"cpu": resources.cpu, "memory": resources.memory},
        "startupSeconds": environment.serving.startup_seconds,
        "clients": {"namespace": environment.gateway.namespace, "labels": {"kindo-models.dev/network": "gateway"}},
    }
