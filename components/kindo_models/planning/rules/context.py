"""What a contract is checked against: the day, and what the environment adds to it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from kindo_models.catalog.models import cloud_models
from kindo_models.catalog.providers import providers
from kindo_models.catalog.vllm_releases import known_releases
from kindo_models.contract.draft import Entry
from kindo_models.environment import Environment, ProviderSettings


def catalog_date() -> datetime.date:
    """The day that the catalog's model lists are from: the default of every `today`, so that equal input gives an equal
    result.
    """
    return datetime.date.fromisoformat(cloud_models().head.date)


@dataclass(frozen=True)
class Context:
    """today: the day that dates are compared with.

    derived: provider name → contract keys that the environment fills in, which therefore count as present.
    vllm_image: image of the servers that name none. preset: Kindo release whose required flags are looked at; None
    where the plan looks at its own. held_tokens: routing key → longest context that the entry's chosen GPUs hold, where
    that is known.
    """

    today: datetime.date = field(default_factory=catalog_date)
    derived: Mapping[str, frozenset[str]] = field(default_factory=dict)
    vllm_image: str = ""
    preset: str | None = None
    held_tokens: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        environment: Environment,
        today: datetime.date | None = None,
        *,
        held_tokens: Mapping[str, int] | None = None,
    ) -> Context:
        derived = {name: _derived(settings) for name, settings in environment.providers.items()}
        day = today or catalog_date()
        return cls(day, derived, environment.images.vllm, held_tokens=held_tokens or {})

    def present(self, entry: Entry, key: str) -> bool:
        """Whether the key is written in the entry or filled in by the environment."""
        return entry.wrote(key) or key in self.derived.get(provider_name(entry) or "", ())


def _derived(settings: ProviderSettings) -> frozenset[str]:
    given = {
        "apiBase": settings.endpoint,
        "awsRegion": settings.region,
        "apiVersion": settings.api_version,
        "apiKey": settings.identity == "workload",
    }
    return frozenset(key for key, value in given.items() if value)


def provider_name(entry: Entry) -> str | None:
    """Name of the catalog's provider that an entry means, None for an unknown prefix."""
    found = providers().of(entry.prefix, entry.text("provider") or "")
    return found[0] if found else None


def newest_vllm() -> str:
    return known_releases()[-1]
