"""kindo-models: Pulumi components that turn one model contract into a running, verified and registered platform.

`load_contract` and `plan` are pure; `ModelPlatform` turns a Plan into resources. Names are imported on first use, so
that the pure part costs no Pulumi import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kindo_models.contract import load_contract
    from kindo_models.environment import load_environment
    from kindo_models.planning import Plan, plan
    from kindo_models.platform import ModelPlatform, ModelPlatformArgs
    from kindo_models.split import PlatformLayer, PlatformLayerArgs, WorkloadLayer, WorkloadLayerArgs
    from kindo_models.stack import load_stack

_HOMES = {
    "ModelPlatform": "kindo_models.platform",
    "ModelPlatformArgs": "kindo_models.platform",
    "Plan": "kindo_models.planning.model",
    "PlatformLayer": "kindo_models.split",
    "PlatformLayerArgs": "kindo_models.split",
    "WorkloadLayer": "kindo_models.split",
    "WorkloadLayerArgs": "kindo_models.split",
    "load_contract": "kindo_models.contract.load",
    "load_environment": "kindo_models.environment",
    "load_stack": "kindo_models.stack",
    "plan": "kindo_models.planning.plan",
}

__all__ = [
    "ModelPlatform",
    "ModelPlatformArgs",
    "Plan",
    "PlatformLayer",
    "PlatformLayerArgs",
    "WorkloadLayer",
    "WorkloadLayerArgs",
    "load_contract",
    "load_environment",
    "load_stack",
    "plan",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kindo_models' has no attribute {name!r}")
