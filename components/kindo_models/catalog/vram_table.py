"""Kindo's table "GPU sizing" and its statements about single models: texts as written, numbers read from them."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from pydantic import Field, field_validator

from kindo_models.catalog.files import CatalogPart, Head, load

Precision = Literal["FP16/BF16", "FP8", "AWQ/GPTQ"]

_CELL = re.compile(r"^(?P<low>\d+)(?:–(?P<high>\d+))?× (?P<gigabytes>\d+)GB$")
_SIZE = re.compile(r"^(?:\d+–)?(?P<billions>\d+)B$")
_COLUMN = re.compile(r"\((?P<thousands>\d+)k\+?\)$")
_HARDWARE = re.compile(r"^(?P<count>\d+)× (?P<gpu>\S+)$")


class Cell(CatalogPart):
    """One cell: `low` to `high` GPUs of the class `class_gb` (gigabytes as they are sold)."""

    text: str
    low: int
    high: int
    class_gb: int


class Row(CatalogPart):
    size: str = Field(pattern=_SIZE.pattern)
    quantization: Precision
    cells: tuple[str, str, str]

    @field_validator("cells")
    @classmethod
    def _readable(cls, cells: tuple[str, str, str]) -> tuple[str, str, str]:
        if unreadable := [cell for cell in cells if not _CELL.match(cell)]:
            raise ValueError(f"not a cell of the form `2–4× 80GB`: {', '.join(unreadable)}")
        return cells

    @property
    def billions(self) -> int:
        """Parameters of the largest model that the row names, in billions."""
        return int(_matched(_SIZE, self.size)["billions"])

    @property
    def all(self) -> tuple[Cell, ...]:
        """Its cells in the columns' order."""
        return tuple(self.cell(column) for column in range(len(self.cells)))

    def cell(self, column: int) -> Cell:
        text = self.cells[column]
        read = _matched(_CELL, text)
        low = int(read["low"])
        return Cell(text=text, low=low, high=int(read["high"] or low), class_gb=int(read["gigabytes"]))


class Statement(CatalogPart):
    """What the page says about one model: each of `hardware` serves up to `context` tokens."""

    model: str
    context: int
    kv_cache_dtype: str | None = None
    hardware: tuple[str, ...]
    text: str

    @property
    def options(self) -> tuple[tuple[str, int], ...]:
        """(GPU type, count), in the page's order."""
        return tuple((read["gpu"], int(read["count"])) for read in (_matched(_HARDWARE, one) for one in self.hardware))


class VramTable(CatalogPart):
    head: Head
    columns: tuple[str, str, str]
    rows: tuple[Row, ...]
    precisions: dict[Precision, str]
    rounding: float = Field(ge=0, lt=0.2)
    stand_ins: dict[int, str]
    beyond: tuple[str, ...]
    statements: tuple[Statement, ...]

    def context(self, column: int) -> int:
        """Tokens of a column's label: "Medium (32k)" → 32768. The last one ("128k+") goes on beyond its number."""
        return int(_matched(_COLUMN, self.columns[column])["thousands"]) * 1024


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    read = pattern.search(text)
    if read is None:
        raise ValueError(f"catalog/data/vram_table.yaml: cannot read {text!r}")
    return read


@cache
def vram_table() -> VramTable:
    return VramTable.model_validate(load("vram_table.yaml"))
