"""One line of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Check:
    """status `error`: `pulumi up` will not work; `warning`: something else will not. fix: empty where all is well."""

    area: Literal["tools", "settings", "credentials", "reach"]
    name: str
    status: Status
    detail: str
    fix: str = ""
