"""The servers beside the cluster: real PostgreSQL and Unleash, stand-ins of the providers and of Kindo's admin API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools import peripherals as beside
from tools.cluster import network
from tools.paths import PERIPHERALS_NAMESPACE, PORTS, REPOSITORY, Instance
from tools.peripherals import postgresql, seeding, servers
from tools.peripherals.secrets import internal, secrets
from tools.processes import Process

NAMES = ("unleash", "aimock", "kindo-admin-api")
STRATEGIES = f"/api/admin/projects/default/features/{seeding.FOREIGN_FEATURE}/environments/development/strategies"
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"location": {"type": "string"}},
    "required": ["location"],
}
QUESTION = "What is the weather in SF?"


@pytest.fixture
def unleash(peripherals: Instance) -> Iterator[httpx.Client]:
    with servers.client(
        peripherals, "unleash", {"Authorization": secrets(peripherals)["UNLEASH_ADMIN_TOKEN"]}
    ) as client:
        yield client


@pytest.fixture
def kindo(peripherals: Instance) -> Iterator[httpx.Client]:
    with servers.client(
        peripherals, "kindo-admin-api", {"x-api-key": secrets(peripherals)["KINDO_ADMIN_API_KEY"]}
    ) as client:
        yield client


@pytest.fixture
def providers(peripherals: Instance) -> Iterator[httpx.Client]:
    with servers.client(peripherals, "aimock", {}) as client:
        yield client


def processes(instance: Instance) -> list[Process]:
    found = [servers.unleash(instance), servers.providers(instance), servers.kindo_admin(instance)]
    return [postgresql.process(instance), *found]


def kill(victims: list[Process]) -> None:
    """As the kernel would; returns when they are dead."""
    for process in victims:
        if (pid := process.pid()) is not None:
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(process.pid() for process in victims) and time.monotonic() < deadline:
        time.sleep(0.05)


# --- what an installed Kindo has


def test_every_required_feature_is_on_for_everybody(peripherals: Instance, unleash: httpx.Client) -> None:
    features = seeding.required_features()
    assert len(features) == 8
    with servers.client(
        peripherals, "unleash", {"Authorization": internal(peripherals)["UNLEASH_CLIENT_TOKEN"]}
    ) as edge:
        served = {row["name"]: row for row in edge.get("/api/client/features").raise_for_status().json()["features"]}
    for feature in features:
        assert served[feature]["enabled"], feature
        assert [strategy["name"] for strategy in served[feature]["strategies"]] == ["flexibleRollout"]
    assert unleash.get("/api/admin/ui-config").json()["versionInfo"]["current"]["oss"] == "8.2.0"


def test_seeding_again_changes_nothing_even_what_was_changed_since(
    peripherals: Instance, unleash: httpx.Client, kindo: httpx.Client
) -> None:
    (strategy,) = unleash.get(STRATEGIES).raise_for_status().json()
    path = f"{STRATEGIES}/{strategy['id']}"
    edited = {**strategy, "title": "edited by the operator"}
    unleash.put(path, json={key: edited[key] for key in ("name", "title", "constraints", "parameters", "variants")})
    before = (unleash.get(STRATEGIES).json(), kindo.get("/superadmin/model-providers").json())
    assert before[0][0]["title"] == "edited by the operator"
    beside.seed(peripherals)
    assert (unleash.get(STRATEGIES).json(), kindo.get("/superadmin/model-providers").json()) == before
    unleash.put(path, json={key: strategy[key] for key in ("name", "title", "constraints", "parameters", "variants")})


def test_one_feature_carries_what_somebody_else_put_there(unleash: httpx.Client) -> None:
    (strategy,) = unleash.get(STRATEGIES).raise_for_status().json()
    variants = {variant["name"]: variant for variant in strategy["variants"]}
    assert variants["canary"]["weight"] == 100
    assert variants["canary"]["payload"] == {"type": "json", "value": '["canary-model-of-the-operator"]'}
    assert variants["baseline"]["payload"]["value"] == "model-of-the-operator"
    assert strategy["constraints"] == [seeding.FOREIGN_CONSTRAINT]


def test_the_self_hosted_provider_is_still_to_be_made(peripherals: Instance, kindo: httpx.Client) -> None:
    names = {row["displayName"] for row in kindo.get("/superadmin/model-providers").raise_for_status().json()["data"]}
    assert set(seeding.PROVIDERS) <= names


# --- keys


def test_wrong_keys_are_refused(peripherals: Instance) -> None:
    for name, path, header in (
        ("unleash", "/api/admin/projects", "Authorization"),
        ("kindo-admin-api", "/superadmin/models", "x-api-key"),
    ):
        with servers.client(peripherals, name, {header: "wrong"}) as client:
            assert client.get(path).status_code == 401, name


def test_no_key_is_in_a_log(peripherals: Instance) -> None:
    keys = [value for value in {**secrets(peripherals), **internal(peripherals)}.values() if len(value) > 8]
    for process in processes(peripherals):
        log = process.log.read_text(errors="replace")
        assert log
        assert not [key for key in keys if key in log], process.name


def test_secrets_and_data_are_their_owners_only(peripherals: Instance) -> None:
    directory = peripherals.state_dir
    assert directory.stat().st_mode & 0o077 == 0
    assert (directory / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert (directory / "postgresql").stat().st_mode & 0o777 == 0o700


# --- in the cluster


@pytest.mark.parametrize("name", NAMES)
def test_a_server_answers_at_its_service(peripherals: Instance, name: str) -> None:
    from kubernetes import client, config

    with config.new_client_from_config(str(peripherals.kubeconfig)) as api:
        service = client.CoreV1Api(api).read_namespaced_service(name, PERIPHERALS_NAMESPACE)
    url = f"http://{service.spec.cluster_ip}:{PORTS[name]}/health"
    probe = f"import httpx; print(httpx.get({url!r}, timeout=5, trust_env=False).status_code)"
    inside = [*network.inside(peripherals), sys.executable, "-c", probe]
    assert subprocess.run(inside, capture_output=True, text=True, check=True).stdout.strip() == "200"


def test_exposing_again_changes_no_object(peripherals: Instance) -> None:
    from kubernetes import client, config

    def versions() -> dict[str, str]:
        core, discovery = client.CoreV1Api(api), client.DiscoveryV1Api(api)
        items = [
            *core.list_namespaced_service(PERIPHERALS_NAMESPACE).items,
            *discovery.list_namespaced_endpoint_slice(PERIPHERALS_NAMESPACE).items,
        ]
        return {item.metadata.name: item.metadata.resource_version for item in items}

    with config.new_client_from_config(str(peripherals.kubeconfig)) as api:
        before = versions()
        beside.expose(peripherals)
        assert versions() == before
    assert len(before) == 8


# --- stand-in of the providers: each one's own wire format


def openai(instance: Instance, **more: Any) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
    return {
        "path": "/v1/chat/completions",
        "headers": {"Authorization": f"Bearer {secrets(instance)['OPENAI_API_KEY']}"},
        "body": {"model": "gpt-4o", "messages": [{"role": "user", "content": QUESTION}], "tools": tools},
        "call": lambda answer: (
            (function := answer["choices"][0]["message"]["tool_calls"][0]["function"])["name"],
            json.loads(function["arguments"]),
        ),
        **more,
    }


def azure(instance: Instance) -> dict[str, Any]:
    path = "/openai/deployments/my-gpt4o-deployment/chat/completions?api-version=2024-10-21"
    return openai(instance, path=path, headers={"api-key": secrets(instance)["AZURE_API_KEY"]})


def anthropic(instance: Instance) -> dict[str, Any]:
    return {
        "path": "/v1/messages",
        "headers": {"x-api-key": secrets(instance)["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"},
        "body": {
            "model": "claude-sonnet-4-20250514",
            "max_tokens": 256,
            "messages": [{"role": "user", "content": QUESTION}],
            "tools": [{"name": "get_weather", "input_schema": WEATHER}],
        },
        "call": lambda answer: next((p["name"], p["input"]) for p in answer["content"] if p["type"] == "tool_use"),
    }


def gemini(instance: Instance) -> dict[str, Any]:
    return {
        "path": "/v1beta/models/gemini-2.5-pro:generateContent",
        "headers": {"x-goog-api-key": secrets(instance)["GEMINI_API_KEY"]},
        "body": {
            "contents": [{"role": "user", "parts": [{"text": QUESTION}]}],
            # The spelling that LiteLLM sends; the API takes both.
            "tools": [{"function_declarations": [{"name": "get_weather", "parameters": WEATHER}]}],
        },
        "call": lambda answer: next(
            (p["functionCall"]["name"], p["functionCall"]["args"])
            for p in answer["candidates"][0]["content"]["parts"]
            if "functionCall" in p
        ),
    }


def bedrock(instance: Instance) -> dict[str, Any]:
    credential = (
        f"AWS4-HMAC-SHA256 Credential={secrets(instance)['AWS_ACCESS_KEY_ID']}/20261122/us-west-2/bedrock/aws4_request"
    )
    return {
        "path": "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse",
        "headers": {"Authorization": f"{credential}, SignedHeaders=host, Signature=0"},
        "body": {
            "messages": [{"role": "user", "content": [{"text": QUESTION}]}],
            "toolConfig": {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": WEATHER}}}]},
        },
        "call": lambda answer: next(
            (p["toolUse"]["name"], p["toolUse"]["input"])
            for p in answer["output"]["message"]["content"]
            if "toolUse" in p
        ),
    }


@pytest.mark.parametrize(
    "provider", [openai, azure, anthropic, gemini, bedrock], ids=lambda provider: provider.__name__
)
def test_a_provider_calls_the_tool_in_its_own_format_and_refuses_other_keys(
    peripherals: Instance, providers: httpx.Client, provider: Any
) -> None:
    request = provider(peripherals)
    answer = providers.post(request["path"], headers=request["headers"], json=request["body"])
    assert answer.status_code == 200, answer.text
    assert request["call"](answer.json()) == ("get_weather", {"location": "San Francisco"})
    plain = {key: value for key, value in request["body"].items() if key not in ("tools", "toolConfig")}
    said = providers.post(request["path"], headers=request["headers"], json=plain)
    assert QUESTION in said.text
    wrong = {name: value[:-4] + "oops" for name, value in request["headers"].items()}
    if provider is bedrock:
        wrong = {"Authorization": request["headers"]["Authorization"].replace("Credential=", "Credential=X")}
    refused = providers.post(request["path"], headers=wrong, json=plain)
    assert refused.status_code in (400, 401, 403), refused.text


def test_embeddings_of_providers_are_repeatable(peripherals: Instance, providers: httpx.Client) -> None:
    headers = openai(peripherals)["headers"]
    body = {"model": "text-embedding-3-small", "input": ["a", "b"]}
    first, second = (providers.post("/v1/embeddings", headers=headers, json=body).json()["data"] for _ in range(2))
    assert first == second
    assert first[0]["embedding"] != first[1]["embedding"]


# --- life


def test_killed_servers_come_back_with_their_data(
    peripherals: Instance, kindo: httpx.Client, unleash: httpx.Client
) -> None:
    provider = (
        kindo.post("/superadmin/model-providers", json={"displayName": f"Kept {uuid.uuid4()}"})
        .raise_for_status()
        .json()
    )
    flags = unleash.get(STRATEGIES).json()
    assert all(process.pid() for process in processes(peripherals))
    kill(processes(peripherals))
    assert not any(state.healthy for state in beside.status(peripherals))
    beside.up(peripherals)
    assert all(state.healthy for state in beside.status(peripherals))
    assert kindo.get(f"/superadmin/model-providers/{provider['id']}").json() == provider
    assert unleash.get(STRATEGIES).json() == flags
    kindo.delete(f"/superadmin/model-providers/{provider['id']}").raise_for_status()


def test_up_again_restarts_nothing(peripherals: Instance) -> None:
    before = [process.pid() for process in processes(peripherals)]
    beside.up(peripherals)
    assert [process.pid() for process in processes(peripherals)] == before


def test_an_interrupted_first_start_is_resumed_and_down_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an instance of its own: killed at two moments of its first start, then completed, then taken down."""
    monkeypatch.setenv("KINDO_MODELS_STATE", str(tmp_path))
    spare = Instance("spare", 76)
    network.create(spare)
    try:
        for seconds in (0.8, 3.0):
            start = (
                "from tools.paths import Instance; from tools import peripherals; peripherals.up(Instance('spare', 76))"
            )
            run = subprocess.Popen([sys.executable, "-c", start], cwd=REPOSITORY)
            try:
                run.wait(seconds)
            except subprocess.TimeoutExpired:
                run.kill()
            run.wait()
            kill(processes(spare))
        beside.up(spare)
        beside.seed(spare)
        assert all(state.healthy for state in beside.status(spare))
        beside.down(spare)
        assert not any(state.pid for state in beside.status(spare))
        assert str(tmp_path) not in Path("/proc/mounts").read_text()
        inode = network.inode(spare)
        inside = [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and namespace_of(pid) == inode]
        assert not inside
    finally:
        beside.down(spare)
        network.delete(spare)


def namespace_of(process: Path) -> int | None:
    try:
        return (process / "ns" / "net").stat().st_ino
    except OSError:
        return None


# --- faults of the Kindo admin API stand-in, over a real connection


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[httpx.Client]:
    """A stand-in of its own with the switch for planned faults, on the loopback."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tools.peripherals.kindo_admin", "--port", str(port), "--faults"]
    process = subprocess.Popen(
        [*command, "--database", tmp_path / "kindo.sqlite"],
        cwd=REPOSITORY,
        env={**os.environ, "KINDO_ADMIN_API_KEY": "key"},
    )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": "key"}, timeout=10, trust_env=False
        ) as client:
            for _ in range(100):
                try:
                    client.get("/health").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(10)


def test_the_stand_in_says_what_it_is(faulty: httpx.Client) -> None:
    assert faulty.get("/superadmin/models").headers["Server"] == "kindo-admin-api-stand-in"


def test_a_lost_answer_has_done_its_work(faulty: httpx.Client) -> None:
    fault = {"kind": "lost-answer", "method": "POST", "path": "/superadmin/model-providers"}
    faulty.post("/stand-in/faults", json=fault).raise_for_status()
    with pytest.raises(httpx.TransportError):
        faulty.post("/superadmin/model-providers", json={"displayName": "Self-Hosted"})
    assert [row["displayName"] for row in faulty.get("/superadmin/model-providers").json()["data"]] == ["Self-Hosted"]


def test_dropped_slow_and_malformed_answers(faulty: httpx.Client) -> None:
    for kind in ("drop", "slow", "malformed"):
        faulty.post("/stand-in/faults", json={"kind": kind, "seconds": 0.5}).raise_for_status()
    with pytest.raises(httpx.TransportError):
        faulty.get("/superadmin/models")
    assert faulty.get("/superadmin/models").elapsed.total_seconds() >= 0.5
    with pytest.raises(ValueError):
        faulty.get("/superadmin/models").json()
    assert faulty.get("/superadmin/models").json() == {"data": [], "nextCursor": None}
