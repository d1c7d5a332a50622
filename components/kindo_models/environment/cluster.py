"""Which cluster, in which cloud, and what may be bought for it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kindo_models.environment.forms import STACK
from kindo_models.environment.part import Part

ClusterKind = Literal["existing", "eks", "aks"]


class Cluster(Part):
    """The cluster that everything runs in. It exists already; nothing here creates one.

    It is reached through `kubeconfig`, else through the output of the Pulumi stack `stack`, else through KUBECONFIG or
    `pulumi config set --secret kubernetes:kubeconfig`.
    """

    kind: ClusterKind = "existing"
    """`eks` and `aks` say what may be bought for it (see `cloud`, `nodePools`); `existing` is any other cluster."""
    name: str | None = Field(default=None, min_length=1)
    """Name of the EKS or AKS cluster in its cloud; required there, its GPU node pools are made under it."""
    kubeconfig: str | None = Field(default=None, min_length=1)
    """Path of a kubeconfig file, relative to the project. Not its content: that is a secret."""
    context: str | None = None
    """Context of the kubeconfig; none: its current one."""
    stack: Annotated[str, STACK] | None = None
    """Pulumi stack whose output holds the kubeconfig, `organization/project/stack`. It is handled as a secret whether
    that stack exports it as one or not."""
    kubeconfig_output: str = Field(default="kubeconfig", min_length=1)
    """Name of that output; its value is the document as text or as an object."""
    namespace: str = "inference"
    """Namespace of the model servers. It is part of every `apiBase` that is derived."""
    create_namespaces: bool = True
    """Make the namespaces of servers and gateway; `false` where they are given to you."""


class Cloud(Part):
    """The account and region that the cluster of kind `eks` or `aks` is in."""

    region: str | None = Field(default=None, min_length=1)
    """Region as the cloud writes it (`us-east-1`, `eastus2`); required for `eks` and `aks`."""
    zones: tuple[str, ...] = ()
    """Zones that GPU nodes may be in; none: all of the region."""
    resource_group: str | None = None
    """Azure: resource group of the cluster; required for `aks`."""
    subscription: str | None = None
    """Azure: subscription id; none: that of the credentials."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Tags on everything that is created in the cloud."""


class NodePools(Part):
    """Policy for GPU nodes: who makes them, and what may be bought."""

    kind: Literal["existing", "managed", "karpenter"] = "existing"
    """`existing`: nodes with GPUs are there, nothing is created. `managed`: EKS managed node groups, AKS node pools.
    `karpenter`: Karpenter's NodePools, or AKS node auto-provisioning."""
    capacity: tuple[Literal["on-demand", "spot", "reserved"], ...] = ("on-demand",)
    """Ways of buying, the preferred one first."""
    gpu_types: tuple[str, ...] = ()
    """GPU types that may be used, as the contract writes them (`H100`, `L40S`); none: all."""
    instance_types: tuple[str, ...] = ()
    """Instance types that may be bought; none: all that fit."""
    max_nodes: int | None = Field(default=None, ge=1)
    """Most GPU nodes in all."""
    idle_gpus: Literal["allow", "forbid"] = "allow"
    """Whether GPUs that are paid for and not used are a finding or an error."""
