"""`kindo-models validate`: every finding of a contract file, for people, programs and GitHub's checks."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import typer

from kindo_models.commands.selection import stack_file
from kindo_models.environment.load import load
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning.review import review
from kindo_models.source import Source, scan_file
from kindo_models.stack import DIRECTORY

ValidateFormat = Literal["text", "json", "github"]
_MARGIN = 100
"""Longest line that is shown; longer ones are cut around the place."""


def validate(contract: Path | None, stack: str | None, environment: Path | None, output: ValidateFormat) -> int:
    """Exit status: 0 no error, 1 errors, 2 unreadable (one finding says why)."""
    source = None
    try:
        file = _environment_file(stack, environment)
        loaded = load(file) if file else None
        settings, lines = (loaded.environment, loaded.layers) if loaded else (None, None)
        source = scan_file(_contract(contract, stack))
        found = review(source, settings, settings=lines, stack=stack or "dev", today=datetime.date.today()).findings
        status = 2 if not isinstance(source.data, dict) else 1 if errors(found) else 0
    except InputError as error:
        found, status = error.findings, 2
    _PRINTERS[output](found, source)
    return status


def _contract(contract: Path | None, stack: str | None) -> Path:
    if contract is not None:
        return contract
    if stack is None:
        hint = "kindo-models validate CONTRACT, or --stack NAME"
        raise InputError([Finding(code="no-contract", message="name the contract file", hint=hint)])
    return DIRECTORY / f"{stack}.contract.yaml"


def _environment_file(stack: str | None, environment: Path | None) -> Path | None:
    if stack and environment:
        hint = "use either --stack NAME or --environment FILE"
        raise InputError([Finding(code="no-environment", message="name one environment, not two", hint=hint)])
    return environment or (stack_file(stack) if stack else None)


def _json(findings: Iterable[Finding], source: Source | None) -> None:
    rows: dict[str, list[dict[str, object]]] = {"errors": [], "warnings": []}
    for finding in findings:
        row = finding.model_dump(include={"code", "model", "field", "line", "message", "hint"})
        rows["errors" if finding.severity == "error" else "warnings"].append(row)
    print(json.dumps(rows, indent=2))


def _github(findings: Iterable[Finding], source: Source | None) -> None:
    """Workflow commands (https://docs.github.com/actions/reference/workflow-commands-for-github-actions)."""
    for finding in findings:
        place = {"file": finding.file, "line": finding.line, "title": finding.code}
        properties = ",".join(f"{key}={_property(str(value))}" for key, value in place.items() if value is not None)
        text = f"{finding.field}: {finding.message}" if finding.field else finding.message
        if finding.hint:
            text += f"\nfix: {finding.hint}"
        print(f"::{finding.severity} {properties}::{_data(text)}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _text(findings: Iterable[Finding], source: Source | None) -> None:
    from rich.console import Console

    # Rich knows what the terminal can do (NO_COLOR, dumb, not a terminal); its layout is not needed.
    styled = Console().color_system is not None

    def style(text: str, **how: Any) -> str:
        # Names in a file may hold codes that a terminal would obey.
        plain = text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)
        return typer.style(plain, **how) if styled and how else plain

    counts = {"error": 0, "warning": 0}
    lines = []
    for finding in findings:
        counts[finding.severity] += 1
        colour = "red" if finding.severity == "error" else "yellow"
        lines.append(f"{style(f'{finding.severity}[{finding.code}]', fg=colour, bold=True)} {style(_place(finding))}")
        lines += [style(line, dim=True) for line in _excerpt(finding, source)]
        lines.append(style(f"  {finding.message}"))
        if finding.hint:
            lines.append(style("  fix: ", fg="green", bold=True) + style(finding.hint))
        lines.append("")
    lines.append(", ".join(f"{count} {level}{'s' * (count != 1)}" for level, count in counts.items()))
    print("\n".join(lines))


def _place(finding: Finding) -> str:
    place = ":".join(str(part) for part in (finding.file, finding.line) if part is not None)
    return " ".join(part for part in (place, finding.field, f"({finding.model})" if finding.model else "") if part)


def _excerpt(finding: Finding, source: Source | None) -> list[str]:
    """The line in question and a line of carets under the value."""
    shown = source.excerpt(finding) if source and finding.file in (None, source.file) else None
    if shown is None:
        return []
    text, start, end = shown
    if cut := max(0, start - _MARGIN // 2):
        text, start, end = f"…{text[cut:]}", start - cut + 1, end - cut + 1
    if len(text) > _MARGIN:
        text, end = f"{text[:_MARGIN]}…", min(end, _MARGIN)
    label = f"{finding.line} | "
    from rich.cells import cell_len

    text = text.replace("\t", " ")
    carets = "^" * max(1, cell_len(text[start:end]))
    return [f"  {label}{text}", f"  {' ' * (len(label) - 2)}| {' ' * cell_len(text[:start])}{carets}"]


_PRINTERS = {"json": _json, "github": _github, "text": _text}
