"""Who decides the GPUs of a server."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from kindo_models.environment.part import Part

SizingMode = Literal["table", "model"]


class SizingSettings(Part):
    """Who decides the GPUs of a `deploy:` entry that names none; `sizing: model` is short for `{mode: model}`."""

    mode: SizingMode = "table"
    """`table`: Kindo's VRAM table, checked by the memory model; `model`: the memory model alone."""
    models: dict[str, SizingMode] = Field(default_factory=dict)
    """Other modes, by `litellmModelName`."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"mode": value} if isinstance(value, str) else value

    def of(self, model: str) -> SizingMode:
        return self.models.get(model, self.mode)
