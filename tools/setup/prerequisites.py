"""What must be on the machine before anything can be set up; everything missing is named at once."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.paths import REPOSITORY, cache_dir
from tools.setup import debian

NODE = (20,)
FREE_GIB = 20
"""Go's caches, the binaries and the images of a first run take about this much."""


@dataclass(frozen=True)
class Prerequisite:
    name: str
    needed: str
    found: str
    command: str
    """What installs it, ready to paste."""

    def __str__(self) -> str:
        return f"{self.name}: needs {self.needed}, found {self.found}\n    {self.command}"


def missing_prerequisites() -> list[Prerequisite]:
    """Empty when the set-up can do the rest by itself."""
    return [
        *_machine(),
        *_go(),
        *_node(),
        *_uv(),
        *_debian_packages(),
    ]


def needed_go() -> tuple[int, ...]:
    """The highest `go` line of the pinned modules: with GOTOOLCHAIN=local an older Go refuses them."""
    modules = (REPOSITORY / "tools" / "go").glob("*/go.mod")
    lines = (re.search(r"^go ([\d.]+)$", module.read_text(), re.M) for module in modules)
    return max(_version(line[1]) for line in lines if line)


def _machine() -> list[Prerequisite]:
    missing = []
    if sys.platform != "linux":
        missing.append(
            Prerequisite(
                "Linux", "Linux (network namespaces, cgroups)", sys.platform, "use a Linux machine or a virtual one"
            )
        )
    if sys.platform == "linux" and not debian.is_root():
        missing.append(Prerequisite("root", "root (namespaces, mounts, iptables)", "another user", "sudo -E make up"))
    if platform.machine() != "x86_64":
        for tool in ("helm", "kubectl"):
            if shutil.which(tool) is None:
                missing.append(
                    Prerequisite(
                        tool,
                        f"{tool} on the PATH (the pinned build is x86_64)",
                        "nothing",
                        f"install {tool} for {platform.machine()}",
                    )
                )
    return missing


def _go() -> list[Prerequisite]:
    needed = needed_go()
    found = go_version()
    if found is not None and _version(found) >= needed:
        return []
    wanted = ".".join(map(str, needed))
    return [
        Prerequisite(
            "Go",
            f"{wanted} or newer",
            found or "nothing",
            f"install Go {wanted}+ (golang.org/doc/install) and put it on the PATH",
        )
    ]


@cache
def go_version() -> str | None:
    """`1.26.8`; None without Go."""
    if shutil.which("go") is None:
        return None
    said = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    return said.strip().removeprefix("go") or None


def _node() -> list[Prerequisite]:
    missing = []
    install = "apt-get install -y nodejs npm (Debian 13+), or nodejs.org's package for version 20+"
    found = None
    if shutil.which("node"):
        found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if found is None or _version(found) < NODE:
        missing.append(Prerequisite("Node.js", "20 or newer", found or "nothing", install))
    if shutil.which("npm") is None:
        missing.append(Prerequisite("npm", "the npm that comes with Node.js", "nothing", install))
    return missing


def uv() -> Path | None:
    """The one of the project's environment, else the PATH's."""
    beside = Path(sys.executable).parent / "uv"
    if beside.exists():
        return beside
    found = shutil.which("uv")
    return Path(found) if found else None


def _uv() -> list[Prerequisite]:
    if uv() is not None:
        return []
    return [
        Prerequisite("uv", "uv in the project's environment", "nothing", "make .venv (or: python3 -m pip install uv)")
    ]


def _debian_packages() -> list[Prerequisite]:
    packages = debian.missing_packages()
    if not packages or debian.can_install():
        return []
    return [
        Prerequisite(
            "packages",
            "programs that Debian and Ubuntu have as packages",
            "not " + ", ".join(packages),
            debian.command(packages),
        )
    ]


def free_space_is_low() -> str | None:
    """A warning for a first run; not a prerequisite, since nobody knows what else the caches hold."""
    folder = cache_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    if free >= FREE_GIB:
        return None
    return f"Only {free:.0f} GiB are free at {folder}; a first set-up takes about {FREE_GIB} GiB with Go's caches."


def _version(text: str) -> tuple[int, ...]:
    """`v20.20.2`, `1.26rc1` → numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
