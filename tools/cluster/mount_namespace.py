"""A mount namespace for containerd and kubelet: what they mount ends with them and is never seen by the host.

It is kept alive by a pin (a bind mount of ``/proc/PID/ns/mnt`` on a file of the state folder), so that both enter the
same one. Paths that containerd 1.6 and kubelet have compiled in are covered by folders of the instance, which keeps
two clusters on one machine apart; kernel settings that kubelet would change for the whole machine are covered by files
that already say what it wants.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from tools.cluster.commands import run
from tools.paths import Instance

# Compiled-in path -> why it is written to.
HARD_CODED = {
    Path("/run/containerd"): "sockets of the shims",
    Path("/var/lib/cni"): "results of CNI calls",
    Path("/var/log/containers"): "links to the pods' logs",
}
# kubelet refuses to start when it can neither find nor set these values.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def create(instance: Instance) -> None:
    """Make it unless it is there."""
    if exists(instance):
        return
    delete(instance)  # a half-made one
    pin = _pin(instance)
    pin.parent.mkdir(parents=True, exist_ok=True)
    # A namespace cannot be pinned on a mount that would propagate into it.
    run("mount", "--bind", pin.parent, pin.parent)
    run("mount", "--make-private", pin.parent)
    pin.touch()
    # slave: what the host unmounts (a USB stick, a network share) is not held busy by our copy of it.
    run("unshare", f"--mount={pin}", "--propagation=slave", "sh", "-ec", _mounts(instance))


def delete(instance: Instance) -> None:
    """Drop the pin; the mounts go with the last process inside."""
    pin = _pin(instance)
    for target in (pin, pin.parent):
        while str(target) in mounted():
            run("umount", "--lazy", target)
    for path in HARD_CODED:
        try:
            path.rmdir()  # only if nobody else uses it
        except OSError:
            pass


def exists(instance: Instance) -> bool:
    return str(_pin(instance)) in mounted()


def inside(instance: Instance) -> tuple[str, ...]:
    """Command prefix."""
    return ("nsenter", f"--mount={_pin(instance)}")


def inode(instance: Instance) -> int | None:
    """Identity of the namespace, to be compared with ``/proc/PID/ns/mnt``."""
    return _pin(instance).stat().st_ino if exists(instance) else None


def mounted() -> set[str]:
    """Mount points that this process sees."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {line.split()[4].encode().decode("unicode_escape") for line in lines}


def covers(instance: Instance) -> Path:
    """The folders that lie over the compiled-in paths."""
    return instance.state_dir / "node"


def _pin(instance: Instance) -> Path:
    return instance.state_dir / "mount-namespace" / "pin"


def _mounts(instance: Instance) -> str:
    lines: list[str] = []

    def bind(source: Path, target: Path) -> None:
        lines.append(f"mount --bind {shlex.quote(str(source))} {shlex.quote(str(target))}")

    for target in HARD_CODED:
        source = covers(instance) / target.name
        source.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        bind(source, target)
    for key, value in KERNEL_SETTINGS.items():
        setting = Path("/proc/sys") / key
        if setting.read_text().strip() != value:
            source = covers(instance) / "kernel-settings" / key.replace("/", ".")
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(f"{value}\n")
            bind(source, setting)
    return "\n".join(lines)
