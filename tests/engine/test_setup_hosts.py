"""Python programs on the real engine: the language host and the dynamic provider that the set-up installs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import setup
from tools.paths import bin_dir
from tools.setup.golang import official_pulumi
from tools.setup.hosts import install_provider

PROGRAM = """
import os, sys, time
import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Provider(ResourceProvider):
    serialize_as_secret_always = False
    def create(self, props):
        return CreateResult("made", {**props, "interpreter": sys.prefix})

class Made(Resource):
    interpreter: pulumi.Output[str]
    def __init__(self, name):
        super().__init__(Provider(), name, {"interpreter": None})

what = os.environ.get("WHAT", "")
if what == "run-error":
    raise pulumi.RunError("the key is wrong\\nset KINDO_ADMIN_API_KEY")
if what == "exception":
    def deep():
        raise ValueError("boom")
    deep()
if what == "shown":
    pulumi.log.error("one short message")
    sys.exit(32)
if what == "sleep":
    print("sleeping", flush=True)
    time.sleep(120)
print("a line of the program")
pulumi.export("prefix", sys.prefix)
pulumi.export("folder", os.getcwd())
pulumi.export("plain", pulumi.Config().require("plain"))
pulumi.export("hidden", pulumi.Config().require_secret("hidden"))
pulumi.export("interpreter", Made("made").interpreter)
"""


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        (self.folder / "environment").symlink_to(sys.prefix)
        (self.folder / "Pulumi.yaml").write_text(
            "name: hosts\nruntime:\n  name: python\n  options:\n    virtualenv: environment # relative to this file\n"
        )
        (self.folder / "__main__.py").write_text(PROGRAM)
        (folder / "state").mkdir()
        # Without the project's own .venv on the PATH: the host has to find the interpreter by Pulumi.yaml.
        path = [str(bin_dir()), *(part for part in os.environ["PATH"].split(os.pathsep) if ".venv" not in part)]
        self.environment = {
            "PATH": os.pathsep.join(path),
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "pulumi-home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        }
        install_provider(folder / "pulumi-home")
        self.pulumi("stack", "init", "test")
        self.pulumi("config", "set", "plain", "one")
        self.pulumi("config", "set", "--secret", "hidden", "two")

    def command(self, *arguments: str) -> list[str]:
        return [str(official_pulumi() or bin_dir() / "pulumi"), *arguments, "--non-interactive", "--color", "never"]

    def pulumi(self, *arguments: str, what: str = "", fails: bool = False) -> str:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environment, "WHAT": what},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert (done.returncode != 0) is fails, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    if official_pulumi() is None:
        setup.run(only=["pulumi", "pulumi-resource-kubernetes", "pulumi-hosts"])
    return Project(tmp_path_factory.mktemp("hosts"))


def test_program_and_dynamic_provider_run_in_the_environment_of_pulumi_yaml(project: Project) -> None:
    said = project.pulumi("up", "--yes", "--skip-preview")
    assert "a line of the program" in said
    assert "warning" not in said
    outputs = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets"))
    expected = str(project.folder / "environment")
    assert outputs == {
        "prefix": expected,
        "interpreter": expected,
        "folder": str(project.folder),
        "plain": "one",
        "hidden": "two",
    }
    assert "- 2 deleted" in project.pulumi("destroy", "--yes", "--skip-preview")


def test_a_run_error_is_shown_without_a_traceback(project: Project) -> None:
    said = project.pulumi("preview", what="run-error", fails=True)
    assert "error: the key is wrong\n    set KINDO_ADMIN_API_KEY" in said
    assert "Traceback" not in said


def test_a_message_that_the_program_showed_itself_is_all_that_is_shown(project: Project) -> None:
    said = project.pulumi("preview", what="shown", fails=True)
    assert re.findall("error: .*", said.partition("Diagnostics:")[2]) == ["error: one short message"]
    assert "Traceback" not in said


def test_an_unhandled_exception_shows_the_programs_own_frames_only(project: Project) -> None:
    said = project.pulumi("preview", what="exception", fails=True)
    assert "Program failed with an unhandled exception" in said
    files = re.findall(r'File "([^"]*)"', said.partition("Diagnostics:")[2])
    assert files == [str(project.folder / "__main__.py")] * 2
    assert "ValueError: boom" in said


def test_an_interrupted_run_leaves_no_process_behind(project: Project) -> None:
    process = subprocess.Popen(
        project.command("preview"),
        cwd=project.folder,
        env={**project.environment, "WHAT": "sleep"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    while "sleeping" not in (line := process.stdout.readline()):
        assert line, "the program never started"
    assert processes_in(project.folder)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) != 0
    deadline = time.monotonic() + 10
    while left := processes_in(project.folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def processes_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and Path(os.readlink(process / "cwd")) == folder:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_about_names_the_projects_interpreter_and_provider(project: Project) -> None:
    about = json.loads(project.pulumi("about", "--json").partition("\nwarning")[0])
    assert about["runtime"]["executable"].startswith(str(project.folder / "environment"))
    assert "kubernetes" in {plugin["name"] for plugin in about["plugins"]}
