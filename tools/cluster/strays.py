"""Find and end every process of an instance, recorded or not, by what cannot be lost: its namespaces and cgroup."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from tools.cluster import cgroups, mount_namespace, network
from tools.paths import Instance, bin_dir

SHIM = "containerd-shim"


def processes(instance: Instance) -> set[int]:
    """All of them: what runs in the network or mount namespace, and what runs in pods."""
    ours = {("net", network.inode(instance)), ("mnt", mount_namespace.inode(instance))} - {("net", None), ("mnt", None)}
    inside = {pid for pid in _pids() if any(_inode(pid, kind) == inode for kind, inode in ours)}
    return inside | cgroups.processes(instance)


def shims(instance: Instance) -> set[int]:
    """The parents of the pods' containers; they outlive containerd."""
    return {pid for pid in processes(instance) if _executable(pid).startswith(SHIM)}


def unrecorded(instance: Instance, recorded: Iterable[int]) -> set[int]:
    """Components of the cluster that an interrupted run started and had no time to write down."""
    inode = network.inode(instance)
    candidates = _pids() - set(recorded) - cgroups.processes(instance)
    return {pid for pid in candidates if inode is not None and _inode(pid, "net") == inode and _is_component(pid)}


def _is_component(pid: int) -> bool:
    executable = _executable(pid)
    if executable.startswith("python"):
        return b"tools.cluster." in Path(f"/proc/{pid}/cmdline").read_bytes()
    return executable == "containerd" or (executable != "" and (bin_dir() / executable).exists())


def end(pids: set[int], *, seconds: float) -> None:
    """SIGTERM, and SIGKILL for those that have not ended after `seconds`."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + patience
        while (pids := {pid for pid in pids if _is_alive(pid)}) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not pids:
            return
    raise RuntimeError(f"processes {sorted(pids)} do not end, not even by SIGKILL (state D in `ps`?)")


def _pids() -> set[int]:
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}


def _inode(pid: int, kind: str) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
    except OSError:
        return None


def _executable(pid: int) -> str:
    """File name of its program; a deleted file (a new version was installed) keeps its name."""
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name.removesuffix(" (deleted)")
    except OSError:
        return ""


def _is_alive(pid: int) -> bool:
    """Zombies do not count. Our own children are waited for, or they would stay zombies."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False
