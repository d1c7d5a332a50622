"""Kubernetes quantities as numbers."""

from __future__ import annotations

import math

_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def millicores(text: str) -> int:
    """ "500m" → 500, "4" → 4000."""
    return math.ceil(float(text[:-1])) if text.endswith("m") else math.ceil(float(text) * 1000)


def mebibytes(text: str) -> int:
    """ "32Gi" → 32768; rounded up."""
    unit = next((one for one in _BYTES if text.endswith(one)), "")
    return math.ceil(float(text.removesuffix(unit)) * _BYTES.get(unit, 1) / 2**20)
