"""`kindo-models explain CODE`: what a finding says, why it matters, how to fix it."""

from __future__ import annotations

import sys

from kindo_models.planning.rules import RULES, Rule
from kindo_models.source import nearest
from kindo_models.verification.checks import CAUSES


def explain(code: str | None) -> int:
    """Without a code: the list of all. Exit status: 0, or 2 for a code that does not exist."""
    if code is None:
        _list()
        return 0
    if rule := RULES.get(code):
        print(_text(rule))
        return 0
    if code in CAUSES:
        print(f"{code} (cause of a failed check of the gate)\n\nfix: {CAUSES[code] or 'mend the check before it.'}")
        return 0
    guess = nearest(code, [*RULES, *CAUSES])
    hint = f"did you mean {guess!r}?" if guess else "kindo-models explain lists all codes"
    print(f"no finding has the code {code!r}\n    fix: {hint}", file=sys.stderr)
    return 2


def _text(rule: Rule) -> str:
    place = "" if rule.check else f", found by {rule.made_by}"
    lines = [
        f"{rule.code} ({rule.severity}{place})",
        "",
        f"what: {rule.what}",
        f"why:  {rule.why}",
        f"fix:  {rule.fix}",
    ]
    if rule.pitfall:
        lines.append(f'from: Kindo\'s page "Prepare AI Models", common pitfalls: {rule.pitfall}')
    return "\n".join(lines)


def _list() -> None:
    width = max(len(code) for code in RULES)
    for rule in RULES.values():
        print(f"{rule.code:{width}}  {rule.severity:7}  {rule.what}")
