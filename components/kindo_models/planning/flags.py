"""Which models a feature flag points at: the plan orders the candidates, run time may only remove some of them.

Pure. `pulumi up` calls it with the resolved registrations, the plan and the tests with assumed ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PAYLOAD_TYPES = ("json", "csv", "string")
PAYLOAD_VALUES = ("modelId", "modelName")


@dataclass(frozen=True)
class FlagCandidate:
    """A model that may stand in a flag. `status` is its verdict's: pass, warned, skipped, fail."""

    name: str
    model_id: str | None
    registered: bool
    status: str

    @classmethod
    def of(cls, candidate: Mapping[str, Any]) -> FlagCandidate:
        model_id = candidate.get("model_id")
        return cls(
            name=str(candidate["name"]),
            # Some servers count in integers; in a payload every id is a text.
            model_id=None if model_id in (None, "") else str(model_id),
            registered=candidate.get("registered") is True,
            status=str(candidate.get("status") or ""),
        )


@dataclass(frozen=True)
class FlagSelection:
    """`selected` keeps the plan's order; `removed` says why each other candidate is out; `unverified` are in, with a
    warning.
    """

    selected: tuple[FlagCandidate, ...]
    removed: tuple[tuple[str, str], ...]
    unverified: tuple[str, ...]


def select_candidates(candidates: Iterable[FlagCandidate]) -> FlagSelection:
    """Keep what is registered.

    A model that fails its gate before its first registration was withheld, so it is not registered and drops out. One
    that fails later keeps its registration and therefore its place: a flag must not lose its models because of one bad
    run.
    """
    selected: list[FlagCandidate] = []
    removed: list[tuple[str, str]] = []
    for candidate in candidates:
        if not candidate.registered:
            why = "did not pass its gate" if candidate.status == "fail" else "is not registered"
            removed.append((candidate.name, why))
        elif candidate.model_id is None:
            removed.append((candidate.name, "is registered, but the admin API gave no id"))
        else:
            selected.append(candidate)
    unverified = tuple(candidate.name for candidate in selected if candidate.status != "pass")
    return FlagSelection(tuple(selected), tuple(removed), unverified)


def payload_text(selected: Iterable[FlagCandidate], *, payload_type: str, payload_value: str) -> str:
    """The variant's payload: a JSON list, comma-separated values, or (`string`) the first candidate alone."""
    values = [str(c.model_id) if payload_value == "modelId" else c.name for c in selected]
    if payload_type == "json":
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    if payload_type == "csv":
        return ",".join(values)
    return values[0]


def same_payload(payload_type: str, one: str, other: str) -> bool:
    """Equal in meaning: JSON by value, so that a server's or a person's formatting is no difference."""
    if payload_type == "json":
        try:
            return bool(json.loads(one) == json.loads(other))
        except ValueError:
            return one == other
    return one == other
