"""The Plan: a frozen value, JSON in and out. It names secrets, it never holds one."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.packing.placement import Placement
from kindo_models.planning.sizing import Basis, SizingVerdict


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyReference(_Part):
    """One secret of an entry: where it comes from, and the name it has in the gateway's Secret."""

    model: str
    field: Literal["api_key", "aws_access_key_id", "aws_secret_access_key"]
    secret_key: str
    """Key in the gateway's Secret = name of the gateway's environment variable."""
    variable: str | None
    """Process variable or Pulumi secret that holds it; None: the contract holds it literally."""


class ServerSizing(_Part):
    """How a server came to its GPUs (`gpus` of type `gpu` for one replica), and the memory model's verdict."""

    gpu: str
    gpus: int
    basis: Basis
    verdict: SizingVerdict
    reasons: tuple[str, ...]
    longest_max_model_len: int | None = None
    """Tokens of the longest request that these GPUs hold; None: the memory model cannot tell."""
    max_concurrency: float | None = None
    """Requests of max_model_len that the KV cache of one replica holds at once; None: the memory model cannot tell."""


class Server(_Part):
    """One model server: a Helm release of our chart."""

    model: str
    release: str
    """Name of release and Service."""
    engine: Literal["vllm", "ollama"]
    chart: Literal["vllm", "ollama"]
    port: int
    api_base: str
    values: dict[str, Any]
    """Helm values: no secret in it."""
    key: KeyReference | None
    gpus: int
    """nvidia.com/gpu over all replicas."""
    gpu_type: str | None = None
    tensor_parallel: int = 1
    context_tokens: int
    """Longest request that the server takes."""
    startup_seconds: int
    sizing: ServerSizing | None = None
    """None: on the CPU, or nothing can be said."""


class Gateway(_Part):
    """Our LiteLLM: a Helm release of our chart."""

    release: str
    namespace: str
    url: str
    """Base URL inside the cluster, without /v1."""
    values: dict[str, Any]
    keys: tuple[KeyReference, ...]
    keys_secret: str
    master_key_secret: str
    startup_seconds: int

    @property
    def stored_keys_secret(self) -> str:
        """Secret of the keys that External Secrets copies from a store."""
        return f"{self.keys_secret}-stored"


class Check(_Part):
    """One check of the gate; the script `verification/checks.py` reads these fields."""

    check: Literal["dns", "models", "tool-call", "chat", "embeddings", "transcription"]
    via: Literal["direct", "gateway"]
    base_url: str
    model: str
    key_env: str | None = None
    max_tokens: int | None = None
    expected_parser: str | None = None


class Endpoint(_Part):
    """Everything that the gate looks at for one model."""

    model: str
    routing: str
    """Hash of the gateway's configuration for this model: another one asks for a new check."""
    workload: str | None = None
    """Deployment of its own server, NAMESPACE/NAME; None where we serve nothing."""
    checks: tuple[Check, ...]
    startup_seconds: int
    deadline_seconds: int
    failure_policy: Literal["block", "warn", "off"]


class Registration(_Part):
    """One model as Kindo will see it: contract field names, no secret."""

    model: str
    provider: str
    endpoint: str
    """Where requests end up: our server, the entry's `apiBase`, a redirected provider; else the provider's own host."""
    fields: dict[str, str | int]
    api_key_ref: str
    """`secret:NAMESPACE/NAME#KEY`: resolved by the dynamic provider."""


class FlagBinding(_Part):
    """One Unleash feature key and the models that may serve it, in order."""

    feature: str
    holds: Literal["one", "many"]
    required: bool
    candidates: tuple[str, ...]


class Plan(_Part):
    """Every decision for one stack."""

    stack: str
    environment: Environment
    servers: tuple[Server, ...]
    gateway: Gateway
    endpoints: tuple[Endpoint, ...]
    providers: tuple[str, ...]
    """ModelProvider display names, in contract order."""
    registrations: tuple[Registration, ...]
    flags: tuple[FlagBinding, ...]
    findings: tuple[Finding, ...]
    placement: Placement | None = None
    """Nodes and who is on them; None: an existing cluster of which no nodes are named, or nothing can be placed."""

    @property
    def gpus(self) -> int:
        """nvidia.com/gpu that all servers request together."""
        return sum(server.gpus for server in self.servers)

    @property
    def keys(self) -> tuple[KeyReference, ...]:
        """Every secret that must be there before anything is created; a workload has its servers' only."""
        if self.environment.part == "workload":
            return tuple(server.key for server in self.servers if server.key)
        return self.gateway.keys
