"""What can be had for a cluster: existing nodes, and what its cloud sells in its region, with prices and limits.

Prices are the catalog's (on-demand, of one region and date) or the user's price file. What has no price, or cannot run
our servers, is left out with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from kindo_models.catalog.gpus import UnknownGpu, find_gpu, gpus
from kindo_models.catalog.instances import Cloud, Instance, is_region, region_of
from kindo_models.catalog.price_file import PriceFile, instance_problem, priced
from kindo_models.environment import Environment, NodePools
from kindo_models.findings import Finding
from kindo_models.planning.packing.cloud_offers import LeftOut, Offered, offered
from kindo_models.planning.packing.existing import existing_nodes
from kindo_models.planning.packing.problem import Limit, Supply, limit_of


@dataclass(frozen=True)
class Market:
    """beyond: what the cloud sells and the environment's nodePools rule out, for what is said about alternatives."""

    cloud: str
    region: str
    supplies: tuple[Supply, ...]
    beyond: tuple[Supply, ...]
    left_out: tuple[LeftOut, ...]
    limits: tuple[Limit, ...]
    findings: tuple[Finding, ...]

    @property
    def most(self) -> Mapping[str, int]:
        """GPU type → most GPUs that one node has for servers."""
        return _most(self.supplies)

    @property
    def most_of_all(self) -> Mapping[str, int]:
        """The same, whatever nodePools rule out."""
        return _most((*self.supplies, *self.beyond))

    def near(self, instance: Instance, count: int = 2) -> str:
        """What comes nearest to an instance type: "g6e.12xlarge (4× L40S, $10.49/h) …"."""
        wanted = (instance.gpus or 1) * gpus()[instance.gpu].nominal_gb if instance.gpu in gpus() else 0

        def distance(one: Supply) -> tuple[bool, float, float]:
            there = one.gpus * gpus()[one.gpu].nominal_gb
            return one.gpu != instance.gpu, max(there, wanted) / max(1, min(there, wanted)), one.usd_per_hour

        others = [one for one in (*self.supplies, *self.beyond) if one.instance != instance.name]
        return ", ".join(str_of(one) for one in sorted(others, key=distance)[:count])


def _most(supplies: Sequence[Supply]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in supplies:
        found[one.gpu] = max(found.get(one.gpu, 0), one.gpus)
    return found


def str_of(one: Supply) -> str:
    """g6.xlarge (1× L4, $0.80/h); spot and reserved named."""
    how = "there already" if one.existing else f"${one.usd_per_hour:,.2f}/h"
    kind = "" if one.capacity == "on-demand" else f" {one.capacity}"
    return f"{one.instance} ({one.gpus}× {one.gpu}, {how}{kind})"


def market(environment: Environment, prices: PriceFile | None) -> Market | None:
    """None: an existing cluster of which no nodes are named."""
    cloud: Cloud | None = next((one for one in get_args(Cloud) if one == environment.cluster.kind), None)
    if cloud is None and not environment.packing.existing:
        return None
    region = environment.cloud.region or (region_of(cloud) if cloud else "")
    there, found = existing_nodes(environment.packing, cloud)
    findings = [*found]
    sold = Offered()
    if cloud:
        wrong = list(_wrong_place(cloud, region, prices))
        if not wrong:
            sold = offered(environment, prices, cloud, region)
        findings += [*wrong, *_about_prices(environment.node_pools, region, sold)]
    pools = environment.node_pools
    limits = [limit_of(one) for one in environment.packing.quotas]
    if pools.max_nodes is not None:
        limits.append(Limit(f"nodePools.maxNodes {pools.max_nodes}", "nodes", pools.max_nodes))
    made = Market(
        cloud or "existing",
        region,
        (*there, *sold.supplies),
        tuple(sold.beyond),
        tuple(sold.left_out),
        tuple(_less(one, there) for one in limits),
        (),
    )
    findings += _about_wishes(pools, cloud, made)
    if not made.supplies and not any(one.severity == "error" for one in findings):
        findings.append(_nothing(made))
    return replace(made, findings=tuple(findings))


def _wrong_place(cloud: Cloud, region: str, prices: PriceFile | None) -> Iterator[Finding]:
    if not is_region(region, cloud):
        yield Finding(
            code="unknown-region",
            field="cloud.region",
            message=f"{region!r} is not how {cloud} writes a region",
            hint=f"for example {region_of(cloud)}",
        )
    elif prices and (prices.cloud, prices.region) != (cloud, region):
        yield Finding(
            code="prices-of-another-region",
            field="packing.prices",
            message=f"the price file is of {prices.cloud} {prices.region}, the cluster is in {cloud} {region}",
            hint="name the price file of that region, or set cloud.region",
        )


def _about_prices(pools: NodePools, region: str, sold: Offered) -> Iterator[Finding]:
    if sold.elsewhere:
        listed = ", ".join(f"{place} on {date}" for place, date in sorted(sold.elsewhere))
        yield Finding(
            code="price-of-another-region",
            severity="warning",
            field="cloud.region",
            message=f"prices are of {listed}; what {region} sells, and at which price, is not in the catalog",
            hint="a price file of that region (packing.prices) tells it",
        )
    for wanted in pools.capacity:
        if wanted != "on-demand" and not any(one.capacity == wanted for one in sold.supplies):
            yield Finding(
                code="capacity-without-price",
                severity="warning",
                field="nodePools.capacity",
                message=f"no price of {wanted} nodes is known, so none is planned",
                hint="list them in a price file (packing.prices)",
            )


def _about_wishes(pools: NodePools, cloud: Cloud | None, made: Market) -> Iterator[Finding]:
    """What nodePools name and cannot be had."""
    for index, text in enumerate(pools.gpu_types):
        try:
            find_gpu(text)
        except UnknownGpu as error:
            yield Finding(code="gpu-unknown", field=f"nodePools.gpuTypes[{index}]", message=str(error))
    left = {one.instance.name: one for one in made.left_out}
    for index, name in enumerate(pools.instance_types if cloud else ()):
        field = f"nodePools.instanceTypes[{index}]"
        if cloud and (problem := instance_problem(name, cloud)):
            yield Finding(code=problem[0], field=field, message=problem[1], hint=problem[2])
        elif name in left:
            known = left[name].instance
            yield Finding(
                code="instance-not-available",
                field=field,
                message=f"{priced(known)}: {left[name].why}",
                hint=f"nearest that can be had: {made.near(known)}",
            )


def _nothing(made: Market) -> Finding:
    cheapest = sorted(made.beyond, key=lambda one: one.usd_per_hour)[:2]
    reasons = Counter(one.why for one in made.left_out)
    most = f": {reasons.most_common(1)[0][0]} ({len(made.left_out)} instance types)" if reasons else ""
    return Finding(
        code="no-node-to-buy",
        field="nodePools",
        message=f"nothing of what {made.cloud} {made.region} sells may be bought{most}",
        hint=f"nodePools rule out {', '.join(str_of(one) for one in cheapest)} and more" if cheapest else "",
    )


def _less(limit: Limit, there: Sequence[Supply]) -> Limit:
    """What is left of a limit beside the nodes that are there already, used or not."""
    taken = sum(limit.counts(one) * (one.most or 0) for one in there)
    return replace(limit, most=max(0, limit.most - taken))
