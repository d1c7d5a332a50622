"""Shapes: what one server may run on (a GPU type and a count), smallest first, and the instance types for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from kindo_models.catalog.gpus import GpuType, gpus
from kindo_models.catalog.instances import Cloud, Instance, placeable
from kindo_models.catalog.vram_table import vram_table

COUNTS = (1, 2, 4, 8)
"""GPUs of one server on one machine: powers of two suit tensor parallelism; no machine but a2-megagpu has more."""


@dataclass(frozen=True)
class Shape:
    """`count` GPUs of one type on one machine."""

    gpu: GpuType
    count: int

    @property
    def nominal_gb(self) -> int:
        """Memory of all its GPUs together, as it is sold."""
        return self.count * self.gpu.nominal_gb

    def __str__(self) -> str:
        return f"{self.count}× {self.gpu.name}"


@cache
def shapes(cloud: Cloud | None) -> tuple[Shape, ...]:
    """What a server may run on without idle GPUs: by memory, then fewest GPUs, then price.

    Without a cloud: the GPUs that stand for the table's classes, and after them the larger ones. With one: every NVIDIA
    GPU type and count that an instance type of it has.
    """
    if cloud is None:
        table = vram_table()
        return tuple(
            shape
            for names in (table.stand_ins.values(), table.beyond)
            for shape in _smallest_first({Shape(gpus()[name], count) for name in names for count in COUNTS}, cloud)
        )
    return _smallest_first({Shape(gpus()[one.gpu], one.gpus) for one in usable(cloud) if one.gpus in COUNTS}, cloud)


def shapes_of(count: int, cloud: Cloud | None) -> tuple[Shape, ...]:
    """The same for one count of GPUs, be others of the machine idle."""
    if cloud is None:
        return tuple(Shape(shape.gpu, count) for shape in shapes(None) if shape.count == 1)
    return _smallest_first({Shape(gpus()[one.gpu], count) for one in usable(cloud) if (one.gpus or 0) >= count}, cloud)


@cache
def usable(cloud: Cloud | None) -> tuple[Instance, ...]:
    """Instance types that our servers can run on: whole NVIDIA GPUs (images and `nvidia.com/gpu` are NVIDIA's) whose
    memory is known."""
    return tuple(one for one in placeable(cloud) if one.gpu in gpus() and gpus()[one.gpu].vendor == "nvidia")


def sold(gpu: GpuType, cloud: Cloud) -> tuple[int, ...]:
    """GPUs per instance type in which a cloud sells this GPU type; () when it does not sell it."""
    return tuple(sorted({one.gpus for one in usable(cloud) if one.gpu == gpu.name and one.gpus}))


def cheapest(shape: Shape, cloud: Cloud | None) -> Instance | None:
    """The instance type for a shape: no idle GPUs if possible, then the lowest price (unknown prices last), then the
    least CPU."""
    holding = [one for one in usable(cloud) if one.gpu == shape.gpu.name and (one.gpus or 0) >= shape.count]
    return min(holding, key=lambda one: (one.gpus != shape.count, *by_price(one)), default=None)


def by_price(instance: Instance) -> tuple[bool, float, int, str]:
    """Sort key: price, unknown ones last; then the smaller machine."""
    price = instance.usd_per_hour
    return price is None, price or 0.0, instance.vcpu or 0, instance.name


def _smallest_first(found: Iterable[Shape], cloud: Cloud | None) -> tuple[Shape, ...]:
    def key(shape: Shape) -> tuple[object, ...]:
        instance = cheapest(shape, cloud)
        return (shape.nominal_gb, shape.count, by_price(instance) if instance else (True,), shape.gpu.name)

    return tuple(sorted(found, key=key))
