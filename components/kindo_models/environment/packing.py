"""How models are placed on nodes: `packing`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from kindo_models.environment.part import Part

CapacityType = Literal["on-demand", "spot", "reserved"]
"""How a node is bought, in Karpenter's words; capacity blocks are `reserved`."""


class Quota(Part):
    """A limit of the account over all nodes that match: exactly one of `vcpu`, `gpus` and `nodes`."""

    instances: tuple[str, ...] = ("*",)
    """Instance types, with wildcards (`p5*`)."""
    capacity: tuple[CapacityType, ...] = ("on-demand", "spot", "reserved")
    """Ways of buying that it counts."""
    vcpu: int | None = Field(default=None, ge=0)
    """Most vCPU, as AWS and Azure count their quotas."""
    gpus: int | None = Field(default=None, ge=0)
    """Most GPUs."""
    nodes: int | None = Field(default=None, ge=0)
    """Most nodes."""

    @model_validator(mode="after")
    def _one(self) -> Quota:
        if sum(one is not None for one in (self.vcpu, self.gpus, self.nodes)) != 1:
            raise ValueError("a quota has exactly one of `vcpu`, `gpus` and `nodes`")
        return self

    @property
    def unit(self) -> Literal["vcpu", "gpus", "nodes"]:
        return "vcpu" if self.vcpu is not None else "gpus" if self.gpus is not None else "nodes"

    @property
    def limit(self) -> int:
        return next(one for one in (self.vcpu, self.gpus, self.nodes) if one is not None)


class ExistingNodes(Part):
    """Nodes that are there already. They cost nothing more, so they are used first."""

    instance: str = Field(min_length=1)
    """Instance type of the catalog; any name where `gpu` and `gpus` are given."""
    nodes: int = Field(default=1, ge=1)
    """How many of them."""
    zone: str | None = None
    """Their zone."""
    free_gpus: int | None = Field(default=None, ge=0)
    """GPUs of each that nothing else uses; none: all."""
    gpu: str | None = None
    """GPU type, for a machine that no cloud of the catalog sells."""
    gpus: int | None = Field(default=None, ge=1)
    """GPUs of each, for such a machine."""

    @model_validator(mode="after")
    def _both(self) -> ExistingNodes:
        if (self.gpu is None) != (self.gpus is None):
            raise ValueError("`gpu` and `gpus` go together")
        return self


class Reserve(Part):
    """What the system, the kubelet and DaemonSets take of each node."""

    cpu: str = Field(default="500m", pattern=r"^\d+(\.\d+)?m?$")
    """CPU, as Kubernetes writes it."""
    memory: str = Field(default="4Gi", pattern=r"^\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")
    """Memory, as Kubernetes writes it."""


class Packing(Part):
    """How models are placed on nodes."""

    tolerance: float = Field(default=0.01, ge=0, le=1)
    """A placement may be dearer than the cheapest by this fraction of its price, if fewer models move for it."""
    prices: str | None = Field(default=None, min_length=1)
    """Price file of yours, relative to the stack's file: spot, reserved and other regions (docs/packing.md)."""
    quotas: tuple[Quota, ...] = ()
    """Limits of the account."""
    existing: tuple[ExistingNodes, ...] = ()
    """GPU nodes that are there already."""
    dedicated: tuple[str, ...] = ()
    """Models that share their nodes with no other, by `litellmModelName`."""
    node_reserve: Reserve = Reserve()
    """Part of each node that servers cannot have."""
    driver: int | None = Field(default=None, ge=400, le=999)
    """Major version of the NVIDIA driver on the nodes; none: that of the cloud's own GPU image."""
    image_architecture: Literal["amd64", "arm64"] = "amd64"
    """CPU architecture of the server images."""
    time_limit_seconds: float = Field(default=5, gt=0, le=600)
    """Longest time of the solver; what is not proven by then is said with its gap."""
