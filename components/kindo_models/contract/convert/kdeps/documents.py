"""YAML files with several documents, each with the line numbers of its file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

import yaml

from kindo_models.findings import Finding, InputError, Severity
from kindo_models.source import Source, scan

_READER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_DOCUMENTS = 500
_EXPRESSION = re.compile(r"\{\{.*\}\}", re.DOTALL)

Kind = Literal["workflow", "resource", "config"]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """One YAML document. skipped: lines of its file above it."""

    source: Source
    skipped: int
    kind: Kind | None

    @property
    def file(self) -> str:
        return self.source.file

    @property
    def folder(self) -> PurePath:
        return PurePath(self.file).parent

    def finding(
        self, path: Iterable[str | int], code: str, message: str, hint: str = "", *, severity: Severity = "warning"
    ) -> Finding:
        found = self.source.finding(path, code, message, hint, severity=severity)
        return found.model_copy(update={"line": found.line + self.skipped if found.line else None})


def text_of(document: Document, path: Path, block: Mapping[str, Any], findings: list[Finding]) -> str | None:
    """The text at the path's last key, None where there is none; another type is a finding."""
    value = block.get(str(path[-1]))
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str):
        findings.append(wrong_type(document, path, "text"))
        return None
    return value.strip()


def wrong_type(document: Document, path: Path, wanted: str) -> Finding:
    return document.finding(path, "kdeps-wrong-type", f"{path[-1]} must be {wanted}; it is left out")


def is_expression(text: str) -> bool:
    """Whether KDeps would evaluate a part of it: `{{ … }}`."""
    return bool(_EXPRESSION.search(text))


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a map, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def documents(text: str, *, file: str) -> list[Document]:
    """All documents of a file. Raises InputError with line for what is no YAML."""
    parts = list(_split(text, file))
    found = []
    for skipped, part in parts:
        try:
            source = scan(part, file=file)
        except InputError as error:
            raise InputError(
                finding.model_copy(update={"line": finding.line + skipped if finding.line else None})
                for finding in error.findings
            ) from None
        if source.problems:
            raise InputError(
                problem.model_copy(update={"line": problem.line + skipped if problem.line else None})
                for problem in source.problems
            )
        if source.data is not None:
            found.append(Document(source, skipped, kind_of(source.data)))
    return found


def kind_of(data: Any) -> Kind | None:
    """By shape, as KDeps's own examples leave out `kind` and `metadata`; None for anything else."""
    if not isinstance(data, Mapping):
        return None
    if data.get("kind") == "Workflow" or isinstance(data.get("settings"), Mapping):
        return "workflow"
    if any(isinstance(data.get(key), Mapping) for key in ("run", "chat", "embedding", "transcribe")):
        return "resource"
    return "config" if isinstance(data.get("llm"), Mapping) else None


def _split(text: str, file: str) -> Iterator[tuple[int, str]]:
    """(lines above, text) of each document."""
    try:
        events: Iterator[Any] = yaml.parse(text, Loader=_READER)
        opened: list[Any] = [event for event in events if isinstance(event, yaml.DocumentStartEvent)]
        starts = [event.start_mark.index for event in opened]
    except yaml.YAMLError:
        # `scan` says what is wrong, and where.
        starts = []
    if len(starts) > _MOST_DOCUMENTS:
        raise InputError(
            [Finding(code="invalid-yaml", message=f"{file} holds more than {_MOST_DOCUMENTS} documents", file=file)]
        )
    if len(starts) < 2:
        yield 0, text
        return
    for start, stop in zip(starts, [*starts[1:], len(text)], strict=True):
        # A document is told from the next by the line `---`, which belongs to the next one.
        yield text.count("\n", 0, start), text[start:stop]
