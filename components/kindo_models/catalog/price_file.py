"""A user's price file: what one region sells, and at which price; docs/packing.md tells its form.

The catalog has on-demand prices of one region per cloud; everything else (spot, reserved, other regions) is only known
to the user.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from kindo_models.catalog.instances import Cloud, Instance, find_instance, instances, is_region
from kindo_models.findings import Finding, InputError
from kindo_models.source import KeyPath, Source, findings_of, read


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class PriceHead(_Part):
    source: str = Field(min_length=1)
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")


class PriceOffer(_Part):
    """One instance type, bought in one way.

    usd_per_hour: of the whole node; zones: where it holds, none: everywhere in the region; nodes: how many there are at
    most (required for `reserved`); reservation: id of the capacity reservation or capacity block.
    """

    instance: str = Field(min_length=1)
    capacity: Literal["on-demand", "spot", "reserved"] = "on-demand"
    usd_per_hour: float = Field(ge=0, le=10_000, allow_inf_nan=False)
    zones: tuple[str, ...] = ()
    nodes: int | None = Field(default=None, ge=1)
    reservation: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> PriceOffer:
        if self.capacity != "reserved" and self.usd_per_hour == 0:
            raise ValueError(f"usdPerHour: {self.capacity} nodes are not free; only reserved ones may be paid already")
        if self.capacity != "reserved" and self.reservation:
            raise ValueError(
                f"reservation {self.reservation!r}: {self.capacity} and a capacity reservation or capacity block "
                "exclude each other; write `capacity: reserved`, or leave `reservation` out"
            )
        if self.capacity == "reserved" and self.nodes is None:
            raise ValueError("nodes: reserved capacity says how many nodes it has")
        return self


class PriceFile(_Part):
    """complete: what is not listed is not sold; else the catalog's on-demand prices of the same region hold as well."""

    head: PriceHead
    cloud: Cloud
    region: str
    complete: bool = False
    offers: tuple[PriceOffer, ...]
    not_sold: tuple[str, ...] = ()


def load_prices(path: Path) -> PriceFile:
    """Raises InputError with every finding, each with its line."""
    source = read(path)
    if not isinstance(source.data, dict):
        raise InputError([source.finding((), "no-prices", "the file is no price file", "see docs/packing.md")])
    try:
        prices = PriceFile.model_validate(source.data)
    except ValidationError as error:
        raise InputError(_named(findings_of(error, source, PriceFile), source)) from None
    if found := list(_findings(prices, source)):
        raise InputError(found)
    return prices


def _named(found: list[Finding], source: Source) -> list[Finding]:
    """Adds the price that the catalog has, where one is missing or impossible."""
    named = []
    for one in found:
        field = one.field or ""
        index = int(field[7 : field.index("]")]) if field.startswith("offers[") else None
        entry = source.data["offers"][index] if index is not None else None
        name = entry.get("instance") if isinstance(entry, dict) else None
        known = find_instance(name) if isinstance(name, str) else None
        hint = one.hint
        if known and "usdPerHour" in field and known.usd_per_hour:
            hint = (
                f"a price above 0; the catalog has ${known.usd_per_hour:,.2f}/h on-demand in {known.region} "
                f"({known.price_date})"
            )
        message = f"{name}: {one.message}" if isinstance(name, str) else one.message
        named.append(one.model_copy(update={"hint": hint, "message": message}))
    return named


def _findings(prices: PriceFile, source: Source) -> Iterator[Finding]:
    if not is_region(prices.region, prices.cloud):
        yield source.finding(
            ("region",), "unknown-region", f"{prices.region!r} is not how {prices.cloud} writes a region"
        )
    seen: dict[tuple[object, ...], int] = {}
    for index, offer in enumerate(prices.offers):
        path: KeyPath = ("offers", index, "instance")
        yield from instance_findings(offer.instance, prices.cloud, source, path)
        key = (offer.instance, offer.capacity, tuple(sorted(offer.zones)), offer.reservation)
        if key in seen:
            yield source.finding(
                path, "duplicate-price", f"{offer.instance} {offer.capacity} is listed before: offers[{seen[key]}]"
            )
        seen.setdefault(key, index)
    for index, name in enumerate(prices.not_sold):
        yield from instance_findings(name, prices.cloud, source, ("notSold", index))


def instance_findings(name: str, cloud: Cloud, source: Source, path: KeyPath) -> Iterator[Finding]:
    """An instance type that the catalog's cloud does not have, or that has no whole GPU, with the nearest that has."""
    problem = instance_problem(name, cloud)
    if problem:
        yield source.finding(path, *problem)


def instance_problem(name: str, cloud: Cloud) -> tuple[str, str, str] | None:
    """(code, message, hint) where nothing can be placed on this instance type of the cloud; None where it can."""
    known = next((one for one in instances() if one.cloud == cloud and one.name == name), None)
    if known is None:
        names = [one.name for one in instances() if one.cloud == cloud]
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
        listed = ", ".join(priced(one) for one in instances() if one.cloud == cloud and one.name in near)
        return "instance-unknown", f"{cloud} has no GPU instance type {name!r} in the catalog", f"nearest: {listed}"
    if known.gpus is None:
        whole = sorted(
            (one for one in instances() if one.cloud == cloud and one.gpu == known.gpu and one.gpus),
            key=lambda one: (one.usd_per_hour is None, one.usd_per_hour or 0.0),
        )
        listed = ", ".join(priced(one) for one in whole[:2])
        message = f"{name}: {known.reason}; nothing is placed on it"
        return "instance-without-whole-gpu", message, f"nearest with whole GPUs: {listed}" if listed else ""
    return None


def priced(one: Instance) -> str:
    """g6.xlarge (1× L4, $0.80/h)."""
    price = f"${one.usd_per_hour:,.2f}/h" if one.usd_per_hour else "price not known"
    held = f"{one.gpus}× {one.gpu}" if one.gpus else f"no whole {one.gpu}"
    return f"{one.name} ({held}, {price})"
