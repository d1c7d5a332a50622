"""Measured rows for the sizing bench: what vLLM did, beside the question. What was logged never reaches the model."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from kindo_models.catalog.architectures import Architecture
from kindo_models.catalog.gpus import UnknownGpu
from kindo_models.catalog.model_names import UnknownModel, find_model
from kindo_models.catalog.vllm_sizing import UnknownQuantization
from kindo_models.planning.memory import BadSetup, Prediction, Setup, predict
from kindo_models.planning.memory.rows import INPUT, Unreadable, read

_OUTSIDE_SIZING = ("not a sizing failure", "harness error")


@dataclass(frozen=True)
class Measured:
    """One row: the question's cells and what was logged. GiB per GPU; None = not logged."""

    question: dict[str, str]
    started: bool
    pool_gib: float | None
    concurrency: float | None
    stated_longest: int | None
    family: str
    quality: str
    """A: parsed from a log with flags and version; blank where the file does not grade."""
    setup: Setup | None
    unreadable: str

    @property
    def record(self) -> str:
        return self.question["record_id"]

    @property
    def distinct(self) -> tuple[str, ...]:
        """Equal for rows that repeat one setup: everything asked but the id and the build of the version."""
        return tuple(
            value.split("+")[0] if name == "vllm_version" else value
            for name, value in self.question.items()
            if name != "record_id"
        )


def measured_rows(file: Path) -> tuple[Measured, ...]:
    """The rows that tell something about sizing: download failures and harness errors are left out."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return tuple(_measured(row) for row in rows if not any(text in row["note"] for text in _OUTSIDE_SIZING))


def _measured(row: dict[str, str]) -> Measured:
    question = {name: row.get(name) or "" for name in INPUT}
    setup, unreadable = None, ""
    try:
        setup = read(question)
    except (Unreadable, UnknownModel, UnknownGpu, UnknownQuantization, BadSetup) as error:
        unreadable = str(error)
    return Measured(
        question=question,
        started=row["status"] == "ok",
        pool_gib=_number(row["avail_kv_gib_per_gpu"]),
        concurrency=_number(row["max_concurrency"]),
        stated_longest=int(row["est_max_len"]) if row["est_max_len"] else None,
        family=family(row["model"]),
        quality=row.get("quality") or "",
        setup=setup,
        unreadable=unreadable,
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def family(model: str) -> str:
    """Models of one architecture class and publisher's line are one family: what is left out together."""
    try:
        known: Architecture = find_model(model).architecture
    except UnknownModel:
        return "unknown"
    return known.class_name or find_model(model).base.split("/")[0]


def predicted(row: Measured) -> Prediction | None:
    if row.setup is None:
        return None
    try:
        return predict(row.setup)
    except BadSetup:
        return None


def distinct(rows: Iterable[Measured]) -> tuple[Measured, ...]:
    """One row of each setup: near-duplicates would weigh what was logged often."""
    first: dict[tuple[str, ...], Measured] = {}
    for row in rows:
        first.setdefault(row.distinct, row)
    return tuple(first.values())


def at_length(setup: Setup, length: int) -> Setup:
    """The same server with another context length; whether the model is made for it is not the question."""
    return replace(setup, max_model_len=length, allow_long_max_model_len=True)
