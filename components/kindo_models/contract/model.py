"""Typed contract: field names in the file are camelCase as Kindo documents them, in Python snake_case.

Types are strict: `contextWindow: "128000"` is a text, which Kindo and LiteLLM would take along until something breaks.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

# `${VAR}` as the whole value names a secret; nothing else is expanded.
VARIABLE = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$")

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


class Gpu(_Part):
    """GPUs of one replica. `type`: a name of the catalog, such as H100. `count` defaults to tensor × pipeline parallel,
    `tensor_parallel` to `count / pipeline_parallel`.
    """

    type: _Text | None = None
    count: int | None = Field(default=None, ge=1, le=64)
    tensor_parallel: int | None = Field(default=None, ge=1, le=64)
    pipeline_parallel: int = Field(default=1, ge=1, le=64)


class Autoscaling(_Part):
    """Replicas follow the load between `min` and `max`."""

    min: int = Field(ge=0, le=1000)
    max: int = Field(ge=1, le=1000)


class Weights(_Part):
    """Where weights come from and are kept. source: `hf` (Hugging Face, the default), a claim (`pvc:NAME/PATH`), an
    object store (`s3://…`, `az://…`) or an image (`oci:…`). cache: name of a claim, or `node` for the node's own disk.
    """

    source: _Text | None = None
    cache: _Text | None = None


class Deploy(_Part):
    """How to serve a model ourselves. Removed when the contract is rendered for Kindo's installer.

    model: Hugging Face ID, or tag of the Ollama library. max_model_len: tokens; defaults to the entry's
    `contextWindow`, else to the model's full window. concurrency: requests at full length that the server should hold
    at once. replicas: fixed number (default 1), or `autoscaling`. adapter_of: routing key of the entry whose server
    loads this LoRA adapter. extra_args: further engine arguments, one list item each. hf_token: `${VAR}` of the token
    for gated weights.
    """

    engine: Engine = "vllm"
    model: _Text
    revision: _Text | None = None
    quantization: _Text | None = None
    dtype: _Text | None = None
    kv_cache_dtype: _Text | None = None
    max_model_len: _Count | None = None
    concurrency: _Count | None = None
    replicas: int | None = Field(default=None, ge=0, le=1000)
    autoscaling: Autoscaling | None = None
    gpu: Gpu | None = None
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    max_num_seqs: _Count | None = None
    max_num_batched_tokens: _Count | None = None
    prefix_caching: bool | None = None
    chunked_prefill: bool | None = None
    tool_call_parser: _Text | None = None
    reasoning_parser: _Text | None = None
    chat_template: _Text | None = None
    trust_remote_code: bool = False
    adapter_of: _Text | None = None
    extra_args: _Texts = ()
    env: dict[str, str] = Field(default_factory=dict)
    image: _Text | None = None
    weights: Weights | None = None
    hf_token: str | None = Field(default=None, repr=False)

    @property
    def fixed_replicas(self) -> int:
        """Replicas at the start: the fixed number, or the lower bound of `autoscaling`."""
        if self.replicas is not None:
            return self.replicas
        return self.autoscaling.min if self.autoscaling else 1


class ModelEntry(_Part):
    """One entry of `models:`. The routing key `litellm_model_name` is never changed."""

    litellm_model_name: _Text
    litellm_model: _Text
    display_name: _Text
    provider: _Text
    type: ModelType
    metadata_type: MetadataType
    context_window: _Count
    creator: str | None = None
    cost_tier: CostTier | None = None
    max_tokens: _Count | None = None
    description: str | None = None
    doc_link: str | None = None
    api_key: str | None = Field(default=None, repr=False)
    api_base: str | None = None
    api_version: str | None = None
    aws_region: str | None = None
    aws_access_key_id: str | None = Field(default=None, repr=False)
    aws_secret_access_key: str | None = Field(default=None, repr=False)
    base_model: str | None = None
    deploy: Deploy | None = None

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
