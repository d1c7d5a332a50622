"""The npm servers beside the cluster (Unleash, aimock), exactly as package-lock.json names them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.setup.step import Lane, Step, Task, digest_of

SOURCES = Path(__file__).parent / "npm"


def step() -> Step:
    return Step(
        name="npm",
        title="npm servers (Unleash 8.2.0, aimock 1.43.0)",
        seconds=60,
        lane=Lane.FETCH,
        folder="npm",
        bare="",
        make=_install,
        pins=(digest_of(SOURCES),),
        outputs=("node_modules/unleash-server/dist/server.js", "node_modules/@copilotkit/aimock/package.json"),
    )


def node_modules() -> Path:
    """Where the servers lie; the set-up must have run."""
    from tools.setup.catalog import steps

    return steps().place("npm") / "node_modules"


def _install(task: Task) -> None:
    task.target.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / name, task.target / name)
    # No package's install script runs: none is needed, and two of them would compile optional native parts.
    task.shell.run(
        ["npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=http"], cwd=task.target
    )
