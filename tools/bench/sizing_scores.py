"""Scores of the sizing bench, each a plain number over measured rows."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from pydantic import BaseModel

from kindo_models.planning.memory import Prediction, Setup, predict
from kindo_models.planning.memory.kv_cache import GIB
from kindo_models.planning.memory.rows import answer
from kindo_models.planning.memory.verdict import plan_of
from tools.bench.sizing_rows import Measured, at_length, distinct, predicted

CLOSE_GIB, CLOSE_SHARE = 0.5, 0.02
PROMISES = (1.05, 1.10)
WITHIN = 0.90


class Verdicts(BaseModel):
    """`false_fits`: called fitting, did not start. `false_refusals`: called refused, started."""

    rows: int
    answered: int
    right: int
    false_fits: int
    false_refusals: int
    did_not_start: int


class Errors(BaseModel):
    """Of absolute errors. `close`: share within 0.5 GiB or 2 %; `covered`: share within the predicted interval."""

    count: int
    median: float | None
    p90: float | None
    close: float | None = None
    covered: float | None = None


class Promises(BaseModel):
    """Rows whose true limit is known, asked again at other lengths."""

    limits: int
    promised_above: dict[str, int]
    refused_below: int
    unanswered_below: int


def verdicts(rows: Sequence[Measured], says: Callable[[Measured], bool | None]) -> Verdicts:
    results = [(row, says(row)) for row in rows]
    answered = [(row, fits) for row, fits in results if fits is not None]
    return Verdicts(
        rows=len(rows),
        answered=len(answered),
        right=sum(fits == row.started for row, fits in answered),
        false_fits=sum(fits and not row.started for row, fits in answered),
        false_refusals=sum(not fits and row.started for row, fits in answered),
        did_not_start=sum(not row.started for row in rows),
    )


def memory_model(row: Measured) -> bool | None:
    """What `kindo-models size --batch` answers."""
    return {"true": True, "false": False}.get(answer(row.question).fits)


def rule_of_thumb(rule: Callable[[Setup], bool | None]) -> Callable[[Measured], bool | None]:
    return lambda row: None if row.setup is None else rule(row.setup)


def pool_errors(rows: Iterable[Measured], prediction: Callable[[Measured], Prediction | None] = predicted) -> Errors:
    pairs = [
        (made.kv_pool_gib, row.pool_gib)
        for row in distinct(rows)
        if row.pool_gib is not None and (made := prediction(row)) is not None and _sized(row, made)
    ]
    return _errors(
        [abs(pool.likely - logged) for pool, logged in pairs],
        close=[abs(pool.likely - logged) <= max(CLOSE_GIB, CLOSE_SHARE * logged) for pool, logged in pairs],
        covered=[pool.low <= logged <= pool.high for pool, logged in pairs],
    )


def _sized(row: Measured, made: Prediction) -> bool:
    return made.kv_pool_gib.likely == made.kv_pool_gib.likely and not (row.setup and row.setup.architecture.unsupported)


def concurrency_errors(rows: Iterable[Measured]) -> Errors:
    """Relative, end to end: the pool is predicted too."""
    return _errors(
        [
            abs(made.max_concurrency / row.concurrency - 1)
            for row in distinct(rows)
            if row.concurrency and (made := predicted(row)) is not None and made.max_concurrency is not None
        ]
    )


def concurrency_errors_given_pool(rows: Iterable[Measured]) -> Errors:
    """Relative, with the logged pool: the allocator's arithmetic alone."""
    errors = []
    for row in distinct(rows):
        if not row.concurrency or row.pool_gib is None or row.setup is None or not row.setup.max_model_len:
            continue
        plan = plan_of(row.setup)
        if plan is not None:
            errors.append(abs(plan.max_concurrency(row.pool_gib * GIB, row.setup.max_model_len) / row.concurrency - 1))
    return _errors(errors)


def promises(rows: Iterable[Measured]) -> Promises:
    """At 5 % and 10 % above the true limit nothing may be promised; at 10 % below nothing refused."""
    known = [(row.setup, limit) for row in distinct(rows) if row.setup is not None and (limit := true_longest(row))]
    return Promises(
        limits=len(known),
        promised_above={
            f"{round(factor * 100 - 100)} %": sum(
                predict(at_length(setup, int(limit * factor))).verdict == "fits" for setup, limit in known
            )
            for factor in PROMISES
        },
        refused_below=sum(
            any(refusal.code == "kv-cache-too-small" for refusal in made.refusals) for made in _below(known)
        ),
        unanswered_below=sum(made.verdict == "too-close" for made in _below(known)),
    )


def _below(known: Sequence[tuple[Setup, int]]) -> list[Prediction]:
    return [predict(at_length(setup, int(limit * WITHIN))) for setup, limit in known]


def true_longest(row: Measured) -> int | None:
    """The longest context that would have started: as vLLM said, else what the logged pool holds.

    None where windows and states make the length all but free: no length is refused there.
    """
    if row.setup is None:
        return None
    if row.stated_longest is not None:
        return row.stated_longest
    plan = plan_of(row.setup)
    if row.pool_gib is None or plan is None or not plan.grows:
        return None
    return plan.longest(row.pool_gib * GIB)


def _errors(values: Sequence[float], *, close: Sequence[bool] = (), covered: Sequence[bool] = ()) -> Errors:
    if not values:
        return Errors(count=0, median=None, p90=None)
    ordered = sorted(values)
    return Errors(
        count=len(ordered),
        median=statistics.median(ordered),
        p90=ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))],
        close=sum(close) / len(close) if close else None,
        covered=sum(covered) / len(covered) if covered else None,
    )
