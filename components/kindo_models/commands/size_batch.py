"""`kindo-models size --batch IN.csv --output OUT.csv`: one answer for each row, whatever is wrong with others."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from kindo_models.findings import Finding, InputError
from kindo_models.planning.memory.rows import INPUT, OUTPUT, answer


def size_batch(input: Path, output: Path) -> int:
    """Exit status: 0 every row has its line in the output (unknown ones too), 2 a file cannot be read or written."""
    try:
        rows = _read(input)
        answers = [answer(row) for row in rows]
        _write(output, [asdict(one) for one in answers])
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    counts = Counter(one.fits for one in answers)
    print(
        f"{len(answers)} rows: {counts['true']} fit, {counts['false']} refused, {counts['unknown']} unknown → {output}"
    )
    return 0


def _read(file: Path) -> list[dict[str, str]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _problem("unreadable-batch", file, f"cannot be read: {error}", "name a CSV file in UTF-8") from error
    reader = csv.DictReader(text.splitlines(keepends=True))
    header = list(reader.fieldnames or [])
    missing = [name for name in ("record_id", "model", "gpu") if name not in header]
    if missing:
        raise _problem(
            "batch-columns",
            file,
            f"no column {', '.join(missing)}; the header has {', '.join(header) or 'nothing'}",
            f"columns: {', '.join(INPUT)}; others are ignored",
            line=1,
        )
    try:
        return [{key: value for key, value in row.items() if isinstance(value, str)} for row in reader]
    except csv.Error as error:
        raise _problem(
            "unreadable-batch", file, f"is not CSV: {error}", "one header line, then rows", line=reader.line_num
        ) from error


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, OUTPUT)
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise _problem("unwritable-output", file, f"cannot be written: {error}", "name another file") from error


def _problem(code: str, file: Path, message: str, hint: str, *, line: int | None = None) -> InputError:
    return InputError([Finding(code=code, message=message, hint=hint, file=str(file), line=line)])
