"""Runs a step's commands: output into the step's log, all children stopped when the set-up is."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.setup.step import SetUpFailed

# A set-up that is killed outright cannot stop its commands; the kernel does.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


class Interrupted(RuntimeError):
    """The set-up is being stopped; the step's partial output is dropped."""


class Children:
    """The processes that run now, so that Ctrl-C or a failed step stops all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def start(self, command: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise Interrupted
            child = subprocess.Popen([*DIES_WITH_US, *command], start_new_session=True, **options)  # type: ignore[call-overload]
            self._running.add(child)
            return child  # type: ignore[no-any-return]

    def wait(self, child: subprocess.Popen[bytes]) -> int:
        code = child.wait()
        with self._lock:
            self._running.discard(child)
            if self._stopped:
                raise Interrupted
        return code

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for child in running:
                try:
                    os.killpg(child.pid, number)
                except (ProcessLookupError, PermissionError):
                    pass
            for child in running:
                try:
                    child.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    pass


class Shell:
    """Commands of one step."""

    def __init__(self, log: Path, children: Children) -> None:
        self.log = log
        self._children = children
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Run to its end; SetUpFailed with the log's end when it exits non-zero."""
        argv = [str(part) for part in command]
        code = self._children.wait(self.start(argv, environment=environment, cwd=cwd))
        if code != 0:
            raise SetUpFailed(f"`{shlex.join(argv)}` exited with {code}.\n{self.tail()}\nWhole log: {self.log}")

    def start(
        self, command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        argv = [str(part) for part in command]
        with self.log.open("ab") as log:
            log.write(f"$ {shlex.join(argv)}".replace("\n", " ").encode() + b"\n")
            log.flush()
            return self._children.start(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=cwd,
            )

    def output(self, command: Sequence[str | Path]) -> str:
        """Standard output of a quick command."""
        return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout

    def tail(self, lines: int = 15) -> str:
        return "\n".join(f"    {line}" for line in self.log.read_text(errors="replace").splitlines()[-lines:])

    def last_line(self) -> str:
        """What the command said last; shown while a long step runs."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 2048))
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        said = [line.strip() for line in lines if line.strip() and not line.startswith("$ ")]
        return said[-1][:90] if said else ""
