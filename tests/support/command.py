"""Running `kindo-models` as a user does: in a folder, with variables, on a terminal of some width or into a file."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMMAND = [str(Path(sys.executable).with_name("kindo-models"))]
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    error: str = ""


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    return {**kept, "PYTHONUTF8": "1", **variables}


def piped(*arguments: str, folder: Path, **variables: str) -> Result:
    """Standard output and error go to files, as in CI."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=_environment(variables), capture_output=True, text=True, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def on_terminal(*arguments: str, folder: Path, columns: int, **variables: str) -> Result:
    """Both go to a terminal of this width; the result keeps its colours."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=_environment({"TERM": "xterm-256color", **variables}),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    text = b""
    while True:
        try:
            part = os.read(controller, 65536)
        except OSError:
            # Linux says EIO when the other end is closed.
            break
        if not part:
            break
        text += part
    os.close(controller)
    return Result(process.wait(), text.decode().replace("\r\n", "\n"))


def plain(text: str) -> str:
    return ANSI.sub("", text)
