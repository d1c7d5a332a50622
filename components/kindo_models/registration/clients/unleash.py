"""Unleash admin API: features, and strategies with their variants.

Read on Unleash 8.2.0 and relied on here:
- GET of the strategies answers 200 for an archived feature and for a project that does not exist, so existence is asked
  of the feature itself; its answer also holds every environment with its strategies.
- PUT of a strategy replaces it whole; unknown keys in a variant are refused (400); variants come back sorted by name.
- The server recomputes the weights of `variable` variants so that all sum to 1000, and wants at least one of them.
- DELETE of a feature archives it; an archived name cannot be created again until it is deleted from the archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from kindo_models.registration.clients.http import USUAL_PATIENCE, JsonClient, Patience, Server
from kindo_models.registration.credentials import Credential
from kindo_models.registration.errors import NotFound, UnexpectedAnswer

URL_SETTING = "flags.unleash.url of the stack's environment"
VARIANT_FIELDS = ("name", "weight", "weightType", "stickiness", "payload")
STRATEGY_FIELDS = ("name", "title", "disabled", "sortOrder", "constraints", "parameters", "variants", "segments")


class UnleashClient:
    def __init__(
        self, url: str, token: Credential, *, patience: Patience = USUAL_PATIENCE, log: Any = lambda text: None
    ) -> None:
        server = Server(
            "Unleash",
            url,
            URL_SETTING,
            token.setting,
            "It must be an admin token (or a personal one with write access).",
        )
        self.url = url
        self._http = JsonClient(server, {"Authorization": token.value}, (token.value,), patience, log)

    def check_access(self) -> None:
        """One read that needs the token and returns no secret."""
        self._http.request("GET", "/api/admin/projects")

    def feature(self, project: str, name: str) -> dict[str, Any] | None:
        """The feature with `environments[].strategies`, None when it does not exist or is archived."""
        try:
            feature = self._http.request("GET", _feature(project, name))
        except NotFound:
            return None
        if not isinstance(feature, dict) or not isinstance(feature.get("environments"), list):
            raise UnexpectedAnswer(f"Unleash at {self.url} answered without `environments` for the feature {name}.")
        return feature

    def create_feature(self, project: str, name: str, description: str) -> None:
        body = {"name": name, "type": "release", "description": description}
        self._http.request("POST", f"/api/admin/projects/{quote(project, safe='')}/features", body=body)

    def delete_feature(self, project: str, name: str) -> None:
        """Archive it and delete it from the archive; absent is fine."""
        for path in (_feature(project, name), f"/api/admin/archive/{quote(name, safe='')}"):
            try:
                self._http.request("DELETE", path)
            except NotFound:
                pass

    def add_strategy(self, project: str, feature: str, environment: str, strategy: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._http.request("POST", _strategies(project, feature, environment), body=dict(strategy))
        return _strategy(answer, self.url, feature)

    def replace_strategy(
        self, project: str, feature: str, environment: str, strategy: Mapping[str, Any]
    ) -> dict[str, Any]:
        """PUT the strategy as it was read, with its changed variants. Server-side fields are left out."""
        body = {key: strategy[key] for key in STRATEGY_FIELDS if key in strategy}
        body["variants"] = [
            {key: variant[key] for key in VARIANT_FIELDS if key in variant}
            for variant in strategy.get("variants") or []
        ]
        path = f"{_strategies(project, feature, environment)}/{quote(str(strategy['id']), safe='')}"
        return _strategy(self._http.request("PUT", path, body=body), self.url, feature)

    def delete_strategy(self, project: str, feature: str, environment: str, strategy_id: str) -> None:
        try:
            self._http.request("DELETE", f"{_strategies(project, feature, environment)}/{quote(strategy_id, safe='')}")
        except NotFound:
            pass

    def switch(self, project: str, feature: str, environment: str, *, on: bool) -> None:
        path = f"{_feature(project, feature)}/environments/{quote(environment, safe='')}/{'on' if on else 'off'}"
        self._http.request("POST", path)


def _feature(project: str, name: str) -> str:
    return f"/api/admin/projects/{quote(project, safe='')}/features/{quote(name, safe='')}"


def _strategies(project: str, feature: str, environment: str) -> str:
    return f"{_feature(project, feature)}/environments/{quote(environment, safe='')}/strategies"


def _strategy(answer: Any, url: str, feature: str) -> dict[str, Any]:
    if not isinstance(answer, dict) or not isinstance(answer.get("variants"), list):
        raise UnexpectedAnswer(f"Unleash at {url} answered without `variants` after writing a strategy of {feature}.")
    return answer
