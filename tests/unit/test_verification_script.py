"""checks.py as the gate's Job runs it: one file, any Python from 3.9 on, the standard library only."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kindo_models.verification.checks import Verdict
from kindo_models.verification.script import script_sha256, script_text
from tests.support.model_server import KEY, MODEL, Reply, model_server

pytestmark = pytest.mark.process


def run(folder: Path, checks: Any, **variables: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """The finished script, alone in a folder, and what it left as termination message."""
    script, message = folder / "checks.py", folder / "message"
    script.write_text(script_text())
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(script)],
        env={
            "PATH": os.environ["PATH"],
            "CHECKS": checks if isinstance(checks, str) else json.dumps(checks),
            "MODEL": MODEL,
            "TERMINATION_LOG": str(message),
            **variables,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done, message.read_text() if message.exists() else ""


def test_it_is_standard_library_only_and_python_3_9() -> None:
    tree = ast.parse(script_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_a_verdict_is_left_whatever_it_says_and_the_exit_status_is_0(tmp_path: Path) -> None:
    with model_server() as server:
        base = {"base_url": server.base_url, "model": MODEL, "key_env": "MODEL_KEY"}
        good = [{"check": "dns", **base}, {"check": "models", **base}, {"check": "tool-call", **base}]
        done, message = run(tmp_path, good, MODEL_KEY=KEY)
        assert done.returncode == 0, done.stderr
        assert Verdict.from_json(message).status == "pass"
        assert message in done.stdout
        assert "pass" in done.stdout.splitlines()[0]

        done, message = run(tmp_path, good, MODEL_KEY="sk-canary-not-this-one")
        assert done.returncode == 0
        verdict = Verdict.from_json(message)
        assert verdict.status == "fail"
        assert [one.cause for one in verdict.checks] == ["", "unauthorized", "earlier-check-failed"]
        assert "fix:" in done.stdout
        assert "sk-canary-not-this-one" not in done.stdout + done.stderr + message


def test_unusable_input_is_exit_status_2_with_the_place(tmp_path: Path) -> None:
    done, message = run(tmp_path, [{"check": "ping"}])
    assert done.returncode == 2
    assert "CHECKS[0].check is 'ping'" in done.stderr
    assert "Traceback" not in done.stderr
    assert message == ""


def test_the_deadline_ends_a_check_that_hangs(tmp_path: Path) -> None:
    with model_server({"completions": Reply({}, seconds=25)}) as server:
        wanted = [{"check": "chat", "base_url": server.base_url, "model": MODEL, "timeout_seconds": 20}]
        started = time.monotonic()
        done, message = run(tmp_path, wanted, DEADLINE_SECONDS="1")
    assert time.monotonic() - started < 10
    assert done.returncode == 0
    assert Verdict.from_json(message).checks[0].cause == "timeout"


def test_its_hash_changes_with_its_text() -> None:
    assert len(script_sha256()) == 64
    assert script_text().startswith('"""Checks of one model endpoint')


@pytest.mark.parametrize("seconds", ["soon", "1,5"])
def test_times_that_are_no_numbers_are_unusable_input(tmp_path: Path, seconds: str) -> None:
    done, _ = run(tmp_path, [], STARTUP_SECONDS=seconds)
    assert done.returncode == 2
    assert seconds in done.stderr
