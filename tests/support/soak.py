"""Long tests, marked `soak`: `make soak` runs all their cases, every other run the first few, by the same seeds."""

from __future__ import annotations

import os

VARIABLE = "KINDO_MODELS_SOAK"


def soak_cases(*, full: int, sample: int) -> range:
    """Numbers of the cases to run, each the seed of one."""
    return range(full if os.environ.get(VARIABLE) else sample)
