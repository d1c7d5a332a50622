"""The command's body: all checks, their table, the exit status."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from kindo_models.commands import printing
from kindo_models.commands.doctor.check import Check
from kindo_models.commands.doctor.credentials import credential_checks
from kindo_models.commands.doctor.reach import reach_checks
from kindo_models.commands.doctor.tools import tool_checks
from kindo_models.commands.printing import Column
from kindo_models.commands.selection import ONE_OF_TWO, select
from kindo_models.environment import Environment
from kindo_models.findings import InputError
from kindo_models.planning import Plan
from kindo_models.source import Source, read

COLUMNS = (Column("what"), Column("state"), Column("found"), Column("fix"))


def doctor(stack: str | None, environment: Path | None, *, format: str) -> int:
    """Exit status: 0 nothing that `pulumi up` needs is missing, 1 something is, 2 unusable input."""
    settings: Environment | None = None
    made: Plan | None = None
    stack_file: Source | None = None
    checks: list[Check] = []
    if stack or environment:
        try:
            selection = select(None, stack, environment, hint=ONE_OF_TWO)
            assert selection.settings is not None
            stack_file = read(selection.settings)
        except InputError as error:
            return printing.refuse(error.findings, as_json=format == "json")
        settings, made, checks = _stack(stack, selection.settings)
    with printing.working("Asking the machine, the cluster and the clouds"):
        checks = [*tool_checks(), *checks, *credential_checks(os.environ, made, settings, stack_file)]
        checks += reach_checks(settings, os.environ)
    _print(checks, format)
    return 1 if any(check.status == "error" for check in checks) else 0


def _stack(stack: str | None, settings: Path) -> tuple[Environment | None, Plan | None, list[Check]]:
    """What can be read of the stack; what cannot is a check of its own, as a machine without its variables is what the
    doctor is asked about.
    """
    from kindo_models.commands.plan import make_plan
    from kindo_models.environment.load import load

    try:
        environment = load(settings).environment
    except InputError as error:
        return (
            None,
            None,
            [
                Check("settings", finding.field or finding.code, "error", finding.message, finding.hint)
                for finding in error.findings
            ],
        )
    if stack is None:
        return environment, None, []
    try:
        return environment, make_plan(select(None, stack, None)).plan, []
    except InputError as error:
        first = error.findings[0]
        fix = f"kindo-models plan --stack {stack}"
        return environment, None, [Check("settings", "contract", "error", first.message, fix)]


def _print(checks: list[Check], format: str) -> None:
    if format == "json":
        printing.print_json({"checks": [asdict(check) for check in checks]})
        return
    out = printing.console()
    rows = [[check.name, check.status, check.detail, check.fix] for check in checks]
    printing.print_table(out, COLUMNS, rows)
    wrong = sum(check.status == "error" for check in checks)
    out.print()
    out.print(printing.counted(wrong, "error") if wrong else "Nothing that `pulumi up` needs is missing")
