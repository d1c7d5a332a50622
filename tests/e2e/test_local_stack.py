"""The stack local from nothing to nothing, on the real node, in the order in which a team lives through it.

The tests share one running stack and build on each other: each leaves it as complete as it found it.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kubernetes import client, config

from tests.support.project import Project, entry
from tools import peripherals as local_peripherals
from tools.paths import Instance
from tools.peripherals.servers import kindo_admin
from tools.showcase import TOOL_MODEL, answer, master_key, tool_call

SERVED = {"qwen3-coder-30b", "nemotron", "deephat-v2", "bge-m3", "whisper-large-v3", "smollm2-135m"}
OUR_VARIANT = "models"
CLOUD = {"gpt-4o", "claude-sonnet-4-20250514", "gemini-2.5-pro", "claude-sonnet-4-bedrock", "azure-gpt-4o"}


class Servers:
    """What a person would look at beside Pulumi: the cluster, the admin API, Unleash, the gateway."""

    def __init__(self, cluster: Instance, variables: dict[str, str]) -> None:
        self.cluster = cluster
        self.variables = variables
        config.load_kube_config(str(cluster.kubeconfig))
        self.core = client.CoreV1Api()

    def registered(self) -> dict[str, dict[str, Any]]:
        """Rows of the admin API by routing key."""
        answer = httpx.get(
            f"{self.variables['KINDO_ADMIN_URL']}/superadmin/models",
            headers={"x-api-key": self.variables["KINDO_ADMIN_API_KEY"]},
            params={"limit": 100},
            trust_env=False,
        )
        answer.raise_for_status()
        body = answer.json()
        rows = body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))
        return {row["litellmModelName"]: row for row in rows}

    def providers(self) -> set[str]:
        answer = httpx.get(
            f"{self.variables['KINDO_ADMIN_URL']}/superadmin/model-providers",
            headers={"x-api-key": self.variables["KINDO_ADMIN_API_KEY"]},
            trust_env=False,
        )
        answer.raise_for_status()
        body = answer.json()
        rows = body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))
        return {row["displayName"] for row in rows}

    def variants(self) -> dict[str, dict[str, str]]:
        """feature → variant name → payload, over all strategies of the environment."""
        with httpx.Client(
            base_url=self.variables["UNLEASH_URL"],
            headers={"Authorization": self.variables["UNLEASH_ADMIN_TOKEN"]},
            trust_env=False,
        ) as unleash:
            features = unleash.get("/api/admin/projects/default/features").raise_for_status().json()["features"]
            found: dict[str, dict[str, str]] = {}
            for feature in features:
                path = f"/api/admin/projects/default/features/{feature['name']}/environments/development/strategies"
                found[feature["name"]] = {
                    variant["name"]: variant.get("payload", {}).get("value", "")
                    for strategy in unleash.get(path).raise_for_status().json()
                    for variant in strategy.get("variants", [])
                }
        return found

    def pods(self) -> list[Any]:
        found: list[Any] = [
            pod
            for namespace in ("inference", "kindo-gateway")
            for pod in self.core.list_namespaced_pod(namespace).items
        ]
        return found

    def namespaces(self) -> set[str]:
        return {namespace.metadata.name for namespace in self.core.list_namespace().items}

    def releases(self) -> set[str]:
        secrets = self.core.list_secret_for_all_namespaces(label_selector="owner=helm").items
        return {secret.metadata.labels["name"] for secret in secrets}

    def snapshot(self) -> tuple[Any, ...]:
        return (self.registered(), self.providers(), self.variants(), self.namespaces(), self.releases())


@pytest.fixture(scope="module")
def servers(peripherals: Instance, stack_variables: dict[str, str]) -> Servers:
    return Servers(peripherals, stack_variables)


@pytest.fixture(scope="module")
def untouched(servers: Servers) -> tuple[Any, ...]:
    """What stood in the cluster, the admin API and Unleash before the first `up`."""
    return servers.snapshot()


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, stack_variables: dict[str, str], untouched: tuple[Any, ...]
) -> Project:
    """After `untouched`, in whatever order the tests are chosen."""
    return Project.copy(tmp_path_factory.mktemp("project") / "platform", stack_variables)


@pytest.fixture
def edited(project: Project) -> Iterator[Project]:
    """The project, whose files are put back afterwards."""
    files = {file: file.read_text() for file in (project.contract_file, project.stack_file)}
    variables = dict(project.variables)
    yield project
    for file, text in files.items():
        file.write_text(text)
    project.variables = variables


# --- before anything exists


def test_a_wrong_admin_key_stops_the_run_at_once_and_creates_nothing_there(
    edited: Project, servers: Servers, untouched: tuple[Any, ...]
) -> None:
    edited.variables["KINDO_ADMIN_API_KEY"] = "wrong-canary-key"
    run = edited.up()
    assert run.status != 0
    assert "KINDO_ADMIN_API_KEY" in run.output
    assert "401" in run.output
    assert "wrong-canary-key" not in run.output
    assert "Traceback" not in run.output
    assert servers.snapshot() == untouched


@pytest.mark.parametrize(
    ("file", "old", "new", "line_of", "nearest"),
    [
        ("contract_file", "displayName: GPT-4o\n", "displayNam: GPT-4o\n", "displayNam:", "displayName"),
        ("stack_file", "startupSeconds: 120", "startupSecond: 120", "startupSecond:", "startupSeconds"),
    ],
)
def test_an_unknown_key_ends_the_run_with_file_line_and_nearest_key(
    edited: Project, file: str, old: str, new: str, line_of: str, nearest: str
) -> None:
    path: Path = getattr(edited, file)
    text = path.read_text().replace(old, new, 1)
    path.write_text(text)
    line = next(number for number, content in enumerate(text.splitlines(), 1) if line_of in content)
    run = edited.pulumi("preview", "--stack", "local")
    assert run.status != 0
    assert f"stacks/{path.name}:{line}" in run.output
    assert f"did you mean '{nearest}'?" in run.output
    assert "Traceback" not in run.output


def test_missing_model_keys_are_named_all_at_once(edited: Project) -> None:
    edited.variables |= {"OPENAI_API_KEY": "", "VLLM_API_KEY": ""}
    run = edited.up()
    assert run.status != 0
    assert "OPENAI_API_KEY is not set; wanted by gpt-4o" in run.output
    assert "VLLM_API_KEY is not set" in run.output
    assert "Traceback" not in run.output


def test_the_admin_api_being_down_is_a_clear_error(
    edited: Project, servers: Servers, untouched: tuple[Any, ...]
) -> None:
    kindo_admin(servers.cluster).stop()
    try:
        run = edited.up()
    finally:
        local_peripherals.up(servers.cluster)
    assert run.status != 0
    assert servers.variables["KINDO_ADMIN_URL"] in run.output
    assert "Traceback" not in run.output
    assert servers.snapshot() == untouched


# --- the whole path


def test_up_registers_every_model_and_points_every_required_flag_at_them(project: Project, servers: Servers) -> None:
    run = project.up()
    assert run.status == 0, run.output
    models = project.models()
    assert set(models) == SERVED | CLOUD
    assert {row["status"] for row in models.values()} == {"pass"}
    assert {name: row["id"] for name, row in servers.registered().items()} == {
        name: row["model_id"] for name, row in models.items()
    }
    assert "Self-Hosted" in servers.providers()
    assert models["bge-m3"]["flags"] == ["EMBEDDING_MODELS"]
    assert models["whisper-large-v3"]["flags"] == ["AUDIO_TRANSCRIPTION"]
    assert "TOOL_CALLING_MODELS" not in models["smollm2-135m"]["flags"]
    assert set().union(*(row["flags"] for row in models.values())) == set(servers.variants())


def test_the_gateway_gives_a_real_answer_and_a_real_tool_call_to_the_host(project: Project, servers: Servers) -> None:
    gateway, key = project.outputs()["gateway"], master_key(servers.cluster)
    assert "Paris" in answer(gateway, key)
    name, arguments = tool_call(gateway, key)
    assert name == "get_weather"
    assert isinstance(arguments["location"], str)
    assert TOOL_MODEL in SERVED


def test_the_gateway_refuses_a_caller_without_the_key(project: Project) -> None:
    models = f"{project.outputs()['gateway']}/v1/models"
    assert httpx.get(models, trust_env=False).status_code == 401
    # Without a database LiteLLM answers an unknown key with 400 "No connected db".
    wrong = httpx.get(models, headers={"Authorization": "Bearer sk-wrong"}, trust_env=False)
    assert wrong.status_code in (400, 401)


def test_a_second_up_changes_nothing(project: Project) -> None:
    run = project.up("--expect-no-changes")
    assert run.status == 0, run.output


def test_a_foreign_variant_and_constraint_in_unleash_are_left_as_they_were(
    servers: Servers, untouched: tuple[Any, ...], project: Project
) -> None:
    before: dict[str, dict[str, str]] = untouched[2]
    foreign = {
        (feature, name): payload
        for feature, found in before.items()
        for name, payload in found.items()
        if name != OUR_VARIANT
    }
    assert foreign
    after = servers.variants()
    for (feature, name), payload in foreign.items():
        assert after[feature][name] == payload


def test_a_preview_from_another_path_home_and_python_shows_no_change(
    project: Project, stack_variables: dict[str, str], tmp_path: Path, other_environments: list[Path]
) -> None:
    for number, virtual_environment in enumerate(other_environments):
        home = tmp_path / f"home-{number}"
        home.mkdir()
        variables = {
            **stack_variables,
            "HOME": str(home),
            "USER": f"somebody-{number}",
            "PATH": f"{virtual_environment / 'bin'}{os.pathsep}{stack_variables['PATH']}",
        }
        other = Project.copy(
            tmp_path / f"elsewhere-{number}" / "deep", variables, virtual_environment=virtual_environment
        )
        assert other.preview_steps() == {}


def test_a_preview_from_a_python_that_pickles_otherwise_shows_no_change(project: Project, tmp_path: Path) -> None:
    """Python 3.14 raised pickle's default protocol, with which the SDK writes a resource's provider into state."""
    (tmp_path / "sitecustomize.py").write_text("import pickle\npickle.DEFAULT_PROTOCOL = 5\n")
    newer = Project(project.folder, {**project.environment, "PYTHONPATH": str(tmp_path)}, variables=project.variables)
    shown = subprocess.run(
        ["python", "-c", "import pickle; print(pickle.DEFAULT_PROTOCOL)"],
        env={**os.environ, **newer.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "5"
    assert newer.preview_steps() == {}


def test_changing_a_display_name_changes_one_resource(edited: Project, servers: Servers) -> None:
    edited.edit_contract(lambda models: entry(models, "gpt-4o").update(displayName="GPT-4o (new)"))
    steps = edited.preview_steps()
    assert list(steps.values()) == ["update"], steps
    assert next(iter(steps)).endswith("gpt-4o")
    assert edited.up().status == 0
    assert servers.registered()["gpt-4o"]["displayName"] == "GPT-4o (new)"


def test_no_secret_is_in_output_state_pods_config_maps_or_logs(
    project: Project, servers: Servers, stack_variables: dict[str, str]
) -> None:
    names = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "AWS_SECRET_ACCESS_KEY", "AZURE_API_KEY")
    names += ("VLLM_API_KEY", "KINDO_ADMIN_API_KEY", "UNLEASH_ADMIN_TOKEN")
    canaries = {name: stack_variables[name] for name in names} | {"master key": master_key(servers.cluster)}
    pods = servers.pods()
    places = {
        "up": project.up("--diff").output,
        "state": project.state(),
        "pods": json.dumps([client.ApiClient().sanitize_for_serialization(pod) for pod in pods]),
        "config maps": json.dumps(
            [config_map.data for config_map in servers.core.list_config_map_for_all_namespaces().items]
        ),
        "registered": json.dumps(servers.registered()),
        "logs": "".join(
            servers.core.read_namespaced_pod_log(pod.metadata.name, pod.metadata.namespace)
            for pod in pods
            if pod.status.phase in ("Running", "Succeeded", "Failed")
        ),
    }
    assert "gpt-4o" in places["pods"]
    assert "checks" in places["config maps"]
    found = [(name, place) for name, secret in canaries.items() for place, text in places.items() if secret in text]
    assert found == []


def test_a_pod_without_the_label_cannot_reach_a_model_server(servers: Servers, stack_variables: dict[str, str]) -> None:
    """The same request, from the same namespace: with the gateway's label it gets through, without it does not."""
    image = stack_variables["KINDO_MODELS_IMAGE_LITELLM"]
    script = (
        "import urllib.request\n"
        "try: print(urllib.request.urlopen('http://deephat-v2.inference:8000/health', timeout=4).status)\n"
        "except Exception as error: print(type(error).__name__)"
    )
    seen = {}
    for name, labels in (("stranger", {}), ("gateway", {"kindo-models.dev/network": "gateway"})):
        pod = {
            "metadata": {"name": f"try-{name}", "labels": labels},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "try", "image": image, "command": ["python3", "-c", script]}],
            },
        }
        servers.core.create_namespaced_pod("kindo-gateway", pod)
        try:
            seen[name] = wait_for_log(servers, f"try-{name}")
        finally:
            servers.core.delete_namespaced_pod(f"try-{name}", "kindo-gateway", grace_period_seconds=0)
    assert seen == {"stranger": "URLError", "gateway": "200"}


def wait_for_log(servers: Servers, name: str) -> str:
    import time

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if servers.core.read_namespaced_pod(name, "kindo-gateway").status.phase in ("Succeeded", "Failed"):
            return str(servers.core.read_namespaced_pod_log(name, "kindo-gateway")).strip()
        time.sleep(0.5)
    raise AssertionError(f"pod {name} did not end")


def test_a_key_that_lies_in_a_secret_of_the_cluster_is_taken_from_there(
    edited: Project, servers: Servers, stack_variables: dict[str, str]
) -> None:
    secret = {"metadata": {"name": "team-keys"}, "stringData": {"openai": stack_variables["OPENAI_API_KEY"]}}
    servers.core.create_namespaced_secret("kindo-gateway", secret)
    settings = yaml.safe_load(edited.stack_file.read_text())
    existing = {"existing": {"OPENAI_API_KEY": {"name": "team-keys", "key": "openai"}}}
    settings["config"]["kindo-models:environment"]["secrets"] = existing
    edited.stack_file.write_text(yaml.safe_dump(settings))
    edited.variables["OPENAI_API_KEY"] = ""
    run = edited.up()
    assert run.status == 0, run.output
    assert edited.models()["gpt-4o"]["status"] == "pass"
    given = servers.core.read_namespaced_secret("litellm-provider-keys", "kindo-gateway").data["GPT_4O_API_KEY"]
    assert base64.b64decode(given).decode() == stack_variables["OPENAI_API_KEY"]
    assert stack_variables["OPENAI_API_KEY"] not in edited.state() + run.output
    # It is read anew each time, so that a rotation is seen, and that is all.
    assert set(edited.preview_steps().values()) == {"read"}


# --- models come, fail and go


def test_a_model_that_fails_is_not_registered_and_the_others_are(edited: Project, servers: Servers) -> None:
    def add(models: list[dict[str, Any]]) -> None:
        good = dict(entry(models, "deephat-v2"), litellmModelName="good", litellmModel="openai/good")
        good["deploy"] = dict(good["deploy"], gpu={"count": 1})
        bad = dict(good, litellmModelName="bad", litellmModel="openai/bad")
        bad["deploy"] = dict(good["deploy"], env={"SHIM_FAULT": "no-tool-call"})
        models += [bad, good]

    edited.edit_contract(add)
    run = edited.up()
    assert run.status != 0
    assert "bad" in run.output
    assert "tool-call-parser-missing" in run.output
    assert "Traceback" not in run.output
    registered = servers.registered()
    assert "good" in registered
    assert "bad" not in registered
    bad_ids = [payload for found in servers.variants().values() for payload in found.values() if "bad" in payload]
    assert bad_ids == []
    rows = edited.models()
    assert (rows["bad"]["model_id"], rows["bad"]["status"]) == (None, "fail")

    # Mended, the next `up` tries the failed gate again and completes.
    edited.edit_contract(lambda models: entry(models, "bad")["deploy"].pop("env"))
    run = edited.up()
    assert run.status == 0, run.output
    assert "bad" in servers.registered()


def test_removing_models_deletes_registration_release_and_variant_entries(project: Project, servers: Servers) -> None:
    before = servers.registered()
    assert {"good", "bad"} <= set(before)
    gone = {before["good"]["id"], before["bad"]["id"]}
    run = project.up()
    assert run.status == 0, run.output
    assert set(servers.registered()) == SERVED | CLOUD
    assert {"good", "bad"} & servers.releases() == set()
    payloads = [payload for found in servers.variants().values() for payload in found.values()]
    assert not any(model_id in payload for model_id in gone for payload in payloads)


def test_destroy_leaves_nothing_that_up_created(project: Project, servers: Servers, untouched: tuple[Any, ...]) -> None:
    project.destroy()
    assert servers.snapshot() == untouched
    assert servers.pods() == []


@pytest.fixture(scope="module")
def other_environments(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> list[Path]:
    """Virtual environments of every other supported Python minor version on this machine, or of the same."""
    listed = subprocess.run(
        [repository / ".venv/bin/uv", "python", "list", "--only-installed", "--output-format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    own = ".".join(map(str, __import__("sys").version_info[:2]))
    found: dict[str, str] = {}
    for python in json.loads(listed.stdout):
        minor = f"{python['version_parts']['major']}.{python['version_parts']['minor']}"
        if minor in ("3.11", "3.12", "3.13", "3.14") and minor != own and python["implementation"] == "cpython":
            found.setdefault(minor, python["path"])
    made = []
    for minor, path in sorted(found.items())[-1:] or [(own, __import__("sys").executable)]:
        folder = tmp_path_factory.mktemp("venv") / minor
        subprocess.run(
            [
                repository / ".venv/bin/uv",
                "sync",
                "--frozen",
                "--no-dev",
                "--no-default-groups",
                "--python",
                path,
                "-q",
            ],
            cwd=repository,
            env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder), "UV_LINK_MODE": "copy"},
            check=True,
        )
        made.append(folder)
    return made
