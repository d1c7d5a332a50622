"""docs/command-line.md: every command with its arguments and options, as typer writes it."""

from __future__ import annotations

import re

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

_HEAD = """\
<!-- Written by `python -m tools.docs` from components/kindo_models/cli.py: edit that. -->
# Command line

Every command: `kindo-models COMMAND [CONTRACT] [--format …]` with one of `--stack S`, `--environment FILE`, or
`--cloud` (`eks`, `aks`, `existing`) with `--region R`. Exit status: 0 fine, 1 errors or failures, 2 unusable input.
Findings name file, line, field, value, what is allowed and the fix. Results go to standard output, complaints about
the input and progress to standard error; with `--format json` everything is one JSON document on standard output.
Colours appear on terminals only (`NO_COLOR` switches them off). On a terminal that is too narrow for a table, each
row becomes a block; in a log or a file tables have their natural width.

Shell completion: `kindo-models --install-completion`, then a new shell; it completes the names of stacks, too.

"""


def page() -> str:
    from kindo_models.cli import app

    command = get_command(app)
    context = typer.Context(command, info_name="kindo-models")
    text = get_docs_for_click(obj=command, ctx=context, name="kindo-models")
    # The page has a title of its own.
    text = re.sub(r"^(#+) ", r"#\1 ", text, flags=re.MULTILINE)
    # Examples are paragraphs for a terminal; on a page they are a list of commands.
    text = re.sub(r"\n\n  (\S.*)", r"\n* `\1`", text)
    return f"{_HEAD}{text.strip()}\n"
