"""`make up`, `make status`, `make down`: the stack `local` on a cluster of its own, from nothing to a real answer."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tools import cluster, own_cluster, peripherals
from tools.cluster import forward
from tools.errors import LocalError
from tools.paths import PORTS, REPOSITORY, Instance, OwnCluster, bin_dir, cache_dir, instance
from tools.processes import Process
from tools.stack_environment import stack_environment

STACK = "local"


def up() -> int:
    """Cluster, servers beside it, `pulumi up`, and what a user wants to see first. Exit status of `pulumi up`."""
    started = time.monotonic()
    here = own_cluster.given() or instance()
    start_cluster(here)
    environment = {**os.environ, **stack_environment(here)}
    with stage("Stack local: pulumi up"):
        print(flush=True)
        status = pulumi_up(here, environment)
    if status:
        return status
    if isinstance(here, OwnCluster):
        own_cluster.forward_gateway(here)
    from tools import showcase

    showcase.show(here, outputs(environment))
    print(
        f"\nDone in {time.monotonic() - started:.0f} s. "
        f'Plain Pulumi: eval "$(make env)"; pulumi preview --stack {STACK}'
    )
    return 0


def start_cluster(here: Instance) -> None:
    """Cluster and peripherals, up to the point where `pulumi up` can run."""
    if isinstance(here, OwnCluster):
        with stage(f"Own cluster ({here.kubeconfig}): images to {os.environ['KINDO_IMAGE_REGISTRY']}"):
            own_cluster.prepare(here, planned_gpus(here))
    else:
        with stage("Cluster") as report:
            cluster.up(here, gpus=planned_gpus(here), report=report)
    with stage("PostgreSQL, Unleash, provider stand-in, Kindo admin API stand-in"):
        peripherals.up(here)
        peripherals.expose(here)
        peripherals.seed(here)
    if not isinstance(here, OwnCluster):
        forward.start(here, "gateway", port=PORTS["gateway"], service="kindo-gateway/litellm:4000")


def planned_gpus(here: Instance) -> int:
    """nvidia.com/gpu that the node must advertise: what the plan asks for."""
    from kindo_models.stack import load_stack

    return load_stack(STACK, directory=REPOSITORY / "stacks", variables=stack_environment(here)).plan.gpus


def pulumi_up(here: Instance, environment: dict[str, str]) -> int:
    select_stack(here, environment)
    command = [pulumi(), "up", "--stack", STACK, "--yes", "--skip-preview", "--suppress-outputs"]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment)
    interrupted = False
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            # The terminal sends Ctrl-C to pulumi, too: it ends what it has begun and gives its lock back. Killed, as
            # `subprocess.run` would after a moment, it leaves the stack locked.
            interrupted = True
            continue
        if interrupted:
            raise KeyboardInterrupt
        return status


def select_stack(here: Instance, environment: dict[str, str]) -> None:
    for folder in ("pulumi-home", "pulumi-state"):
        (here.state_dir / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    done = subprocess.run(
        [pulumi(), "stack", "select", STACK, "--create"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalError(f"pulumi stack select {STACK}: {(done.stderr or done.stdout).strip()}")


def outputs(environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [pulumi(), "stack", "output", "--json", "--stack", STACK],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def pulumi() -> str:
    """An official CLI on the PATH, else the one that the set-up built."""
    from tools.setup.golang import official_pulumi

    return str(official_pulumi() or bin_dir() / "pulumi")


def shell_exports() -> str:
    """`export` lines for a shell. Holds secrets: they go to standard output only."""
    here = own_cluster.given() or instance()
    if not here.kubeconfig.exists():
        raise LocalError("The local cluster is not up: run `make up` first.")
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in stack_environment(here).items())


def status() -> int:
    """A line for each part; 0 when all run."""
    here = own_cluster.given() or instance()
    states = [*([] if isinstance(here, OwnCluster) else cluster.status(here)), *peripherals.status(here)]
    width = max(len(state.name) for state in states)
    for state in states:
        pid = f"pid {state.pid}" if state.pid else ""
        print(f"{'up  ' if state.healthy else 'DOWN'}  {state.name:{width}}  {pid:12}{state.detail}".rstrip())
    return 0 if all(state.healthy for state in states) else 1


def down() -> None:
    """Of an own cluster only the servers beside it: what `pulumi up` made there is removed by `pulumi destroy`."""
    here = own_cluster.given() or instance()
    with stage("Stopping"):
        if isinstance(here, OwnCluster):
            Process(here, "forward-gateway").stop()
            peripherals.down(here)
        else:
            peripherals.down(here)
            cluster.down(here)


def clean() -> None:
    """Also removes what the local cluster wrote, and everything that was built."""
    from tools.paths import INSTANCES, state_root

    for here in INSTANCES.values():
        peripherals.down(here)
        cluster.down(here)
        cluster.clean(here)
    for folder in (state_root(), cache_dir()):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stage(title: str) -> Iterator[Callable[[str], None]]:
    """Says what begins, what it waits for, and how long it took. On a terminal the line is rewritten in place."""
    rewrite = sys.stdout.isatty()
    began = time.monotonic()

    def report(line: str) -> None:
        print(f"\r\033[K• {title}: {line}" if rewrite else f"    {line}", end="" if rewrite else "\n", flush=True)

    print(f"• {title} …", end="" if rewrite else "\n", flush=True)
    yield report
    print(
        f"\r\033[K• {title}: {time.monotonic() - began:.1f} s" if rewrite else f"  {time.monotonic() - began:.1f} s",
        flush=True,
    )
