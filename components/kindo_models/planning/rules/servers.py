"""`deploy:` as a whole: replicas, GPUs, adapters, and keys that the engine does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kindo_models.catalog.gpus import UnknownGpu, find_gpu
from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import Draft, Entry
from kindo_models.findings import Finding
from kindo_models.planning.rules.context import Context
from kindo_models.planning.rules.registry import Problem, contract_rule, entry_rule
from kindo_models.source import nearest, shown

# https://github.com/distribution/reference: host, path, tag, digest.
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?/"
_IMAGE = re.compile(rf"(?:{_HOST})?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@[a-z0-9.+_-]+:[0-9a-fA-F]{{32,}})?\Z")
# As every Kubernetes release takes them (later ones take more).
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*\Z")

# Keys that only vLLM reads.
VLLM_ONLY = [
    "revision",
    "quantization",
    "dtype",
    "kvCacheDtype",
    "gpuMemoryUtilization",
    "maxNumSeqs",
    "maxNumBatchedTokens",
    "prefixCaching",
    "chunkedPrefill",
    "toolCallParser",
    "reasoningParser",
    "chatTemplate",
    "trustRemoteCode",
    "adapterOf",
    "extraArgs",
    "hfToken",
]
_OF_AN_ADAPTER = ("engine", "model", "adapterOf")


@entry_rule(
    "deploy-key-ignored",
    "warning",
    what="A key of `deploy` that the engine does not know, or that a LoRA adapter takes from its base.",
    why="It would have no effect.",
    fix="Remove it; for Ollama, or use `engine: vllm`; for an adapter, write it in the base's entry.",
)
def deploy_key_ignored(entry: Entry, context: Context) -> Iterator[Problem]:
    deploy = entry.deploy
    if deploy is None:
        return
    if base := deploy.text("adapterOf"):
        for key in deploy.values:
            if key not in _OF_AN_ADAPTER:
                yield Problem(
                    ("deploy", key), f"the server of {base!r} loads the adapter, with its own {key}", "write it there"
                )
        return
    for key in VLLM_ONLY if entry.engine == "ollama" else ():
        if deploy.wrote(key):
            yield Problem(("deploy", key), f"Ollama has no setting for {key}", "remove it, or use `engine: vllm`")


@entry_rule(
    "deploy-prefix-mismatch",
    "error",
    what="A model that we serve has the prefix of another provider.",
    why="LiteLLM would send the request to that provider, not to the server.",
    fix="Write `openai/NAME` for vLLM and `ollama_chat/NAME` for Ollama.",
)
def deploy_prefix_mismatch(entry: Entry, context: Context) -> Iterator[Problem]:
    found = providers().by_prefix(entry.prefix)
    if entry.engine is None or found is None or found[0] in ("openai", entry.engine):
        return
    right = "openai" if entry.engine == "vllm" else "ollama_chat"
    yield Problem(
        "litellmModel",
        f"the prefix {entry.prefix + '/'!r} is that of {found[1].title}, but `deploy` serves it with {entry.engine}",
        f"write `litellmModel: {right}/{entry.name or entry.suffix}`",
    )


@entry_rule(
    "replicas-twice",
    "error",
    what="Both `replicas` and `autoscaling` are written.",
    why="Only one of them can decide how many servers run.",
    fix="Keep one.",
)
def replicas_twice(entry: Entry, context: Context) -> Iterator[Problem]:
    deploy = entry.deploy
    if deploy and deploy.wrote("replicas") and deploy.wrote("autoscaling"):
        yield Problem(("deploy", "replicas"), "replicas and autoscaling contradict each other", "keep one of them")


@entry_rule(
    "autoscaling-bounds",
    "error",
    what="`autoscaling.min` is above `autoscaling.max`.",
    why="Kubernetes refuses such an autoscaler.",
    fix="Swap them.",
)
def autoscaling_bounds(entry: Entry, context: Context) -> Iterator[Problem]:
    scaling = entry.deploy.block("autoscaling") if entry.deploy else None
    low, high = (scaling.number("min"), scaling.number("max")) if scaling else (None, None)
    if low is not None and high is not None and low > high:
        yield Problem(
            ("deploy", "autoscaling"), f"autoscaling from {low} to {high}", f"write `{{min: {high}, max: {low}}}`"
        )


@entry_rule(
    "gpu-count-contradicts-parallel",
    "error",
    what="`gpu.count` is not tensorParallel × pipelineParallel.",
    why="vLLM starts one worker for each GPU of a replica; with fewer it stops, more stay idle and are paid.",
    fix="Make them agree, or leave count or tensorParallel out: each is derived from the other.",
)
def gpu_count_contradicts_parallel(entry: Entry, context: Context) -> Iterator[Problem]:
    gpu = entry.deploy.block("gpu") if entry.deploy else None
    count, tensor = (gpu.number("count"), gpu.number("tensorParallel")) if gpu else (None, None)
    if gpu is None or count is None:
        return
    stages = gpu.number("pipelineParallel") or 1
    if tensor and count != tensor * stages:
        yield Problem(
            ("deploy", "gpu", "count"),
            f"{count} GPUs, but tensorParallel × pipelineParallel is {tensor} × {stages} = {tensor * stages}",
            f"write `count: {tensor * stages}`, or leave one of them out",
        )


@entry_rule(
    "gpu-count-not-divisible",
    "error",
    what="The GPUs of a replica cannot be split into its pipeline stages.",
    why="Each stage needs the same number of GPUs.",
    fix="Make gpu.count a multiple of gpu.pipelineParallel.",
)
def gpu_count_not_divisible(entry: Entry, context: Context) -> Iterator[Problem]:
    gpu = entry.deploy.block("gpu") if entry.deploy else None
    count, stages = (gpu.number("count"), gpu.number("pipelineParallel") or 1) if gpu else (None, 1)
    if gpu and count and count % stages and not gpu.wrote("tensorParallel"):
        yield Problem(
            ("deploy", "gpu"),
            f"{count} GPUs cannot be split into {stages} pipeline stages",
            "make gpu.count a multiple of gpu.pipelineParallel",
        )


@entry_rule(
    "unknown-gpu-type",
    "warning",
    what="`gpu.type` is no name of the catalog.",
    why="The memory model cannot say whether the model fits, and no machine is found for it.",
    fix="Write one of the catalog's names, such as H100, L40S or A100-80GB.",
)
def unknown_gpu_type(entry: Entry, context: Context) -> Iterator[Problem]:
    gpu = entry.deploy.block("gpu") if entry.deploy else None
    name = gpu.text("type") if gpu else None
    try:
        if name:
            find_gpu(name)
    except UnknownGpu as error:
        yield Problem(("deploy", "gpu", "type"), str(error), "write the catalog's name, or leave type out")


@entry_rule(
    "server-key-missing",
    "error",
    what="A vLLM server has no key.",
    why="It would answer everyone in the cluster.",
    fix="Write `apiKey: ${VLLM_API_KEY}`: one key for server, gateway, gate and Kindo.",
)
def server_key_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    deploy = entry.deploy
    # An adapter's key is that of its server.
    if deploy and entry.engine == "vllm" and not deploy.wrote("adapterOf") and not entry.wrote("apiKey"):
        yield Problem(
            "apiKey",
            "a server without a key answers everyone in the cluster",
            "write `apiKey: ${VLLM_API_KEY}`: one key for server, gateway, gate and Kindo",
        )


@entry_rule(
    "image-malformed",
    "error",
    what="`image` is no name of a container image.",
    why="Kubernetes refuses it (InvalidImageName), and the server never starts.",
    fix="Write `HOST/REPOSITORY:TAG`, lower case, a digest may follow.",
)
def image_malformed(entry: Entry, context: Context) -> Iterator[Problem]:
    image = entry.deploy.text("image") if entry.deploy else None
    if image and "${" not in image and not _IMAGE.match(image):
        yield Problem(
            ("deploy", "image"), f"image {shown(image)} is no image name", "write `HOST/REPOSITORY:TAG` or `…@sha256:…`"
        )


@entry_rule(
    "env-name-malformed",
    "error",
    what="A name in `env` is none of an environment variable.",
    why="Kubernetes refuses the server's pod.",
    fix="Use letters, digits, `_`, `-` and `.`, and no digit at the beginning.",
)
def env_name_malformed(entry: Entry, context: Context) -> Iterator[Problem]:
    for name in entry.deploy.map("env") if entry.deploy else ():
        if not _ENV_NAME.match(name):
            yield Problem(
                ("deploy", "env", name),
                f"{shown(name)} is no name of an environment variable",
                "use letters, digits and `_`, and no digit at the beginning",
            )


@contract_rule(
    "adapter-base-unknown",
    "error",
    what="`adapterOf` names no vLLM server of this contract.",
    why="A LoRA adapter is loaded by the server of its base model.",
    fix="Write the litellmModelName of an entry with `deploy: {engine: vllm}` that is no adapter itself.",
)
def adapter_base_unknown(draft: Draft, context: Context) -> Iterator[Finding]:
    bases = {
        entry.name
        for entry in draft.entries
        if entry.name and entry.engine == "vllm" and entry.deploy and not entry.deploy.wrote("adapterOf")
    }
    for entry in draft.entries:
        wanted = entry.deploy.text("adapterOf") if entry.deploy else None
        # An entry that could not be read may be the base.
        if wanted is None or wanted in bases or not draft.complete:
            continue
        guess = nearest(wanted, bases)
        known = f"servers are {', '.join(sorted(bases))}" if bases else "no entry is one"
        yield draft.finding(
            (*entry.path, "deploy", "adapterOf"),
            "",
            f"adapterOf {wanted!r} names no vLLM server of this contract; {known}",
            f"did you mean {guess!r}?" if guess else "write the litellmModelName of the base model's entry",
            model=entry.name,
        )
