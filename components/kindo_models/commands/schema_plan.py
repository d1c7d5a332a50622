"""`kindo-models schema plan`: the JSON Schema of what `kindo-models plan --format json` prints."""

from __future__ import annotations

from typing import Any

from kindo_models.commands.printing import print_json
from kindo_models.json_schema import DIALECT
from kindo_models.planning.model import Plan


def plan_schema() -> dict[str, Any]:
    return {"$schema": DIALECT, **Plan.model_json_schema(by_alias=False, mode="serialization"), "title": "Plan"}


def print_plan_schema() -> int:
    print_json(plan_schema())
    return 0
