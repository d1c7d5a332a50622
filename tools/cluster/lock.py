"""One run at a time per instance; the kernel drops the lock when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tools.paths import Instance


@contextmanager
def held(instance: Instance, report: Callable[[str], None]) -> Iterator[None]:
    """Wait for other `up`, `down` and `clean` runs of the same instance."""
    directory = instance.state_dir.parent
    directory.mkdir(parents=True, exist_ok=True)
    # Beside the state folder, not in it: `clean` removes that folder while it holds the lock.
    with (directory / f"{instance.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another run that holds the cluster {instance.name!r}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
