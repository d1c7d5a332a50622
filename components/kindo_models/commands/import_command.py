"""`kindo-models import …`: its commands with their arguments and options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kindo_models.commands.options import OutputOption

imports = typer.Typer(name="import", help="Make a contract of other tools' files.", no_args_is_help=True)


class ReportFormat(StrEnum):
    text = "text"
    json = "json"


@imports.callback()
def _imports() -> None:
    pass


@imports.command("kdeps")
def import_kdeps_command(
    paths: Annotated[
        list[Path], typer.Argument(help="Resources, workflows, ~/.kdeps/config.yaml, or folders of them.")
    ],
    output: OutputOption = None,
    azure_api_version: Annotated[
        str | None, typer.Option(help="apiVersion of Azure entries: KDeps has none.", show_default=False)
    ] = None,
    format: Annotated[
        ReportFormat, typer.Option("--format", "-f", help="json: contract, what is missing and the report in one.")
    ] = ReportFormat.text,
) -> None:
    """Turn KDeps resources and workflows into a contract: one entry for each model. The report is on standard error.

    Exit status: 0 complete, 1 a required fact or a model is missing (it is said), 2 unusable input.
    """
    from kindo_models.commands.import_ import import_kdeps

    raise typer.Exit(
        import_kdeps(paths, as_json=format is ReportFormat.json, output=output, azure_api_version=azure_api_version)
    )
