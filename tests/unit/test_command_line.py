"""The command line as a whole: help as reviewed, generated pages, start-up, completion, progress."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.commands import printing
from tests.support.command import on_terminal, piped, plain
from tools import docs

pytestmark = pytest.mark.process

RECORD = "KINDO_MODELS_RECORD_SNAPSHOTS"
SNAPSHOTS = Path(__file__).parent / "snapshots" / "help"
HEAVY = ("pulumi", "pulumi_kubernetes", "kubernetes", "httpx", "grpc", "ruamel")


def commands(group: object = None, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group, () first."""
    here = get_command(app) if group is None else group
    found = [path]
    for name, command in getattr(here, "commands", {}).items():
        found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize("path", commands(), ids=lambda path: " ".join(path) or "kindo-models")
def test_help_is_the_reviewed_one(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERMINAL_WIDTH", "100")
    result = CliRunner().invoke(app, [*path, "--help"], prog_name="kindo-models")
    text = "".join(f"{line.rstrip()}\n" for line in result.stdout.splitlines())
    file = SNAPSHOTS / f"{'-'.join(path) or 'kindo-models'}.txt"
    if os.environ.get(RECORD):
        SNAPSHOTS.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert result.exit_code == 0
    assert text == file.read_text(encoding="utf-8"), f"reviewed? then record again with {RECORD}=1"


def test_no_snapshot_is_of_a_command_that_is_gone() -> None:
    assert {file.stem for file in SNAPSHOTS.glob("*.txt")} == {"-".join(path) or "kindo-models" for path in commands()}


@pytest.mark.parametrize("path", [path for path in commands() if path], ids=" ".join)
def test_every_command_says_what_it_does_and_with_which_status_it_ends(path: tuple[str, ...]) -> None:
    command = get_command(app)
    for part in path:
        command = command.commands[part]  # type: ignore[attr-defined]
    assert command.help
    if not isinstance(command, typer.core.TyperGroup):
        assert "Exit status:" in command.help, path


@pytest.mark.parametrize("name", sorted(docs.PAGES))
def test_a_generated_page_is_the_one_in_the_repository(name: str) -> None:
    assert docs.PAGES[name]() == (docs.FOLDER / name).read_text(encoding="utf-8"), "run `python -m tools.docs`"


# --- start-up


START_UP_SECONDS = 0.4
# What the libraries alone take on the machine that the limit is for. Processor time, too, is longer where two programs
# share a core, so the limit grows with this.
LIBRARIES, LIBRARIES_SECONDS = "import pydantic, yaml, typer, rich.console, rich.table", 0.08
QUICK = [("--help",), ("plan", "--help"), ("plan", "--stack", "local"), ("environment", "show", "--stack", "prod")]


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_a_command_that_needs_no_sdk_loads_none_and_starts_quickly(
    arguments: tuple[str, ...], repository: Path, local_variables: dict[str, str]
) -> None:
    def processor_time(code: str) -> float:
        report = (
            "import sys, atexit, time\n"
            f"loaded = lambda: [name for name in {HEAVY!r} if name in sys.modules]\n"
            "atexit.register(lambda: print('LOADED', time.process_time(), *loaded(), file=sys.stderr))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", report + code, *arguments],
            cwd=repository,
            env={**os.environ, **local_variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        used, *loaded = done.stderr.rpartition("LOADED")[2].split()
        assert loaded == []
        return float(used)

    seconds: list[float] = []
    libraries: list[float] = []
    while len(seconds) < 2 or (min(seconds) >= START_UP_SECONDS and len(seconds) < 6):
        seconds.append(processor_time("from kindo_models.cli import main; main()"))
        libraries.append(processor_time(LIBRARIES))
    print(f"kindo-models {' '.join(arguments)}: {min(seconds):.2f} s of processor time")
    assert min(seconds) < START_UP_SECONDS * max(1.0, min(libraries) / LIBRARIES_SECONDS)


# --- completion, terminals, progress


def test_the_shell_completes_the_stacks_of_the_project(repository: Path) -> None:
    result = piped(
        folder=repository,
        _KINDO_MODELS_COMPLETE="complete_bash",
        COMP_WORDS="kindo-models plan --stack prod",
        COMP_CWORD="3",
    )
    assert result.out.split() == ["prod", "prod-azure"]


def test_help_is_coloured_on_a_terminal_and_plain_in_a_file(repository: Path) -> None:
    assert "\x1b[" in on_terminal("plan", "--help", folder=repository, columns=100).out
    assert "\x1b[" not in piped("plan", "--help", folder=repository).out


@pytest.mark.parametrize("columns", [80, 200])
def test_help_keeps_to_the_terminal(repository: Path, columns: int) -> None:
    text = plain(on_terminal("plan", "--help", folder=repository, columns=columns).out)
    assert max(len(line) for line in text.splitlines()) <= columns


def test_an_unknown_option_is_status_2_without_a_traceback(repository: Path) -> None:
    result = piped("plan", "--stak", "local", folder=repository)
    assert result.status == 2
    assert "--stack" in result.error
    assert "Traceback" not in result.error


def test_work_of_less_than_two_seconds_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with printing.working("Asking"):
        pass
    assert capsys.readouterr() == ("", "")


def test_longer_work_says_what_it_is_about_on_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "_PATIENCE_SECONDS", 0.01)
    with printing.working("Asking"):
        time.sleep(0.1)
    assert capsys.readouterr() == ("", "Asking …\n")
