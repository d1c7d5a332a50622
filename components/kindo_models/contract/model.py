"""Typed contract: field names in the file are camelCase as Kindo documents them, in Python snake_case.

Types are strict: `contextWindow: "128000"` is a text, which Kindo and LiteLLM would take along until something breaks.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

# `${VAR}` as the whole value names a secret; nothing else is expanded.
VARIABLE = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$")

# Fields whose value is a secret; `${VAR}` names it, anything else is the secret itself.
SECRET_FIELDS = ("api_key", "aws_access_key_id", "aws_secret_access_key")

ModelType = Literal["CHAT", "INTERNAL"]
MetadataType = Literal["Text Generation", "Embeddings", "Transcription"]
CostTier = Literal["LOW", "MEDIUM", "HIGH"]
Engine = Literal["vllm", "ollama"]

RECOMMENDED = ("creator", "costTier", "maxTokens")
"""Keys that Kindo's page recommends. `maxTokens` where text is generated."""

# YAML knows lists only; what is in them stays strict.
_Texts = Annotated[tuple[str, ...], Field(strict=False)]
_Text = Annotated[str, Field(min_length=1)]
# Kubernetes and JSON count in 64 bits; no model's window is near this.
_Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel, populate_by_name=True)


def _key(description: str, *, default: Any = None, **more: Any) -> Any:
    """A key of the file with what it means: for editors (`kindo-models schema`) and docs/contract.md."""
    if "default_factory" not in more:
        more["default"] = default
    return Field(description=description, **more)


class Gpu(_Part):
    """GPUs of one replica."""

    type: _Text | None = _key("name of the catalog, such as H100")
    count: int | None = _key("GPUs; default: tensorParallel × pipelineParallel", ge=1, le=64)
    tensor_parallel: int | None = _key("default: count / pipelineParallel", ge=1, le=64)
    pipeline_parallel: int = _key("pipeline stages", default=1, ge=1, le=64)


class Autoscaling(_Part):
    """Replicas follow the load between two bounds."""

    min: int = _key("fewest replicas", default=..., ge=0, le=1000)
    max: int = _key("most replicas", default=..., ge=1, le=1000)


class Weights(_Part):
    """Where weights come from and where they are kept."""

    source: _Text | None = _key(
        "`hf` (Hugging Face, the default), a claim `pvc:NAME/PATH`, an object store `s3://…`, `az://…`, or `oci:IMAGE`"
    )
    cache: _Text | None = _key("name of a claim, or `node` for the node's own disk")


class Deploy(_Part):
    """How to serve a model ourselves. Removed when the contract is rendered for Kindo's installer."""

    engine: Engine = _key("model server", default="vllm")
    model: _Text = _key("Hugging Face ID (vLLM), or tag of the Ollama library", default=...)
    revision: _Text | None = _key("commit of the Hugging Face repository; required with trustRemoteCode")
    quantization: _Text | None = _key("vLLM's name; default: what the checkpoint says")
    dtype: _Text | None = _key("`auto`, `bfloat16`, `float16` …; leave out for quantized checkpoints")
    kv_cache_dtype: _Text | None = _key("type of the KV cache, such as `fp8`")
    max_model_len: _Count | None = _key("tokens; default: contextWindow, never silently less")
    concurrency: _Count | None = _key("requests of full length that one replica should hold at once")
    replicas: int | None = _key("fixed number of servers, default 1; or autoscaling", ge=0, le=1000)
    autoscaling: Autoscaling | None = _key("{min, max} replicas instead of a fixed number")
    gpu: Gpu | None = _key("GPUs of one replica")
    gpu_memory_utilization: float | None = _key(
        "part of the GPU memory that vLLM takes; its default is 0.92", gt=0, le=1
    )
    max_num_seqs: _Count | None = _key("sequences in one batch")
    max_num_batched_tokens: _Count | None = _key("tokens in one batch")
    prefix_caching: bool | None = _key("default: on where the model supports it")
    chunked_prefill: bool | None = _key("default: on where the model supports it")
    tool_call_parser: _Text | None = _key("vLLM's parser of the model family; agents need it")
    reasoning_parser: _Text | None = _key("vLLM's parser of a reasoning family")
    chat_template: _Text | None = _key("path of a chat template in the image")
    trust_remote_code: bool = _key("run code of the repository; needs revision, never set by itself", default=False)
    adapter_of: _Text | None = _key("LoRA adapter: litellmModelName of the entry whose server loads it")
    extra_args: _Texts = _key("further arguments of the server, one item each", default=())
    env: dict[str, str] = _key("environment of the server, no secrets", default_factory=dict)
    image: _Text | None = _key("image whose tag states the engine's release; default: the environment's")
    weights: Weights | None = _key("{source, cache}")
    hf_token: str | None = _key("`${VAR}` of a Hugging Face token, for gated models", repr=False)

    @property
    def fixed_replicas(self) -> int:
        """Replicas at the start: the fixed number, or the lower bound of `autoscaling`."""
        if self.replicas is not None:
            return self.replicas
        return self.autoscaling.min if self.autoscaling else 1


class ModelEntry(_Part):
    """One entry of `models:`. The routing key `litellm_model_name` is never changed."""

    litellm_model_name: _Text = _key("unique routing key; the name a server answers to", default=...)
    litellm_model: _Text = _key("LiteLLM's model ID with provider prefix, such as openai/gpt-4o", default=...)
    display_name: _Text = _key("name in the model picker", default=...)
    provider: _Text = _key("ModelProvider display name, exactly: another one creates a new provider", default=...)
    type: ModelType = _key("CHAT for users, INTERNAL for embeddings and transcription", default=...)
    metadata_type: MetadataType = _key("what the model does; decides which feature flags it serves", default=...)
    context_window: _Count = _key("the model's full advertised window, in tokens", default=...)
    creator: str | None = _key("author of the model")
    cost_tier: CostTier | None = _key("LOW, MEDIUM or HIGH")
    max_tokens: _Count | None = _key("most output tokens that LiteLLM asks for")
    description: str | None = _key("text in the model picker")
    doc_link: str | None = _key("link in the model picker")
    api_key: str | None = _key("`${VAR}`; default: the provider's own variable", repr=False)
    api_base: str | None = _key("address of the endpoint; derived for what we deploy")
    api_version: str | None = _key("Azure's API version, in quotes")
    aws_region: str | None = _key("region of Bedrock")
    aws_access_key_id: str | None = _key("`${VAR}`; with the secret key, or neither to use a role", repr=False)
    aws_secret_access_key: str | None = _key("`${VAR}`; with the key id", repr=False)
    base_model: str | None = _key("Azure: the OpenAI model behind the deployment")
    deploy: Deploy | None = _key("how to serve the model ourselves; without it the endpoint exists already")

    @property
    def prefix(self) -> str:
        """LiteLLM's provider prefix: the part before the first slash, "" when there is none."""
        return split(self.litellm_model)[0]

    @property
    def suffix(self) -> str:
        """What LiteLLM sends as `model` to the endpoint: the part after the first slash."""
        return split(self.litellm_model)[1]


class Contract(BaseModel):
    """All entries in file order. Other top-level keys of install-contract.yaml are Kindo's and are not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    models: Annotated[tuple[ModelEntry, ...], Field(strict=False)]


def split(litellm_model: str) -> tuple[str, str]:
    """`bedrock/us.anthropic.x` → ("bedrock", "us.anthropic.x"): at the first slash; ("", all) without one."""
    head, slash, tail = litellm_model.partition("/")
    return (head, tail) if slash else ("", litellm_model)
