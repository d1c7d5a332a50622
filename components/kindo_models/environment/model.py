"""`Environment`: all settings of a stack."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kindo_models.environment.cluster import Cloud, Cluster, NodePools
from kindo_models.environment.forms import STACK
from kindo_models.environment.gateway import GatewaySettings
from kindo_models.environment.packing import Packing
from kindo_models.environment.part import OffWord, Part
from kindo_models.environment.providers import CloudModels, ProviderSettings
from kindo_models.environment.registration import FlagSettings, RegistrationSettings, VerificationSettings
from kindo_models.environment.secrets import SecretSettings
from kindo_models.environment.serving import Images, Serving
from kindo_models.environment.sizing import SizingSettings

StackPart = Literal["all", "platform", "workload"]
Level = Annotated[Literal["error", "warning", "off"], OffWord]


class PlatformReference(Part):
    """The platform stack that a workload stack runs on."""

    stack: Annotated[str, STACK]
    """Its name, `organization/project/stack`; with a file, S3 or Azure backend the organization is `organization`."""


class Environment(Part):
    """All settings of a stack."""

    part: StackPart = "all"
    """What this stack makes: `platform`: namespaces, GPU node pools and gateway; `workload`: servers, checks,
    registrations and flags on the platform of another stack; `all`: both in one."""
    platform: PlatformReference | None = None
    """The platform stack; required for `part: workload`."""
    cluster: Cluster = Cluster()
    """The cluster."""
    cloud: Cloud = Cloud()
    """Its cloud."""
    node_pools: NodePools = NodePools()
    """Policy for GPU nodes."""
    packing: Packing = Packing()
    """Placing models on nodes."""
    images: Images = Images()
    """Container images."""
    serving: Serving = Serving()
    """Model servers."""
    sizing: SizingSettings = SizingSettings()
    """GPUs of the servers."""
    gateway: GatewaySettings = GatewaySettings()
    """LiteLLM."""
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    """Cloud providers, by their name in the catalog."""
    cloud_models: CloudModels = CloudModels()
    """The clouds' own model services."""
    verification: VerificationSettings = VerificationSettings()
    """The gate."""
    registration: RegistrationSettings = RegistrationSettings()
    """Registration targets."""
    flags: FlagSettings | None = None
    """Feature flags; none: no flag is touched."""
    secrets: SecretSettings = SecretSettings()
    """Sources of the contract's secrets."""
    findings: dict[str, Level] = Field(default_factory=dict)
    """Other levels of findings, by code. A warning may become an `error` or go `off`; an error may become a `warning`,
    which the plan marks as lowered, and never `off`."""
