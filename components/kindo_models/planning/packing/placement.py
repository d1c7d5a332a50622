"""Where every server runs: part of the Plan, and what `stacks/<stack>.placement.json` keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from kindo_models.environment.packing import CapacityType

HOURS_PER_MONTH = 730
"""As the clouds' own calculators count."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Inputs(_Part):
    """Hashes of the parts that a placement depends on; two that differ tell what changed."""

    models: dict[str, str]
    supplies: dict[str, str]
    limits: str
    settings: str

    @property
    def hash(self) -> str:
        return digest(self.model_dump())

    def changes(self, now: Inputs) -> Iterator[str]:
        """In words: what is different now."""
        for kind, old, new in (("model", self.models, now.models), ("instance type", self.supplies, now.supplies)):
            gone, added = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
            changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
            for word, names in (("added", added), ("removed", gone), ("changed", changed)):
                if names:
                    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                    yield f"{kind} {word}: {', '.join(names[:3])}{more}"
        if self.limits != now.limits:
            yield "limits"
        if self.settings != now.settings:
            yield "tolerance, zones or idle GPUs"


class OnNode(_Part):
    """One replica of a model on a node: its number from 0, and which of the node's GPUs it has."""

    model: str
    replica: int
    gpus: tuple[int, ...]


class PlacedNode(_Part):
    """One node. usd_per_hour: what it costs; 0 for one that is there already; price: of such a node as it is sold, None
    where no source has it."""

    name: str
    instance: str
    capacity: CapacityType
    existing: bool
    zone: str | None
    """None: any zone of the region."""
    gpu: str
    gpus: int
    """That servers can have."""
    usd_per_hour: float
    price: float | None
    region: str
    price_date: str
    price_source: str
    reservation: str
    holds: tuple[OnNode, ...]

    @property
    def idle(self) -> tuple[int, ...]:
        """Numbers of the GPUs that nothing uses."""
        used = {gpu for one in self.holds for gpu in one.gpus}
        return tuple(gpu for gpu in range(self.gpus) if gpu not in used)

    @property
    def idle_usd_per_hour(self) -> float:
        return self.usd_per_hour * len(self.idle) / self.gpus if self.gpus else 0.0


class PlacedModel(_Part):
    """How one model runs: each replica on `gpus` GPUs of one node."""

    model: str
    replicas: int
    gpu: str
    gpus: int
    tensor_parallel: int
    pipeline_parallel: int
    nodes: tuple[str, ...]
    """Of each replica."""
    reason: str
    would_do: tuple[str, ...]
    """All of its options, this one among them."""
    ruled_out: dict[str, str]
    """GPU type of the market → why the model is not put on it."""


class Alternative(_Part):
    """Another multiset of instance types that would do."""

    instances: dict[str, int]
    usd_per_hour: float
    idle_gpus: int
    bound: float
    """Nothing with other instance types is cheaper than that; equal to the price: proven to be the next best."""


class Placement(_Part):
    """The cheapest nodes for all models together.

    bound: no placement is cheaper than that. moves: replicas that lie elsewhere than before. separate_usd_per_hour:
    what a node for each replica would cost; None where something has no price.
    """

    inputs: Inputs
    cloud: str
    region: str
    nodes: tuple[PlacedNode, ...]
    models: tuple[PlacedModel, ...]
    usd_per_hour: float
    bound: float
    optimal: bool
    moves: int
    moved: tuple[str, ...]
    separate_usd_per_hour: float | None
    alternatives: tuple[Alternative, ...]
    reasons: tuple[str, ...]

    @property
    def gap(self) -> float:
        """Proven: the price is at most this fraction above the cheapest possible one."""
        return max(0.0, self.usd_per_hour / self.bound - 1) if self.bound > 0 else 0.0

    @property
    def instances(self) -> dict[str, int]:
        """Instance type → nodes, by name."""
        names = sorted(node.instance for node in self.nodes)
        return {name: names.count(name) for name in dict.fromkeys(names)}

    @property
    def idle_gpus(self) -> int:
        return sum(len(node.idle) for node in self.nodes)

    def share(self, model: str) -> float:
        """A model's part of the price per hour: of each node by the GPUs in use, so that all parts are the price."""
        return sum(
            node.usd_per_hour * len(one.gpus) / (node.gpus - len(node.idle))
            for node in self.nodes
            for one in node.holds
            if one.model == model
        )

    def instances_for(self, model: str) -> tuple[str, ...]:
        """Instance types that a model's replicas are on, each once."""
        held = {node.instance for node in self.nodes if any(one.model == model for one in node.holds)}
        return tuple(sorted(held))

    def model(self, name: str) -> PlacedModel | None:
        return next((one for one in self.models if one.model == name), None)


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
