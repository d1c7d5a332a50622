"""Load a contract file. Every finding carries file, line, field, value, what is allowed and the fix.

Here is what makes entries addressable: structure, unique routing keys, one name per server. All other rules are in
`planning.rules`.
"""

from __future__ import annotations

from pathlib import Path

from kindo_models.contract.draft import Draft, read_draft
from kindo_models.contract.identity import routing_keys_used_twice, served_names
from kindo_models.contract.model import SECRET_FIELDS, VARIABLE, Contract
from kindo_models.findings import InputError
from kindo_models.source import Source, scan, scan_file

__all__ = ["SECRET_FIELDS", "from_draft", "from_source", "load_contract", "parse_contract", "variable"]


def load_contract(path: str | Path, *, name: str | None = None) -> Contract:
    """Read `path`. Raises InputError with all findings (see `findings.Finding`) when it cannot be used."""
    return from_source(scan_file(Path(path), name=name))


def parse_contract(text: str, *, file: str = "<contract>") -> Contract:
    """As `load_contract`, from text."""
    return from_source(scan(text, file=file))


def from_source(source: Source) -> Contract:
    """As `load_contract`, from a file that is read."""
    return from_draft(read_draft(source))


def from_draft(draft: Draft) -> Contract:
    found = [*draft.findings, *routing_keys_used_twice(draft), *served_names(draft)]
    if found or draft.contract is None:
        raise InputError(draft.source.redacted(finding) if draft.source else finding for finding in found)
    return draft.contract


def variable(value: str | None) -> str | None:
    """The name in `${NAME}`, None for anything else."""
    match = VARIABLE.match(value or "")
    return match.group(1) if match else None
