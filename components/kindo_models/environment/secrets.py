"""Where the contract's secrets come from when neither the process nor Pulumi's configuration has them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kindo_models.environment.forms import DURATION
from kindo_models.environment.part import Part


class SecretKey(Part):
    """A key of a Kubernetes Secret that exists; it is read at every `up`."""

    name: str
    """Name of the Secret."""
    key: str | None = None
    """Its key; none: the variable's name."""
    namespace: str | None = None
    """Its namespace; none: the gateway's."""


class StoredKey(Part):
    """Where an external store keeps a value: `remoteRef` of an ExternalSecret."""

    key: str
    """Name of the value in the store."""
    property: str | None = None
    """Part of the value, where it is structured."""


class SecretStore(Part):
    """A store of External Secrets."""

    name: str
    """Its name."""
    kind: Literal["ClusterSecretStore", "SecretStore"] = "ClusterSecretStore"
    """Its kind."""


class ExternalSecrets(Part):
    """Values that External Secrets (0.17 or later, API external-secrets.io/v1) copies into the cluster."""

    store: SecretStore
    """The store that has them."""
    keys: dict[str, StoredKey]
    """Variable of the contract → where the store keeps its value; it is copied into the cluster and is in no state."""
    refresh_interval: Annotated[str, DURATION] = "1h"
    """How often it is copied; pods take a new value when they restart."""


class SecretSettings(Part):
    """Where a `${VAR}` of the contract comes from when neither the process nor Pulumi's configuration has it."""

    existing: dict[str, SecretKey] = Field(default_factory=dict)
    """Variable → a Secret's key, which is asked first."""
    external: ExternalSecrets | None = None
    """What an external store has."""
