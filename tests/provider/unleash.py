"""Unleash for the provider tests: its admin routes as Unleash 8.2.0 answers them, on the loopback.

Copied from what the real server was seen to do: variants come back sorted by name, weights of `variable` variants are
rescaled so that all sum to 1000, at least one must be `variable`, unknown keys and duplicate names are refused,
strategies of an archived feature still answer, an archived name cannot be made again. With
KINDO_MODELS_TEST_UNLEASH=URL (and UNLEASH_ADMIN_TOKEN) the same tests run against a real server instead.
"""

from __future__ import annotations

import copy
import json
import os
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.provider.servers import Answer, loopback

TOKEN = "*:*.canary-unleash-token-77aa"
VARIANT_FIELDS = {"name", "weight", "weightType", "stickiness", "payload"}
ENVIRONMENTS = ("development", "production")


class Unleash:
    """What tests do beside the provider, with the server's own API, so that it works on a real one, too."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.http = httpx.Client(base_url=url, headers={"Authorization": token})

    def add_feature(self, name: str, *strategies: dict[str, Any], environment: str = "development") -> None:
        self.http.post(
            "/api/admin/projects/default/features", json={"name": name, "type": "release"}
        ).raise_for_status()
        for strategy in strategies:
            self.http.post(self._strategies(name, environment), json=strategy).raise_for_status()

    def feature(self, name: str) -> dict[str, Any] | None:
        answer = self.http.get(f"/api/admin/projects/default/features/{name}")
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def enabled(self, name: str, environment: str = "development") -> bool:
        feature = self.feature(name)
        assert feature is not None
        return bool(next(e["enabled"] for e in feature["environments"] if e["name"] == environment))

    def strategies(self, name: str, environment: str = "development") -> list[dict[str, Any]]:
        feature = self.feature(name)
        assert feature is not None
        found: list[dict[str, Any]] = next(e["strategies"] for e in feature["environments"] if e["name"] == environment)
        return found

    def variants(self, name: str, environment: str = "development") -> dict[str, dict[str, Any]]:
        return {v["name"]: v for s in self.strategies(name, environment) for v in s["variants"]}

    def payload(self, name: str, variant: str, value: str, kind: str = "json") -> None:
        """Change a variant's payload by hand."""
        strategy = next(s for s in self.strategies(name) if any(v["name"] == variant for v in s["variants"]))
        for one in strategy["variants"]:
            if one["name"] == variant:
                one["payload"] = {"type": kind, "value": value}
        self.http.put(f"{self._strategies(name, 'development')}/{strategy['id']}", json=strategy).raise_for_status()

    def remove(self, name: str) -> None:
        self.http.delete(f"/api/admin/projects/default/features/{name}")
        self.http.delete(f"/api/admin/archive/{name}")

    def _strategies(self, name: str, environment: str) -> str:
        return f"/api/admin/projects/default/features/{name}/environments/{environment}/strategies"


def strategy(name: str = "flexibleRollout", *variants: dict[str, Any], **more: Any) -> dict[str, Any]:
    parameters = {"rollout": "100", "stickiness": "default", "groupId": "g"} if name == "flexibleRollout" else {}
    return {
        "name": name,
        "constraints": [],
        "segments": [],
        "parameters": parameters,
        "variants": list(variants),
        **more,
    }


def variant(name: str, value: str | None = None, *, weight: int = 1000, kind: str = "json", fixed: bool = False) -> Any:
    made = {"name": name, "weight": weight, "weightType": "fix" if fixed else "variable", "stickiness": "default"}
    return made if value is None else {**made, "payload": {"type": kind, "value": value}}


@contextmanager
def unleash() -> Iterator[Unleash]:
    if url := os.environ.get("KINDO_MODELS_TEST_UNLEASH"):
        yield Unleash(url, os.environ["UNLEASH_ADMIN_TOKEN"])
        return
    with loopback(_Server().respond) as url:
        yield Unleash(url, TOKEN)


class _Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.answer = Answer(status, {"name": "Error", "message": message, "details": [{"message": message}]})


class _Server:
    def __init__(self) -> None:
        self.features: dict[str, dict[str, Any]] = {}
        self.archived: set[str] = set()
        self.lock = threading.Lock()

    def respond(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        if headers.get("Authorization") != TOKEN:
            return Answer(401, {"name": "UnauthorizedError", "message": "You must log in to use Unleash."})
        with self.lock:
            try:
                return self.route(method, path, body)
            except _Refusal as refusal:
                return refusal.answer

    def route(self, method: str, path: str, body: Any) -> Answer:
        if path == "/api/admin/projects":
            return Answer(200, {"projects": [{"id": "default"}]})
        if match := re.fullmatch(r"/api/admin/archive/([^/]+)", path):
            self.archived.discard(match[1])
            return Answer(200)
        match = re.fullmatch(r"/api/admin/projects/([^/]+)/features(?:/([^/]+)(?:/environments/([^/]+)/(.+))?)?", path)
        if match is None:
            raise _Refusal(404, f"no route {path}")
        project, name, environment, rest = match.groups()
        if name is None:
            return self.create(project, body)
        if rest is None:
            return self.read_or_archive(method, project, name)
        return self.in_environment(method, self.find(project, name), environment, rest, body)

    def create(self, project: str, body: Any) -> Answer:
        name = body["name"]
        if project != "default":
            raise _Refusal(404, f"Active project with id {project} does not exist")
        if name in self.features or name in self.archived:
            raise _Refusal(409, "A flag with that name already exists")
        environments = [{"name": e, "enabled": False, "strategies": []} for e in ENVIRONMENTS]
        self.features[name] = {"name": name, "description": body.get("description"), "environments": environments}
        return Answer(201, {"name": name})

    def find(self, project: str, name: str) -> dict[str, Any]:
        if project != "default" or name not in self.features:
            raise _Refusal(404, f'There\'s no feature named "{name}" in project "{project}".')
        return self.features[name]

    def read_or_archive(self, method: str, project: str, name: str) -> Answer:
        if method == "DELETE":
            if self.features.pop(name, None):
                self.archived.add(name)
            return Answer(202)
        return Answer(200, copy.deepcopy(self.find(project, name)))

    def in_environment(self, method: str, feature: dict[str, Any], environment: str, rest: str, body: Any) -> Answer:
        found = [e for e in feature["environments"] if e["name"] == environment]
        if not found:
            raise _Refusal(404, f"Feature {feature['name']} does not have environment {environment}")
        if rest in ("on", "off"):
            found[0]["enabled"] = rest == "on"
            return Answer(200)
        strategies: list[dict[str, Any]] = found[0]["strategies"]
        if method == "POST":
            made = {
                "id": uuid.uuid4().hex,
                "title": None,
                "disabled": False,
                "sortOrder": len(strategies),
                **_stored(body),
            }
            strategies.append(made)
            return Answer(200, made)
        wanted = [s for s in strategies if s["id"] == rest.partition("/")[2]]
        if not wanted:
            raise _Refusal(404, f"Could not find strategy with id={rest}")
        if method == "DELETE":
            strategies.remove(wanted[0])
            return Answer(200)
        wanted[0].update(_stored(body))
        return Answer(200, wanted[0])


def _stored(body: dict[str, Any]) -> dict[str, Any]:
    known = {"constraints": [], "parameters": {}, "segments": [], "variants": [], **body}
    known.pop("id", None)
    variants = [dict(one) for one in known["variants"]]
    for one in variants:
        if unknown := set(one) - VARIANT_FIELDS:
            raise _Refusal(400, f"The `/body/variants` object does not allow additional properties: {unknown}")
        if one.get("payload", {}).get("type") == "json":
            try:
                json.loads(one["payload"]["value"])
            except ValueError:
                raise _Refusal(400, "'value' must be a valid json string when 'type' is json.") from None
    if len({one["name"] for one in variants}) < len(variants):
        raise _Refusal(400, "contains a duplicate value")
    return {**known, "variants": _rescaled(sorted(variants, key=lambda one: str(one["name"])))}


def _rescaled(variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    free = [one for one in variants if one["weightType"] == "variable"]
    if variants and not free:
        raise _Refusal(400, 'There must be at least one "variable" variant')
    rest = 1000 - sum(one["weight"] for one in variants if one["weightType"] == "fix")
    if rest < 0:
        raise _Refusal(400, "The traffic distribution total must equal 100%")
    for index, one in enumerate(free):
        one["weight"] = rest // len(free) + (1 if index < rest % len(free) else 0)
    return variants
