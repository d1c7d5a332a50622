"""`kindo-models import kdeps`: KDeps resources and workflows as a contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from kindo_models.commands.output import write
from kindo_models.contract.convert.kdeps.documents import Document, documents
from kindo_models.contract.convert.kdeps.importing import Imported, imported
from kindo_models.findings import Finding, InputError, errors
from kindo_models.source import read_text

_SUFFIXES = (".yaml", ".yml")


def import_kdeps(
    paths: Sequence[Path], *, as_json: bool, output: Path | None = None, azure_api_version: str | None = None
) -> int:
    """Exit status: 0 complete, 1 a required fact or a model is missing (the rest is written), 2 unusable input."""
    try:
        read = _read(paths)
        made = imported(read, azure_api_version=azure_api_version)
        if not any(document.kind for document in read):
            raise InputError([_nothing(paths)])
        if output is not None:
            write(made.text, output)
    except InputError as error:
        if as_json:
            print(json.dumps({"contract": None, "missing": _plain(error.findings), "report": []}, indent=2))
        else:
            print(error, file=sys.stderr)
        return 2
    if as_json:
        print(json.dumps(_as_json(made, output), indent=2, ensure_ascii=False))
    else:
        _print(made, output)
    return 1 if made.missing or errors(made.findings) else 0


def _read(paths: Sequence[Path]) -> list[Document]:
    """Every document below the paths; all unreadable files at once."""
    found: list[Finding] = []
    read: list[Document] = []
    for file in dict.fromkeys(file for path in paths for file in _files(path, found)):
        try:
            read += documents(read_text(file, file=str(file)), file=str(file))
        except InputError as error:
            found += error.findings
    if found:
        raise InputError(found)
    return read


def _files(path: Path, found: list[Finding]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix in _SUFFIXES and file.is_file() and not _hidden(file.relative_to(path))
    ]
    if not files:
        found.append(Finding(code="no-yaml", file=str(path), message=f"{path} holds no .yaml or .yml file"))
    yield from files


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _print(made: Imported, output: Path | None) -> None:
    """The contract on standard output, everything about it on standard error."""
    if output is None:
        sys.stdout.write(made.text)
    for finding in (*made.findings, *made.to_fill_in(_name(output))):
        print(finding, file=sys.stderr)
    if made.environment:
        text = yaml.safe_dump(made.environment, sort_keys=False)
        print(
            f"The gateway's retries belong into the environment (stacks/Pulumi.<stack>.yaml):\n{text}", file=sys.stderr
        )


def _name(output: Path | None) -> str:
    """What a finding about the contract calls its file."""
    return str(output) if output else "<standard output>"


def _as_json(made: Imported, output: Path | None) -> dict[str, object]:
    return {
        "contract": {"models": [dict(entry) for entry in made.entries]},
        "environment": made.environment,
        "missing": _plain(made.to_fill_in(_name(output))),
        "report": _plain(made.findings),
    }


def _plain(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [finding.model_dump(mode="json") for finding in findings]


def _nothing(paths: Sequence[Path]) -> Finding:
    return Finding(
        code="no-kdeps-document",
        message=f"no KDeps resource or workflow is in {', '.join(map(str, paths))}",
        hint="a resource has `run.chat` (or `chat`), a workflow `settings.agentSettings`",
    )
