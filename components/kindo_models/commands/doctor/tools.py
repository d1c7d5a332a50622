"""Programs on the PATH and their versions."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import version as installed

from kindo_models.catalog.tools import Tool, tools
from kindo_models.catalog.versions import ordinal
from kindo_models.commands.doctor.check import Check

_VERSION = re.compile(r"v?(\d+\.\d+\.\d+)")
_SECONDS = 10


def tool_checks() -> list[Check]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    own = Check("tools", "kindo-models", "ok", f"{installed('kindo-models')} on Python {python}")
    return [own, *(_check(name, tool) for name, tool in tools().tools.items())]


def _check(name: str, tool: Tool) -> Check:
    bad = "error" if tool.required else "warning"
    path = shutil.which(name)
    if path is None:
        return Check("tools", name, bad, f"not on the PATH ({tool.purpose})", f"install it: {tool.install}")  # type: ignore[arg-type]
    found = _version([path, *tool.version])
    if found is None:
        fix = f"run `{name} {' '.join(tool.version)}` to see why"
        return Check("tools", name, bad, f"{path} does not tell its version", fix)  # type: ignore[arg-type]
    if ordinal(found) < ordinal(tool.floor):
        fix = f"install {tool.floor} or later: {tool.install}"
        return Check("tools", name, bad, f"{found} is older than {tool.floor}", fix)  # type: ignore[arg-type]
    return Check("tools", name, "ok", f"{found} ({path})")


def _version(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    return match.group(1) if match and done.returncode == 0 else None
