"""The registry of finding codes: for each its level, what it says, why it matters, how to fix it, and its check.

One function per code. `validate`, `plan` and `explain` read the same registry, and docs/findings.md is written from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kindo_models.contract.draft import Draft, Entry
from kindo_models.findings import Finding, Severity
from kindo_models.planning.rules.context import Context


class Problem(NamedTuple):
    """What a rule found in an entry. `at`: a key of the entry, `apiVersion`, or a path, ("deploy", "extraArgs", 2)."""

    at: str | tuple[str | int, ...]
    message: str
    hint: str = ""


Checked = Callable[[Draft, Context], Iterable[Finding]]
EntryCheck = Callable[[Entry, Context], Iterable[Problem]]


@dataclass(frozen=True)
class Rule:
    """One finding code. `what`: one sentence that stands for every occurrence. pitfall: the row of Kindo's "Common
    pitfalls" table that it is. check is None where the finding is made elsewhere, named by `made_by`.
    """

    code: str
    severity: Severity
    what: str
    why: str
    fix: str
    pitfall: str | None = None
    check: Checked | None = None
    made_by: str = "contract"


RULES: dict[str, Rule] = {}


def register(rule: Rule) -> Rule:
    if rule.code in RULES:
        raise ValueError(f"finding code {rule.code} is registered twice")
    RULES[rule.code] = rule
    return rule


def made_elsewhere(
    made_by: str,
    code: str,
    what: str,
    why: str,
    fix: str,
    *,
    severity: Severity = "error",
    pitfall: str | None = None,
) -> None:
    """Registers a code whose finding is made outside of this package, so that it can be explained."""
    register(Rule(code, severity, what, why, fix, pitfall, None, made_by))


def contract_rule(
    code: str, severity: Severity, *, what: str, why: str, fix: str, pitfall: str | None = None
) -> Callable[[Checked], Checked]:
    """Registers a function over the whole contract; it makes Findings, whose code and level are set here."""

    def decorate(function: Checked) -> Checked:
        def check(draft: Draft, context: Context) -> Iterator[Finding]:
            for finding in function(draft, context):
                yield finding.model_copy(update={"code": code, "severity": severity})

        register(Rule(code, severity, what, why, fix, pitfall, check))
        return function

    return decorate


def entry_rule(
    code: str, severity: Severity, *, what: str, why: str, fix: str, pitfall: str | None = None
) -> Callable[[EntryCheck], EntryCheck]:
    """Registers a function over one entry."""

    def decorate(function: EntryCheck) -> EntryCheck:
        def check(draft: Draft, context: Context) -> Iterator[Finding]:
            for entry in draft.entries:
                for problem in function(entry, context):
                    at = (problem.at,) if isinstance(problem.at, str) else problem.at
                    path = (*entry.path, *at)
                    yield draft.finding(path, code, problem.message, problem.hint, severity=severity, model=entry.name)

        register(Rule(code, severity, what, why, fix, pitfall, check))
        return function

    return decorate
