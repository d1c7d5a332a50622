"""Platform and workload as two stacks, and clusters that other stacks export, against Pulumi's mocks."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from kindo_models import load_stack
from kindo_models.environment import Environment
from kindo_models.planning.plan import plan
from kindo_models.program import declare
from kindo_models.stack import Stack
from tests.support.mocks import Recorder, run

PLATFORM = "organization/kindo-models/shared-platform"
SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"


@pytest.fixture(scope="module")
def whole(repository: Path, local_variables: dict[str, str]) -> Stack:
    return load_stack("local", directory=repository / "stacks", variables=local_variables)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Stack) -> Path:
    """A project of its own, with a value for every key."""
    monkeypatch.chdir(tmp_path)
    for key in whole.plan.keys:
        monkeypatch.setenv(key.variable or "", "canary")
    return tmp_path


def part(whole: Stack, **settings: Any) -> Stack:
    """The stack with other settings of its environment."""
    written = {**whole.environment.model_dump(mode="json", by_alias=True), **settings}
    environment = Environment.model_validate(written)
    return Stack(whole.name, whole.contract, environment, plan(whole.contract, environment, stack=whole.name))


def workload(whole: Stack, **settings: Any) -> Stack:
    return part(whole, part="workload", platform={"stack": PLATFORM}, **settings)


def declared(stack: Stack, recorder: Recorder, *, preview: bool = False) -> dict[str, Any]:
    """What the stack exports, resolved."""
    exports: dict[str, Any] = {}

    async def program() -> None:
        found = await declare(stack)
        pulumi.Output.all(**found).apply(exports.update)

    run(program, recorder, preview=preview)
    return exports


def references(outputs: dict[str, Any], secret_names: tuple[str, ...] = ()) -> dict[str, Callable[..., dict[str, Any]]]:
    """Answers of the mocks to a StackReference."""
    return {
        "pulumi:pulumi:StackReference": lambda args: {
            "name": args.inputs["name"],
            "outputs": outputs,
            "secretOutputNames": list(secret_names),
        }
    }


@pytest.fixture(scope="module")
def exported(whole: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the platform stack exports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("platform"))
        for key in whole.plan.keys:
            patch.setenv(key.variable or "", "canary")
        found: dict[str, Any] = declared(part(whole, part="platform"), Recorder())["platform"]
    return found


# --- platform


def test_the_platform_stack_makes_namespaces_and_gateway_and_nothing_of_the_models(whole: Stack) -> None:
    recorder = Recorder()
    declared(part(whole, part="platform"), recorder)
    assert set(recorder.of("Namespace")) == {"models-namespace-inference", "models-namespace-kindo-gateway"}
    assert set(recorder.of("Release")) == {"models-gateway-release"}
    for kind in ("VerifiedEndpoint", "RegisteredModel", "FlagBinding", "RegistrationAccess", "RunResult"):
        assert recorder.of(kind) == {}


def test_the_platform_exports_a_typed_value_without_a_secret(whole: Stack, exported: dict[str, Any]) -> None:
    assert exported == {
        "version": 1,
        "stack": "local",
        "namespace": "inference",
        "gateway_namespace": "kindo-gateway",
        "gateway_url": "http://litellm.kindo-gateway.svc.cluster.local:4000",
        "master_key_secret": "litellm-master-key",
        "keys_secret": "litellm-provider-keys",
        "stored_keys": [],
        "master_key_fingerprint": "f" * 64,
        "routing": {endpoint.model: endpoint.routing for endpoint in whole.plan.endpoints},
    }
    assert "canary" not in json.dumps(exported)


# --- workload


def test_the_workload_stack_makes_servers_checks_and_registrations_on_the_platforms_names(
    whole: Stack, exported: dict[str, Any]
) -> None:
    recorder = Recorder(references({"platform": exported}))
    exports = declared(workload(whole), recorder)
    assert recorder.of("Namespace") == {}
    assert "models-gateway-release" not in recorder.of("Release")
    assert len(recorder.of("Release")) == len(whole.plan.servers)
    assert {one["namespace"] for one in recorder.of("Release").values()} == {"inference"}
    assert {one["namespace"] for one in recorder.of("VerifiedEndpoint").values()} == {"kindo-gateway"}
    registered = recorder.of("RegisteredModel").values()
    assert {one["litellm_model_name"] for one in registered} == {
        one.litellm_model_name for one in whole.contract.models
    }
    assert {one["api_key_fingerprint"] for one in registered} == {"f" * 64}
    assert {row["status"] for row in exports["models"]} == {"pass"}


def test_the_workload_needs_the_servers_keys_only(whole: Stack) -> None:
    assert {key.variable for key in workload(whole).plan.keys} == {"VLLM_API_KEY"}


def test_both_halves_together_make_what_one_stack_makes(whole: Stack, exported: dict[str, Any]) -> None:
    one, platform, rest = Recorder(), Recorder(), Recorder(references({"platform": exported}))
    declared(whole, one)
    declared(part(whole, part="platform"), platform)
    declared(workload(whole), rest)
    layers = ("Layer", "ModelPlatform", "StackReference")
    halves = sorted((r.typ, r.name) for r in [*platform.resources, *rest.resources] if not r.typ.endswith(layers))
    providers = ("pulumi:providers:kubernetes", "cluster")
    halves.remove(providers)
    assert halves == sorted((r.typ, r.name) for r in one.resources if not r.typ.endswith(layers))


@pytest.mark.parametrize("preview", [False, True])
def test_a_workload_is_refused_on_a_platform_that_exports_nothing(whole: Stack, preview: bool) -> None:
    recorder = Recorder(references({}))
    with pytest.raises(pulumi.RunError) as caught:
        declared(workload(whole), recorder, preview=preview)
    assert str(caught.value) == (
        f"\nerror[no-platform] platform.stack: the stack {PLATFORM} exports no 'platform'\n"
        f"    fix: it needs `part: platform` in its environment, and one `pulumi up` on {PLATFORM}"
    )
    assert recorder.of("Release") == {}


def test_a_workload_is_refused_with_every_model_that_the_gateway_does_not_route_as_planned(
    whole: Stack, exported: dict[str, Any]
) -> None:
    routing = {**exported["routing"], "nemotron": "other"}
    del routing["gpt-4o"]
    recorder = Recorder(references({"platform": {**exported, "routing": routing}}))
    with pytest.raises(pulumi.RunError) as caught:
        declared(workload(whole), recorder)
    assert str(caught.value) == (
        f"\nerror[platform-behind] the gateway of the platform stack {PLATFORM} does not route: gpt-4o\n"
        f"    fix: run `pulumi up` on {PLATFORM} with this contract first\n"
        f"error[platform-behind] the gateway of the platform stack {PLATFORM} routes otherwise: nemotron\n"
        f"    fix: run `pulumi up` on {PLATFORM} with this contract first"
    )
    assert recorder.of("Release") == {}


def test_a_workload_in_another_namespace_than_the_platforms_is_refused(whole: Stack, exported: dict[str, Any]) -> None:
    recorder = Recorder(references({"platform": {**exported, "namespace": "elsewhere"}}))
    with pytest.raises(pulumi.RunError) as caught:
        declared(workload(whole), recorder)
    assert str(caught.value) == (
        "\nerror[platform-differs] cluster.namespace: cluster.namespace is 'inference' here and 'elsewhere' in the "
        f"platform stack {PLATFORM}\n    fix: let both stacks extend the same base"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, f"the stack {PLATFORM} exports version 2 of 'platform'; this version reads 1"),
        ({"routing": None}, f"the output 'platform' of the stack {PLATFORM} has no usable routing"),
    ],
)
def test_a_platform_of_another_form_is_refused(
    whole: Stack, exported: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    recorder = Recorder(references({"platform": {**exported, **change}}))
    with pytest.raises(pulumi.RunError) as caught:
        declared(workload(whole), recorder)
    assert str(caught.value) == (
        f"\nerror[platform-unreadable] platform.stack: {message}\n"
        "    fix: bring both stacks to the same release of kindo-models"
    )


def test_the_checks_look_for_a_key_where_the_platform_has_it(whole: Stack, exported: dict[str, Any]) -> None:
    """Also when the workload team has the same key from its own process."""
    recorder = Recorder(references({"platform": {**exported, "stored_keys": ["DEEPHAT_V2_API_KEY"]}}))
    declared(workload(whole), recorder)
    refs = {name: one["key_refs"] for name, one in recorder.of("VerifiedEndpoint").items()}
    stored = whole.plan.gateway.stored_keys_secret
    assert refs["models-gate-deephat-v2"]["DEEPHAT_V2_API_KEY"] == f"{stored}#DEEPHAT_V2_API_KEY"
    assert refs["models-gate-nemotron"]["NEMOTRON_API_KEY"] == "litellm-provider-keys#NEMOTRON_API_KEY"


def test_more_than_a_workload_reads_is_no_error(whole: Stack, exported: dict[str, Any]) -> None:
    recorder = Recorder(references({"platform": {**exported, "node_pools": {"h100": 2}}}))
    declared(workload(whole), recorder)
    assert recorder.of("Release")


# --- the cluster of another stack

KUBECONFIG = "apiVersion: v1\nkind: Config\nusers: [{name: me, user: {token: kubeconfig-canary}}]\n"


def from_stack(whole: Stack) -> Stack:
    return part(whole, cluster={**whole.environment.cluster.model_dump(by_alias=True), "stack": "o/clusters/prod"})


@pytest.mark.parametrize("secret_names", [("kubeconfig",), ()])
def test_a_kubeconfig_of_another_stack_is_a_secret_even_if_that_stack_does_not_say_so(
    whole: Stack, folder: Path, secret_names: tuple[str, ...]
) -> None:
    recorder = Recorder(references({"kubeconfig": KUBECONFIG}, secret_names))
    declared(from_stack(whole), recorder)
    provider = recorder.of("kubernetes")["cluster"]
    assert provider["kubeconfig"][SECRET_SIGNATURE]
    assert provider["kubeconfig"]["value"] == KUBECONFIG
    others = [one for one in recorder.resources if one.typ not in REFERENCES and "kubeconfig-canary" in str(one.inputs)]
    assert others == []


REFERENCES = ("pulumi:pulumi:StackReference", "pulumi:providers:kubernetes")


def test_dynamic_resources_get_the_path_of_a_file_that_only_its_owner_reads(whole: Stack, folder: Path) -> None:
    recorder = Recorder(references({"kubeconfig": KUBECONFIG}, ("kubeconfig",)))
    declared(from_stack(whole), recorder)
    paths = {
        one.inputs["kubeconfig_file"]
        for kind in ("GeneratedSecret", "VerifiedEndpoint", "RegisteredModel")
        for one in recorder.resources
        if one.typ.endswith(f":{kind}")
    }
    assert paths == {".kindo-models/kubeconfig/local.yaml"}
    file = folder / ".kindo-models/kubeconfig/local.yaml"
    assert file.read_text() == KUBECONFIG
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_kubeconfig_that_is_exported_as_an_object_becomes_a_document(whole: Stack) -> None:
    recorder = Recorder(references({"kubeconfig": {"kind": "Config"}}))
    declared(from_stack(whole), recorder)
    assert recorder.of("kubernetes")["cluster"]["kubeconfig"]["value"] == '{"kind": "Config"}'


def test_a_cluster_stack_without_a_kubeconfig_is_named_with_the_setting(whole: Stack) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        declared(from_stack(whole), Recorder(references({})))
    assert str(caught.value) == (
        "The stack o/clusters/prod exports no output 'kubeconfig', from which cluster.stack of the environment takes "
        "the kubeconfig. Export it there, or name another output with cluster.kubeconfigOutput."
    )


def test_a_context_reaches_provider_and_dynamic_resources(whole: Stack) -> None:
    recorder = Recorder()
    cluster = {**whole.environment.cluster.model_dump(by_alias=True), "context": "prod", "kubeconfig": "k.yaml"}
    declared(part(whole, cluster=cluster), recorder)
    assert recorder.of("kubernetes")["cluster"] == {"context": "prod", "kubeconfig": "k.yaml"}
    master_key = recorder.of("GeneratedSecret")["models-gateway-master-key"]
    assert (master_key["kube_context"], master_key["kubeconfig_file"]) == ("prod", "k.yaml")
