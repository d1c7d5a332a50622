"""GPU types: the memory that vLLM can budget with (torch's figure), and what the hardware can compute."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import Literal

from pydantic import Field

from kindo_models.catalog.files import CatalogPart, Head, load


class UnknownGpu(ValueError):
    """No GPU type has this name; the message lists the nearest known ones."""


class GpuType(CatalogPart):
    """One type of GPU. `memory_gib` is the total that torch reports, not the marketing figure nor the cloud API's."""

    name: str
    vendor: Literal["nvidia", "amd"]
    generation: str
    """Turing, Ampere, Ada, Hopper, Blackwell, CDNA3 …"""
    memory_gib: float = Field(gt=0)
    memory_spread_gib: float = 0.0
    """Half-width of what was seen on machines; estimated entries carry their uncertainty here."""
    memory_source: str
    nvidia_smi_mib: int | None = None
    """What nvidia-smi shows as total: more than torch's, and often quoted instead of it."""
    nominal_gb: int
    compute_capability: str | None = None
    bf16: bool
    fp8: bool
    """FP8 matrix units (compute capability 8.9 and later). Without: weight-only Marlin."""
    fp4: bool
    """FP4 matrix units (Blackwell)."""
    nvlink: bool | None = None
    """GPUs of one node reach each other over NVLink; None: depends on the machine."""
    unified_memory: bool = False
    aliases: tuple[str, ...] = ()


class _File(CatalogPart):
    head: Head
    gpus: dict[str, dict[str, object]]


@cache
def gpus() -> Mapping[str, GpuType]:
    """Every known GPU type by its catalog name (`H100`, `H100-NVL`, `L40S`, `A100-80GB` …)."""
    entries = _File.model_validate(load("gpus.yaml")).gpus
    return {name: GpuType.model_validate({"name": name, **entry}) for name, entry in entries.items()}


def find_gpu(text: str) -> GpuType:
    """The GPU type that a person's or a log's spelling means (`H100-80GB`, `NVIDIA H100 80GB HBM3`, `RTX 3090`).

    Of several joined by `+`, the smallest: vLLM gives every GPU the same share.
    """
    if "+" in text:
        return min((find_gpu(part) for part in text.split("+")), key=lambda gpu: gpu.memory_gib)
    found = next(
        (
            _spellings()[key]
            for key in (_key(text), _key(_essence(text)), _key(_without_form(_essence(text))))
            if key in _spellings()
        ),
        None,
    )
    if found is None:
        near = difflib.get_close_matches(_key(text), _spellings(), n=3, cutoff=0.5)
        names = list(dict.fromkeys(_spellings()[key] for key in near)) or sorted(gpus())
        raise UnknownGpu(f"no GPU type is called {text!r}; {'nearest' if near else 'known'}: {', '.join(names)}")
    return gpus()[found]


@cache
def _spellings() -> Mapping[str, str]:
    return {_key(spelling): name for name, gpu in gpus().items() for spelling in (name, *gpu.aliases)}


def _key(text: str) -> str:
    """Letters and digits only: spelling of separators, case and vendor does not matter."""
    plain = re.sub(r"nvidia|geforce|tesla|amd|instinct|radeon", "", text.lower())
    return re.sub(r"(?<=[0-9])g$", "gb", re.sub(r"[^a-z0-9]", "", plain))  # A100 80G


def _essence(text: str) -> str:
    """Without a machine type in brackets and without a count (`A10-24GB x2`, `2xH100`, `A100-40GB (GCP …)`)."""
    plain = re.sub(r"\(.*?\)", "", text)
    return re.sub(r"^\s*\d+\s*[xX×]\s*|\s+[xX×]\s*\d+\s*$", "", plain).strip()


def _without_form(text: str) -> str:
    """Without what tells the board, not the memory (`H100-SXM5`, `RTX PRO 6000 Max-Q Workstation Edition`)."""
    form = r"\b(sxm\d*|oam|pcie|hbm\d*e?|blackwell|max-q|workstation|server|laptop|edition|generation|gpu|ac)\b"
    return re.sub(form, "", text, flags=re.IGNORECASE)
