"""Where the local environment keeps things, and the names and addresses of one instance of it.

Two places, both outside the clone so that several clones share them:
``cache_dir()`` holds what can be built again (binaries, images), keyed by the hash of its pins;
``Instance.state_dir`` holds what a running local cluster writes (etcd, containerd, PostgreSQL, Pulumi state).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """``$KINDO_MODELS_CACHE``, else ``$XDG_CACHE_HOME/kindo-models``, else ``~/.cache/kindo-models``."""
    if given := os.environ.get("KINDO_MODELS_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kindo-models"


def bin_dir() -> Path:
    """Binaries and Pulumi plugins that the set-up built; `pulumi` finds its plugins beside itself."""
    return cache_dir() / "bin"


def state_root() -> Path:
    """``$KINDO_MODELS_STATE``, else ``$XDG_STATE_HOME/kindo-models``, else ``~/.local/state/kindo-models``."""
    if given := os.environ.get("KINDO_MODELS_STATE"):
        return Path(given)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "kindo-models"


@dataclass(frozen=True)
class Instance:
    """One local cluster. Instances differ in name and address range, so tests never touch the user's own.

    Addresses are taken from 198.18.0.0/15 (RFC 2544, never routed on the internet, rarely used on a LAN), so that
    the veth pair does not collide with the user's networks.
    """

    name: str
    index: int

    @property
    def namespaced(self) -> bool:
        """Whether its processes run in a network namespace of their own."""
        return True

    @property
    def state_dir(self) -> Path:
        return state_root() / self.name

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "logs"

    @property
    def netns(self) -> str:
        return f"kindo-{self.name}"

    @property
    def host_interface(self) -> str:
        """The host's end of the veth pair (15 characters is the kernel's limit)."""
        return f"kindo-{self.name}"[:15]

    @property
    def host_ip(self) -> str:
        return f"198.18.{self.index}.1"

    @property
    def node_ip(self) -> str:
        """The cluster's end of the veth pair: node address, API server, and the servers beside the cluster."""
        return f"198.18.{self.index}.2"

    @property
    def pod_cidr(self) -> str:
        """Only reachable inside the namespace, so every instance may use the same range."""
        return "10.244.0.0/24"

    @property
    def service_cidr(self) -> str:
        return "10.96.0.0/16"

    @property
    def dns_ip(self) -> str:
        return "10.96.0.10"

    @property
    def kubeconfig(self) -> Path:
        return self.state_dir / "kubeconfig"

    @property
    def containerd_socket(self) -> Path:
        return self.state_dir / "containerd" / "containerd.sock"


LOCAL = Instance("local", 77)
TEST = Instance("test", 78)
SCRATCH = Instance("scratch", 79)
"""For trying things beside the user's own stack and a running test."""
INSTANCES = {instance.name: instance for instance in (LOCAL, TEST, SCRATCH)}


@dataclass(frozen=True)
class OwnCluster(Instance):
    """The user's cluster (KUBECONFIG): only the servers beside it are ours, and they run on this machine."""

    address: str = ""
    given_kubeconfig: Path = Path()

    @property
    def namespaced(self) -> bool:
        return False

    @property
    def node_ip(self) -> str:
        """This machine as the cluster's pods see it."""
        return self.address

    @property
    def kubeconfig(self) -> Path:
        return self.given_kubeconfig


def instance(default: Instance = LOCAL) -> Instance:
    """The instance that ``$KINDO_MODELS_INSTANCE`` names."""
    name = os.environ.get("KINDO_MODELS_INSTANCE") or default.name
    try:
        return INSTANCES[name]
    except KeyError:
        raise SystemExit(f"KINDO_MODELS_INSTANCE={name!r}: allowed are {', '.join(sorted(INSTANCES))}") from None


# Ports on node_ip. The host reaches the cluster's side through these only.
PORTS = {
    "kubernetes": 6443,
    "gateway": 4000,
    "kindo-admin-api": 8090,
    "unleash": 4242,
    "aimock": 8091,
    "postgresql": 5432,
}

# Selectorless Services (namespace kindo-peripherals) in front of the servers beside the cluster.
PERIPHERALS_NAMESPACE = "kindo-peripherals"
