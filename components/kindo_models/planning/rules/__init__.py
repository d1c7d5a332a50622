"""The rules of a contract: one registry, one function per finding code, each in the file of its subject.

`check(draft, context)` runs all of them; `RULES` describes each code for `kindo-models explain` and docs/findings.md.
"""

from __future__ import annotations

from kindo_models.contract.draft import Draft
from kindo_models.findings import Finding
from kindo_models.planning.rules import (  # noqa: F401 (importing them fills the registry)
    addresses,
    arguments,
    conversion,
    credentials,
    elsewhere,
    environments,
    families,
    kinds,
    lifecycle,
    names,
    packing,
    servers,
    sizing,
    variables,
    windows,
)
from kindo_models.planning.rules.context import Context, catalog_date
from kindo_models.planning.rules.registry import RULES, Rule

__all__ = ["RULES", "Context", "Rule", "catalog_date", "check"]


def check(draft: Draft, context: Context | None = None) -> list[Finding]:
    """Every finding of the contract: its structure's, then each rule's; in the order of the file."""
    against = context or Context()
    found = list(draft.findings)
    for rule in RULES.values():
        if rule.check is not None:
            found += rule.check(draft, against)
    # Without lines (a Contract in memory) the fields' order by entry is all there is; sorting is stable.
    return sorted(dict.fromkeys(found), key=lambda finding: (finding.line or 0, _entry(finding)))


def _entry(finding: Finding) -> int:
    field = finding.field or ""
    return int(field[7 : field.index("]")]) if field.startswith("models[") else -1
