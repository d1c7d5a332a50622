"""Kindo's admin API through a mapping of the catalog: rows in the contract's names, whatever the server calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kindo_models.catalog.kindo_admin import KindoAdminMapping, Operation, Resource, Statuses
from kindo_models.registration.clients.http import USUAL_PATIENCE, JsonClient, Patience, Server
from kindo_models.registration.credentials import Credential
from kindo_models.registration.errors import (
    Conflict,
    NotFound,
    Refused,
    RegistrationError,
    Rejected,
    UnexpectedAnswer,
)

URL_SETTING = "registration.kindo.url of the stack's environment"
MAPPING_SETTING = "registration.kindo.mapping of the stack's environment"
KEY_HINT = "Keys expire after 90 days; rotate with POST /superadmin/key."
# A server that repeats its cursor must not keep us for ever.
MOST_PAGES = 1000


@dataclass(frozen=True)
class ModelRow:
    id: str
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    """In the contract's names, without write-only ones."""
    owner: str | None = None


@dataclass(frozen=True)
class ProviderRow:
    id: str
    display_name: str
    owner: str | None = None


class KindoAdminClient:
    def __init__(
        self,
        url: str,
        mapping: KindoAdminMapping,
        key: Credential,
        *,
        patience: Patience = USUAL_PATIENCE,
        log: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.url = url
        self.mapping = mapping
        server = Server("Kindo admin API", url, URL_SETTING, key.setting, KEY_HINT)
        self._http = JsonClient(
            server, {mapping.auth.header: key.value}, (key.value,), patience, log, errors_by_status(mapping.statuses)
        )

    @property
    def has_owner(self) -> bool:
        """Whether rows of models can say to whom they belong."""
        return self.mapping.models.owner is not None

    def check_access(self) -> None:
        """One read that wants the key."""
        next(self._rows(self.mapping.providers, self.mapping.providers.operations.list), None)

    # --- models

    def find_model(self, name: str) -> ModelRow | None:
        resource = self.mapping.models
        # The server may know no such filter and answer with all rows, so the name is compared here.
        rows = [
            row for row in self._rows(resource, resource.operations.lookup, key=name) if resource.row_key(row) == name
        ]
        if len(rows) > 1:
            ids = ", ".join(str(resource.row_id(row)) for row in rows)
            raise RegistrationError(f"Kindo admin API at {self.url} has {len(rows)} models called {name} (ids {ids}).")
        return self._model(rows[0]) if rows else None

    def models(self) -> list[ModelRow]:
        return [self._model(row) for row in self._rows(self.mapping.models, self.mapping.models.operations.list)]

    def create_model(
        self, name: str, fields: Mapping[str, Any], *, owner: str | None, api_key: str | None = None
    ) -> ModelRow:
        """Raises AnswerLost when it may have been made, Conflict when it is there already."""
        resource = self.mapping.models
        values = {resource.key: name} | {key: value for key, value in fields.items() if value is not None}
        body = self._body(resource, values, owner=owner, api_key=api_key)
        return self._model(self._send(resource.operations.create, body, _secrets(api_key)))

    def update_model(
        self, model_id: str, fields: Mapping[str, Any], *, owner: str | None = None, api_key: str | None = None
    ) -> None:
        """Change only these fields; None empties one. Raises NotFound when the row is gone."""
        resource = self.mapping.models
        body = self._body(resource, fields, owner=owner, api_key=api_key)
        self._send(resource.operations.update, body, _secrets(api_key), id=model_id)

    def delete_model(self, model_id: str) -> None:
        """Absent is fine."""
        self._delete(self.mapping.models, model_id)

    # --- providers

    def providers(self) -> list[ProviderRow]:
        resource = self.mapping.providers
        return [self._provider(row) for row in self._rows(resource, resource.operations.list)]

    def create_provider(self, display_name: str, *, owner: str | None = None) -> ProviderRow:
        resource = self.mapping.providers
        body = resource.body({resource.key: display_name}, owner=owner)
        return self._provider(self._send(resource.operations.create, body))

    def delete_provider(self, provider_id: str) -> None:
        """Absent is fine. Raises Conflict when models use it."""
        self._delete(self.mapping.providers, provider_id)

    # --- plumbing

    def _rows(self, resource: Resource, operation: Operation, **values: str) -> Iterator[dict[str, Any]]:
        """All rows, page after page."""
        path, query = operation.route(**values), operation.parameters(**values)
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            paging = self.mapping.paging
            answer = self._http.request(operation.method, path, query={**query, **paging.parameters(cursor)})
            rows = resource.rows_of(answer)
            if rows is None:
                raise self._unexpected(f"{operation.method} {path}: no list of rows at `{resource.rows}`")
            yield from rows
            following = paging.next(answer)
            if following is None:
                return
            if following == cursor:
                raise self._unexpected(f"{operation.method} {path}: the cursor {cursor!r} leads to itself")
            cursor = following
        raise self._unexpected(f"{operation.method} {path}: more than {MOST_PAGES} pages")

    def _send(self, operation: Operation, body: Mapping[str, Any], secrets: tuple[str, ...] = (), **values: str) -> Any:
        path = operation.route(**values)
        return self._http.request(
            operation.method, path, query=operation.parameters(**values), body=dict(body), secrets=secrets
        )

    def _delete(self, resource: Resource, row_id: str) -> None:
        operation = resource.operations.delete
        try:
            self._http.request(operation.method, operation.route(id=row_id), query=operation.parameters(id=row_id))
        except NotFound:
            pass

    def _body(
        self, resource: Resource, fields: Mapping[str, Any], *, owner: str | None, api_key: str | None
    ) -> dict[str, Any]:
        values = {key: value for key, value in fields.items() if key not in resource.fixed or key == resource.key}
        # A mapping without a field for the key says that the platform does not keep keys: then it is not sent.
        if api_key is not None and "apiKey" in resource.fields:
            values["apiKey"] = api_key
        try:
            return resource.body(values, owner=owner)
        except ValueError as error:
            raise RegistrationError(f"{error}. The mapping comes from {MAPPING_SETTING}.") from None

    def _model(self, row: Any) -> ModelRow:
        resource = self.mapping.models
        return ModelRow(
            self._id(resource, row), str(resource.row_key(row)), resource.contract_fields(row), resource.row_owner(row)
        )

    def _provider(self, row: Any) -> ProviderRow:
        resource = self.mapping.providers
        return ProviderRow(self._id(resource, row), str(resource.row_key(row)), resource.row_owner(row))

    def _id(self, resource: Resource, row: Any) -> str:
        found = resource.row_id(row) if isinstance(row, dict) else None
        if found is None:
            raise self._unexpected(f"a {resource.title} without an id at `{resource.id}`")
        return found

    def _unexpected(self, what: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"Kindo admin API at {self.url} does not answer as the mapping {self.mapping.name!r} says: {what}. "
            f"The mapping comes from {MAPPING_SETTING}."
        )


def errors_by_status(statuses: Statuses) -> dict[int, type[RegistrationError]]:
    """What a status means on this server."""
    meanings: tuple[tuple[tuple[int, ...], type[RegistrationError]], ...] = (
        (statuses.invalid, Rejected),
        (statuses.conflict, Conflict),
        (statuses.not_found, NotFound),
        (statuses.unauthorized, Refused),
    )
    return {status: kind for known, kind in meanings for status in known}


def _secrets(api_key: str | None) -> tuple[str, ...]:
    return (api_key,) if api_key else ()
