"""The stand-in of the Kindo admin API does what the mapping `assumed-2026.09` says, driven by that mapping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from kindo_models.catalog.kindo_admin import Operation, Resource, UnknownMapping, kindo_admin_mapping
from tools.peripherals.kindo_admin.app import create_app
from tools.peripherals.kindo_admin.store import Store

MAPPING = kindo_admin_mapping("assumed-2026.09")
KEY, SECRET = "kindo_sa_right", "sk-canary-0123456789"


class Http:
    """Requests to the app in this process."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://stand-in") as client:
                return await client.request(method, path, **more)

        return asyncio.run(send())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


class Driver:
    """Speaks to the stand-in in the mapping's words only."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def call(self, operation: Operation, body: Any = None, *, row_id: str = "", key: str = "", **query: str) -> Any:
        answer = self.http.request(
            operation.method,
            operation.route(id=row_id),
            params={**operation.parameters(key=key), **query},
            json=body,
            headers={MAPPING.auth.header: KEY},
        )
        assert answer.status_code in operation.success, answer.text
        return answer.json() if answer.content else None

    def refused(self, operation: Operation, body: Any = None, *, row_id: str = "") -> tuple[int, dict[str, str]]:
        answer = self.http.request(
            operation.method, operation.route(id=row_id), json=body, headers={MAPPING.auth.header: KEY}
        )
        assert answer.status_code >= 400, answer.text
        error: dict[str, str] = answer.json()["error"]
        assert set(error) == {"message", "code"}
        return answer.status_code, error

    def provider(self, name: str = "Self-Hosted") -> str:
        resource = MAPPING.providers
        found = resource.row_id(self.call(resource.operations.create, resource.body({"displayName": name})))
        assert found
        return found

    def model(self, **changed: Any) -> dict[str, Any]:
        fields = {**FIELDS, **changed}
        if "modelProviderId" not in fields:
            fields["modelProviderId"] = self.provider()
        body = MAPPING.models.body(fields, owner="kindo-models/local/deephat-v2")
        row: dict[str, Any] = self.call(MAPPING.models.operations.create, body)
        return row


FIELDS: dict[str, Any] = {
    "litellmModelName": "deephat-v2",
    "litellmModel": "openai/deephat-v2",
    "displayName": "DeepHat V2",
    "creator": "Kindo",
    "type": "CHAT",
    "metadataType": "Text Generation",
    "costTier": "LOW",
    "contextWindow": 250000,
    "maxTokens": 16384,
    "apiBase": "http://litellm.kindo-gateway.svc.cluster.local:4000/v1",
    "apiKey": SECRET,
}


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(None)
    yield store
    store.close()


@pytest.fixture
def http(store: Store) -> Http:
    return Http(create_app(store, [KEY]))


@pytest.fixture
def admin(http: Http) -> Driver:
    return Driver(http)


def test_a_created_model_is_found_by_id_by_name_and_in_the_list(admin: Driver) -> None:
    models = MAPPING.models
    row = admin.model()
    row_id = models.row_id(row)
    assert isinstance(row_id, str)
    assert len(row_id) > 8
    read = admin.call(models.operations.read, row_id=row_id)
    assert models.rows_of(admin.call(models.operations.lookup, key="deephat-v2")) == [read]
    assert models.rows_of(admin.call(models.operations.list)) == [read]
    assert models.rows_of(admin.call(models.operations.lookup, key="DeepHat-V2")) == []
    shown = models.contract_fields(read)
    assert {name: shown[name] for name in FIELDS if name != "apiKey"} == {
        k: v for k, v in FIELDS.items() if k != "apiKey"
    }
    assert models.row_owner(read) == "kindo-models/local/deephat-v2"


def test_keys_are_in_no_answer(admin: Driver, http: Http) -> None:
    row = admin.model(awsAccessKeyId="AKIACANARY", awsSecretAccessKey=SECRET)
    row_id = MAPPING.models.row_id(row) or ""
    changed = admin.call(MAPPING.models.operations.update, {"apiKey": SECRET + "2"}, row_id=row_id)
    listed = admin.call(MAPPING.models.operations.list)
    for answer in (row, changed, listed):
        text = json.dumps(answer)
        assert SECRET not in text
        assert "AKIACANARY" not in text
        assert not any(MAPPING.models.fields[name] in text for name in MAPPING.models.write_only)


def test_an_update_changes_what_it_names_and_null_empties(admin: Driver) -> None:
    row = admin.model(description="old")
    row_id = MAPPING.models.row_id(row) or ""
    update = MAPPING.models.operations.update
    changed = admin.call(update, {"displayName": "DeepHat", "description": None}, row_id=row_id)
    assert changed["displayName"] == "DeepHat"
    assert changed["description"] is None
    same = {key: value for key, value in row.items() if key not in ("displayName", "description", "updatedAt")}
    assert {key: changed[key] for key in same} == same
    assert changed["updatedAt"] >= row["updatedAt"]


def test_a_deleted_model_is_gone_and_its_name_free(admin: Driver) -> None:
    models = MAPPING.models
    provider = admin.provider()
    row = admin.model(modelProviderId=provider)
    row_id = models.row_id(row) or ""
    admin.call(models.operations.delete, row_id=row_id)
    for operation in (models.operations.read, models.operations.update, models.operations.delete):
        status, error = admin.refused(operation, {} if operation.method == "PATCH" else None, row_id=row_id)
        assert status in MAPPING.statuses.not_found
        assert row_id in error["message"]
    assert models.row_id(admin.model(modelProviderId=provider)) != row_id


def test_a_taken_name_is_a_conflict(admin: Driver) -> None:
    row = admin.model()
    body = MAPPING.models.body({**FIELDS, "modelProviderId": row["modelProviderId"]})
    status, error = admin.refused(MAPPING.models.operations.create, body)
    assert status in MAPPING.statuses.conflict
    assert error["code"] == "duplicate"
    status, _ = admin.refused(MAPPING.providers.operations.create, {"displayName": "Self-Hosted"})
    assert status in MAPPING.statuses.conflict
    other = admin.provider("Other")
    status, _ = admin.refused(MAPPING.providers.operations.update, {"displayName": "Self-Hosted"}, row_id=other)
    assert status in MAPPING.statuses.conflict


def test_a_provider_in_use_is_not_deleted(admin: Driver) -> None:
    providers = MAPPING.providers
    row = admin.model()
    used = row["modelProviderId"]
    status, error = admin.refused(providers.operations.delete, row_id=used)
    assert status in MAPPING.statuses.conflict
    assert error == {"message": "1 model(s) use this model provider", "code": "in_use"}
    admin.call(MAPPING.models.operations.delete, row_id=MAPPING.models.row_id(row) or "")
    admin.call(providers.operations.delete, row_id=used)
    assert providers.rows_of(admin.call(providers.operations.list)) == []


@pytest.mark.parametrize("resource", [MAPPING.models, MAPPING.providers], ids=["models", "providers"])
def test_a_long_list_comes_in_pages_without_loss_or_double(admin: Driver, resource: Resource) -> None:
    provider = admin.provider("name-000")
    count = MAPPING.paging.limit * 2 + 3
    for number in range(1, count):
        name = f"name-{number:03}"
        if resource is MAPPING.providers:
            admin.provider(name)
        else:
            admin.model(litellmModelName=name, modelProviderId=provider)
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor is not None:
        answer = admin.call(resource.operations.list, **MAPPING.paging.parameters(cursor))
        rows = resource.rows_of(answer)
        assert rows
        seen += [resource.row_key(row) for row in rows]
        cursor = MAPPING.paging.next(answer)
        pages += 1
    assert pages == 3
    assert seen == sorted(set(seen))
    assert len(seen) == (count if resource is MAPPING.providers else count - 1)


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": "wrong"}, {"x-api-key": ""}, {"Authorization": f"Bearer {KEY}"}],
    ids=["none", "wrong", "empty", "authorization"],
)
def test_only_the_key_header_lets_in(http: Http, headers: dict[str, str]) -> None:
    for operation in (MAPPING.models.operations.list, MAPPING.providers.operations.create):
        answer = http.request(operation.method, operation.path, headers=headers, json={})
        assert answer.status_code in MAPPING.statuses.unauthorized
        assert answer.json() == {"error": "Unauthorized"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"type": "chat"}, "type"),
        ({"metadataType": "Text"}, "metadataType"),
        ({"costTier": "FREE"}, "costTier"),
        ({"contextWindow": "128000"}, "contextWindow"),
        ({"contextWindow": 0}, "contextWindow"),
        ({"displayName": ""}, "displayName"),
        ({"displayName": None}, "displayName"),
        ({"modelProviderId": "nowhere"}, "modelProviderId"),
    ],
)
def test_a_bad_field_is_named_and_changes_nothing(admin: Driver, change: dict[str, Any], named: str) -> None:
    row = admin.model()
    row_id = MAPPING.models.row_id(row) or ""
    name = {"litellmModelName": "another"}
    body = {**MAPPING.models.body({**FIELDS, "modelProviderId": row["modelProviderId"]}), **name, **change}
    for operation, sent in ((MAPPING.models.operations.create, body), (MAPPING.models.operations.update, change)):
        status, error = admin.refused(operation, sent, row_id=row_id)
        assert status in MAPPING.statuses.invalid
        assert error["message"].startswith(f"{named}:")
        assert SECRET not in error["message"]
    assert MAPPING.models.rows_of(admin.call(MAPPING.models.operations.list)) == [row]


def test_fixed_fields_and_missing_ones_are_refused(admin: Driver) -> None:
    row = admin.model()
    for name in MAPPING.models.fixed:
        field = MAPPING.models.fields[name]
        status, error = admin.refused(MAPPING.models.operations.update, {field: "x"}, row_id=row["id"])
        assert status in MAPPING.statuses.invalid
        assert field in error["message"]
    status, error = admin.refused(MAPPING.models.operations.create, {"displayName": "x"})
    assert status in MAPPING.statuses.invalid
    assert error["message"].startswith("litellmModel")


def test_bodies_and_queries_that_cannot_be_read_are_refused(http: Http) -> None:
    headers = {MAPPING.auth.header: KEY}
    path = MAPPING.models.operations.create.path
    assert http.post(path, content="{", headers=headers).status_code == 400
    assert http.post(path, json=[1], headers=headers).status_code == 422
    for query in ({"limit": "0"}, {"limit": "1000"}, {"limit": "ten"}, {"cursor": "x"}, {"name": "x"}):
        assert http.get(path, params=query, headers=headers).status_code == 422
    assert http.request("PUT", path, json={}, headers=headers).status_code == 405


def test_rows_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "kindo.sqlite"
    first = Store(path)
    row = Driver(Http(create_app(first, [KEY]))).model()
    first.close()
    second = Store(path)
    again = Driver(Http(create_app(second, [KEY])))
    assert again.call(MAPPING.models.operations.read, row_id=row["id"]) == row
    assert again.refused(MAPPING.providers.operations.delete, row_id=row["modelProviderId"])[0] == 409
    second.close()


def test_the_key_is_kept_as_a_fingerprint_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "kindo.sqlite")
    http = Http(create_app(store, [KEY], faults=True))
    admin = Driver(http)
    row = admin.model()
    path = f"/stand-in/models/{row['id']}/fingerprints"
    before = http.get(path, headers={"x-api-key": KEY}).json()
    admin.call(MAPPING.models.operations.update, {"apiKey": "sk-rotated"}, row_id=row["id"])
    after = http.get(path, headers={"x-api-key": KEY}).json()
    assert before["apiKey"] != after["apiKey"]
    store.close()
    assert not any(SECRET.encode() in file.read_bytes() for file in tmp_path.iterdir())


def test_faults_can_be_planned_only_when_started_for_it(http: Http, store: Store) -> None:
    headers = {"x-api-key": KEY}
    fault = {
        "kind": "status",
        "status": 503,
        "retry_after": 2,
        "method": "GET",
        "path": "/superadmin/models",
        "times": 2,
    }
    assert http.post("/stand-in/faults", json=fault, headers=headers).status_code == 404
    faulty = Http(create_app(store, [KEY], faults=True))
    assert faulty.post("/stand-in/faults", json=fault, headers=headers).status_code == 204
    answers = [faulty.get("/superadmin/models", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "2"
    journal = faulty.get("/stand-in/requests", headers=headers).json()
    assert [entry["status"] for entry in journal] == [503, 503, 200]


def test_an_unknown_mapping_names_the_known_ones() -> None:
    with pytest.raises(UnknownMapping, match=r"assumed-2026\.08.*known: assumed-2026\.09"):
        kindo_admin_mapping("assumed-2026.08")


def test_the_mapping_refuses_fields_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="no model field for colour"):
        MAPPING.models.body({"colour": "red"})


def test_the_mapping_says_that_it_is_assumed() -> None:
    assert MAPPING.assumed
    assert "does not publish" in MAPPING.source
