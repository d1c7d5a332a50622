"""A small NetworkPolicy engine for the local cluster: `rules` turns policies into nftables text (pure), `enforcer`
watches the API and loads it, `plugin` is the CNI plugin that holds a new pod back until its rules are in force.

What is guaranteed:
- A pod's first packet already meets the policies that the API server had when the pod was set up: the CNI plugin
  returns, and with it the first container starts, only after the rules for the pod's address are loaded. There is no
  open moment for new pods, and a pod cannot start at all while the engine is down.
- A later change of a policy, pod label or namespace label is in force within the watch latency plus one `nft` call,
  well under a second; every load replaces the whole table in one transaction.
- Connections that are established stay open when a policy that forbids them arrives later.
- Forbidden packets are dropped, as by the engines of EKS and AKS: a client sees a timeout.
- The node's own traffic to pods (kubelet's probes, processes beside the cluster) is always allowed; pods in the host's
  network are neither selected nor matched as peers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.paths import Instance

PLUGIN = "kindo-network-policy"
PLUGIN_SOURCE = Path(__file__).with_name("plugin.py")
COMPONENT = "network-policy"


def socket_path(instance: Instance) -> Path:
    """Where the enforcer takes the CNI plugin's calls."""
    return instance.state_dir / "run" / "network-policy.sock"


def registrations(instance: Instance) -> Path:
    """One file per pod address that the CNI plugin has announced; they outlive the enforcer."""
    return instance.state_dir / "cni" / "pods"


def command(instance: Instance) -> tuple[str | Path, ...]:
    return (sys.executable, "-m", "tools.cluster.network_policy", instance.name, str(instance.index))
