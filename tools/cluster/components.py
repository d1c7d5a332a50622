"""What a component of the cluster is: a process with its files, started again when any of them has changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tools.cluster.certificates import Certificates, write_private
from tools.paths import REPOSITORY, Instance, cache_dir, state_root
from tools.processes import Process


@dataclass(frozen=True)
class Component:
    instance: Instance
    name: str
    command: tuple[str | Path, ...]
    healthy: Callable[[], bool]
    files: Mapping[Path, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    # Sources and binaries that the command runs; a new version of one restarts the component.
    programs: tuple[Path, ...] = ()

    @property
    def process(self) -> Process:
        return Process(self.instance, self.name)

    def start(self) -> None:
        """Start it; a running one is left alone unless its command, files or programs have changed."""
        fingerprint = self._fingerprint()
        record = self.process.record.with_suffix(".fingerprint")
        if self.process.pid() is not None:
            if record.exists() and record.read_text() == fingerprint:
                return
            self.process.stop()
        for path in self.programs:
            if not path.exists():
                raise FileNotFoundError(f"{path} is missing; `make setup` builds or installs it.")
        for path, text in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, text)
        _shorten(self.process.log)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(fingerprint)
        self.process.start(self.command, environment=self.environment)

    def is_healthy(self) -> bool:
        """Alive and answering; never raises."""
        if self.process.pid() is None:
            return False
        try:
            return self.healthy()
        except Exception:
            return False

    def _fingerprint(self) -> str:
        marker = Certificates(self.instance).directory / "complete.json"
        parts = [
            [str(part) for part in self.command],
            sorted((str(path), text) for path, text in self.files.items()),
            sorted(self.environment.items()),
            [[str(path), path.stat().st_mtime_ns, path.stat().st_size] for path in self.programs if path.exists()],
            marker.read_text() if marker.exists() else "",
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def python_environment() -> dict[str, str]:
    """For our own processes (`python -m tools…`): the same code and folders as ours."""
    return {
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        "KINDO_MODELS_STATE": str(state_root()),
        "KINDO_MODELS_CACHE": str(cache_dir()),
    }


def answers(url: str, ca: Path | None = None) -> bool:
    """Whether a health address says 200."""
    if ca is None:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    import ssl

    context = ssl.create_default_context(cafile=str(ca))
    return httpx.get(url, verify=context, timeout=2, trust_env=False).is_success


def system_program(name: str) -> Path:
    """A binary of a Debian package."""
    found = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return Path(found or f"/usr/bin/{name}")


def _shorten(log: Path, limit: int = 20_000_000) -> None:
    """A log that has grown large starts anew; one earlier piece is kept."""
    if log.exists() and log.stat().st_size > limit:
        log.replace(log.with_suffix(".log.1"))
