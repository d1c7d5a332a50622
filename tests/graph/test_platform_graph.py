"""The resource graph of the stack local, against Pulumi's mocks."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pulumi
import pytest

from kindo_models import ModelPlatform, ModelPlatformArgs, load_stack
from kindo_models.environment import ExternalSecrets, SecretSettings, SecretStore, StoredKey
from kindo_models.planning.keys import locate_keys
from kindo_models.program import main
from kindo_models.stack import Stack
from tests.support.mocks import Recorder, run

LONG = {"__provider": "[pickle]", "checks.py": "[script]"}
SNAPSHOT = Path(__file__).parent / "snapshots" / "local.json"
RECORD = "KINDO_MODELS_RECORD_SNAPSHOTS"


@pytest.fixture(scope="module")
def stack(repository: Path, local_variables: dict[str, str]) -> Stack:
    return load_stack("local", directory=repository / "stacks", variables=local_variables)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Charts are packed into the project's folder; a test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def platform(stack: Stack, secret: str = "canary-secret") -> Any:
    keys = {key.secret_key: pulumi.Output.secret(f"{secret}-{key.secret_key}") for key in stack.plan.keys}
    return lambda: ModelPlatform("models", ModelPlatformArgs(plan=stack.plan, keys=keys))


def graph(recorder: Recorder) -> list[dict[str, Any]]:
    """Type, name and inputs of every resource; secrets masked, generated hashes kept."""
    return [
        {"type": one.typ, "name": one.name, "inputs": masked(one.inputs)}
        for one in sorted(recorder.resources, key=lambda one: (one.typ, one.name))
    ]


def masked(value: Any) -> Any:
    if isinstance(value, dict):
        if "4dabf18193072939515e22adb298388d" in value:
            return "[secret]"
        return {key: LONG.get(key) or masked(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return HASHES.sub("[hash]", value) if isinstance(value, str) and len(value) < 2000 else value


# Charts and the gate's script are named by their content, which has reviews of its own.
HASHES = re.compile(r"(?<=\d\+)[0-9a-f]{12}(?=\.tgz)|(?<=kindo-models-checks-)[0-9a-f]{10}|^[0-9a-f]{64}$")


def test_the_graph_is_the_reviewed_one(stack: Stack) -> None:
    recorder = Recorder()
    run(platform(stack), recorder)
    text = json.dumps(graph(recorder), indent=1, sort_keys=True) + "\n"
    if os.environ.get(RECORD):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text(), f"reviewed? then record again with {RECORD}=1"


def test_every_part_of_the_plan_has_its_resources(stack: Stack) -> None:
    recorder = Recorder()
    run(platform(stack), recorder)
    models = {entry.litellm_model_name for entry in stack.contract.models}
    assert set(recorder.of("Release")) == {
        "models-qwen3-coder-30b-release",
        "models-nemotron-release",
        "models-deephat-v2-release",
        "models-bge-m3-release",
        "models-whisper-large-v3-release",
        "models-smollm2-135m-release",
        "models-gateway-release",
    }
    assert {one["model"] for one in recorder.of("VerifiedEndpoint").values()} == models
    assert {one["litellm_model_name"] for one in recorder.of("RegisteredModel").values()} == models
    assert len(recorder.of("FlagBinding")) == 8
    assert len(recorder.of("RunResult")) == 1


def test_a_preview_with_unknown_outputs_registers_the_same_resources(stack: Stack) -> None:
    up, preview = Recorder(), Recorder()
    run(platform(stack), up)
    run(platform(stack), preview, preview=True)
    assert [one["name"] for one in graph(preview)] == [one["name"] for one in graph(up)]


def test_no_secret_is_an_input_of_anything_but_secrets(stack: Stack) -> None:
    recorder = Recorder()
    run(platform(stack, secret="sk-canary"), recorder)
    holders = {one.typ for one in recorder.resources if "sk-canary" in json.dumps(masked_free(one.inputs))}
    assert holders == {"kubernetes:core/v1:Secret"}


def masked_free(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def test_a_failing_model_is_withheld_and_leaves_its_flags(stack: Stack) -> None:
    def verdict(args: Any) -> dict[str, Any]:
        status = "fail" if args.inputs["model"] == "gpt-4o" else "pass"
        return {"verdict": {"model": args.inputs["model"], "status": status, "checks": []}}

    recorder = Recorder({"VerifiedEndpoint": verdict})
    made: list[Any] = []
    run(lambda: made.append(platform(stack)()), recorder)
    registered = recorder.of("RegisteredModel")
    assert {name for name, one in registered.items() if one["status"] == "fail"} == {"models-registration-gpt-4o"}
    flag = recorder.of("FlagBinding")["models-registration-flag-TOOL_CALLING_MODELS"]
    first = flag["candidates"][0]
    assert (first["name"], first["registered"], first["status"]) == ("gpt-4o", False, "fail")
    result = recorder.of("RunResult")["models-result"]
    assert result["withheld"] == ["gpt-4o"]


def test_release_timeouts_follow_the_start_up_budget(stack: Stack) -> None:
    recorder = Recorder()
    run(platform(stack), recorder)
    servers = {server.release: server.startup_seconds for server in stack.plan.servers}
    for release in recorder.of("Release").values():
        budget = servers.get(release["name"], stack.plan.gateway.startup_seconds)
        assert release["timeout"] == budget + 120


def test_chart_paths_are_the_same_on_every_machine(stack: Stack, folder: Path) -> None:
    recorder = Recorder()
    run(platform(stack), recorder)
    for release in recorder.of("Release").values():
        assert release["chart"].startswith("./.kindo-models/charts/kindo-models-")
        assert (folder / release["chart"]).is_file()


def test_a_missing_key_is_refused_at_construction(stack: Stack) -> None:
    from kindo_models.gateway import ModelGatewayArgs

    with pytest.raises(ValueError, match=r"ModelGatewayArgs\.keys: no value for"):
        ModelGatewayArgs(gateway=stack.plan.gateway, namespace="x", keys={})


def test_keys_in_an_external_store_become_external_secrets_and_references_to_them(stack: Stack) -> None:
    settings = SecretSettings(
        external=ExternalSecrets(
            store=SecretStore(name="aws"),
            keys={
                "VLLM_API_KEY": StoredKey(key="kindo/vllm", property="key"),
                "ANTHROPIC_API_KEY": StoredKey(key="kindo/anthropic"),
            },
        )
    )
    environment = stack.environment.model_copy(update={"secrets": settings})
    made = stack.plan.model_copy(update={"environment": environment})
    variables = {key.variable: "canary" for key in made.keys if key.variable} | {
        "VLLM_API_KEY": "",
        "ANTHROPIC_API_KEY": "",
    }
    located = locate_keys(made, stack.contract, variables)
    stored = {name: source.stored for name, source in located.items() if source.stored}
    values = {name: pulumi.Output.secret(source.value) for name, source in located.items() if source.value}
    recorder = Recorder()
    run(lambda: ModelPlatform("models", ModelPlatformArgs(plan=made, keys=values, stored=stored)), recorder)

    external = recorder.of("ExternalSecret")
    assert set(external) == {
        "models-gateway-stored-keys",
        *(f"models-{server.release}-key" for server in made.servers if server.key),
    }
    one = external["models-deephat-v2-key"]
    assert one["metadata"]["name"] == "deephat-v2-key"
    assert one["spec"]["secretStoreRef"] == {"name": "aws", "kind": "ClusterSecretStore"}
    assert one["spec"]["data"] == [
        {"secretKey": "api-key", "remoteRef": {"key": "kindo/vllm", "property": "key"}},
    ]
    gateway = recorder.of("Release")["models-gateway-release"]["values"]
    assert gateway["storedKeysSecret"] == "litellm-provider-keys-stored"
    kept = recorder.of("Secret")["models-gateway-provider-keys"]["stringData"]
    assert not set(stored) & set(kept)
    gate = recorder.of("VerifiedEndpoint")["models-gate-deephat-v2"]["key_refs"]
    assert gate["DEEPHAT_V2_API_KEY"] == "litellm-provider-keys-stored#DEEPHAT_V2_API_KEY"


def test_the_program_takes_a_key_from_a_secret_that_exists(
    repository: Path, folder: Path, local_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(repository / "stacks", folder / "stacks")
    settings = folder / "stacks" / "Pulumi.local.yaml"
    settings.write_text(
        settings.read_text()
        + "    secrets: {existing: {ANTHROPIC_API_KEY: {name: kindo-keys, namespace: kindo, key: anthropic}}}\n"
    )
    wanted = re.findall(r"\$\{(\w+)\}", (folder / "stacks" / "local.contract.yaml").read_text())
    for name, value in (local_variables | dict.fromkeys(wanted, "sk-canary")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    secret = {"data": {"anthropic": base64.b64encode(b"sk-from-the-cluster\n").decode()}}
    recorder = Recorder({"kubernetes:core/v1:Secret": lambda args: secret if args.resource_id else {}})
    run(main, recorder)

    (read,) = [one for one in recorder.resources if one.resource_id]
    assert read.resource_id == "kindo/kindo-keys"
    keys = recorder.of("Secret")["models-gateway-provider-keys"]["stringData"]
    text = json.dumps(keys)
    assert "sk-from-the-cluster" in text
    assert "\\n" not in text
    assert recorder.of("RunResult")
