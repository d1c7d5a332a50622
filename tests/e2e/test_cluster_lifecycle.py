"""Starting, stopping, breaking and repairing a local cluster: an instance of its own, apart from the other tests'."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.kubectl import Kubectl, Object, eventually
from tests.support.soak import soak_cases
from tools import cluster
from tools.cluster import strays
from tools.paths import REPOSITORY, Instance
from tools.processes import Process
from tools.setup import images

LIFECYCLE = Instance("lifecycle", 90)
# With everything built and the images imported. The tests allow for a machine that has other work to do.
START_SECONDS = 20
GPU = "nvidia.com/gpu"


@pytest.fixture(autouse=True, scope="module")
def removed_in_the_end() -> Iterator[None]:
    cluster.clean(LIFECYCLE)
    yield
    cluster.clean(LIFECYCLE)


@pytest.fixture
def running() -> Kubectl:
    up()
    return Kubectl(LIFECYCLE)


def up(gpus: int | None = None) -> list[str]:
    lines: list[str] = []
    cluster.up(LIFECYCLE, gpus=gpus, image_names=["pause"], report=lines.append)
    return lines


def in_a_process(call: str) -> subprocess.Popen[str]:
    """`up` or `down` as a command of its own, which can be interrupted."""
    program = (
        "from tools import cluster; from tools.paths import Instance; "
        f"here = Instance({LIFECYCLE.name!r}, {LIFECYCLE.index}); cluster.{call}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


UP, DOWN = "up(here, image_names=['pause'])", "down(here)"


def remains() -> list[str]:
    """What is left of the instance on this machine, whoever would have to remove it."""
    found = [f"process {pid} {_command(pid)}" for pid in sorted(strays.processes(LIFECYCLE))]
    found += [f"process {pid} {_command(pid)}" for pid in _pids_that_mention(str(LIFECYCLE.state_dir))]
    names = (LIFECYCLE.netns, str(LIFECYCLE.state_dir))
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line.split()[4]}" for line in mounts if any(name in line for name in names)]
    found += [f"interface {path.name}" for path in Path("/sys/class/net").iterdir() if path.name in names]
    found += [str(path) for path in Path("/run/netns").glob("*") if path.name in names]
    found += [str(path) for path in Path("/sys/fs/cgroup").rglob(LIFECYCLE.netns)]
    found += [str(LIFECYCLE.kubeconfig)] if LIFECYCLE.kubeconfig.exists() else []
    return found


def _pids_that_mention(text: str) -> list[int]:
    return [
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and int(path.name) != os.getpid() and text in _command(int(path.name))
    ]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def host_settings() -> dict[str, str]:
    """What a cluster must not change outside its namespaces."""
    commands = {
        "iptables": ["iptables-save"],
        "nftables": ["nft", "list", "ruleset"],
        "routes": ["ip", "route", "show", "table", "all"],
        "sysctl": ["sysctl", "vm.overcommit_memory", "kernel.panic", "kernel.panic_on_oops", "net.ipv4.ip_forward"],
    }
    texts = {
        name: subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for name, command in commands.items()
    }
    # Counters and times change by themselves; another instance's interfaces are its own.
    texts["iptables"] = "\n".join(line for line in texts["iptables"].splitlines() if not line.startswith(("#", ":")))
    texts["routes"] = "\n".join(line for line in texts["routes"].splitlines() if "kindo-" not in line)
    return texts


def pids() -> dict[str, int | None]:
    return {state.name: state.pid for state in cluster.status(LIFECYCLE)}


def node(kubectl: Kubectl) -> Object:
    return kubectl.get("node", LIFECYCLE.netns)


def advertised(kubectl: Kubectl) -> tuple[str, str]:
    status = node(kubectl)["status"]
    return status["capacity"][GPU], status["allocatable"][GPU]


def kill_everything() -> None:
    """As if the machine had lost its power: every process of the instance, at once."""
    for pid in strays.processes(LIFECYCLE):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not strays.processes(LIFECYCLE), seconds=5, what="the end of all processes")


def test_it_starts_in_time_and_reports_every_step() -> None:
    up()
    cluster.down(LIFECYCLE)
    start = time.monotonic()
    lines = up()
    assert time.monotonic() - start < START_SECONDS
    done = {line.rpartition(" (")[0] for line in lines}
    assert {"etcd", "kube-apiserver", "containerd", "kubelet", "network-policy", "node", "dns"} <= done
    assert [state.name for state in cluster.status(LIFECYCLE) if not state.healthy] == []


def test_a_second_up_leaves_everything_running(running: Kubectl) -> None:
    before = pids()
    up()
    assert pids() == before


def test_two_runs_at_once_wait_for_each_other() -> None:
    cluster.down(LIFECYCLE)
    runs = [in_a_process(UP) for _ in range(2)]
    assert [(run.communicate(timeout=120)[0], run.returncode) for run in runs] == [("", 0)] * 2
    assert all(state.healthy for state in cluster.status(LIFECYCLE))


def test_the_kubeconfig_is_roots_own_and_complete(running: Kubectl) -> None:
    assert stat.S_IMODE(LIFECYCLE.kubeconfig.stat().st_mode) == 0o600
    assert str(LIFECYCLE.state_dir) not in LIFECYCLE.kubeconfig.read_text()
    assert running("auth", "can-i", "*", "*").strip() == "yes"


def test_advertised_gpus_survive_heartbeats_a_kubelet_restart_and_a_boot(running: Kubectl) -> None:
    assert node(running)["status"]["capacity"].get(GPU, "0") == "0"
    cluster.set_gpus(LIFECYCLE, 8)
    assert advertised(running) == ("8", "8")
    Process(LIFECYCLE, "kubelet").stop()
    up()
    time.sleep(5)  # two of kubelet's status updates
    assert advertised(running) == ("8", "8")
    cluster.down(LIFECYCLE)
    up()
    time.sleep(5)
    assert advertised(running) == ("8", "8")
    up(gpus=3)
    assert advertised(running) == ("3", "3")


def test_pods_of_before_a_power_loss_run_again(running: Kubectl) -> None:
    container = {"name": "pause", "image": images.references()["pause"], "imagePullPolicy": "Never"}
    running.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "survivor"}, "spec": {"containers": [container]}}
    )
    running.ready("survivor")
    kill_everything()
    up()
    running.ready("survivor", seconds=30)
    (status,) = running.get("pod", "survivor")["status"]["containerStatuses"]
    assert (status["restartCount"], status["ready"]) == (1, True)
    running("delete", "pod", "survivor", "--grace-period=0", "--force")


@pytest.mark.parametrize("name", ["kubelet", "containerd", "kube-apiserver", "etcd", "network-policy"])
def test_up_repairs_a_component_and_leaves_pods_and_the_others_alone(running: Kubectl, name: str) -> None:
    def starts() -> list[str]:
        found = running("get", "pods", "-A", "-o", "jsonpath={.items[*].status.containerStatuses[*].containerID}")
        return found.split()

    before, containers = pids(), starts()
    pid = before[name]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: Process(LIFECYCLE, name).pid() is None, seconds=5, what=f"the end of {name}")
    assert name in [state.name for state in cluster.status(LIFECYCLE) if not state.healthy]
    up()
    after = pids()
    assert {other for other in before if after[other] != before[other]} == {name}
    assert starts() == containers


def test_a_pod_waits_for_the_policy_engine(running: Kubectl) -> None:
    container = {"name": "pause", "image": images.references()["pause"], "imagePullPolicy": "Never"}
    Process(LIFECYCLE, "network-policy").stop()
    running.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "waits"}, "spec": {"containers": [container]}}
    )
    time.sleep(3)
    assert running.get("pod", "waits")["status"]["phase"] == "Pending"
    up()
    running.ready("waits", seconds=40)
    running("delete", "pod", "waits", "--grace-period=0", "--force")


@pytest.mark.parametrize(("seconds", "number"), [(0.7, signal.SIGKILL), (1.5, signal.SIGINT), (4.0, signal.SIGKILL)])
def test_an_interrupted_up_is_repaired_or_cleaned(seconds: float, number: signal.Signals) -> None:
    for repair in (up, lambda: cluster.down(LIFECYCLE)):
        cluster.down(LIFECYCLE)
        run = in_a_process(UP)
        time.sleep(seconds)
        run.send_signal(number)
        run.wait(timeout=30)
        repair()
        if repair is up:
            assert [state.name for state in cluster.status(LIFECYCLE) if not state.healthy] == []
        else:
            assert remains() == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", soak_cases(full=30, sample=1))
def test_an_up_killed_at_any_moment_is_finished_by_the_next_one(seed: int) -> None:
    if seed % 2:
        cluster.down(LIFECYCLE)  # a boot; with an even seed it finds what the run before left
    run = in_a_process(UP)
    time.sleep(Random(seed).uniform(0.1, 8))
    run.send_signal(signal.SIGKILL)
    run.wait(timeout=30)
    up()
    assert [state.name for state in cluster.status(LIFECYCLE) if not state.healthy] == []


@pytest.mark.parametrize("seconds", [0.5, 0.9])
def test_an_interrupted_down_is_finished_by_down_and_by_up(seconds: float) -> None:
    for repair in (up, lambda: cluster.down(LIFECYCLE)):
        up()
        run = in_a_process(DOWN)
        time.sleep(seconds)
        run.send_signal(signal.SIGKILL)
        run.wait(timeout=30)
        repair()
        if repair is up:
            assert [state.name for state in cluster.status(LIFECYCLE) if not state.healthy] == []
        else:
            assert remains() == []


def test_down_leaves_nothing_but_data_and_up_finds_it_again() -> None:
    cluster.down(LIFECYCLE)
    before = host_settings()
    up()
    Kubectl(LIFECYCLE)("create", "namespace", "kept")
    assert remains() != []
    assert host_settings() == before
    cluster.down(LIFECYCLE)
    assert remains() == []
    assert host_settings() == before
    up()
    assert Kubectl(LIFECYCLE).get("namespace", "kept")["status"]["phase"] == "Active"


def test_down_without_anything_to_do_is_fine() -> None:
    cluster.down(LIFECYCLE)
    cluster.down(LIFECYCLE)
    assert remains() == []
    assert {state.healthy for state in cluster.status(LIFECYCLE)} == {False}


def test_clean_removes_the_data_too() -> None:
    up()
    cluster.clean(LIFECYCLE)
    assert remains() == []
    assert not LIFECYCLE.state_dir.exists()
