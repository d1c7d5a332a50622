"""The stand-in's HTTP side: authentication, routes and errors of the assumed admin API."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tools.peripherals.kindo_admin import NAME
from tools.peripherals.kindo_admin.faults import CONTROL, Fault, Faults, control
from tools.peripherals.kindo_admin.schema import ModelChange, NewModel, NewProvider, ProviderChange
from tools.peripherals.kindo_admin.store import Duplicate, InUse, Store, UnknownProvider

MODELS = "/superadmin/models"
PROVIDERS = "/superadmin/model-providers"
DEFAULT_LIMIT, MAXIMUM_LIMIT = 50, 100


class Refusal(Exception):
    """An answer other than the one asked for, in the API's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


def create_app(store: Store, keys: Sequence[str], *, faults: bool = False) -> ASGIApp:
    """`keys`: the x-api-key values that are let in. `faults` adds the control routes that tests use."""
    admin = AdminApi(store)
    routes = [
        Route("/health", _health),
        Route(MODELS, admin.list_models, methods=["GET"]),
        Route(MODELS, admin.create_model, methods=["POST"]),
        Route(MODELS + "/{id}", admin.read_model, methods=["GET"]),
        Route(MODELS + "/{id}", admin.update_model, methods=["PATCH"]),
        Route(MODELS + "/{id}", admin.delete_model, methods=["DELETE"]),
        Route(PROVIDERS, admin.list_providers, methods=["GET"]),
        Route(PROVIDERS, admin.create_provider, methods=["POST"]),
        Route(PROVIDERS + "/{id}", admin.read_provider, methods=["GET"]),
        Route(PROVIDERS + "/{id}", admin.update_provider, methods=["PATCH"]),
        Route(PROVIDERS + "/{id}", admin.delete_provider, methods=["DELETE"]),
    ]
    planned: list[Fault] = []
    journal: list[dict[str, object]] = []
    if faults:
        for (method, name), handler in control(planned, journal).items():
            routes.append(Route(CONTROL + name, handler, methods=[method]))
        routes.append(Route(CONTROL + "models/{id}/fingerprints", admin.fingerprints, methods=["GET"]))
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Keys, keys=tuple(keys))],
        exception_handlers={Refusal: _refuse, HTTPException: _http_error, ValidationError: _invalid},
    )
    return Faults(app, planned, journal) if faults else app


class AdminApi:
    """Handlers over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_models(self, request: Request) -> Response:
        return self._page(request, "model", "litellmModelName")

    async def list_providers(self, request: Request) -> Response:
        return self._page(request, "model_provider", "displayName")

    async def read_model(self, request: Request) -> Response:
        return JSONResponse(self._row(request, "model"))

    async def read_provider(self, request: Request) -> Response:
        return JSONResponse(self._row(request, "model_provider"))

    async def create_model(self, request: Request) -> Response:
        fields = await _body(request, NewModel, everything=True)
        try:
            return JSONResponse(self._store.add_model(fields), 201)
        except Duplicate:
            raise Refusal(409, "duplicate", f"a model {fields['litellmModelName']!r} exists") from None
        except UnknownProvider as error:
            raise _unknown_provider(error) from None

    async def update_model(self, request: Request) -> Response:
        fields = await _body(request, ModelChange)
        try:
            changed = self._store.change_model(request.path_params["id"], fields)
        except UnknownProvider as error:
            raise _unknown_provider(error) from None
        return JSONResponse(changed or self._row(request, "model"))

    async def delete_model(self, request: Request) -> Response:
        return self._delete(request, "model")

    async def create_provider(self, request: Request) -> Response:
        fields = await _body(request, NewProvider, everything=True)
        try:
            return JSONResponse(self._store.add_provider(fields), 201)
        except Duplicate:
            raise Refusal(409, "duplicate", f"a model provider {fields['displayName']!r} exists") from None

    async def update_provider(self, request: Request) -> Response:
        fields = await _body(request, ProviderChange)
        try:
            changed = self._store.change_provider(request.path_params["id"], fields)
        except Duplicate:
            raise Refusal(409, "duplicate", f"a model provider {fields['displayName']!r} exists") from None
        return JSONResponse(changed or self._row(request, "model_provider"))

    async def delete_provider(self, request: Request) -> Response:
        return self._delete(request, "model_provider")

    async def fingerprints(self, request: Request) -> Response:
        return JSONResponse(self._store.fingerprints(request.path_params["id"]))

    def _row(self, request: Request, table: str) -> dict[str, Any]:
        row = self._store.get(table, request.path_params["id"])
        if row is None:
            raise _not_found(request, table)
        return row

    def _delete(self, request: Request, table: str) -> Response:
        try:
            if not self._store.delete(table, request.path_params["id"]):
                raise _not_found(request, table)
        except InUse as error:
            raise Refusal(409, "in_use", f"{error.count} model(s) use this model provider") from None
        return Response(status_code=204)

    def _page(self, request: Request, table: str, name_field: str) -> Response:
        query = request.query_params
        unknown = set(query) - {"limit", "cursor", name_field}
        if unknown:
            raise Refusal(422, "validation_error", f"unknown query parameter {sorted(unknown)[0]!r}")
        try:
            limit = int(query.get("limit", DEFAULT_LIMIT))
        except ValueError:
            limit = 0
        if not 1 <= limit <= MAXIMUM_LIMIT:
            raise Refusal(422, "validation_error", f"limit must be a number from 1 to {MAXIMUM_LIMIT}")
        rows, after = self._store.page(table, query.get(name_field), _decoded(query.get("cursor")), limit)
        return JSONResponse({"data": rows, "nextCursor": None if after is None else _encoded(after)})


async def _body(request: Request, kind: type[BaseModel], *, everything: bool = False) -> dict[str, Any]:
    """The checked body: all fields of a new row, only those that were sent of a change."""
    try:
        document = json.loads(await request.body())
    except ValueError:
        raise Refusal(400, "invalid_json", "the request body is not JSON") from None
    if not isinstance(document, dict):
        raise Refusal(422, "validation_error", "the request body must be an object")
    return kind.model_validate(document).model_dump(exclude_unset=not everything)


def _not_found(request: Request, table: str) -> Refusal:
    return Refusal(404, "not_found", f"no {table.replace('_', ' ')} has the id {request.path_params['id']!r}")


def _unknown_provider(error: UnknownProvider) -> Refusal:
    return Refusal(422, "validation_error", f"modelProviderId: no model provider has the id {str(error)!r}")


def _encoded(number: int) -> str:
    return base64.urlsafe_b64encode(f"after:{number}".encode()).decode()


def _decoded(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("after:"))
    except (ValueError, binascii.Error):
        raise Refusal(422, "validation_error", "cursor: not one that a list answered") from None


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok", "server": NAME})


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return JSONResponse({"error": {"message": error.message, "code": error.code}}, error.status)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "error")
    return JSONResponse({"error": {"message": error.detail, "code": code}}, error.status_code)


async def _invalid(_: Request, error: Exception) -> Response:
    """First problem only, without the value: it may be a key."""
    assert isinstance(error, ValidationError)
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"error": {"message": f"{where}: {first['msg']}", "code": "validation_error"}}, 422)


class Keys:
    """ASGI middleware: everything but /health wants a known x-api-key. `Authorization` is not read."""

    def __init__(self, app: ASGIApp, keys: tuple[str, ...]) -> None:
        self._app, self._keys = app, [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/health":
            given = dict(scope["headers"]).get(b"x-api-key", b"")
            if not any(hmac.compare_digest(given, key) for key in self._keys):
                await JSONResponse({"error": "Unauthorized"}, 401)(scope, receive, send)
                return
        await self._app(scope, receive, send)
