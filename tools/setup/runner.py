"""Carries out steps: skips what is done, two lanes side by side, atomic results, a clean stop."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.paths import bin_dir, cache_dir
from tools.setup.golang import MARK
from tools.setup.lock import Lock, locked
from tools.setup.progress import Progress
from tools.setup.shell import Children, Interrupted, Shell
from tools.setup.step import Lane, SetUpFailed, Step, Steps, Task

KEPT_VERSIONS = 2
"""Places kept per step, so that two clones with different pins do not rebuild in turns."""


def carry_out(steps: Steps, selected: Sequence[Step]) -> None:
    if all(steps.is_done(step.name) for step in selected):
        link_binaries(steps, selected)
        return
    with locked(cache_dir() / "setup.lock") as lock:
        todo = [step for step in selected if not steps.is_done(step.name)]
        if todo:
            _Run(steps, todo, len(selected) - len(todo), lock).run()
        link_binaries(steps, selected)
        _prune(steps)


class _Run:
    def __init__(self, steps: Steps, todo: Sequence[Step], done_already: int, lock: Lock) -> None:
        self._steps = steps
        self._waiting = list(todo)
        self._progress = Progress(todo, done_already)
        self._lock_file = lock
        self._children = Children()
        self._condition = threading.Condition()
        self._unfinished = {step.name for step in todo}
        self._failures: list[tuple[Step, BaseException]] = []
        self._running: list[str] = []

    def run(self) -> None:
        self._progress.begin(str(cache_dir()))
        lanes = [threading.Thread(target=self._work, args=(lane,), name=lane.value, daemon=True) for lane in Lane]
        with _sigterm_as_interrupt():
            try:
                for lane in lanes:
                    lane.start()
                for lane in lanes:
                    while lane.is_alive():
                        lane.join(timeout=0.25)
                        self._progress.tick()
            except KeyboardInterrupt:
                self._stop(lanes)
                raise SetUpFailed("Set-up interrupted. Run the same command again: it goes on from here.") from None
        for step, failure in self._failures:
            if isinstance(failure, SetUpFailed):
                raise SetUpFailed(f"Set-up step {step.name} ({step.title}) failed: {failure}")
            raise failure
        self._progress.end()

    def _stop(self, lanes: Sequence[threading.Thread]) -> None:
        self._children.stop()
        with self._condition:
            self._waiting.clear()
            self._condition.notify_all()
        for lane in lanes:
            # The interrupt may have come before the second lane was started.
            if lane.ident is not None:
                lane.join(timeout=15)

    def _work(self, lane: Lane) -> None:
        while (step := self._next(lane)) is not None:
            try:
                self._carry_out(step)
            except Interrupted:
                return
            except BaseException as failure:
                with self._condition:
                    self._failures.append((step, failure))
                    self._condition.notify_all()
                self._children.stop()
                return

    def _next(self, lane: Lane) -> Step | None:
        """The lane's first step whose needs are met; waits for one; None when nothing is left or something failed."""
        with self._condition:
            while not self._failures:
                mine = [step for step in self._waiting if step.lane is lane]
                if not mine:
                    return None
                for step in mine:
                    if not self._unfinished.intersection(step.needs):
                        self._waiting.remove(step)
                        return step
                self._condition.wait()
            return None

    def _carry_out(self, step: Step) -> None:
        shell = Shell(cache_dir() / "logs" / f"{step.name}.log", self._children)
        self._progress.step_started(step, shell.last_line)
        self._tell(started=step.name)
        place = self._steps.place(step.name)
        partial = place.with_name(f"{place.name}.partial")
        places = {need: self._steps.place(need) for need in step.needs}
        scratch = cache_dir() / "work" / step.name
        for left_behind in (partial, scratch):
            remove(left_behind)
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(parents=True)
        try:
            step.make(Task(partial, scratch, places, shell))
        finally:
            remove(scratch)
        if step.is_done is None:
            remove(place)
            partial.rename(place)
        if not self._steps.is_done(step.name):
            raise SetUpFailed(f"it ended without its outputs ({', '.join(step.outputs) or place}). Log: {shell.log}")
        link_binaries(self._steps, [step])
        with self._condition:
            self._unfinished.discard(step.name)
            self._condition.notify_all()
        self._tell(ended=step.name)
        self._progress.step_done(step)

    def _tell(self, started: str | None = None, ended: str | None = None) -> None:
        with self._condition:
            if started:
                self._running.append(started)
            if ended:
                self._running.remove(ended)
            self._lock_file.tell(", ".join(self._running))


def link_binaries(steps: Steps, selected: Sequence[Step]) -> None:
    """Hard links, not symbolic ones: `pulumi` looks for its plugins beside the file that it really is."""
    if not (bin_dir() / MARK).exists():
        bin_dir().mkdir(parents=True, exist_ok=True)
        (bin_dir() / MARK).touch()
    for step in selected:
        if step.is_done is not None:
            continue
        for source in (steps.place(step.name) / output for output in step.outputs if output.startswith("bin/")):
            link = bin_dir() / source.name
            if link.exists() and link.samefile(source):
                continue
            temporary = bin_dir() / f".{source.name}.{os.getpid()}"
            temporary.unlink(missing_ok=True)
            os.link(source, temporary)
            temporary.replace(link)


def _prune(steps: Steps) -> None:
    """Drop what interrupted runs left, and places of older pins, the newest `KEPT_VERSIONS` excepted."""
    for folder in {step.folder for step in steps.by_name.values()}:
        # The lock is ours, so nobody is writing them.
        for left_behind in (cache_dir() / folder).glob("*.partial"):
            remove(left_behind)
    for name, step in steps.by_name.items():
        if step.is_done is not None:
            continue
        current = steps.place(name)
        pattern = f"{step.stem}{'[0-9a-f]' * 12}{step.suffix}"
        others = sorted(
            (place for place in current.parent.glob(pattern) if place != current),
            key=lambda place: place.stat().st_mtime,
            reverse=True,
        )
        for place in others[KEPT_VERSIONS - 1 :]:
            remove(place)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # Go's module cache and debootstrap leave folders that are not writable; root may remove them all the same.
        subprocess.run(["chmod", "-R", "u+w", str(path)], check=False, capture_output=True)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """CI stops a job with SIGTERM: same clean stop as Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
