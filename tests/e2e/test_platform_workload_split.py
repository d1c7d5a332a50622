"""The same program as two stacks on the real node: the platform team's and the workload team's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kubernetes import client, config

from tests.support.project import Project, entry
from tools.paths import Instance
from tools.showcase import answer, master_key, tool_call

PLATFORM, WORKLOAD = "local-platform", "local-workload"
MODELS = ("gpt-4o", "deephat-v2", "bge-m3", "whisper-large-v3", "smollm2-135m")
SERVED = {"deephat-v2", "bge-m3", "whisper-large-v3", "smollm2-135m"}


def with_part(folder: Path, stack: str, **settings: Any) -> None:
    """A stack that is `local` but for its part, with the models of this test."""
    stacks = folder / "stacks"
    content = yaml.safe_load((stacks / "Pulumi.local.yaml").read_text())
    content["config"]["kindo-models:environment"] |= settings
    (stacks / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    contract = yaml.safe_load((stacks / "local.contract.yaml").read_text())
    contract["models"] = [model for model in contract["models"] if model["litellmModelName"] in MODELS]
    (stacks / f"{stack}.contract.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, stack_variables: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("project") / "split"
    Project.copy(folder, stack_variables)
    with_part(folder, PLATFORM, part="platform")
    with_part(folder, WORKLOAD, part="workload", platform={"stack": f"organization/kindo-models/{PLATFORM}"})
    for stack in (PLATFORM, WORKLOAD):
        Project(folder, dict(stack_variables), stack).pulumi("stack", "select", stack, "--create", check=True)
    return folder


@pytest.fixture(scope="module")
def platform(folder: Path, stack_variables: dict[str, str]) -> Project:
    return Project(folder, dict(stack_variables), PLATFORM)


@pytest.fixture(scope="module")
def workload(folder: Path, stack_variables: dict[str, str]) -> Project:
    """Without the keys of cloud providers: they are the platform team's."""
    variables = {name: value for name, value in stack_variables.items() if not name.startswith("OPENAI")}
    return Project(folder, variables, WORKLOAD)


@pytest.fixture(scope="module")
def core(peripherals: Instance) -> client.CoreV1Api:
    config.load_kube_config(str(peripherals.kubeconfig))
    return client.CoreV1Api()


def releases(core: client.CoreV1Api) -> set[str]:
    secrets = core.list_secret_for_all_namespaces(label_selector="owner=helm").items
    return {secret.metadata.labels["name"] for secret in secrets}


def registered(variables: dict[str, str]) -> set[str]:
    answer = httpx.get(
        f"{variables['KINDO_ADMIN_URL']}/superadmin/models",
        headers={"x-api-key": variables["KINDO_ADMIN_API_KEY"]},
        params={"limit": 100},
        trust_env=False,
    )
    return {row["litellmModelName"] for row in answer.raise_for_status().json()["data"]}


@pytest.fixture(scope="module")
def untouched(stack_variables: dict[str, str]) -> set[str]:
    """What was registered before the first `up`."""
    return registered(stack_variables)


def test_a_workload_before_its_platform_is_refused_in_one_sentence_and_makes_nothing(
    workload: Project, core: client.CoreV1Api, untouched: set[str]
) -> None:
    before = releases(core)
    run = workload.up()
    assert run.status != 0
    assert f"organization/kindo-models/{PLATFORM}" in run.output
    assert "error[no-platform] platform.stack" in run.output
    assert "Traceback" not in run.output
    assert releases(core) == before


def test_a_platform_stack_that_does_not_exist_is_named_without_a_traceback(workload: Project) -> None:
    text = workload.stack_file.read_text()
    workload.stack_file.write_text(text.replace(f"/{PLATFORM}", "/no-such-platform"))
    try:
        run = workload.pulumi("preview", "--stack", WORKLOAD)
    finally:
        workload.stack_file.write_text(text)
    assert run.status != 0
    assert "no-such-platform" in run.output
    assert "Traceback" not in run.output, run.output


def test_a_preview_of_the_workload_before_its_platform_says_the_same(workload: Project) -> None:
    run = workload.pulumi("preview", "--stack", WORKLOAD)
    assert run.status != 0
    assert "error[no-platform] platform.stack" in run.output
    assert "Traceback" not in run.output, run.output


def test_the_platform_stack_makes_the_gateway_and_no_model(
    platform: Project, core: client.CoreV1Api, stack_variables: dict[str, str], untouched: set[str]
) -> None:
    run = platform.up()
    assert run.status == 0, run.output
    exported = platform.outputs()["platform"]
    assert set(exported["routing"]) == set(MODELS)
    assert "litellm" in releases(core)
    assert SERVED & releases(core) == set()
    assert registered(stack_variables) == untouched


def test_the_workload_stack_serves_checks_and_registers_on_it(
    workload: Project, core: client.CoreV1Api, stack_variables: dict[str, str]
) -> None:
    run = workload.up()
    assert run.status == 0, run.output
    assert {name: row["status"] for name, row in workload.models().items()} == dict.fromkeys(MODELS, "pass")
    assert releases(core) >= SERVED | {"litellm"}
    assert registered(stack_variables) >= set(MODELS)


def test_the_gateway_of_the_one_answers_with_the_models_of_the_other(workload: Project, peripherals: Instance) -> None:
    gateway, key = workload.outputs()["gateway"], master_key(peripherals)
    assert "Paris" in answer(gateway, key)
    assert tool_call(gateway, key)[0] == "get_weather"


def test_a_second_up_of_each_changes_nothing(platform: Project, workload: Project) -> None:
    for project in (platform, workload):
        run = project.up("--expect-no-changes")
        assert run.status == 0, run.output


def test_the_platforms_outputs_and_the_workloads_state_hold_no_secret(
    platform: Project, workload: Project, peripherals: Instance, stack_variables: dict[str, str]
) -> None:
    texts = json.dumps(platform.outputs()), platform.state(), workload.state()
    for secret in (master_key(peripherals), stack_variables["OPENAI_API_KEY"], stack_variables["VLLM_API_KEY"]):
        assert [secret in text for text in texts] == [False, False, False]


def test_a_model_that_the_platform_does_not_route_yet_is_named_and_nothing_is_changed(
    platform: Project, workload: Project, core: client.CoreV1Api
) -> None:
    def add(models: list[dict[str, Any]]) -> None:
        models.append(dict(entry(models, "deephat-v2"), litellmModelName="second", litellmModel="openai/second"))

    workload.edit_contract(add)
    run = workload.up()
    assert run.status != 0
    assert "error[platform-behind]" in run.output
    assert "does not route: second" in run.output
    assert "Traceback" not in run.output
    assert "second" not in releases(core)

    platform.edit_contract(add)
    for project in (platform, workload):
        run = project.up()
        assert run.status == 0, run.output
    assert workload.models()["second"]["status"] == "pass"


def test_destroying_the_workload_leaves_the_platform_and_then_the_platform_leaves_nothing(
    platform: Project,
    workload: Project,
    core: client.CoreV1Api,
    stack_variables: dict[str, str],
    untouched: set[str],
) -> None:
    workload.destroy()
    assert releases(core) == {"litellm"}
    assert registered(stack_variables) == untouched
    platform.destroy()
    assert releases(core) == set()
    spaces = {namespace.metadata.name for namespace in core.list_namespace().items}
    assert not {"inference", "kindo-gateway"} & spaces
