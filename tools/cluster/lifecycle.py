"""up, down, status, clean: the whole cluster.

`up` may find anything (nothing, a running cluster, the remains of an interrupted run or of a machine that was
rebooted) and makes a running cluster of it. `down` ends and removes all that runs or is mounted; the cluster's data
(etcd, certificates, containerd's images) stays for the next `up`. `clean` removes that too.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from tools.cluster import (
    api,
    cgroups,
    control_plane,
    forward,
    gpus,
    lock,
    mount_namespace,
    network,
    network_policy,
    node,
    objects,
    strays,
)
from tools.cluster.certificates import ADMIN, Certificates, write_private
from tools.cluster.components import Component, python_environment
from tools.cluster.steps import Step, action_step, background_step, component_step
from tools.cluster.steps import run as run_steps
from tools.paths import Instance
from tools.processes import Process
from tools.setup import images
from tools.setup.image_steps import NAMES as IMAGE_NAMES

Report = Callable[[str], None]

NODE_SECONDS = 60
IMPORT_SECONDS = 600


@dataclass(frozen=True)
class ComponentState:
    """One line of `status`."""

    name: str
    pid: int | None
    healthy: bool
    detail: str = ""


def up(
    instance: Instance,
    *,
    gpus: int | None = None,
    image_names: Collection[str] = IMAGE_NAMES,
    report: Report = lambda line: None,
) -> None:
    """Bring the cluster up and wait until node and DNS are ready.

    `gpus`: how many the node advertises; None leaves what was set before (0 on a new cluster).
    `image_names`: which of the built images are imported.
    """
    _require_root()
    with lock.held(instance, report):
        instance.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        instance.state_dir.chmod(0o700)
        if _unfinished(instance).exists():
            _take_down(instance)
        boots = not _node_runs(instance)
        if boots:
            _booted(instance).unlink(missing_ok=True)
            _stop([Process(instance, "kubelet"), Process(instance, "containerd")])
            _end_pods(instance)
            mount_namespace.delete(instance)
            node.forget_pods(instance)
        network.create(instance)
        strays.end(strays.unrecorded(instance, _recorded(instance)), seconds=5)
        Certificates(instance).ensure()
        mount_namespace.create(instance)
        cgroups.create(instance)
        node.link_plugins(instance)
        with api.client(instance) as client:
            run_steps(_steps(instance, client, boots=boots, gpu_count=gpus, image_names=image_names), report)
        write_private(instance.kubeconfig, Certificates(instance).kubeconfig(ADMIN, embedded=True))


def down(instance: Instance, *, report: Report = lambda line: None) -> None:
    """End every process, mount, interface, namespace and cgroup of the instance, in whatever state it is."""
    _require_root()
    with lock.held(instance, report):
        _take_down(instance)
        report(f"cluster {instance.name!r} is down")


def clean(instance: Instance, *, keep_images: bool = False, report: Report = lambda line: None) -> None:
    """`down`, and remove the instance's whole state folder: all that the cluster and the servers beside it wrote.

    `keep_images`: all but containerd's, whose tens of thousands of files take a minute to remove and to import again.
    """
    _require_root()
    with lock.held(instance, report):
        _take_down(instance)
        kept = {instance.containerd_socket.parent} if keep_images else set()
        for path in set(instance.state_dir.glob("*")) - kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not kept and instance.state_dir.exists():
            instance.state_dir.rmdir()
        report(f"cluster {instance.name!r} is removed")


def status(instance: Instance) -> list[ComponentState]:
    """What runs and answers. Starts nothing and changes nothing."""
    states = [
        ComponentState(component.name, component.process.pid(), component.is_healthy())
        for component in _components(instance)
    ]
    states += [
        ComponentState(process.name, process.pid(), healthy=process.pid() is not None)
        for process in _processes(instance)
        if process.name.startswith(forward.PREFIX)
    ]
    if not instance.kubeconfig.exists():
        return [*states, ComponentState("node", None, healthy=False, detail="the cluster is down")]
    try:
        with api.client(instance, timeout=2) as client:
            answer = client.get(f"/api/v1/nodes/{node.node_name(instance)}").raise_for_status().json()
            capacity = answer["status"].get("capacity", {}).get(gpus.RESOURCE, "0")
            states.append(
                ComponentState("node", None, _node_ready(answer), detail=f"{gpus.RESOURCE}: {capacity} (advertised)")
            )
            states.append(ComponentState("dns", None, objects.dns_is_ready(client)))
    except (httpx.HTTPError, OSError) as error:
        states.append(ComponentState("node", None, healthy=False, detail=f"API server: {error}"))
    return states


def _take_down(instance: Instance) -> None:
    if instance.state_dir.exists():
        _unfinished(instance).touch()
    # First of all: without the namespace, the node's address would be dialled over the default route.
    instance.kubeconfig.unlink(missing_ok=True)
    _stop([Process(instance, "kubelet")])  # or it would start again what is ended next
    _end_pods(instance)
    # The API server writes to etcd when it ends, and the others to the API server.
    _stop([process for process in _processes(instance) if process.name not in ("etcd", "kube-apiserver")])
    _stop([Process(instance, "kube-apiserver")])
    _stop([Process(instance, "etcd")])
    strays.end(strays.processes(instance), seconds=5)
    network_policy.socket_path(instance).unlink(missing_ok=True)
    mount_namespace.delete(instance)
    cgroups.delete(instance)
    network.delete(instance)
    node.forget_pods(instance)
    _unfinished(instance).unlink(missing_ok=True)


def _unfinished(instance: Instance) -> Path:
    """Marks a `down` that has begun: processes that it has asked to end may still look alive and well."""
    return instance.state_dir / "going-down"


def _steps(
    instance: Instance, client: httpx.Client, *, boots: bool, gpu_count: int | None, image_names: Collection[str]
) -> list[Step]:
    pause = images.references()["pause"]
    etcd, apiserver, manager, scheduler, containerd, policy, proxy, kubelet = _components(instance, pause)
    ready = _NodeReady(client, instance)

    def prepare() -> None:
        if boots:
            objects.mark_pods_not_ready(client)
            _booted(instance).touch()
        objects.apply_rights(client)

    steps = [
        component_step(etcd),
        component_step(containerd),
        # A sandbox needs the pause image only. The node should be there before pods are: the scheduler looks again at a
        # pod that found no node only after some seconds.
        background_step(
            "pause image",
            lambda: images.import_into(instance, ["pause"]),
            after=["containerd"],
            seconds=IMPORT_SECONDS,
        ),
        background_step(
            "images",
            lambda: images.import_into(instance, image_names),
            after=["pause image"],
            seconds=IMPORT_SECONDS,
        ),
        component_step(apiserver, after=["etcd"]),
        action_step("rights", prepare, after=["kube-apiserver"]),
        component_step(kubelet, after=["rights", "pause image"]),
        component_step(policy, after=["rights"]),
        component_step(manager, after=["rights"]),
        component_step(scheduler, after=["rights"]),
        component_step(proxy, after=["rights"]),
        action_step("dns objects", lambda: objects.apply_dns(client, instance, pause), after=["rights"]),
        Step("node", ready.note_start, ready, ("kubelet",), NODE_SECONDS, kubelet.process.log_tail),
        Step("dns", lambda: None, lambda: objects.dns_is_ready(client), ("node", "dns objects"), NODE_SECONDS),
    ]
    if gpu_count is not None:
        steps.append(action_step("gpus", lambda: gpus.advertise(client, instance, gpu_count), after=["node"]))
    return steps


def _components(instance: Instance, sandbox_image: str = "") -> list[Component]:
    return [
        control_plane.etcd(instance),
        control_plane.apiserver(instance),
        control_plane.controller_manager(instance),
        control_plane.scheduler(instance),
        node.containerd(instance, sandbox_image),
        _policy_component(instance),
        node.kube_proxy(instance),
        node.kubelet(instance),
    ]


def _policy_component(instance: Instance) -> Component:
    return Component(
        instance,
        network_policy.COMPONENT,
        network_policy.command(instance),
        healthy=lambda: _enforcer_is_ready(network_policy.socket_path(instance)),
        environment=python_environment(),
        programs=tuple(sorted(Path(__file__).parent.glob("network_policy/*.py"))),
    )


def _enforcer_is_ready(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(str(path))
        connection.sendall(json.dumps({"command": "STATUS"}).encode() + b"\n")
        return connection.recv(100) == b"ok\n"


class _NodeReady:
    """Whether kubelet has reported, since this start, that the node is ready: what the API server still has from
    before says nothing."""

    def __init__(self, client: httpx.Client, instance: Instance) -> None:
        self.client = client
        self.path = f"/api/v1/nodes/{node.node_name(instance)}"
        self.kubelet = Process(instance, "kubelet")
        self.since = 0.0

    def note_start(self) -> None:
        # One second early: the reported time is cut to whole seconds.
        self.since = self.kubelet.record.stat().st_mtime - 1

    def __call__(self) -> bool:
        answer = self.client.get(self.path)
        return answer.is_success and _node_ready(answer.json(), since=self.since)


def _node_ready(content: api.Object, since: float = 0) -> bool:
    return any(
        condition["type"] == "Ready"
        and condition["status"] == "True"
        and datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp() >= since
        for condition in content.get("status", {}).get("conditions") or []
    )


def _node_runs(instance: Instance) -> bool:
    """Whether pods may be running that are worth keeping. Without containerd and kubelet, or if kubelet was never
    allowed to start, this is a boot."""
    running = any(Process(instance, name).pid() is not None for name in ("containerd", "kubelet"))
    return running and _booted(instance).exists() and network.exists(instance) and mount_namespace.exists(instance)


def _booted(instance: Instance) -> Path:
    """Marks that the API server knows that no pod of before the boot runs; only then kubelet starts."""
    return instance.state_dir / "booted"


def _end_pods(instance: Instance) -> None:
    """Kill pods and their shims; nothing of theirs is worth a graceful end, the data is the API server's."""
    strays.end(strays.shims(instance), seconds=0)
    cgroups.kill(instance)


def _processes(instance: Instance) -> list[Process]:
    """Everything that was started and written down, whoever started it."""
    return [Process(instance, path.stem) for path in sorted((instance.state_dir / "run").glob("*.json"))]


def _recorded(instance: Instance) -> set[int]:
    return {pid for process in _processes(instance) if (pid := process.pid()) is not None}


def _stop(processes: list[Process]) -> None:
    """All at once, then forget them."""
    strays.end({pid for process in processes if (pid := process.pid()) is not None}, seconds=10)
    for process in processes:
        process.record.unlink(missing_ok=True)


def _require_root() -> None:
    if os.geteuid() != 0:
        sys.exit(
            "The local cluster needs root (namespaces, mounts, cgroups): run it with sudo, or set KUBECONFIG to use a"
            " cluster of your own."
        )
