"""`make test`: one pytest run over everything. Fast tests run in parallel, those on the cluster one after another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tools.paths import REPOSITORY


def run(arguments: Sequence[str], *, soak: bool) -> int:
    """Two runs, so that the cluster's tests do not compete with hundreds of others; the first failure decides.

    Tests marked soak run in both: a seeded sample of their cases here, all of them with `soak`.
    """
    pytest = [sys.executable, "-m", "pytest", "-q"]
    if arguments or soak:
        return _pytest([*pytest, *(["-m", "soak"] if soak else []), *arguments], soak=soak)
    fast = _pytest([*pytest, "-m", "not (engine or e2e)", "-n", "auto", "--durations=5"])
    real = _pytest([*pytest, "-m", "engine or e2e", "--durations=10"])
    return fast or real


def _pytest(command: Sequence[str], *, soak: bool = False) -> int:
    print(f"\n$ {' '.join(command[1:])}", flush=True)
    environment = {**os.environ, **({"KINDO_MODELS_SOAK": "1"} if soak else {})}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
