"""`kindo-models size`: GPUs for a model, whether it starts on them and with how much room, and what they cost."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from kindo_models.commands.size_input import Asked, read
from kindo_models.commands.size_table import print_sizing
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning.sizing import Unsizable
from kindo_models.planning.sizing_result import SizingResult, sized


def size(asked: Asked, *, explain: bool, as_json: bool, forbid_idle: bool) -> int:
    """Exit status: 0 it fits, 1 it does not surely fit or a finding of level error, 2 unusable input."""
    try:
        workload, wish = read(asked)
        result = sized(workload, wish, region=asked.region, forbid_idle=forbid_idle)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except Unsizable as error:
        hint = "give the path of its config.json, its size (--parameters 13), or the GPUs to take (--gpu H200 --tp 8)"
        print(Finding(code="cannot-be-sized", message=str(error), hint=hint), file=sys.stderr)
        return 2
    if as_json:
        print(result.model_dump_json(indent=2))
    else:
        print_sizing(result, explain=explain)
    return _status(result)


def size_rows(asked: Asked, batch: Path | None, output: Path | None) -> int:
    """`--batch IN.csv --output OUT.csv`: rows of a file instead of one model. Exit status: 0 answered, 2 unusable."""
    from kindo_models.commands.size_batch import size_batch

    wrong = [
        Finding(
            code="contradicting-options",
            field=field.name,
            message=f"{getattr(asked, field.name)!r} beside --batch: the rows say what is to be sized",
            hint="leave it out",
        )
        for field in fields(Asked)
        if getattr(asked, field.name) != field.default
    ]
    for option, value in (("--batch", batch), ("--output", output)):
        if value is None:
            hint = "kindo-models size --batch IN.csv --output OUT.csv"
            wrong.append(Finding(code="missing-option", field=option, message=f"{option} is missing", hint=hint))
    if batch is None or output is None or wrong:
        print(InputError(wrong), file=sys.stderr)
        return 2
    return size_batch(batch, output)


def _status(result: SizingResult) -> int:
    return 1 if errors(result.findings) or result.verdict in ("refused", "too-close") else 0
