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
    retries: Retries = Retries()
    """Repeating failed calls."""
    url: Annotated[str, URL] | None = None
    """How the machine that runs Pulumi reaches the gateway, for people and the command line; none: not from outside."""
