"""Admin keys: read when the provider is configured, never a property of a resource, so rotating one is no change."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kindo_models.registration.errors import CredentialMissing

NAMESPACE = "kindo-models"
KINDO_KEY = "KINDO_ADMIN_API_KEY"
UNLEASH_KEY = "UNLEASH_ADMIN_TOKEN"


_KNOWN: set[str] = set()


def known_values() -> frozenset[str]:
    """Every key that this process has read: none of them may be shown, wherever a text comes from."""
    return frozenset(_KNOWN)


@dataclass(frozen=True)
class Credential:
    value: str = field(repr=False)
    setting: str
    """Where it may be set, for messages."""


@dataclass(frozen=True)
class Settings:
    """What the provider may read: the stack's configuration (secrets decrypted) and the environment."""

    config: Callable[[str], Any] = lambda key: None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def credential(self, variable: str, server: str = "") -> Credential:
        """The environment variable, else the Pulumi secret: the same order as for model keys."""
        setting = setting_of(variable)
        value = self.environment.get(variable) or self.config(f"{NAMESPACE}:{config_key(variable)}")
        if not value or not str(value).strip():
            what = f"key for {server}" if server else "key"
            raise CredentialMissing(f"No {what} is set. Setting: {setting}.")
        _KNOWN.add(str(value).strip())
        return Credential(str(value).strip(), setting)

    def text(self, key: str) -> str | None:
        """A plain configuration value under its full key (`kubernetes:context`)."""
        value = self.config(key)
        return str(value) if value else None


def setting_of(variable: str) -> str:
    return f"{variable} (environment) or Pulumi secret {NAMESPACE}:{config_key(variable)}"


def config_key(variable: str) -> str:
    """KINDO_ADMIN_API_KEY → kindoAdminApiKey."""
    return re.sub(r"_+([a-z0-9])", lambda match: match.group(1).upper(), variable.lower())
