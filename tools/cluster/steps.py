"""Things to do in the order of their dependencies, several at a time: begun when all before them are done, then polled.

One thread does it all, so that Ctrl-C stops it wherever it is; only what blocks for long (importing images) runs in a
thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.cluster.components import Component

POLL_SECONDS = 0.03


class StepFailed(RuntimeError):
    """A part of the cluster did not come up; the message says which, and where to look."""


@dataclass(frozen=True)
class Step:
    name: str
    begin: Callable[[], object]
    done: Callable[[], bool]
    after: tuple[str, ...] = ()
    seconds: float = 60
    # What to say besides the name when it fails.
    evidence: Callable[[], str] = str


def component_step(component: Component, *, after: Sequence[str] = (), seconds: float = 60) -> Step:
    """Start a process and wait until it is healthy; a process that ends meanwhile fails the step at once."""

    def done() -> bool:
        if component.process.pid() is None:
            raise StepFailed(f"{component.name} ended while starting. {component.process.log_tail()}")
        return component.is_healthy()

    return Step(component.name, component.start, done, tuple(after), seconds, component.process.log_tail)


def action_step(name: str, action: Callable[[], object], *, after: Sequence[str] = ()) -> Step:
    """Something short, done when it returns."""
    return Step(name, action, lambda: True, tuple(after))


def background_step(name: str, action: Callable[[], object], *, after: Sequence[str] = (), seconds: float) -> Step:
    """Something long, done when its thread has ended; its exception becomes the step's."""
    failure: list[BaseException] = []

    def work() -> None:
        try:
            action()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, name=name, daemon=True)

    def done() -> bool:
        if failure:
            raise failure[0]
        return not thread.is_alive()

    return Step(name, thread.start, done, tuple(after), seconds)


def run(steps: Sequence[Step], report: Callable[[str], None]) -> None:
    """Do all of them; `report` gets a line for each that is done."""
    waiting = {step.name: step for step in steps}
    began: dict[str, float] = {}
    finished: set[str] = set()
    start = time.monotonic()
    while waiting:
        moved = False
        for step in list(waiting.values()):
            if step.name not in began:
                if not finished.issuperset(step.after):
                    continue
                began[step.name] = time.monotonic()
                step.begin()
            if step.done():
                finished.add(step.name)
                del waiting[step.name]
                moved = True
                report(f"{step.name} ({time.monotonic() - start:.1f} s)")
            elif time.monotonic() - began[step.name] > step.seconds:
                raise StepFailed(f"{step.name} was not ready after {step.seconds:.0f} s. {step.evidence()}".rstrip())
        if not moved:
            time.sleep(POLL_SECONDS)
