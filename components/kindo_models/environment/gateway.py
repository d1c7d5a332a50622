"""Our LiteLLM."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kindo_models.environment.forms import URL, VERSION
from kindo_models.environment.part import Part
from kindo_models.environment.serving import Resources


class Retries(Part):
    """How often LiteLLM repeats a failed call."""

    default: int = Field(default=2, ge=0, le=10)
    """Further attempts after a failed call."""
    after_seconds: int = Field(default=0, ge=0, le=60)
    """Shortest wait between two attempts."""
    models: dict[str, Annotated[int, Field(ge=0, le=10)]] = Field(default_factory=dict)
    """Further attempts of single models, by routing key, on time-outs, rate limits and errors of the provider; in place
    of `default`."""


class ServiceAccount(Part):
    """Identity of the gateway's pods at a cloud: IRSA or EKS Pod Identity, Azure workload identity."""

    name: str = "litellm"
    """Its name, which the cloud's trust is given to."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """As the cloud wants them, such as `eks.amazonaws.com/role-arn` or `azure.workload.identity/client-id`."""
    pod_labels: dict[str, str] = Field(default_factory=dict)
    """Labels that the cloud wants on the pods, such as `azure.workload.identity/use: "true"`."""


class GatewaySettings(Part):
    """Our LiteLLM. `version` is checked against the catalog's floor and denylist."""

    namespace: str = "kindo-gateway"
    """Its namespace; part of the address that Kindo calls."""
    version: Annotated[str, VERSION] = "1.108.0"
    """Release of LiteLLM in `images.gateway`, checked against the catalog's denylist and floors."""
    replicas: int = Field(default=2, ge=1)
    """Pods of the gateway."""
    resources: Resources = Resources(cpu="1", memory="4Gi")
    """CPU and memory of one pod."""
    startup_seconds: int = Field(default=300, ge=30)
    """Start-up budget of the gateway."""
    service_account: ServiceAccount | None = None
    """Service account of the gateway's pods; none: they have no identity, and every provider needs keys."""
    retries: Retries = Retries()
    """Repeating failed calls."""
    url: Annotated[str, URL] | None = None
    """How the machine that runs Pulumi reaches the gateway, for people and the command line; none: not from outside."""
