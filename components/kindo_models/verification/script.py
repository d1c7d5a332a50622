"""The check script as text, for the ConfigMap that gate Jobs mount."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

FILE_NAME = "checks.py"


@cache
def script_text() -> str:
    return (files("kindo_models.verification") / FILE_NAME).read_text(encoding="utf-8")


def script_sha256() -> str:
    """Part of each gate's input: changed checks run again."""
    return hashlib.sha256(script_text().encode()).hexdigest()
