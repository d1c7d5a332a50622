"""An own cluster instead of the local one: ``KUBECONFIG`` names it, it pulls images from ``KINDO_IMAGE_REGISTRY``.

Both must be set, so that a KUBECONFIG that happens to lie in the shell is never touched. The servers beside the cluster
run on this machine; pods reach them at ``KINDO_HOST_ADDRESS`` (default: the address from which this machine reaches the
API server).
"""

from __future__ import annotations

import os
import socket
import urllib.parse
from pathlib import Path

from tools.errors import LocalError
from tools.paths import INSTANCES, PORTS, Instance, OwnCluster, bin_dir
from tools.processes import Process

GPU = "nvidia.com/gpu"


def given() -> OwnCluster | None:
    """The cluster that the environment names, None when the local one is meant."""
    registry, kubeconfig = os.environ.get("KINDO_IMAGE_REGISTRY"), os.environ.get("KUBECONFIG")
    if not registry or not kubeconfig:
        return None
    path = Path(kubeconfig.split(os.pathsep)[0])
    if any(path == instance.kubeconfig for instance in INSTANCES.values()) and not os.environ.get("KINDO_HOST_ADDRESS"):
        return None
    if not path.exists():
        raise LocalError(f"KUBECONFIG={kubeconfig}: there is no such file.")
    return OwnCluster("own", 0, address=os.environ.get("KINDO_HOST_ADDRESS") or _address(path), given_kubeconfig=path)


def prepare(cluster: OwnCluster, gpus: int) -> None:
    """Push the images, and see that the cluster has the GPUs that the plan asks for."""
    from tools.setup import images

    images.push(os.environ["KINDO_IMAGE_REGISTRY"])
    offered = _gpus(cluster)
    if offered < gpus:
        raise LocalError(
            f"The plan of the stack local asks for {gpus} {GPU}, and the cluster of {cluster.kubeconfig} "
            f"offers {offered}.\n"
            "Its servers are simulators, so any number will do. To advertise them on a node:\n"
            f"  kubectl patch node NODE --subresource=status --type=merge "
            f'-p \'{{"status":{{"capacity":{{"{GPU}":"{gpus}"}},"allocatable":{{"{GPU}":"{gpus}"}}}}}}\''
        )


def forward_gateway(cluster: Instance) -> None:
    """The gateway at 127.0.0.1, through the API server; started again for each `up`, since it ends with its pod."""
    process = Process(cluster, "forward-gateway")
    process.stop()
    process.start(
        [
            *(bin_dir() / "kubectl", "--kubeconfig", cluster.kubeconfig, "--namespace", "kindo-gateway"),
            *("port-forward", "service/litellm", f"{PORTS['gateway']}:4000"),
        ]
    )

    def listens() -> bool:
        with socket.create_connection(("127.0.0.1", PORTS["gateway"]), timeout=1):
            return True

    process.wait_ready(listens, seconds=20)


def _gpus(cluster: OwnCluster) -> int:
    from kubernetes import client, config

    config.load_kube_config(str(cluster.kubeconfig))  # type: ignore[no-untyped-call]
    nodes = client.CoreV1Api().list_node().items
    return sum(int(node.status.allocatable.get(GPU, "0")) for node in nodes if node.status and node.status.allocatable)


def _address(kubeconfig: Path) -> str:
    """The local address of the route to the API server; nothing is sent."""
    import yaml

    content = yaml.safe_load(kubeconfig.read_text())
    contexts = {item["name"]: item["context"] for item in content["contexts"]}
    clusters = {item["name"]: item["cluster"] for item in content["clusters"]}
    url = urllib.parse.urlsplit(clusters[contexts[content["current-context"]]["cluster"]]["server"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((url.hostname or "", url.port or 443))
        return str(probe.getsockname()[0])
