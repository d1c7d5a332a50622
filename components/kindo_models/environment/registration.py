"""What is checked before a model is registered, where it is registered, and which flags point at it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kindo_models.environment.forms import URL
from kindo_models.environment.part import OffWord, Part


class VerificationSettings(Part):
    """The gate before registration."""

    on_failure: Annotated[Literal["block", "warn", "off"], OffWord] = "block"
    """`block`: a model that fails is withheld; `warn`: registered with a warning; `off`: not checked."""
    deadline_seconds: int = Field(default=300, ge=10)
    """Longest time for one endpoint's checks after its server's start-up budget."""


class KindoApi(Part):
    """The Kindo admin API. It is not public."""

    url: Annotated[str, URL]
    """Its address."""
    mapping: str
    """The form of the API that is assumed or recorded, by its name in the catalog (`assumed-2026.09`)."""


class RegistrationSettings(Part):
    """Where models are registered."""

    route: Literal["gateway"] = "gateway"
    """`gateway`: Kindo calls the models through our LiteLLM."""
    kindo: KindoApi | None = None
    """The admin API; none: nothing is registered."""


class Unleash(Part):
    """The Unleash server that Kindo reads, and the place of our variant in it."""

    url: Annotated[str, URL]
    """Its address."""
    project: str = "default"
    """Project of the features."""
    environment: str
    """Environment of the features, as Unleash names it (`development`, `production`)."""
    strategy: str = "flexibleRollout"
    """Strategy that holds the variant."""
    variant: str = "kindo-models"
    """Name of our variant; others beside it are not touched."""
    create_missing: bool = False
    """Make features that do not exist."""


class Payload(Part):
    """What a variant's payload holds. Kindo does not publish it, so there is no default."""

    type: Literal["json", "csv", "string"]
    """A JSON list, comma-separated values, or the first value alone."""
    value: Literal["modelId", "modelName"]
    """The id that the admin API assigned, or `litellmModelName`."""


class FlagSettings(Part):
    """Which Unleash features are pointed at the models."""

    preset: str
    """Kindo release of the catalog whose feature keys are set (`2026.09`)."""
    unleash: Unleash
    """The server."""
    payload: Payload
    """What the variants hold."""
