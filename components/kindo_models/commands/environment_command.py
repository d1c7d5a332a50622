"""`kindo-models environment …`: its commands with their arguments and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from kindo_models.commands.options import EnvironmentOption, StackOption, examples


class EnvironmentFormat(StrEnum):
    text = "text"
    json = "json"
    yaml = "yaml"


environments = typer.Typer(name="environment", help="Settings of a stack.", no_args_is_help=True)


@environments.callback()
def _environments() -> None:
    pass


@environments.command(
    "show",
    epilog=examples(
        "kindo-models environment show --stack prod", "kindo-models environment show --stack prod --defaults"
    ),
)
def environment_show_command(
    stack: StackOption = None,
    environment: EnvironmentOption = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Also what no file says.")] = False,
    format: Annotated[
        EnvironmentFormat, typer.Option("--format", "-f", help="What to print.")
    ] = EnvironmentFormat.text,
) -> None:
    """Print a stack's settings with the file and line that each value comes from, after merging what it extends.

    Exit status: 0 done, 2 unusable input.
    """
    from kindo_models.commands.environment_show import show_environment

    raise typer.Exit(show_environment(stack, environment, defaults=defaults, format=format.value))
