"""The settings of one stack: where and how. One object `kindo-models:environment` in `stacks/Pulumi.<stack>.yaml`.

Unknown keys are refused. A string that is exactly `${NAME}` is taken from the process environment, so that addresses of
a local cluster or of a build need no edit; secrets do not belong here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from kindo_models.environment_packing import Cloud, NodePools, Packing
from kindo_models.findings import Finding, InputError
from kindo_models.source import KeyPath, Source, findings_of, read

CONFIG_KEY = "kindo-models:environment"
_VARIABLE = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Cluster(_Part):
    """The cluster that everything runs in: nothing is created for it; KUBECONFIG and `context` name it.

    `eks` and `aks` say what may be bought for it (`cloud`, `nodePools`, `packing`); `existing` is any other.
    """

    kind: Literal["existing", "eks", "aks"] = "existing"
    context: str | None = None
    namespace: str = "inference"
    """Namespace of the model servers. It is part of every `apiBase` that is derived."""
    create_namespaces: bool = True


class Images(_Part):
    """Container images, each pinned by digest (`repository@sha256:…`). Without a digest: a warning in the plan."""

    vllm: str = "docker.io/vllm/vllm-openai:v0.33.0"
    ollama: str = "docker.io/ollama/ollama:0.13.5"
    gateway: str = "ghcr.io/berriai/litellm:v1.108.0"
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()


class Resources(_Part):
    """Requests of one container, in Kubernetes quantities. Limits equal the memory request; CPU is not limited."""

    cpu: str
    memory: str


class Serving(_Part):
    """Defaults of the model servers. `resources` replaces the computed CPU and memory (GPU requests stay)."""

    resources: Resources = Resources(cpu="4", memory="32Gi")
    startup_seconds: int = Field(default=1800, ge=30, le=7200)
    """Start-up budget of a server: startup probe, vLLM's ready timeout, Helm's and Pulumi's timeouts follow it."""
    shared_memory: str = "2Gi"
    """Size limit of /dev/shm; it counts into the memory limit."""
    ollama_models_path: str | None = None
    """A models directory inside the Ollama image, copied at start, so that nothing is pulled."""


class GatewaySettings(_Part):
    """Our LiteLLM. `version` is checked against the catalog's floor and denylist."""

    namespace: str = "kindo-gateway"
    version: str = "1.108.0"
    replicas: int = Field(default=2, ge=1)
    resources: Resources = Resources(cpu="1", memory="4Gi")
    startup_seconds: int = Field(default=300, ge=30)
    url: str | None = None
    """How the machine that runs Pulumi reaches the gateway, for people and the command line; None: not from outside."""


class ProviderEndpoint(_Part):
    """Redirects a cloud provider, for example to a proxy: scheme, host and port without a path."""

    endpoint: str = Field(pattern=r"^https?://[^/]+$")


class VerificationSettings(_Part):
    """The gate before registration."""

    on_failure: Literal["block", "warn", "off"] = "block"
    deadline_seconds: int = Field(default=300, ge=10)
    """Longest time for one endpoint's checks after its server's start-up budget."""


class KindoApi(_Part):
    """The Kindo admin API. It is not public: `mapping` names the assumed or recorded form (catalog)."""

    url: str = Field(pattern=r"^https?://")
    mapping: str


class RegistrationSettings(_Part):
    """Where models are registered. `route: gateway`: Kindo calls them through our LiteLLM."""

    route: Literal["gateway"] = "gateway"
    kindo: KindoApi | None = None


class Unleash(_Part):
    url: str = Field(pattern=r"^https?://")
    project: str = "default"
    environment: str
    strategy: str = "flexibleRollout"
    variant: str = "kindo-models"
    create_missing: bool = False


class Payload(_Part):
    """What a variant's payload holds. Kindo does not publish it, so there is no default."""

    type: Literal["json", "csv", "string"]
    value: Literal["modelId", "modelName"]


class FlagSettings(_Part):
    """Which Unleash features are pointed at the models. `preset` is a Kindo release of the catalog."""

    preset: str
    unleash: Unleash
    payload: Payload


SizingMode = Literal["table", "model"]


class SizingSettings(_Part):
    """Who decides the GPUs of a `deploy:` entry that names none: `table`, Kindo's VRAM table checked by the memory
    model, or `model`, the memory model alone. `sizing: model` is short for `sizing: {mode: model}`."""

    mode: SizingMode = "table"
    models: dict[str, SizingMode] = Field(default_factory=dict)
    """Other modes, by `litellmModelName`."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"mode": value} if isinstance(value, str) else value

    def of(self, model: str) -> SizingMode:
        return self.models.get(model, self.mode)


class Environment(_Part):
    """All settings of a stack."""

    cluster: Cluster = Cluster()
    cloud: Cloud = Cloud()
    node_pools: NodePools = NodePools()
    packing: Packing = Packing()
    images: Images = Images()
    serving: Serving = Serving()
    sizing: SizingSettings = SizingSettings()
    gateway: GatewaySettings = GatewaySettings()
    providers: dict[str, ProviderEndpoint] = Field(default_factory=dict)
    verification: VerificationSettings = VerificationSettings()
    registration: RegistrationSettings = RegistrationSettings()
    flags: FlagSettings | None = None


def load_environment(
    path: str | Path, *, variables: Mapping[str, str] | None = None, name: str | None = None
) -> Environment:
    """Read a stack file. `variables` defaults to the process environment. Raises InputError with all findings."""
    source = read(Path(path), name=name)
    config = source.data.get("config") if isinstance(source.data, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get(CONFIG_KEY), dict):
        raise InputError(
            [
                source.finding(
                    (), "no-environment", f"the file has no object `config: {CONFIG_KEY}:`", "see docs/environment.md"
                )
            ]
        )
    return parse_environment(source, os.environ if variables is None else variables)


def parse_environment(source: Source, variables: Mapping[str, str]) -> Environment:
    at: KeyPath = ("config", CONFIG_KEY)
    missing: list[Finding] = []
    data = _expand(source.data["config"][CONFIG_KEY], at, variables, source, missing)
    try:
        environment = Environment.model_validate(data)
    except ValidationError as error:
        # A missing variable leaves its `${NAME}` in place; its own finding says more than the pattern it then fails.
        lost = {finding.field for finding in missing}
        found = [finding for finding in findings_of(error, source, Environment, at) if finding.field not in lost]
        raise InputError([*missing, *found]) from None
    if missing:
        raise InputError(missing)
    return environment


def _expand(value: Any, path: KeyPath, variables: Mapping[str, str], source: Source, missing: list[Finding]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, (*path, key), variables, source, missing) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, (*path, index), variables, source, missing) for index, item in enumerate(value)]
    match = _VARIABLE.match(value) if isinstance(value, str) else None
    if match is None:
        return value
    if found := variables.get(match.group(1)):
        return found
    missing.append(
        source.finding(
            path,
            "missing-variable",
            f"the environment variable {match.group(1)} is not set",
            f'set {match.group(1)}; for the stack local: eval "$(make env)"',
        )
    )
    return value
