"""How old the catalog's facts are: every file's date against the days that such facts may be relied on."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from kindo_models.catalog.files import CatalogPart, Head, load


class Rule(CatalogPart):
    files: str
    days: int
    reason: str


class Freshness(CatalogPart):
    head: Head
    days: tuple[Rule, ...]


@dataclass(frozen=True)
class Aged:
    """One catalog file. `due`: the last day on which its facts are taken for good."""

    file: str
    date: datetime.date
    due: datetime.date
    reason: str
    source: str


@cache
def freshness() -> Freshness:
    return Freshness.model_validate(load("freshness.yaml"))


def aged() -> list[Aged]:
    """Every file of the catalog that has a head, by name."""
    found = []
    for name in sorted(_names(files("kindo_models.catalog") / "data", "")):
        content = load(name)
        head = content.get("head") if isinstance(content, dict) else None
        if not isinstance(head, dict):
            continue
        rule = next(rule for rule in freshness().days if fnmatchcase(name, rule.files))
        date = datetime.date.fromisoformat(str(head["date"])[:10])
        due = date + datetime.timedelta(days=rule.days)
        found.append(Aged(name, date, due, rule.reason, str(head.get("source", ""))))
    return found


def _names(folder: Traversable, prefix: str) -> Iterator[str]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _names(item, f"{prefix}{item.name}/")
        elif item.name.endswith((".yaml", ".json")):
            yield f"{prefix}{item.name}"
