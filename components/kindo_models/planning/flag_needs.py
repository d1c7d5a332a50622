"""What a Kindo release's feature flags need, and which models of a contract can serve them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kindo_models.catalog.flag_presets import FlagKey, flag_presets
from kindo_models.contract.model import Contract
from kindo_models.planning.checks import calls_tools


def candidates(contract: Contract, key: FlagKey) -> tuple[str, ...]:
    """Models that may serve a feature key, in contract order."""
    return tuple(
        entry.litellm_model_name
        for entry in contract.models
        if entry.metadata_type == key.metadata_type and (calls_tools(entry) or not key.tools)
    )


def wanted(key: FlagKey) -> str:
    """What a model must be to serve the key, in the contract's words."""
    return f"metadataType {key.metadata_type!r}" + (" that calls tools" if key.tools else "")


def unfilled(contract: Contract, preset: str) -> Iterator[tuple[str, str]]:
    """(feature, what it wants) of every required key of the preset that no model can serve."""
    for feature, key in flag_presets().presets[preset].items():
        if key.required and not candidates(contract, key):
            yield feature, wanted(key)
