"""Tells a person, or a CI log, what the set-up does: what, how far, how long, how long it usually takes."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tools.setup.step import Step

HEARTBEAT_SECONDS = 20


def duration(seconds: float) -> str:
    """`3 s`, `4 min 05 s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02} s"


@dataclass
class Running:
    step: Step
    number: int
    said: Callable[[], str]
    started: float = field(default_factory=time.monotonic)
    last_heartbeat: float = field(default_factory=time.monotonic)

    def elapsed(self) -> float:
        return time.monotonic() - self.started


class Progress:
    """Plain lines, one per event, with a heartbeat for long steps. On a terminal the heartbeat stays in one line."""

    def __init__(self, steps: Sequence[Step], done_already: int) -> None:
        self._out = sys.stderr
        self._on_terminal = self._out.isatty()
        self._todo = list(steps)
        self._done_already = done_already
        self._total = len(steps) + done_already
        self._next_number = done_already
        self._running: dict[str, Running] = {}
        self._finished: set[str] = set()
        self._lock = threading.RLock()
        self._started = time.monotonic()
        self._has_status_line = False

    def begin(self, where: str) -> None:
        already = f", {self._done_already} of them done already" if self._done_already else ""
        usually = f"usually {duration(self._left())} when nothing is cached"
        self._line(f"Setting up {where}: {self._total} steps{already}; {usually}. Later runs skip what is done.")

    def step_started(self, step: Step, said: Callable[[], str]) -> None:
        with self._lock:
            self._next_number += 1
            running = Running(step, self._next_number, said)
            self._running[step.name] = running
            self._line(f"{self._tag(running)} {step.title} … (usually {duration(step.seconds)})")

    def step_done(self, step: Step) -> None:
        with self._lock:
            running = self._running.pop(step.name)
            self._finished.add(step.name)
            left = len(self._todo) - len(self._finished)
            steps = "1 step" if left == 1 else f"{left} steps"
            after = f"{steps} left, usually {duration(self._left())}" if left else "that was the last step"
            self._line(f"{self._tag(running)} {step.title}: done in {duration(running.elapsed())}; {after}")

    def end(self) -> None:
        self._line(f"Set-up complete after {duration(time.monotonic() - self._started)}.")

    def tick(self) -> None:
        """Called about once a second."""
        with self._lock:
            if self._on_terminal:
                self._status_line()
                return
            for running in self._running.values():
                if time.monotonic() - running.last_heartbeat >= HEARTBEAT_SECONDS:
                    running.last_heartbeat = time.monotonic()
                    self._line(self._heartbeat(running))

    def _heartbeat(self, running: Running) -> str:
        said = running.said()
        return (
            f"{self._tag(running)} {running.step.title}: {duration(running.elapsed())} of usually "
            f"{duration(running.step.seconds)}" + (f" · {said}" if said else "")
        )

    def _tag(self, running: Running) -> str:
        return f"[{running.number:>{len(str(self._total))}}/{self._total}]"

    def _left(self) -> float:
        """Seconds for what is not finished: the lanes run side by side, so the longer one counts."""
        by_lane: dict[object, float] = {}
        for step in self._todo:
            if step.name not in self._finished:
                running = self._running.get(step.name)
                rest = step.seconds if running is None else max(0.0, step.seconds - running.elapsed())
                by_lane[step.lane] = by_lane.get(step.lane, 0.0) + rest
        return max(by_lane.values(), default=0.0)

    def _line(self, text: str) -> None:
        with self._lock:
            if self._has_status_line:
                self._out.write("\r\x1b[K")
                self._has_status_line = False
            self._out.write(text + "\n")
            self._out.flush()

    def _status_line(self) -> None:
        if not self._running:
            return
        text = " | ".join(self._heartbeat(running) for running in self._running.values())
        width = shutil.get_terminal_size().columns
        self._out.write("\r\x1b[K" + (text if len(text) < width else text[: width - 2] + "…"))
        self._out.flush()
        self._has_status_line = True
