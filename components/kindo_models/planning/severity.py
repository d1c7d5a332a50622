"""Levels of findings as the environment wants them (`findings: {CODE: error | warning | off}`).

An error is what something would refuse later, or what this project takes for unsafe. So it may be lowered to a warning,
which then says that it was, and never be switched off: nobody overlooks it, and a person who knows better is not stuck.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.rules.registry import RULES
from kindo_models.source import nearest

LOWERED = " (an error, lowered by findings.{code})"


def leveled(found: Iterable[Finding], environment: Environment, known: Collection[str] = RULES.keys()) -> list[Finding]:
    """`found` at the levels that the environment asks for, and what is wrong with what it asks for."""
    wanted = environment.findings
    result: list[Finding] = []
    refused: dict[str, Finding] = {}
    for finding in found:
        level = wanted.get(finding.code, finding.severity)
        if finding.severity == "error" and level == "off":
            refused[finding.code] = _not_switchable(finding.code)
            result.append(finding)
        elif finding.severity == "error" and level == "warning":
            message = finding.message + LOWERED.format(code=finding.code)
            result.append(finding.model_copy(update={"severity": "warning", "message": message}))
        elif level != "off":
            result.append(finding.model_copy(update={"severity": level}))
    return [*_unknown(environment, known), *refused.values(), *result]


def _not_switchable(code: str) -> Finding:
    return Finding(
        code="finding-not-switchable",
        field=f"findings.{code}",
        message=f"{code} is an error here and cannot be switched off",
        hint=f"mend what it says, or write `findings: {{{code}: warning}}`: it is then shown and does not stop the run",
    )


def _unknown(environment: Environment, known: Collection[str]) -> list[Finding]:
    found = []
    for code in sorted(set(environment.findings) - set(known)):
        guess = nearest(code, known)
        found.append(
            Finding(
                code="unknown-finding",
                field=f"findings.{code}",
                message=f"no finding has the code {code!r}",
                hint=f"did you mean {guess!r}?" if guess else "kindo-models explain lists all codes",
            )
        )
    return found
