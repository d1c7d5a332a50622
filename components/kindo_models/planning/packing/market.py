"""What can be had for a cluster: existing nodes, and what its cloud sells in its region, with prices and limits.

Prices are the catalog's (on-demand, of one region and date) or the user's price file. What has no price, or cannot run
our servers, is left out with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from kindo_models.catalog.gpus import UnknownGpu, find_gpu, gpus
from kindo_models.catalog.instances import Cloud, Instance, instances, is_region, region_of
from kindo_models.catalog.node_drivers import node_drivers
from kindo_models.catalog.price_file import PriceFile, PriceOffer, instance_problem, priced
from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.packing.existing import existing_nodes, free_cpu, free_memory
from kindo_models.planning.packing.problem import Limit, Supply, limit_of


@dataclass(frozen=True)
class LeftOut:
    """An instance type on which nothing is placed, and why."""

    instance: Instance
    why: str


@dataclass(frozen=True)
class Market:
    cloud: str
    region: str
    supplies: tuple[Supply, ...]
    left_out: tuple[LeftOut, ...]
    limits: tuple[Limit, ...]
    findings: tuple[Finding, ...]

    @property
    def most(self) -> Mapping[str, int]:
        """GPU type → most GPUs that one node has for servers."""
        found: dict[str, int] = {}
        for one in self.supplies:
            found[one.gpu] = max(found.get(one.gpu, 0), one.gpus)
        return found

    def near(self, instance: Instance, count: int = 2) -> str:
        """What comes nearest to an instance type: "g6e.12xlarge (4× L40S, $10.49/h) …"."""
        wanted = (instance.gpus or 1) * gpus()[instance.gpu].nominal_gb if instance.gpu in gpus() else 0

        def distance(one: Supply) -> tuple[bool, float, float]:
            there = one.gpus * gpus()[one.gpu].nominal_gb
            return one.gpu != instance.gpu, max(there, wanted) / max(1, min(there, wanted)), one.usd_per_hour

        return ", ".join(str_of(one) for one in sorted(self.supplies, key=distance)[:count])


def str_of(one: Supply) -> str:
    """g6.xlarge (1× L4, $0.80/h); spot and reserved named."""
    how = "there already" if one.existing else f"${one.usd_per_hour:,.2f}/h"
    kind = "" if one.capacity == "on-demand" else f" {one.capacity}"
    return f"{one.instance} ({one.gpus}× {one.gpu}, {how}{kind})"


def market(environment: Environment, prices: PriceFile | None) -> Market | None:
    """None: an existing cluster of which no nodes are named."""
    return _Market(environment, prices).build()


class _Market:
    def __init__(self, environment: Environment, prices: PriceFile | None) -> None:
        self.environment = environment
        self.prices = prices
        self.policy = environment.node_pools
        self.packing = environment.packing
        self.cloud: Cloud | None = next((one for one in get_args(Cloud) if one == environment.cluster.kind), None)
        home = region_of(self.cloud) if self.cloud else ""
        self.region = environment.cloud.region or home
        self.home = home
        self.found: list[Finding] = []
        self.left_out: list[LeftOut] = []

    def build(self) -> Market | None:
        if self.cloud is None and not self.packing.existing:
            return None
        there, found = existing_nodes(self.packing, self.cloud)
        self.found += found
        supplies = [*there]
        if self.cloud and self._is_region(self.cloud) and self._prices_fit(self.cloud):
            supplies += self._bought(self.cloud)
        limits = [limit_of(one) for one in self.packing.quotas]
        if self.policy.max_nodes is not None:
            limits.append(Limit(f"nodePools.maxNodes {self.policy.max_nodes}", "nodes", self.policy.max_nodes))
        made = Market(
            self.cloud or "existing",
            self.region,
            tuple(supplies),
            tuple(self.left_out),
            tuple(_less(one, there) for one in limits),
            (),
        )
        self._policy_findings(made)
        return replace(made, findings=tuple(self.found))

    def _say(self, code: str, field: str, message: str, hint: str = "", *, warning: bool = False) -> None:
        severity = "warning" if warning else "error"
        self.found.append(Finding(code=code, severity=severity, field=field, message=message, hint=hint))

    # What the cloud sells

    def _is_region(self, cloud: Cloud) -> bool:
        right = is_region(self.region, cloud)
        if not right:
            message = f"{self.region!r} is not how {cloud} writes a region"
            self._say("unknown-region", "cloud.region", message, f"for example {self.home}")
        return right

    def _prices_fit(self, cloud: Cloud) -> bool:
        prices = self.prices
        if prices and (prices.cloud != cloud or prices.region != self.region):
            self._say(
                "prices-of-another-region",
                "packing.prices",
                f"the price file is of {prices.cloud} {prices.region}, the cluster is in {cloud} {self.region}",
                "name the price file of that region, or set cloud.region",
            )
            return False
        return True

    def _bought(self, cloud: Cloud) -> list[Supply]:
        supplies = []
        elsewhere: set[tuple[str, str]] = set()
        for instance in instances():
            if instance.cloud != cloud or instance.gpus is None:
                continue
            why = self._unusable(instance)
            offers = [] if why else list(self._offers(instance, elsewhere))
            if not offers:
                self.left_out.append(LeftOut(instance, why or self._unpriced(instance)))
            supplies += offers
        if elsewhere:
            listed = ", ".join(f"{region} on {date}" for region, date in sorted(elsewhere))
            self._say(
                "price-of-another-region",
                "cloud.region",
                f"prices are of {listed}; what {self.region} sells, and at which price, is not in the catalog",
                "a price file of that region (packing.prices) tells it",
                warning=True,
            )
        for wanted in self.policy.capacity:
            if wanted != "on-demand" and not any(one.capacity == wanted for one in supplies):
                self._say(
                    "capacity-without-price",
                    "nodePools.capacity",
                    f"no price of {wanted} nodes is known, so none is planned",
                    "list them in a price file (packing.prices)",
                    warning=True,
                )
        return supplies

    def _unusable(self, instance: Instance) -> str:
        """Why our servers cannot run on it, or may not; "" where they can and may."""
        drivers, needed = node_drivers(), 0
        image = drivers.images.get(instance.cloud)
        driver = self.packing.driver or (image.driver if image else None)
        needed = drivers.needed_by(instance.name)
        if self.policy.instance_types and instance.name not in self.policy.instance_types:
            return "nodePools.instanceTypes does not list it"
        if self.policy.gpu_types and instance.gpu not in _named(self.policy.gpu_types):
            return "nodePools.gpuTypes does not list its GPU type"
        if instance.gpu not in gpus():
            return f"the memory of {instance.gpu} is not in the catalog"
        if instance.architecture != self.packing.image_architecture:
            return f"its CPU is {instance.architecture}, the images are {self.packing.image_architecture}"
        if instance.vcpu is None or instance.memory_gib is None:
            return "its CPU and memory are not in the sources read"
        if driver is not None and driver < needed:
            return f"it needs driver {needed}, the nodes have {driver} (packing.driver)"
        if self.prices and instance.name in self.prices.not_sold:
            return f"the price file says that {self.region} does not sell it"
        return ""

    def _offers(self, instance: Instance, elsewhere: set[tuple[str, str]]) -> Iterator[Supply]:
        listed = [one for one in self.prices.offers if one.instance == instance.name] if self.prices else []
        for offer in listed:
            zones = self._zones(offer)
            if offer.capacity in self.policy.capacity and zones is not None:
                yield self._supply(instance, offer, zones)
        if any(one.capacity == "on-demand" for one in listed) or "on-demand" not in self.policy.capacity:
            return
        if instance.usd_per_hour is None or (self.prices and self.prices.complete):
            return
        if instance.region != self.region:
            if self.prices or self.region == self.home:
                return
            elsewhere.add((instance.region, instance.price_date))
        yield self._supply(instance, None, self.environment.cloud.zones)

    def _unpriced(self, instance: Instance) -> str:
        if self.prices and (self.prices.complete or instance.region != self.region):
            return f"the price file has no price of it for {', '.join(self.policy.capacity)} in {self.region}"
        if instance.usd_per_hour is None:
            return instance.note or "no source read has its price"
        if instance.region != self.region:
            where = f"its price is of {instance.region}"
            return f"{self.region} does not sell it, as far as the catalog's sources tell ({where})"
        return f"no price of it for {', '.join(self.policy.capacity)}"

    def _zones(self, offer: PriceOffer) -> tuple[str, ...] | None:
        """Where it may be; None: in no zone that nodes may be in."""
        wanted = self.environment.cloud.zones
        if not wanted or not offer.zones:
            return offer.zones or wanted
        return tuple(one for one in wanted if one in offer.zones) or None

    def _supply(self, instance: Instance, offer: PriceOffer | None, zones: tuple[str, ...]) -> Supply:
        price = offer.usd_per_hour if offer else instance.usd_per_hour
        assert price is not None
        assert instance.gpus is not None
        return Supply(
            instance=instance.name,
            capacity=offer.capacity if offer else "on-demand",
            gpu=instance.gpu,
            gpus=instance.gpus,
            cpu=free_cpu(self.packing, instance.vcpu or 0),
            memory=free_memory(self.packing, instance.memory_gib or 0),
            vcpu=instance.vcpu or 0,
            usd_per_hour=price,
            zones=zones,
            most=offer.nodes if offer else None,
            gpus_of_node=instance.gpus,
            price=price,
            region=self.region if offer else instance.region,
            price_date=self.prices.head.date if offer and self.prices else instance.price_date,
            price_source=self.prices.head.source if offer and self.prices else "catalog",
            reservation=(offer.reservation or "") if offer else "",
        )

    # What the user asked for and cannot have

    def _policy_findings(self, made: Market) -> None:
        for index, text in enumerate(self.policy.gpu_types):
            try:
                find_gpu(text)
            except UnknownGpu as error:
                self._say("gpu-unknown", f"nodePools.gpuTypes[{index}]", str(error))
        if self.cloud is None:
            return
        left = {one.instance.name: one for one in made.left_out}
        for index, name in enumerate(self.policy.instance_types):
            field = f"nodePools.instanceTypes[{index}]"
            problem = instance_problem(name, self.cloud)
            if problem:
                self._say(problem[0], field, problem[1], problem[2])
            elif name in left:
                known = left[name].instance
                near = without_policy(self.environment, self.prices).near(known)
                message = f"{priced(known)}: {left[name].why}"
                self._say("instance-not-available", field, message, f"nearest that can be had: {near}")


def without_policy(environment: Environment, prices: PriceFile | None) -> Market:
    """The market if any instance type and GPU type might be bought."""
    policy = environment.node_pools.model_copy(update={"instance_types": (), "gpu_types": ()})
    found = market(environment.model_copy(update={"node_pools": policy}), prices)
    assert found is not None
    return found


def _named(words: tuple[str, ...]) -> set[str]:
    names = set()
    for word in words:
        try:
            names.add(find_gpu(word).name)
        except UnknownGpu:
            continue
    return names


def _less(limit: Limit, there: Sequence[Supply]) -> Limit:
    """What is left of a limit beside the nodes that are there already, used or not."""
    taken = sum(limit.counts(one) * (one.most or 0) for one in there)
    return replace(limit, most=max(0, limit.most - taken))
