"""Settings that the environment knows and this version does nothing with: said, not passed over."""

from __future__ import annotations

from typing import Any

from kindo_models.environment import Environment
from kindo_models.findings import Finding

# Key of the environment → what it is for. A part that comes to read its key takes it out of here.
NOT_USED = {
    "nodePools.kind": "GPU node pools are not created, nodes with GPUs must be there",
    "cloud.subscription": "nothing is created in the cloud",
    "cloud.tags": "nothing is created in the cloud",
    "cloudModels": "no Bedrock access and no Azure OpenAI deployment is made, entries bring their own",
}


def findings(environment: Environment) -> list[Finding]:
    written = environment.model_dump(exclude_defaults=True, by_alias=True)
    return [
        Finding(
            code="setting-not-used",
            severity="warning",
            field=key,
            message=f"{key} has no effect in this version: {why}",
            hint=f"leave it as it is if it is meant for a later version, else take `{key}` out",
        )
        for key, why in NOT_USED.items()
        if _has(written, key)
    ]


def _has(written: Any, key: str) -> bool:
    head, _, rest = key.partition(".")
    return head in written and (not rest or _has(written[head], rest))
