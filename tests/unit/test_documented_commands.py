"""Commands in README and docs: each exists with its options, and those without placeholders run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Brackets, alternatives, dots and words in capitals stand for something else.
PLACEHOLDER = re.compile(r"[\[\]|…<>{}]|\.\.\.|\b[A-Z]+\b(?!_)")


def code_lines(text: str) -> list[str]:
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.M | re.S)
    lines = [line.removeprefix("$ ").partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.partition(" #")[0].strip() for line in lines]


def mentioned(program: str) -> list[tuple[str, str]]:
    """(page, command) of every command in a code block or between backticks."""
    found = []
    for page in PAGES:
        text = page.read_text()
        spans = re.findall(rf"`({re.escape(program)} [^`]*)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
        lines = [line for line in code_lines(text) if line.startswith(f"{program} ")]
        found += [(page.name, " ".join(command.split())) for command in [*spans, *lines]]
    return sorted(set(found))


@pytest.mark.parametrize(("page", "command"), mentioned("make"))
def test_every_make_target_in_the_docs_exists(page: str, command: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in command.split()[1:]:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.M), f"{page}: {command}"


@pytest.mark.parametrize(("page", "command"), mentioned("kindo-models"))
def test_every_command_and_option_in_the_docs_exists(page: str, command: str) -> None:
    from kindo_models.cli import app

    here = typer.main.get_command(app)
    words = re.split(r"[\s\[\]|=]+", command)[1:]
    while words and hasattr(here, "commands"):
        if words[0] not in here.commands:
            assert PLACEHOLDER.search(words[0]) or words[0].startswith("-") or not words[0], f"{page}: {command}"
            return
        here = here.commands[words.pop(0)]
    known = {option for parameter in here.params for option in parameter.opts} | {"--help"}
    for word in words:
        if re.match(r"--?[a-z]", word):
            assert word.rstrip("…,.;") in known, f"{page}: {command}: {word}"


def runnable() -> list[str]:
    lines = {line for page in PAGES for line in code_lines(page.read_text()) if line.startswith("kindo-models ")}
    return sorted(line for line in lines if not PLACEHOLDER.search(line.replace("`", "")))


@pytest.mark.parametrize("command", runnable())
def test_commands_without_placeholders_run(
    command: str, tmp_path: Path, local_variables: dict[str, str], repository: Path
) -> None:
    shutil.copytree(repository / "stacks", tmp_path / "stacks")
    done = subprocess.run(
        [repository / ".venv/bin/kindo-models", *shlex.split(command)[1:]],
        cwd=tmp_path,
        env={**os.environ, **local_variables},
        capture_output=True,
        text=True,
        check=False,
    )
    # 1: it found something to say, such as a tool that this machine lacks.
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_there_are_commands_to_run() -> None:
    assert {"kindo-models plan --stack local", "kindo-models plan --stack prod"} <= set(runnable())
