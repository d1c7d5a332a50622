"""A finding: one thing that is wrong or doubtful, with its place, its value, what is allowed and the likely fix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["error", "warning"]


class Finding(BaseModel):
    """One finding. `code` is stable and kebab-case; `line` is 1-based, None when there is no file."""

    model_config = ConfigDict(frozen=True)

    code: str
    severity: Severity = "error"
    message: str
    hint: str = ""
    model: str | None = None
    field: str | None = None
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        where = " ".join(part for part in (place, self.field) if part)
        text = (
            f"{self.severity}[{self.code}] {where}: {self.message}"
            if where
            else f"{self.severity}[{self.code}] {self.message}"
        )
        text = f"{text}\n    fix: {self.hint}" if self.hint else text
        # Names in a file may hold codes that a terminal would obey.
        return "".join(one if one.isprintable() or one == "\n" else "?" for one in text)


class InputError(Exception):
    """The user's input cannot be used. Carries every finding, not only the first; `str()` is what the user reads."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity == "error")
