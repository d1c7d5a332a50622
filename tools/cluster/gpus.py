"""GPUs that the node advertises without having them: an extended resource on its status, for scheduling only.

kubelet keeps what stands there (it owns only the resources of its device plugins), through heartbeats and restarts.
"""

from __future__ import annotations

import httpx

from tools.cluster import api
from tools.cluster.node import node_name
from tools.paths import Instance

RESOURCE = "nvidia.com/gpu"


def set_gpus(instance: Instance, count: int) -> None:
    """Make the node of a running cluster advertise `count` GPUs."""
    if count < 0:
        raise ValueError(f"gpus={count}: the number of GPUs cannot be negative.")
    with api.client(instance) as client:
        advertise(client, instance, count)


def advertise(client: httpx.Client, instance: Instance, count: int) -> None:
    # Allocatable too: kubelet would copy it only with its next heartbeat.
    change = {"status": {"capacity": {RESOURCE: str(count)}, "allocatable": {RESOURCE: str(count)}}}
    api.merge_patch(client, f"/api/v1/nodes/{node_name(instance)}/status", change)
