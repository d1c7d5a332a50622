"""Arguments and options that commands share, so that they are spelled and explained once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

INPUT_PANEL = "Which environment (one of)"


class Cloud(StrEnum):
    eks = "eks"
    aks = "aks"
    existing = "existing"


class Format(StrEnum):
    table = "table"
    json = "json"


def examples(*lines: str) -> str:
    """As typer wants paragraphs, so that each stands on a line of its own."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])


def _stacks(incomplete: str) -> list[str]:
    """Shell completion: the stacks of this project."""
    from kindo_models.commands.selection import stack_names

    return [name for name in stack_names() if name.startswith(incomplete)]


ContractArgument = Annotated[
    Path | None, typer.Argument(help="Contract file; default: stacks/<stack>.contract.yaml.", show_default=False)
]
StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack",
        "-s",
        help="A stack of this project: stacks/Pulumi.<stack>.yaml.",
        show_default=False,
        rich_help_panel=INPUT_PANEL,
        autocompletion=_stacks,
    ),
]
EnvironmentOption = Annotated[
    Path | None,
    typer.Option(
        "--environment",
        "-e",
        help="A stack file, wherever it lies.",
        show_default=False,
        rich_help_panel=INPUT_PANEL,
    ),
]
CloudOption = Annotated[
    Cloud | None,
    typer.Option(
        "--cloud",
        help="No stack yet: the defaults on such a cluster.",
        show_default=False,
        rich_help_panel=INPUT_PANEL,
    ),
]
RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region", help="Region of that cloud, with --cloud.", show_default=False, rich_help_panel=INPUT_PANEL
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="What to print.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this file.", show_default="standard output")
]
