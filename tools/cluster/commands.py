"""System commands (ip, nft, mount, ctr …): run, and fail with their own words."""

from __future__ import annotations

import subprocess
from pathlib import Path


class CommandFailed(RuntimeError):
    """A system command failed; the message carries the command and what it printed."""


def run(*command: str | Path, stdin: str | None = None) -> str:
    """Its standard output; raises CommandFailed otherwise."""
    argv = [str(part) for part in command]
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CommandFailed(f"{argv[0]!r} is not installed; `make setup` installs what is missing.") from None
    if done.returncode:
        raise CommandFailed(f"`{' '.join(argv)}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
