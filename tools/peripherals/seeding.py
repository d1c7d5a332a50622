"""What an installed Kindo has before any model is registered: its feature keys in Unleash, its model providers.

One feature carries variants and a constraint of somebody else, as an installation in use has: they must stay so.
"""

from __future__ import annotations

from typing import Any

import httpx

from tools.paths import Instance
from tools.peripherals import servers
from tools.peripherals.secrets import secrets

PROJECT, ENVIRONMENT = "default", "development"
PRESET = "2026.09"
PROVIDERS = ("OpenAI", "Anthropic", "Google", "AWS Bedrock", "Azure OpenAI")
"""`Self-Hosted` is missing, so that registering has one to make."""

FOREIGN_FEATURE = "LOCAL_STORAGE_CHAT_ACTIONS_MODELS"
FOREIGN_CONSTRAINT: dict[str, Any] = {
    "contextName": "appName",
    "operator": "IN",
    "values": ["kindo-api", "kindo-worker"],
    "caseInsensitive": False,
    "inverted": False,
}
# `models` is the variant that the stack local fills; here with what stood in it before.
FOREIGN_VARIANTS: list[dict[str, Any]] = [
    {
        "name": "baseline",
        "weight": 450,
        "weightType": "variable",
        "stickiness": "default",
        "payload": {"type": "string", "value": "model-of-the-operator"},
    },
    {
        "name": "canary",
        "weight": 100,
        "weightType": "fix",
        "stickiness": "default",
        "payload": {"type": "json", "value": '["canary-model-of-the-operator"]'},
    },
    {
        "name": "models",
        "weight": 450,
        "weightType": "variable",
        "stickiness": "default",
        "payload": {"type": "json", "value": '["model-from-before"]'},
    },
]


def seed(instance: Instance) -> None:
    """Add what is missing; what is there stays as it is, changed or not."""
    with servers.client(instance, "unleash", {"Authorization": secrets(instance)["UNLEASH_ADMIN_TOKEN"]}) as unleash:
        for feature in required_features():
            _seed_feature(unleash, feature)
    with servers.client(instance, "kindo-admin-api", {"x-api-key": secrets(instance)["KINDO_ADMIN_API_KEY"]}) as kindo:
        for name in PROVIDERS:
            found = kindo.get("/superadmin/model-providers", params={"displayName": name}).raise_for_status().json()
            if not found["data"]:
                kindo.post("/superadmin/model-providers", json={"displayName": name}).raise_for_status()


def required_features() -> tuple[str, ...]:
    """Keys that Kindo's preset requires, from the catalog."""
    from kindo_models.catalog.flag_presets import flag_presets

    return tuple(name for name, key in flag_presets().presets[PRESET].items() if key.required)


def _seed_feature(unleash: httpx.Client, feature: str) -> None:
    path = f"/api/admin/projects/{PROJECT}/features"
    if unleash.get(f"{path}/{feature}").status_code == httpx.codes.NOT_FOUND:
        unleash.post(path, json={"name": feature, "type": "release"}).raise_for_status()
    environment = f"{path}/{feature}/environments/{ENVIRONMENT}"
    if not unleash.get(f"{environment}/strategies").raise_for_status().json():
        unleash.post(f"{environment}/strategies", json=_strategy(feature)).raise_for_status()
    if not unleash.get(environment).raise_for_status().json()["enabled"]:
        unleash.post(f"{environment}/on").raise_for_status()


def _strategy(feature: str) -> dict[str, Any]:
    foreign = feature == FOREIGN_FEATURE
    return {
        "name": "flexibleRollout",
        "parameters": {"rollout": "100", "stickiness": "default", "groupId": feature},
        "constraints": [FOREIGN_CONSTRAINT] if foreign else [],
        "variants": FOREIGN_VARIANTS if foreign else [],
    }
