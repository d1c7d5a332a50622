"""One set-up at a time per cache: the second waits and says for whom, and at what step they are."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tools.setup.progress import HEARTBEAT_SECONDS, duration


class Lock:
    """Held by the kernel for this process: gone with it, however it ends."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._started = time.strftime("%H:%M:%S")
        self.tell("starting")

    def tell(self, step: str) -> None:
        """Written into the lock's file for those who wait."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "since": self._started, "step": step}, self._file)
        self._file.flush()


@contextmanager
def locked(path: Path) -> Iterator[Lock]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        _acquire(file, path)
        yield Lock(file)


def _acquire(file: IO[str], path: Path) -> None:
    started = time.monotonic()
    next_word = started
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        if time.monotonic() >= next_word:
            next_word = time.monotonic() + HEARTBEAT_SECONDS
            waited = duration(time.monotonic() - started)
            print(
                f"Waiting for another set-up that uses {path.parent} ({_holder(path)}); waited {waited}.",
                file=sys.stderr,
            )
        time.sleep(0.2)


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']}, since {holder['since']}, at step: {holder['step']}"
    except (OSError, ValueError, KeyError):
        return "just starting"
