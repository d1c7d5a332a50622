"""How a Kindo release's admin API is talked to about models: routes, field names, paging. The vendor publishes none of
it, so each mapping is named by the user and says whether it is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from kindo_models.catalog.files import CatalogPart, Head, load


class UnknownMapping(ValueError):
    """No mapping has this name; the message lists those that exist."""


class Operation(CatalogPart):
    """One route. `path` and the values of `query` may hold `{id}` or `{key}`."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str = Field(pattern="^/")
    query: dict[str, str] = Field(default_factory=dict)
    success: tuple[int, ...]

    def route(self, **values: str) -> str:
        """The path with its placeholders filled in and quoted."""
        return self.path.format(**{name: quote(value, safe="") for name, value in values.items()})

    def parameters(self, **values: str) -> dict[str, str]:
        """The query with its placeholders filled in; the HTTP client quotes it."""
        return {name: text.format(**values) for name, text in self.query.items()}


class Operations(CatalogPart):
    list: Operation
    lookup: Operation
    read: Operation
    create: Operation
    update: Operation
    delete: Operation


class Resource(CatalogPart):
    """One kind of row: models, or model providers."""

    title: str
    key: str
    id: str
    owner: str | None = None
    rows: str
    operations: Operations
    fields: dict[str, str]
    write_only: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    def body(self, fields: Mapping[str, Any], *, owner: str | None = None) -> dict[str, Any]:
        """Request body for fields in the contract's names."""
        unknown = sorted(set(fields) - set(self.fields))
        if unknown:
            raise ValueError(
                f"the admin API's mapping has no {self.title} field for {', '.join(unknown)}; "
                f"it has {', '.join(self.fields)}"
            )
        body = {self.fields[name]: value for name, value in fields.items()}
        if owner is not None and self.owner is not None:
            body[self.owner] = owner
        return body

    def contract_fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row's readable fields in the contract's names; what the row does not have is None."""
        return {name: row.get(field) for name, field in self.fields.items() if name not in self.write_only}

    def row_key(self, row: Mapping[str, Any]) -> Any:
        return row.get(self.fields[self.key])

    def row_id(self, row: Mapping[str, Any]) -> str | None:
        value = at(row, self.id)
        return None if value in (None, "") else str(value)

    def row_owner(self, row: Mapping[str, Any]) -> str | None:
        value = None if self.owner is None else row.get(self.owner)
        return None if value in (None, "") else str(value)

    def rows_of(self, answer: Any) -> list[dict[str, Any]] | None:
        """The rows of one page; None when the answer does not have the mapping's form."""
        rows = at(answer, self.rows)
        return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None


class Paging(CatalogPart):
    limit_parameter: str
    limit: int = Field(gt=0)
    cursor_parameter: str
    next_cursor: str

    def parameters(self, cursor: str | None) -> dict[str, str]:
        first = {self.limit_parameter: str(self.limit)}
        return first if cursor is None else {**first, self.cursor_parameter: cursor}

    def next(self, answer: Any) -> str | None:
        """Cursor of the next page, None on the last one."""
        value = at(answer, self.next_cursor)
        return None if value in (None, "") else str(value)


class Auth(CatalogPart):
    header: str


class Statuses(CatalogPart):
    unauthorized: tuple[int, ...]
    not_found: tuple[int, ...]
    conflict: tuple[int, ...]
    invalid: tuple[int, ...]


class KindoAdminMapping(CatalogPart):
    """Everything a client needs to know about one release's admin API, except its address and key."""

    name: str
    source: str
    date: str
    assumed: bool
    auth: Auth
    statuses: Statuses
    paging: Paging
    models: Resource
    providers: Resource


class _File(CatalogPart):
    head: Head
    mappings: dict[str, dict[str, Any]]


@cache
def kindo_admin_mappings() -> dict[str, KindoAdminMapping]:
    entries = _File.model_validate(load("kindo_admin_mappings.yaml")).mappings
    return {name: KindoAdminMapping.model_validate({"name": name, **entry}) for name, entry in entries.items()}


def kindo_admin_mapping(name: str) -> KindoAdminMapping:
    """The mapping of this name; UnknownMapping lists the known ones."""
    known = kindo_admin_mappings()
    if name not in known:
        raise UnknownMapping(f"no admin API mapping is called {name!r}; known: {', '.join(sorted(known))}")
    return known[name]


def at(document: Any, path: str) -> Any:
    """The value at a dotted path (`data.id`); the document itself at an empty path; None where there is nothing."""
    for part in filter(None, path.split(".")):
        document = document.get(part) if isinstance(document, Mapping) else None
    return document
