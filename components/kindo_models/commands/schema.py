"""`kindo-models schema`: a JSON Schema of the contract file, for editors that complete and check it."""

from __future__ import annotations

import json
from typing import Any

from kindo_models.contract.model import Contract
from kindo_models.json_schema import DIALECT


def document() -> dict[str, Any]:
    """The schema. Other top-level keys are Kindo's and are let through."""
    made = Contract.model_json_schema(by_alias=True)
    made = {"$schema": DIALECT, "title": "Model contract (install-contract.yaml)", **_tidy(made)}
    made.pop("additionalProperties", None)
    return made


def print_schema() -> int:
    print(json.dumps(document(), indent=2, ensure_ascii=False))
    return 0


def _tidy(value: Any) -> Any:
    """Without pydantic's titles, which only repeat the keys, and with Python's docstrings as one paragraph."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _tidy(item) for key, item in value.items() if key != "title" or not isinstance(item, str)}
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].split())
    return kept
