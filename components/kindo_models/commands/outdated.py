"""`kindo-models outdated`: catalog facts past their date, and pins below their floor."""

from __future__ import annotations

import datetime
from importlib.resources import files
from pathlib import Path

from kindo_models.catalog.freshness import aged
from kindo_models.catalog.litellm_releases import litellm_releases
from kindo_models.commands import printing
from kindo_models.commands.printing import Column
from kindo_models.commands.selection import ONE_OF_TWO, select, stack_names
from kindo_models.environment import Environment
from kindo_models.environment.load import load
from kindo_models.findings import InputError
from kindo_models.planning.outdated import Outdated, facts, pins
from kindo_models.stack import DIRECTORY

COLUMNS = (Column("kind"), Column("what"), Column("now"), Column("wanted"), Column("why"))


def outdated(stack: str | None, environment: Path | None, *, format: str, today: datetime.date | None = None) -> int:
    """Exit status: 0 nothing, 1 something is outdated, 2 unusable input."""
    try:
        environments, unread = _environments(stack, environment)
    except InputError as error:
        return printing.refuse(error.findings, as_json=format == "json")
    found = facts(aged(), today or datetime.date.today()) + pins(environments, litellm_releases(), _vllm_releases())
    if format == "json":
        printing.print_json({"outdated": [_row(one) for one in found], "notRead": unread})
    else:
        out = printing.console()
        if found:
            printing.print_table(out, COLUMNS, [[one.kind, one.what, one.now, one.wanted, one.reason] for one in found])
            out.print()
        facts_ = sum(one.kind == "fact" for one in found)
        out.print(
            f"{printing.counted(facts_, 'fact')} past their date, {printing.counted(len(found) - facts_, 'pin')} behind"
        )
        for name, why in unread.items():
            out.print(f"not looked at: {name}: {why}", markup=False)
    return 1 if found else 0


def _environments(stack: str | None, environment: Path | None) -> tuple[dict[str, Environment], dict[str, str]]:
    """The named one, else every stack here (those that cannot be read on this machine are said), else the defaults."""
    if stack or environment:
        selection = select(None, stack, environment, hint=ONE_OF_TWO)
        assert selection.settings is not None
        return {selection.name: load(selection.settings).environment}, {}
    found: dict[str, Environment] = {}
    unread: dict[str, str] = {}
    for name in stack_names():
        try:
            found[name] = load(DIRECTORY / f"Pulumi.{name}.yaml").environment
        except InputError as error:
            first, more = error.findings[0], len(error.findings) - 1
            unread[name] = first.message + (f" (and {printing.counted(more, 'more finding')})" if more else "")
    return found or {"defaults": Environment()}, unread


def _vllm_releases() -> list[str]:
    folder = files("kindo_models.catalog") / "data" / "vllm_releases"
    return [item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")]


def _row(one: Outdated) -> dict[str, str]:
    return {"kind": one.kind, "what": one.what, "now": one.now, "wanted": one.wanted, "reason": one.reason}
