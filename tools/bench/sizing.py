"""`make bench-sizing`: the memory model against measured vLLM starts, and against three simple rules.

Reads the rows named by KINDO_MODELS_MEASURED (columns as `kindo-models size --batch` takes them, and what was logged),
prints the scores and writes them as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kindo_models.planning.memory.rows import answer
from tools.bench.sizing_folds import left_out
from tools.bench.sizing_rows import Measured, measured_rows
from tools.bench.sizing_rules import RULES
from tools.bench.sizing_scores import (
    Errors,
    Verdicts,
    concurrency_errors,
    concurrency_errors_given_pool,
    memory_model,
    pool_errors,
    promises,
    rule_of_thumb,
    verdicts,
)
from tools.paths import REPOSITORY

VARIABLE = "KINDO_MODELS_MEASURED"
OUTPUT = REPOSITORY / ".kindo-models" / "bench" / "sizing.json"


def main() -> int:
    named = os.environ.get(VARIABLE)
    if not named or not Path(named).is_file():
        print(f"{VARIABLE} must name a CSV file of measured rows; it is {named!r}", file=sys.stderr)
        return 2
    rows = measured_rows(Path(named))
    nvidia = [row for row in rows if row.setup is None or row.setup.gpu.vendor == "nvidia"]
    parts = {
        "all": ("All rows", rows),
        "nvidia": ("NVIDIA GPUs", nvidia),
        "nvidia_logs": (
            "NVIDIA GPUs, parsed from logs with flags and version",
            [r for r in nvidia if r.quality == "A"],
        ),
    }
    scores = {name: score(part) for name, (_, part) in parts.items()}
    for name, (title, _) in parts.items():
        print(f"\n{title}")
        _print(scores[name])
    _worst(nvidia)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    print(f"\n→ {OUTPUT.relative_to(REPOSITORY)}")
    return 0


def score(rows: Sequence[Measured]) -> dict[str, Any]:
    """All scores of these rows, JSON-able."""
    return {
        "verdicts": {
            "memory model": verdicts(rows, memory_model).model_dump(),
            **{name: verdicts(rows, rule_of_thumb(rule)).model_dump() for name, rule in RULES.items()},
        },
        "pool_gib": pool_errors(rows).model_dump(),
        "pool_gib_family_left_out": pool_errors(rows, left_out(rows)).model_dump(),
        "concurrency": concurrency_errors(rows).model_dump(),
        "concurrency_given_pool": concurrency_errors_given_pool(rows).model_dump(),
        "lengths": promises(rows).model_dump(),
    }


def _print(scores: dict[str, Any]) -> None:
    for name, values in scores["verdicts"].items():
        v = Verdicts.model_validate(values)
        print(
            f"  {name:15} {v.answered:4} of {v.rows} answered, {v.right:4} right, false fits {v.false_fits} "
            f"of {v.did_not_start} that did not start, false refusals {v.false_refusals}"
        )
    for title, key in (("KV pool, GiB", "pool_gib"), ("  one family left out", "pool_gib_family_left_out")):
        e = Errors.model_validate(scores[key])
        print(
            f"  {title:24} median {_n(e.median)}  p90 {_n(e.p90)}  within 0.5 GiB or 2 %: {_p(e.close)}, "
            f"within the interval: {_p(e.covered)}  ({e.count} setups)"
        )
    for title, key in (("concurrency, end to end", "concurrency"), ("  given the pool", "concurrency_given_pool")):
        e = Errors.model_validate(scores[key])
        print(f"  {title:24} median {_p(e.median)}  p90 {_p(e.p90)}  ({e.count} setups)")
    lengths = scores["lengths"]
    above = ", ".join(f"{share} above: {count}" for share, count in lengths["promised_above"].items())
    print(
        f"  lengths, {lengths['limits']} known limits: promised {above}; 10 % below: refused "
        f"{lengths['refused_below']}, unanswered {lengths['unanswered_below']}"
    )


def _worst(rows: Sequence[Measured]) -> None:
    print("\nVerdicts that are wrong or missing")
    for row in rows:
        said = answer(row.question)
        if said.fits != ("true" if row.started else "false"):
            print(f"  {row.record[:36]:36} {row.question['model'][-40:]:40} {said.fits:8} {said.reason[:110]}")


def _n(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


if __name__ == "__main__":
    sys.exit(main())
