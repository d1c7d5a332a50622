"""GPU instance types by cloud, with on-demand prices: one file for each cloud and licence in `data/instances`."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from pydantic import Field

from kindo_models.catalog.files import CatalogPart, Head, load, names

Cloud = Literal["eks", "aks", "gke"]

NO_COUNT = "its GPU count is not in the sources read"


class Instance(CatalogPart):
    """One instance type.

    gpus: whole GPUs; None for slices and where no source says it, and then `placeable` is false and `reason` says why.
    usd_per_hour: on-demand in `region` on `price_date`, None where no source has it.
    """

    name: str
    cloud: Cloud
    gpu: str
    gpus: int | None = Field(default=None, ge=1)
    vcpu: int | None = None
    memory_gib: float | None = None
    network_gbps: float | None = None
    rdma: str | None = None
    nvme_gb: int | None = None
    link: str | None = None
    """How its GPUs are linked, where a source says it."""
    usd_per_hour: float | None = Field(default=None, gt=0)
    region: str
    price_date: str
    architecture: Literal["amd64", "arm64"] = "amd64"
    """Of its CPU."""
    note: str | None = None

    @property
    def placeable(self) -> bool:
        return self.gpus is not None

    @property
    def reason(self) -> str | None:
        """Why nothing can be placed on it; None when it can."""
        return None if self.placeable else self.note or NO_COUNT


class _File(CatalogPart):
    head: Head
    cloud: Cloud
    region: str
    region_form: str
    """How this cloud writes its regions, as a regular expression."""
    price_source: str
    price_date: str
    instances: dict[str, dict[str, str | int | float]]


@cache
def _files() -> tuple[_File, ...]:
    return tuple(_File.model_validate(load(name)) for name in names("instances"))


@cache
def instances() -> tuple[Instance, ...]:
    """All instance types of all clouds, in the files' order."""
    found = []
    for file in _files():
        defaults = {"cloud": file.cloud, "region": file.region, "price_date": file.price_date}
        found += [
            Instance.model_validate({**defaults, "name": instance, **facts})
            for instance, facts in file.instances.items()
        ]
    return tuple(found)


def placeable(cloud: Cloud | None = None) -> tuple[Instance, ...]:
    """Instance types with whole GPUs of one cloud, or of all."""
    return tuple(one for one in instances() if one.placeable and cloud in (None, one.cloud))


def region_of(cloud: Cloud) -> str:
    """The region that a cloud's prices are of, where an instance type says no other."""
    return next(file.region for file in _files() if file.cloud == cloud)


def is_region(text: str, cloud: Cloud) -> bool:
    """Whether this is how the cloud writes a region; which ones exist, and what they sell, is not in the catalog."""
    return any(re.match(file.region_form, text) for file in _files() if file.cloud == cloud)


def find_instance(name: str) -> Instance | None:
    return next((one for one in instances() if one.name.lower() == name.lower()), None)
