"""Typed contract: field names in the file are camelCase as Kindo documents them, in Python snake_case."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

# `${VAR}` as the whole value names a secret; nothing else is expanded.
VARIABLE = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$")

ModelType = Literal["CHAT", "INTERNAL"]
MetadataType = Literal["Text Generation", "Embeddings", "Transcription"]
CostTier = Literal["LOW", "MEDIUM", "HIGH"]
Engine = Literal["vllm", "ollama"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Gpu(_Part):
    """GPUs of one replica. `tensor_parallel` defaults to `count / pipeline_parallel`."""

    type: str | None = None
    count: int | None = Field(default=None, ge=1, le=64)
    tensor_parallel: int | None = Field(default=None, ge=1)
    pipeline_parallel: int = Field(default=1, ge=1)


class Deploy(_Part):
    """How to serve a model ourselves. Removed when the contract is rendered for Kindo's installer."""

    engine: Engine = "vllm"
    model: str
    revision: str | None = None
    quantization: str | None = None
    dtype: str | None = None
    kv_cache_dtype: str | None = None
    max_model_len: int | None = Field(default=None, ge=1)
    replicas: int = Field(default=1, ge=0)
    gpu: Gpu | None = None
    tool_call_parser: str | None = None
    reasoning_parser: str | None = None
    prefix_caching: bool | None = None
    chunked_prefill: bool | None = None
    trust_remote_code: bool = False
    extra_args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    image: str | None = None


class ModelEntry(_Part):
    """One entry of `models:`. The routing key `litellm_model_name` is never changed."""

    litellm_model_name: str = Field(min_length=1)
    litellm_model: str = Field(min_length=1)
    display_name: str = Field(min_length=1)
    provider: str = Field(min_length=1)
    type: ModelType
    metadata_type: MetadataType
    context_window: int = Field(ge=1)
    creator: str | None = None
    cost_tier: CostTier | None = None
    max_tokens: int | None = Field(default=None, ge=1)
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
        head, slash, _ = self.litellm_model.partition("/")
        return head if slash else ""

    @property
    def suffix(self) -> str:
        """What LiteLLM sends as `model` to the endpoint: the part after the first slash."""
        return self.litellm_model.partition("/")[2] or self.litellm_model


class Contract(BaseModel):
    """All entries in file order. Other top-level keys of install-contract.yaml are Kindo's and are not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    models: tuple[ModelEntry, ...]
