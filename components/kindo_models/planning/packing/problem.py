"""The packing problem in numbers only: what each model may run on, what can be bought, what limits it, what was before.

CPU is in thousandths, memory in MiB, prices in US dollars per hour of a whole node.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from kindo_models.environment.packing import CapacityType, Quota


@dataclass(frozen=True, order=True)
class Option:
    """One way to run one replica: GPUs of one type on one node."""

    gpu: str
    gpus: int
    tensor_parallel: int = 1
    pipeline_parallel: int = 1

    def __str__(self) -> str:
        return f"{self.gpus}× {self.gpu}"


@dataclass(frozen=True)
class Demand:
    """One model: `replicas` of one of its options. Of one GPU type there is at most one option."""

    model: str
    replicas: int
    options: tuple[Option, ...]
    cpu: int = 0
    memory: int = 0
    dedicated: bool = False
    """It shares nodes with no other model."""

    def __post_init__(self) -> None:
        if len({one.gpu for one in self.options}) < len(self.options):
            raise ValueError(f"{self.model}: two options of one GPU type")

    def on(self, gpu: str) -> Option | None:
        return next((one for one in self.options if one.gpu == gpu), None)


@dataclass(frozen=True, order=True)
class Need:
    """What one replica takes of a node. Replicas with equal needs are interchangeable.

    owner: the model where it wants nodes of its own, else "".
    """

    gpu: str
    gpus: int
    cpu: int
    memory: int
    owner: str


def need(demand: Demand, option: Option) -> Need:
    return Need(option.gpu, option.gpus, demand.cpu, demand.memory, demand.model if demand.dedicated else "")


@dataclass(frozen=True, order=True)
class Supply:
    """One kind of node that can be had. `gpus`, `cpu`, `memory`: what servers can have of it.

    usd_per_hour: what one more of them costs; existing nodes cost nothing more. most: how many there are; None: any
    number. price: of the whole node as it is sold, where known; region, date and source tell whose price it is.
    """

    instance: str
    capacity: CapacityType
    gpu: str
    gpus: int
    cpu: int
    memory: int
    vcpu: int
    usd_per_hour: float
    zones: tuple[str, ...] = ()
    most: int | None = None
    existing: bool = False
    gpus_of_node: int = 0
    price: float | None = None
    region: str = ""
    price_date: str = ""
    price_source: str = ""
    reservation: str = ""


@dataclass(frozen=True)
class Kept:
    """A node of the previous placement that can still be had: name, supply, and who is on it (model, replicas)."""

    name: str
    supply: Supply
    zone: str | None
    holds: tuple[tuple[str, int], ...]
    options: tuple[tuple[str, Option], ...]
    """How each of these models ran."""


@dataclass(frozen=True)
class Limit:
    """No more than `most` of `unit` over the supplies that it counts."""

    name: str
    unit: str
    most: int
    instances: tuple[str, ...] = ("*",)
    capacity: tuple[CapacityType, ...] = ("on-demand", "spot", "reserved")

    def counts(self, supply: Supply) -> int:
        """What one node of this supply takes of the limit; 0 where it does not count."""
        if supply.capacity not in self.capacity or not any(fnmatchcase(supply.instance, one) for one in self.instances):
            return 0
        return {"vcpu": supply.vcpu, "gpus": supply.gpus_of_node or supply.gpus, "nodes": 1}[self.unit]


def limit_of(quota: Quota) -> Limit:
    name = f"{quota.limit} {quota.unit} of {', '.join(quota.instances)}"
    if len(quota.capacity) < 3:
        name += f" ({', '.join(quota.capacity)})"
    return Limit(name, quota.unit, quota.limit, quota.instances, quota.capacity)


@dataclass(frozen=True)
class Problem:
    """Everything that an answer depends on. Order of models and supplies does not matter: both are sorted."""

    demands: tuple[Demand, ...]
    supplies: tuple[Supply, ...]
    limits: tuple[Limit, ...] = ()
    kept: tuple[Kept, ...] = ()
    tolerance: float = 0.01
    time_limit: float = 5.0
    whole_nodes: bool = False
    """No GPU of a node that is bought may be idle."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "demands", tuple(sorted(self.demands, key=lambda one: one.model)))
        object.__setattr__(self, "supplies", tuple(sorted(self.supplies)))

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        return tuple(sorted({need(demand, one) for demand in self.demands for one in demand.options}))

    def demand(self, model: str) -> Demand:
        return next(one for one in self.demands if one.model == model)

    @property
    def replicas(self) -> int:
        return sum(demand.replicas for demand in self.demands)
