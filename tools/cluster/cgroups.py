"""The cgroup under which kubelet puts all pods of an instance: how to make it, end what is in it, and remove it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tools.paths import Instance


def name(instance: Instance) -> str:
    """One per instance: kubelet removes pod cgroups that it does not know, so two must not share a parent."""
    return instance.netns


def create(instance: Instance) -> None:
    for root in _hierarchies():
        directory = root / name(instance)
        directory.mkdir(exist_ok=True)
        # cgroup v1: a new cpuset is empty and takes no process until it is filled.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (root / file).exists() and (directory / file).exists() and not (directory / file).read_text().strip():
                (directory / file).write_text((root / file).read_text())


def processes(instance: Instance) -> set[int]:
    """Every process of every pod."""
    found: set[int] = set()
    for directory in _directories(instance):
        try:
            found.update(int(pid) for pid in (directory / "cgroup.procs").read_text().split())
        except (FileNotFoundError, OSError):
            continue
    return found - {0}


def kill(instance: Instance, *, seconds: float = 10) -> None:
    """SIGKILL until nothing is left: a pod may fork while it is being killed."""
    deadline = time.monotonic() + seconds
    while pids := processes(instance):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"pod processes {sorted(pids)} of {instance.name!r} do not end (state D in `ps`?)")
        time.sleep(0.02)


def delete(instance: Instance, *, seconds: float = 5) -> None:
    """Remove the directories, innermost first; a cgroup stays busy for a moment after its last process has ended."""
    deadline = time.monotonic() + seconds
    while directories := _directories(instance):
        for directory in reversed(directories):
            try:
                directory.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.02)


def _hierarchies() -> list[Path]:
    """Mount points of cgroup v2, or of each cgroup v1 controller (and of the named hierarchy)."""
    v1, v2 = [], []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind = after.split()[0]
        if kind == "cgroup":
            v1.append(Path(before.split()[4]))
        elif kind == "cgroup2":
            v2.append(Path(before.split()[4]))
    # With v1 controllers mounted the v2 mount is only a leftover (hybrid mode) that kubelet does not use; runc does.
    return v1 + v2


def _directories(instance: Instance) -> list[Path]:
    """All directories of the instance, each after its parent."""
    return [
        Path(current)
        for root in _hierarchies()
        if (root / name(instance)).is_dir()
        for current, _, _ in os.walk(root / name(instance))
    ]
