"""Model servers: engine arguments, Helm values, addresses, GPUs, start-up budget. One server a `deploy:` entry."""

from __future__ import annotations

from typing import Any

from kindo_models.contract.model import Deploy, ModelEntry
from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.keys import key_references
from kindo_models.planning.model import Server

VLLM_PORT = 8000
OLLAMA_PORT = 11434


def server(entry: ModelEntry, deploy: Deploy, release: str, environment: Environment) -> Server:
    """The release of one entry."""
    build = _vllm if deploy.engine == "vllm" else _ollama
    return build(entry, deploy, release, environment)


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


def vllm_arguments(entry: ModelEntry, deploy: Deploy) -> list[str]:
    """Arguments after `vllm serve`, model first. Boolean flags carry no value: vLLM refuses `--flag true`."""
    arguments = [deploy.model, "--served-model-name", entry.litellm_model_name, "--port", str(VLLM_PORT)]
    arguments += ["--max-model-len", str(max_model_len(entry, deploy))]
    for flag, value in (
        ("--revision", deploy.revision),
        ("--dtype", deploy.dtype),
        ("--quantization", deploy.quantization),
        ("--kv-cache-dtype", deploy.kv_cache_dtype),
    ):
        if value:
            arguments += [flag, value]
    if entry.metadata_type == "Embeddings":
        arguments += ["--runner", "pooling"]
    if (parallel := tensor_parallel(deploy)) > 1:
        arguments += ["--tensor-parallel-size", str(parallel)]
    if deploy.gpu and deploy.gpu.pipeline_parallel > 1:
        arguments += ["--pipeline-parallel-size", str(deploy.gpu.pipeline_parallel)]
    if deploy.trust_remote_code:
        arguments.append("--trust-remote-code")
    if deploy.tool_call_parser:
        arguments += ["--tool-call-parser", deploy.tool_call_parser, "--enable-auto-tool-choice"]
    if deploy.reasoning_parser:
        arguments += ["--reasoning-parser", deploy.reasoning_parser]
    for flag, wanted in (("prefix-caching", deploy.prefix_caching), ("chunked-prefill", deploy.chunked_prefill)):
        if wanted is not None:
            arguments.append(f"--enable-{flag}" if wanted else f"--no-enable-{flag}")
    return [*arguments, *deploy.extra_args]


def findings(entry: ModelEntry, deploy: Deploy, server: Server) -> list[Finding]:
    """What the engine or the scheduler would refuse later."""
    name = entry.litellm_model_name
    found = []
    if deploy.engine == "vllm" and server.gpus == 0 and deploy.replicas > 0:
        found.append(
            Finding(
                code="gpu-count-missing",
                model=name,
                field=f"models[{name}].deploy.gpu",
                message=f"{name}: vLLM needs GPUs and the entry names none",
                hint="write `deploy: {gpu: {type: H100, count: 2}}`",
            )
        )
    if deploy.engine == "vllm" and server.key is None:
        found.append(
            Finding(
                code="server-key-missing",
                model=name,
                field=f"models[{name}].apiKey",
                message=f"{name}: a server without a key answers everyone in the cluster",
                hint="write `apiKey: ${VLLM_API_KEY}`: one key for server, gateway, gate and Kindo",
            )
        )
    if deploy.gpu and deploy.gpu.count and deploy.gpu.count % deploy.gpu.pipeline_parallel:
        found.append(
            Finding(
                code="gpu-count-not-divisible",
                model=name,
                field=f"models[{name}].deploy.gpu",
                message=(
                    f"{name}: {deploy.gpu.count} GPUs cannot be split into "
                    f"{deploy.gpu.pipeline_parallel} pipeline stages"
                ),
                hint="make gpu.count a multiple of gpu.pipelineParallel",
            )
        )
    return found


def _vllm(entry: ModelEntry, deploy: Deploy, release: str, environment: Environment) -> Server:
    references = key_references(entry)
    key = references[0] if references else None
    gpus = gpu_count(deploy)
    values: dict[str, Any] = {
        **_common(deploy, release, environment, image=deploy.image or environment.images.vllm, port=VLLM_PORT),
        "args": vllm_arguments(entry, deploy),
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
        gpus=gpus * deploy.replicas,
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
        gpus=gpus * deploy.replicas,
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
        "replicas": deploy.replicas,
        "port": port,
        "env": dict(sorted(deploy.env.items())),
        "resources": {"cpu": resources.cpu, "memory": resources.memory},
        "startupSeconds": environment.serving.startup_seconds,
        "clients": {"namespace": environment.gateway.namespace, "labels": {"kindo-models.dev/network": "gateway"}},
    }
