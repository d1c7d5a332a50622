"""What a set-up step is: a name, its pins, and a function that makes its outputs.

A step's outputs lie at a place whose name carries the fingerprint of the step's pins (and of the steps that it
needs), and get that name by one rename when they are complete. So "the place exists" means "done", an interrupted
run leaves nothing half-built behind, and clones with different pins can share one cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from tools.paths import cache_dir

if TYPE_CHECKING:
    from tools.setup.shell import Shell


class SetUpFailed(RuntimeError):
    """The set-up cannot go on; the message says what failed, where its log is and what to do."""


class Lane(Enum):
    """Two steps run side by side, one of each lane: Go's compiler fills the cores, the rest mostly waits."""

    BUILD = "build"
    FETCH = "fetch"


@dataclass(frozen=True)
class Task:
    """What a step's function gets to work with."""

    target: Path
    """Where to write: a name that does not exist yet. It is renamed to the step's place afterwards."""
    scratch: Path
    """An empty folder for what is in between; removed afterwards."""
    places: Mapping[str, Path]
    """The places of the steps that this one needs."""
    shell: Shell


@dataclass(frozen=True)
class Step:
    name: str
    title: str
    seconds: float
    """How long it usually takes on two cores when nothing is cached."""
    make: Callable[[Task], None]
    pins: tuple[str, ...] = ()
    """Everything that decides what comes out: versions, flags, digests of files (`digest_of`)."""
    needs: tuple[str, ...] = ()
    lane: Lane = Lane.BUILD
    folder: str = "builds"
    suffix: str = ""
    bare: str | None = None
    """What stands before the fingerprint in the place's name, where that is not the step's own name."""
    outputs: tuple[str, ...] = ()
    """Files that must exist inside the place. Those under ``bin/`` are linked into `bin_dir()`."""
    is_done: Callable[[], bool] | None = None
    """For a step that changes the machine itself (packages): asked instead of looking for a place."""

    @property
    def stem(self) -> str:
        return f"{self.name}-" if self.bare is None else self.bare


class Steps:
    """Steps in order, with their fingerprints and places."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.by_name: dict[str, Step] = {}
        self._fingerprints: dict[str, str] = {}
        for step in steps:
            if unknown := [need for need in step.needs if need not in self.by_name]:
                raise ValueError(f"step {step.name} needs {', '.join(unknown)}, which must come before it")
            self.by_name[step.name] = step
            self._fingerprints[step.name] = fingerprint(
                step.name, *step.pins, *(self._fingerprints[need] for need in step.needs)
            )

    def fingerprint(self, name: str) -> str:
        return self._fingerprints[name]

    def place(self, name: str) -> Path:
        step = self.by_name[name]
        return cache_dir() / step.folder / f"{step.stem}{self._fingerprints[name]}{step.suffix}"

    def is_done(self, name: str) -> bool:
        step = self.by_name[name]
        if step.is_done is not None:
            return step.is_done()
        place = self.place(name)
        return place.exists() and all((place / output).exists() for output in step.outputs)

    def selected(self, only: Iterable[str] | None) -> list[Step]:
        """All steps, or those named with what they need, in order."""
        if only is None:
            return list(self.by_name.values())
        wanted: set[str] = set()
        open_names = list(only)
        while open_names:
            name = open_names.pop()
            if name not in self.by_name:
                raise SetUpFailed(f"there is no set-up step {name!r}; steps are: {', '.join(self.by_name)}")
            wanted.add(name)
            open_names += [need for need in self.by_name[name].needs if need not in wanted]
        return [step for step in self.by_name.values() if step.name in wanted]


def fingerprint(*parts: str) -> str:
    """Twelve hex digits; parts are kept apart by their length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:12]


def digest_of(*paths: Path, without: Sequence[str] = ()) -> str:
    """One digest over files, and over all files in folders: relative names, bits for execution, content."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        base = path if path.is_dir() else path.parent
        for file in files:
            relative = file.relative_to(base)
            if any(fnmatch(part, pattern) for part in relative.parts for pattern in ("__pycache__", *without)):
                continue
            executable = bool(file.stat().st_mode & 0o100)
            digest.update(f"{relative}\0{executable}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
