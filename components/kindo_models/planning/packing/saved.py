"""`stacks/<stack>.placement.json`: a placement, with hashes of what it was made from. Text in and out; no file here."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from kindo_models.findings import Finding, InputError
from kindo_models.planning.packing.placement import Inputs, Placement, digest
from kindo_models.planning.packing.problem import Problem

FORMAT = 1


class Saved(BaseModel):
    """The file. seal: hash of the placement, which an edit by hand breaks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    placement: Placement
    seal: str

    @property
    def sealed(self) -> bool:
        return self.seal == _seal(self.placement)


def inputs_of(problem: Problem, zones: tuple[str, ...]) -> Inputs:
    supplies: dict[str, list[Any]] = {}
    for supply in problem.supplies:
        supplies.setdefault(supply.instance, []).append(asdict(supply))
    return Inputs(
        models={demand.model: digest(asdict(demand)) for demand in problem.demands},
        supplies={name: digest(listed) for name, listed in supplies.items()},
        limits=digest([asdict(limit) for limit in problem.limits]),
        settings=digest([problem.tolerance, problem.whole_nodes, zones]),
    )


def write(placement: Placement) -> str:
    """Text of the file: once it is written, nothing of it moves."""
    placement = placement.model_copy(update={"moves": 0, "moved": ()})
    saved = Saved(format=FORMAT, placement=placement, seal=_seal(placement))
    return json.dumps(saved.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def read(text: str, *, file: str) -> Saved:
    """Raises InputError where it is no such file."""
    try:
        saved = Saved.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            [
                Finding(
                    code="placement-unreadable",
                    file=file,
                    field=place or None,
                    message=f"no placement file of format {FORMAT}: {first['msg'][0].lower() + first['msg'][1:]}",
                    hint="delete it and run `kindo-models plan --write`: models may move",
                )
            ]
        ) from None
    if saved.format != FORMAT:
        raise InputError(
            [
                Finding(
                    code="placement-unreadable",
                    file=file,
                    field="format",
                    message=f"it is of format {saved.format}, this version reads {FORMAT}",
                    hint="use the version that wrote it, or delete it and run `kindo-models plan --write`",
                )
            ]
        )
    return saved


def _seal(placement: Placement) -> str:
    return digest(placement.model_dump(mode="json"))
