"""How commands write: tables that are right on any width, findings, JSON; colours on terminals only."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TextIO

from kindo_models.findings import Finding

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# A log has no width: nothing is folded there, whatever the reader's window is.
_LOG_WIDTH = 10_000
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Column:
    title: str
    justify: Literal["left", "right"] = "left"


def console(stream: TextIO | None = None) -> Console:
    """rich decides on colours: none where the stream is no terminal, or NO_COLOR is set."""
    from rich.console import Console

    to = stream or sys.stdout
    return Console(file=to, highlight=False, width=None if to.isatty() else _LOG_WIDTH)


def print_table(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Columns without any value are left out. What does not fit the terminal is shown row by row."""
    kept = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    shown = [columns[index] for index in kept]
    values = [[row[index] for index in kept] for row in rows]
    if title:
        out.print(title, style="bold", markup=False)
        out.print()
    table = _table(shown, values)
    # Measured without the console's own width, which would cap the answer.
    if (width := out.measure(table, options=out.options.update(width=_LOG_WIDTH)).maximum) <= out.width:
        with out.capture() as captured:
            out.print(table, width=width)
        # rich pads every line; in a log, a pull request or a file that is noise.
        out.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
        return
    names = max((len(column.title) for column in shown[1:]), default=0)
    for row in values:
        out.print(row[0], style="bold", markup=False)
        for column, value in zip(shown[1:], row[1:], strict=True):
            if value:
                out.print(f"    {column.title:{names}}  {value}", markup=False)


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(column.title, justify=column.justify, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    return table


def markdown_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """As `print_table`, for a pull request."""
    kept = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    lines = [
        [columns[index].title for index in kept],
        ["--:" if columns[index].justify == "right" else "---" for index in kept],
        *([_cell(row[index]) for index in kept] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")


def print_findings(out: Console, findings: Iterable[Finding]) -> None:
    for finding in findings:
        style = "red" if finding.severity == "error" else "yellow"
        head, colon, rest = str(finding).partition(": ")
        out.print(head, style=style, markup=False, end="", soft_wrap=True)
        out.print(colon + rest, markup=False, soft_wrap=True)


def counted(number: int, one: str, many: str = "") -> str:
    """1 model, 2 models."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def refuse(findings: Iterable[Finding], *, as_json: bool = False) -> int:
    """Unusable input: findings on standard error, or as JSON on standard output. Exit status 2."""
    if as_json:
        print_json({"findings": [finding.model_dump(exclude_none=True) for finding in findings]})
    else:
        print_findings(console(sys.stderr), findings)
    return 2


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def working(title: str) -> Iterator[None]:
    """Says on standard error what is going on, once it has taken two seconds; on a terminal it then turns."""
    done = threading.Event()
    speaker = threading.Thread(target=_speak, args=(title, done), daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()


def _speak(title: str, done: threading.Event) -> None:
    if done.wait(_PATIENCE_SECONDS):
        return
    out = console(sys.stderr)
    if not out.is_terminal:
        print(f"{title} …", file=sys.stderr, flush=True)
        return
    with out.status(f"{title} …"):
        done.wait()
