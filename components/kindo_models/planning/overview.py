"""One row per model once everything is known: what a user reads after `up`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kindo_models.planning.model import Plan


def overview(
    plan: Plan, ids: Mapping[str, str | None], statuses: Mapping[str, str], payloads: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Rows in contract order: name, provider, endpoint, model_id, status, flags.

    ids: model → id that the admin API gave, None or "" when withheld. payloads: feature → payload of our variant.
    """
    value = plan.environment.flags.payload.value if plan.environment.flags else "modelId"
    held = {feature: set(payload_values(payload)) for feature, payload in payloads.items() if payload}
    rows = []
    for registration in plan.registrations:
        name = registration.model
        model_id = ids.get(name) or None
        wanted = model_id if value == "modelId" else name
        rows.append(
            {
                "name": name,
                "provider": registration.provider,
                "endpoint": registration.endpoint,
                "model_id": model_id,
                "status": statuses.get(name, ""),
                "flags": [feature for feature, values in held.items() if wanted in values],
            }
        )
    return rows


def payload_values(payload: str) -> list[str]:
    """The values in a payload of any type: JSON list, comma-separated, or a single string."""
    try:
        found = json.loads(payload)
    except ValueError:
        return [value.strip() for value in payload.split(",")]
    return [str(value) for value in found] if isinstance(found, list) else [str(found)]
