"""What a cloud sells in a region that our servers can run on: by the catalog, or by the user's price file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

from kindo_models.catalog.gpus import UnknownGpu, find_gpu, gpus
from kindo_models.catalog.instances import Cloud, Instance, instances, region_of
from kindo_models.catalog.node_drivers import node_drivers
from kindo_models.catalog.price_file import PriceFile, PriceOffer
from kindo_models.environment import Environment
from kindo_models.environment.packing import CapacityType
from kindo_models.planning.packing.existing import free_cpu, free_memory
from kindo_models.planning.packing.problem import Supply


@dataclass(frozen=True)
class LeftOut:
    """An instance type on which nothing is placed, and why."""

    instance: Instance
    why: str


@dataclass
class Offered:
    """supplies: what may be bought; beyond: what the cloud sells and nodePools rule out; elsewhere: (region, date) of
    prices that are of another region."""

    supplies: list[Supply] = field(default_factory=list)
    beyond: list[Supply] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    elsewhere: set[tuple[str, str]] = field(default_factory=set)


def offered(environment: Environment, prices: PriceFile | None, cloud: Cloud, region: str) -> Offered:
    return _Reader(environment, prices, cloud, region).read()


class _Reader:
    def __init__(self, environment: Environment, prices: PriceFile | None, cloud: Cloud, region: str) -> None:
        self.zones = environment.cloud.zones
        self.policy = environment.node_pools
        self.packing = environment.packing
        self.prices = prices
        self.cloud: Cloud = cloud
        self.region = region
        image = node_drivers().images.get(cloud)
        self.driver = self.packing.driver or (image.driver if image else None)
        self.gpu_types = _named(self.policy.gpu_types)

    def read(self) -> Offered:
        found = Offered()
        for instance in instances():
            if instance.cloud != self.cloud or instance.gpus is None:
                continue
            unusable, unwanted = self._unusable(instance), self._unwanted(instance)
            offers = [] if unusable else list(self._offers(instance, self.policy.capacity))
            if offers and not unwanted:
                found.supplies += offers
                found.elsewhere |= {(one.region, one.price_date) for one in offers if one.region != self.region}
                continue
            found.left_out.append(LeftOut(instance, unusable or unwanted or self._unpriced(instance)))
            if not unusable:
                found.beyond += offers or self._offers(instance, get_args(CapacityType))
        return found

    def _unwanted(self, instance: Instance) -> str:
        """Why nodePools rule it out; "" where they do not."""
        if self.policy.instance_types and instance.name not in self.policy.instance_types:
            return "nodePools.instanceTypes does not list it"
        if self.gpu_types and instance.gpu not in self.gpu_types:
            return "nodePools.gpuTypes does not list its GPU type"
        return ""

    def _unusable(self, instance: Instance) -> str:
        """Why our servers cannot run on it; "" where they can."""
        needed = node_drivers().needed_by(instance.name)
        if instance.gpu not in gpus():
            return f"the memory of {instance.gpu} is not in the catalog"
        if instance.architecture != self.packing.image_architecture:
            return f"its CPU is {instance.architecture}, the images are {self.packing.image_architecture}"
        if instance.vcpu is None or instance.memory_gib is None:
            return "its CPU and memory are not in the sources read"
        if self.driver is not None and self.driver < needed:
            return f"it needs driver {needed}, the nodes have {self.driver} (packing.driver)"
        if self.prices and instance.name in self.prices.not_sold:
            return f"the price file says that {self.region} does not sell it"
        return ""

    def _offers(self, instance: Instance, capacity: Sequence[CapacityType]) -> Iterator[Supply]:
        listed = [one for one in self.prices.offers if one.instance == instance.name] if self.prices else []
        for offer in listed:
            zones = self._zones(offer)
            if offer.capacity in capacity and zones is not None:
                yield self._supply(instance, offer, zones)
        told = any(one.capacity == "on-demand" for one in listed)
        if "on-demand" in capacity and not told and self._catalog_holds(instance):
            yield self._supply(instance, None, self.zones)

    def _catalog_holds(self, instance: Instance) -> bool:
        """Whether the catalog's price is that of the region, or stands for it because nothing else is known."""
        if instance.usd_per_hour is None or (self.prices and self.prices.complete):
            return False
        return instance.region == self.region or not (self.prices or self.region == region_of(self.cloud))

    def _unpriced(self, instance: Instance) -> str:
        wanted = ", ".join(self.policy.capacity)
        if self.prices and (self.prices.complete or instance.region != self.region):
            return f"the price file has no price of it for {wanted} in {self.region}"
        if instance.usd_per_hour is None:
            return instance.note or "no source read has its price"
        if instance.region != self.region:
            where = f"its price is of {instance.region}"
            return f"{self.region} does not sell it, as far as the catalog's sources tell ({where})"
        return f"no price of it for {wanted} is known"

    def _zones(self, offer: PriceOffer) -> tuple[str, ...] | None:
        """Where it may be; None: in no zone that nodes may be in."""
        if not self.zones or not offer.zones:
            return offer.zones or self.zones
        return tuple(one for one in self.zones if one in offer.zones) or None

    def _supply(self, instance: Instance, offer: PriceOffer | None, zones: tuple[str, ...]) -> Supply:
        price = offer.usd_per_hour if offer else instance.usd_per_hour
        gpus_of_node = instance.gpus
        assert price is not None
        assert gpus_of_node is not None
        return Supply(
            instance=instance.name,
            capacity=offer.capacity if offer else "on-demand",
            gpu=instance.gpu,
            gpus=gpus_of_node,
            cpu=free_cpu(self.packing, instance.vcpu or 0),
            memory=free_memory(self.packing, instance.memory_gib or 0),
            vcpu=instance.vcpu or 0,
            usd_per_hour=price,
            zones=zones,
            most=offer.nodes if offer else None,
            gpus_of_node=gpus_of_node,
            price=price,
            region=self.region if offer else instance.region,
            price_date=self.prices.head.date if offer and self.prices else instance.price_date,
            price_source=self.prices.head.source if offer and self.prices else "catalog",
            reservation=(offer.reservation or "") if offer else "",
        )


def _named(words: tuple[str, ...]) -> set[str]:
    """Catalog names; none at all where one of them is not known, which is an error of its own."""
    try:
        return {find_gpu(word).name for word in words}
    except UnknownGpu:
        return set()
