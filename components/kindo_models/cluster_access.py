"""How the cluster is reached: Pulumi's Kubernetes provider, and the dynamic resources beside it.

A kubeconfig that comes out of another stack is a secret: the Kubernetes provider gets it as one, and the dynamic
resources, in whose properties no secret may stand, get the path of a file that only its owner can read.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models.environment import Cluster

FOLDER = Path(".kindo-models") / "kubeconfig"


class Properties(TypedDict):
    kube_context: str | None
    kubeconfig_file: str | None


@dataclass(frozen=True)
class ClusterAccess:
    """context: of the kubeconfig, None for its current one. kubeconfig_file: path, None for KUBECONFIG."""

    context: str | None = None
    kubeconfig_file: str | None = None

    @property
    def properties(self) -> Properties:
        """Arguments of a dynamic resource that works in the cluster."""
        return {"kube_context": self.context, "kubeconfig_file": self.kubeconfig_file}


FROM_KUBECONFIG = ClusterAccess()


async def connect(cluster: Cluster) -> tuple[kubernetes.Provider, ClusterAccess]:
    """The provider `cluster` and the dynamic resources' way, as the environment says."""
    if cluster.stack:
        kubeconfig = await stack_kubeconfig(cluster.stack, cluster.kubeconfig_output)
        provider = kubernetes.Provider("cluster", kubeconfig=pulumi.Output.secret(kubeconfig), context=cluster.context)
        return provider, ClusterAccess(cluster.context, _write(kubeconfig))
    provider = kubernetes.Provider("cluster", kubeconfig=cluster.kubeconfig, context=cluster.context)
    return provider, ClusterAccess(cluster.context, cluster.kubeconfig)


async def stack_kubeconfig(stack: str, output: str) -> str:
    """The kubeconfig that another stack exports: a secret, whether or not that stack says so."""
    details = await pulumi.StackReference(stack).get_output_details(output)
    found = details.secret_value or details.value
    if not found:
        raise pulumi.RunError(
            f"The stack {stack} exports no output {output!r}, from which cluster.stack of the environment takes the "
            f"kubeconfig. Export it there, or name another output with cluster.kubeconfigOutput."
        )
    return found if isinstance(found, str) else json.dumps(found)


def _write(kubeconfig: str) -> str:
    """Write the file in the project's folder, for its owner only; returns its path relative to it."""
    place = FOLDER / f"{pulumi.get_stack()}.yaml"
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(kubeconfig)
    temporary.replace(place)
    return str(place)
