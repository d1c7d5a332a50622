"""Debian (or Ubuntu) packages that the local environment needs: found by the file that is used, installed when root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

from tools.setup.step import Lane, SetUpFailed, Step, Task

SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])

PACKAGES = {
    # package: the program or file that we use of it (a machine may have it from elsewhere)
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iproute2": "ip",
    "iptables": "iptables",
    "nftables": "nft",
    "util-linux": "nsenter",
    "mount": "mount",
    "postgresql": "/usr/lib/postgresql/*/bin/postgres",
    # For the images and for Ollama, which is C++ in parts.
    "debootstrap": "debootstrap",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "gcc": "gcc",
    "g++": "g++",
    "libc6-dev": "/usr/include/stdio.h",
    "nlohmann-json3-dev": "/usr/include/nlohmann/json.hpp",
    "libstb-dev": "/usr/include/stb/stb_image.h",
}

POLICY = Path("/usr/sbin/policy-rc.d")
OUR_POLICY = """#!/bin/sh
# Written by kindo-models while it installs packages: no package may start its service.
exit 101
"""


def step() -> Step:
    return Step(
        name="debian-packages",
        title="Debian packages (containerd, PostgreSQL, debootstrap …)",
        seconds=40,
        lane=Lane.FETCH,
        make=_install,
        is_done=lambda: not missing_packages(),
    )


def missing_packages() -> list[str]:
    return [package for package, used in PACKAGES.items() if not _is_there(used)]


def is_root() -> bool:
    return os.geteuid() == 0


def can_install() -> bool:
    return is_root() and shutil.which("apt-get") is not None


def command(packages: list[str]) -> str:
    return f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"


def _is_there(used: str) -> bool:
    return bool(glob(used)) if used.startswith("/") else shutil.which(used, path=SEARCH_PATH) is not None


def _install(task: Task) -> None:
    packages = missing_packages()
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    if any(_has_no_candidate(package) for package in packages):
        task.shell.run(["apt-get", "update", "-q"], environment=environment)
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *packages]
    with _no_service_starts():
        try:
            task.shell.run(install, environment=environment)
        except SetUpFailed:
            # Most likely the package lists are older than what the mirror still has.
            task.shell.run(["apt-get", "update", "-q"], environment=environment)
            task.shell.run(install, environment=environment)


def _has_no_candidate(package: str) -> bool:
    said = subprocess.run(
        ["apt-cache", "policy", package], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    ).stdout
    return re.search(r"Candidate: (?!\(none\))", said) is None


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Our containerd and PostgreSQL run in a namespace of their own; the packages' services must not start.

    A `policy-rc.d` that is there already (containers have one) is left as it is; one of ours that an interrupted
    run left behind is taken over.
    """
    if POLICY.exists() and POLICY.read_text() != OUR_POLICY:
        yield
        return
    POLICY.write_text(OUR_POLICY)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
