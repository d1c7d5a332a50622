"""Background processes of the local environment: start once, find again, stop surely.

A process is named; its pid and start time lie in ``<state_dir>/run/<name>.json`` so that a reused pid is never
taken for ours. Output goes to ``<state_dir>/logs/<name>.log``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.paths import Instance


class ProcessFailed(RuntimeError):
    """A process ended or did not become ready; the message carries the end of its log."""


@dataclass(frozen=True)
class Process:
    instance: Instance
    name: str

    @property
    def record(self) -> Path:
        return self.instance.state_dir / "run" / f"{self.name}.json"

    @property
    def log(self) -> Path:
        return self.instance.log_dir / f"{self.name}.log"

    def pid(self) -> int | None:
        """Pid if it is alive and still the process that we started."""
        try:
            record = json.loads(self.record.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return record["pid"] if start_time(record["pid"]) == record["start_time"] else None

    def start(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        in_netns: bool = True,
        cwd: Path | None = None,
    ) -> int:
        """Start unless it runs already; returns its pid. `environment` is added to PATH, HOME and LANG only."""
        if (pid := self.pid()) is not None:
            return pid
        self.record.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        argv = [str(part) for part in command]
        if in_netns and self.instance.namespaced:
            # Not `ip netns exec`: it remounts /sys, which hides the cgroups from kubelet and containerd.
            argv = ["nsenter", f"--net=/run/netns/{self.instance.netns}", *argv]
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**inherited, **(environment or {})},
                cwd=cwd or self.instance.state_dir,
                start_new_session=True,
            )
        self.record.write_text(json.dumps({"pid": child.pid, "start_time": start_time(child.pid), "command": argv[:4]}))
        return child.pid

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float, every: float = 0.1) -> None:
        """Poll `ready` (exceptions count as "not yet") until it holds; raises ProcessFailed with the log's end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.pid() is None:
                raise ProcessFailed(f"{self.name} ended while starting. {self.log_tail()}")
            try:
                if ready():
                    return
            except Exception:
                pass
            time.sleep(every)
        raise ProcessFailed(f"{self.name} was not ready after {seconds:.0f} s. {self.log_tail()}")

    def stop(self, *, seconds: float = 10) -> None:
        """SIGTERM to its process group, SIGKILL after `seconds`; absent is fine."""
        pid = self.pid()
        if pid is not None:
            _signal_group(pid, signal.SIGTERM)
            deadline = time.monotonic() + seconds
            while self.pid() is not None and time.monotonic() < deadline:
                _reap(pid)
                time.sleep(0.05)
            if self.pid() is not None:
                _signal_group(pid, signal.SIGKILL)
        self.record.unlink(missing_ok=True)

    def log_tail(self, lines: int = 15) -> str:
        try:
            tail = self.log.read_text(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            tail = []
        return f"End of {self.log}:\n" + "\n".join(f"    {line}" for line in tail)


def start_time(pid: int) -> int | None:
    """Clock ticks since boot at which `pid` started, None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
