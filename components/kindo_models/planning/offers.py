"""Instance types that would hold one server of a model, ranked by what they cost, idle GPUs included."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kindo_models.catalog.gpus import GpuType, gpus
from kindo_models.catalog.instances import Cloud, Instance
from kindo_models.planning.memory import Verdict
from kindo_models.planning.shapes import COUNTS, Shape, by_price, usable
from kindo_models.planning.trials import Trials

MILLION = 1_000_000


class Offer(BaseModel):
    """One instance type for one server.

    used, idle: its GPUs. verdict: None where the memory model does not know the model.
    usd_per_hour: of the whole machine, on-demand, in `region` on `price_date`; None: no source has it.
    usd_per_hour_per_million_kv_tokens: that price for each million tokens that the server's KV cache holds.
    """

    model_config = ConfigDict(frozen=True)

    instance: str
    cloud: Cloud
    region: str
    gpu: str
    used: int
    idle: int
    verdict: Verdict | None
    kv_tokens: int | None
    max_concurrency: float | None
    usd_per_hour: float | None
    price_date: str
    usd_per_hour_per_million_kv_tokens: float | None
    link: str | None

    @property
    def idle_usd_per_hour(self) -> float | None:
        """The idle GPUs' share of the price."""
        return self.usd_per_hour * self.idle / (self.used + self.idle) if self.usd_per_hour else None

    def __str__(self) -> str:
        price = f"${self.usd_per_hour:,.2f}/h" if self.usd_per_hour else "price not known"
        return f"{self.used}× {self.gpu} on {self.instance} ({self.cloud}, {price})"


def offer(instance: Instance, shape: Shape, trials: Trials) -> Offer:
    found = trials(shape)
    price, tokens = instance.usd_per_hour, found.kv_tokens if found else None
    return Offer(
        instance=instance.name,
        cloud=instance.cloud,
        region=instance.region,
        gpu=shape.gpu.name,
        used=shape.count,
        idle=(instance.gpus or 0) - shape.count,
        verdict=found.verdict if found else None,
        kv_tokens=tokens,
        max_concurrency=found.max_concurrency if found else None,
        usd_per_hour=price,
        price_date=instance.price_date,
        usd_per_hour_per_million_kv_tokens=price / tokens * MILLION if price and tokens else None,
        link=instance.link,
    )


def ranked(
    trials: Trials, cloud: Cloud | None, *, unchecked: Shape | None = None, beside: Offer | None = None
) -> tuple[Offer, ...]:
    """For each cloud and GPU type the fewest GPUs on which the memory model accepts the model, on the cheapest instance
    type that has them; cheapest machine first, unknown prices last.

    unchecked: the shape to look for where the memory model does not know the model: as many GPUs with at least its
    memory each. beside: an offer that is listed whatever it costs.
    """
    best: dict[tuple[str, Shape], Instance] = {}
    for instance in sorted(usable(cloud), key=by_price):
        shape = _least(gpus()[instance.gpu], instance.gpus or 0, trials, unchecked)
        if shape:
            best.setdefault((instance.cloud, shape), instance)
    found = {offer(instance, shape, trials) for (_, shape), instance in best.items()} | ({beside} if beside else set())
    return tuple(sorted(found, key=lambda one: (one.usd_per_hour is None, one.usd_per_hour or 0.0, one.instance)))


def _least(gpu: GpuType, most: int, trials: Trials, unchecked: Shape | None) -> Shape | None:
    if trials.workload.architecture is None:
        enough = unchecked is not None and gpu.nominal_gb >= unchecked.gpu.nominal_gb and most >= unchecked.count
        return Shape(gpu, unchecked.count) if unchecked and enough else None
    candidates = (Shape(gpu, count) for count in COUNTS if count <= most)
    return next((shape for shape in candidates if trials.accepts(shape)), None)
