"""Prints the figures of the stack local: planning, importing, starting the cluster."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from tools.paths import REPOSITORY


def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians (min to max)\n")
    for title, seconds in (
        ("plan() of the stack local, 11 models", repeat(_plan(), times=50)),
        ("import kindo_models, plan", repeat(_process("import kindo_models; kindo_models.plan"), times=7)),
        (
            "import kindo_models.platform (Pulumi and its Kubernetes SDK)",
            repeat(_process("import kindo_models.platform"), times=5),
        ),
        ("import pulumi, pulumi_kubernetes alone", repeat(_process("import pulumi, pulumi_kubernetes"), times=5)),
        ("kindo-models --help", repeat(_command(".venv/bin/kindo-models", "--help"), times=7)),
        ("set-up with everything built", repeat(_command(sys.executable, "-m", "tools", "setup"), times=3)),
        ("cluster start (instance test, down in between)", _cluster_starts(times=3)),
    ):
        print(f"{title:62} {_figure(seconds)}")


def repeat(action: Callable[[], object], *, times: int) -> list[float]:
    action()  # caches of the file system, bytecode
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return seconds


def _plan() -> Callable[[], object]:
    from kindo_models.contract import load_contract
    from kindo_models.environment import load_environment
    from kindo_models.planning import plan
    from tests.conftest import LOCAL_VARIABLES

    contract = load_contract(REPOSITORY / "stacks" / "local.contract.yaml")
    environment = load_environment(REPOSITORY / "stacks" / "Pulumi.local.yaml", variables=LOCAL_VARIABLES)
    return lambda: plan(contract, environment, stack="local")


def _process(code: str) -> Callable[[], object]:
    return _command(sys.executable, "-c", code)


def _command(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)


def _cluster_starts(*, times: int) -> list[float]:
    from tools import cluster
    from tools.paths import TEST

    cluster.up(TEST)
    seconds = []
    for _ in range(times):
        cluster.down(TEST)
        began = time.perf_counter()
        cluster.up(TEST)
        seconds.append(time.perf_counter() - began)
    cluster.down(TEST)
    return seconds


def _figure(seconds: list[float]) -> str:
    unit, factor = ("ms", 1000) if statistics.median(seconds) < 0.1 else ("s", 1)
    middle, low, high = (value * factor for value in (statistics.median(seconds), min(seconds), max(seconds)))
    return f"{middle:7.2f} {unit} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
