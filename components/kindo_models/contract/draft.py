"""The contract as far as it can be read: what rules look at, so that one wrong value hides no other finding.

A Draft is made of a file (`read_draft`) or of a Contract (`draft_of`). A value of a wrong type is reported once and is
then as if it were not there, but known to be written (`Block.wrote`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from kindo_models.contract.model import SECRET_FIELDS, Contract, split
from kindo_models.findings import Finding
from kindo_models.source import KeyPath, Source, dotted, findings_of

SECRET_KEYS = tuple(to_camel(field) for field in SECRET_FIELDS)


@dataclass(frozen=True)
class Block:
    """One map of the file. values: what is of the right type, null and empty left out. raw: all that is written."""

    path: KeyPath
    values: Mapping[str, Any] = field(repr=False)
    raw: Mapping[str, Any] = field(repr=False)

    def wrote(self, key: str) -> bool:
        """Whether something stands there, be it of the wrong type."""
        return not _is_empty(self.raw.get(key))

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> int | None:
        value = self.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def truth(self, key: str) -> bool | None:
        value = self.values.get(key)
        return value if isinstance(value, bool) else None

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(item for item in self.values.get(key) or () if isinstance(item, str))

    def block(self, key: str) -> Block | None:
        value = self.values.get(key)
        return Block((*self.path, key), value, self.raw[key]) if isinstance(value, dict) else None

    def map(self, key: str) -> Mapping[str, str]:
        value = self.values.get(key)
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Entry(Block):
    """One entry of `models:`."""

    @property
    def name(self) -> str | None:
        """The routing key."""
        return self.text("litellmModelName")

    @property
    def prefix(self) -> str:
        return split(self.text("litellmModel") or "")[0]

    @property
    def suffix(self) -> str:
        return split(self.text("litellmModel") or "")[1]

    @property
    def deploy(self) -> Block | None:
        return self.block("deploy")

    @property
    def engine(self) -> str | None:
        """Engine of a server that we run; None for an endpoint that exists already."""
        deploy = self.deploy
        return (deploy.text("engine") or "vllm") if deploy else None


@dataclass(frozen=True)
class Draft:
    """Usable entries in file order, what is wrong with the rest, and, where all is usable, the Contract.

    complete: every item of the list is a map, so that a rule about the whole list may speak.
    """

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()
    contract: Contract | None = None
    source: Source | None = None
    complete: bool = True

    def finding(self, path: KeyPath, code: str, message: str, hint: str = "", **more: Any) -> Finding:
        if self.source is not None:
            return self.source.finding(path, code, message, hint, **more)
        return Finding(code=code, message=message, hint=hint, field=dotted(path), **more)

    def line(self, path: KeyPath) -> int | None:
        return self.source.line(path) if self.source else None


def read_draft(source: Source) -> Draft:
    """Everything that a file says about models. Findings: structure only (keys, types, allowed words)."""
    problems = list(source.problems)
    data = source.data
    if not isinstance(data, dict) or not isinstance(data.get("models"), list):
        found = source.finding(
            ("models",) if isinstance(data, dict) and "models" in data else (),
            "no-models",
            "the file has no list `models:`",
            "write the entries under a top-level key `models:`, each beginning with `- litellmModelName:`",
        )
        return Draft((), (*problems, found), source=source, complete=False)
    items = [_filled(item) for item in data["models"]]
    contract = None
    try:
        contract = Contract.model_validate({"models": items}, by_alias=True, by_name=False)
    except ValidationError as error:
        problems += findings_of(error, source, Contract)
        for detail in error.errors(include_url=False, include_input=False):
            _prune(items, detail["loc"])
    entries = tuple(
        Entry(("models", index), item, data["models"][index])
        for index, item in enumerate(items)
        if isinstance(item, dict)
    )
    named = tuple(_named(finding, data["models"]) for finding in problems)
    return Draft(entries, named, contract, source, complete=len(entries) == len(items))


def draft_of(contract: Contract) -> Draft:
    """The same view of a Contract that is in memory."""
    dumped = contract.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)["models"]
    entries = (_filled(item) for item in dumped)
    return Draft(tuple(Entry(("models", index), item, item) for index, item in enumerate(entries)), contract=contract)


def _filled(value: Any, *, keep: bool = False) -> Any:
    """Without what is null, empty or blank: Kindo's page leaves credentials empty to say that there are none."""
    if not isinstance(value, dict):
        return value
    return {key: _filled(item, keep=key == "env") for key, item in value.items() if keep or not _is_empty(item)}


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _prune(items: list[Any], path: KeyPath) -> None:
    """Take out of `items` what stands at an error's path; of a list, all of it."""
    place: Any = items
    for step, following in zip(path[1:], [*path[2:], None], strict=True):
        if isinstance(place, list) and isinstance(step, int) and step < len(place):
            if following is None:
                place[step] = None
                return
            place = place[step]
        elif isinstance(place, dict) and step in place:
            if following is None or not isinstance(place[step], dict):
                del place[step]
                return
            place = place[step]
        else:
            return


def _named(finding: Finding, items: list[Any]) -> Finding:
    """With the entry's routing key, so that a reader need not count."""
    where = finding.field or ""
    if not where.startswith("models["):
        return finding
    item = items[int(where[7 : where.index("]")])]
    name = item.get("litellmModelName") if isinstance(item, dict) else None
    return finding.model_copy(update={"model": name}) if isinstance(name, str) else finding
