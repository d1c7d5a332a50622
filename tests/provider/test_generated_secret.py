"""GeneratedSecret over gRPC, in a real API server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import grpc
import pytest

from tests.provider.kubernetes import NAMESPACE, ControlPlane
from tests.provider.process import ProviderProcess, failure

KIND = "GeneratedSecret"


@pytest.fixture(scope="module")
def provider(kubernetes: ControlPlane) -> Iterator[ProviderProcess]:
    with ProviderProcess({"KUBECONFIG": str(kubernetes.kubeconfig)}) as running:
        yield running


def props(**changes: Any) -> dict[str, Any]:
    return {
        "namespace": NAMESPACE,
        "secret_name": f"keys-{uuid4().hex[:8]}",
        "keys": {"LITELLM_MASTER_KEY": "sk-"},
        "owner": "kindo-models/test/gateway",
        **changes,
    }


def values(kubernetes: ControlPlane, wanted: dict[str, Any]) -> dict[str, str]:
    secret = kubernetes.secret(wanted["secret_name"])
    assert secret is not None
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_makes_a_random_value_that_no_output_shows(kubernetes: ControlPlane, provider: ProviderProcess) -> None:
    wanted = props(labels={"app": "litellm"})
    made = provider.create(KIND, wanted)

    value = values(kubernetes, wanted)["LITELLM_MASTER_KEY"]
    assert value.startswith("sk-")
    assert len(value) > 40
    assert value not in str(made.outputs)
    assert len(made.outputs["fingerprints"]["LITELLM_MASTER_KEY"]) == 64
    secret = kubernetes.secret(wanted["secret_name"])
    assert secret is not None
    assert secret["metadata"]["labels"] == {"app": "litellm", "app.kubernetes.io/managed-by": "kindo-models"}
    assert made.outputs["uid"] == secret["metadata"]["uid"]
    assert not provider.diff(KIND, made.outputs, wanted).changes


def test_values_are_never_made_again(kubernetes: ControlPlane, provider: ProviderProcess) -> None:
    wanted = props()
    first = provider.create(KIND, wanted)
    before = values(kubernetes, wanted)
    again = provider.create(KIND, wanted)
    more = {**wanted, "keys": {"LITELLM_MASTER_KEY": "sk-", "SALT": ""}}
    assert provider.diff(KIND, again.outputs, more).changes
    updated = provider.update(KIND, again.id, again.outputs, more)

    after = values(kubernetes, wanted)
    assert {key: after[key] for key in before} == before
    assert after["SALT"]
    assert first.outputs["fingerprints"] == again.outputs["fingerprints"]
    assert updated["fingerprints"]["LITELLM_MASTER_KEY"] == first.outputs["fingerprints"]["LITELLM_MASTER_KEY"]


def test_a_rotation_by_hand_changes_the_fingerprint_after_a_refresh(
    kubernetes: ControlPlane, provider: ProviderProcess
) -> None:
    wanted = props()
    made = provider.create(KIND, wanted)
    new = base64.b64encode(b"sk-rotated-by-hand").decode()
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{wanted['secret_name']}"
    kubernetes.patch(path, {"data": {"LITELLM_MASTER_KEY": new}})

    read = provider.read(KIND, made.id, made.outputs)

    assert read.outputs["fingerprints"] != made.outputs["fingerprints"]
    assert not provider.diff(KIND, read.outputs, wanted).changes


def test_a_removed_key_is_repaired_and_a_removed_secret_is_gone(
    kubernetes: ControlPlane, provider: ProviderProcess
) -> None:
    wanted = props()
    made = provider.create(KIND, wanted)
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{wanted['secret_name']}"
    kubernetes.patch(path, {"data": {"LITELLM_MASTER_KEY": None}})
    read = provider.read(KIND, made.id, made.outputs)
    assert provider.diff(KIND, read.outputs, wanted).changes
    provider.update(KIND, made.id, read.outputs, wanted)
    assert values(kubernetes, wanted)["LITELLM_MASTER_KEY"].startswith("sk-")

    kubernetes.delete(path)
    assert provider.read(KIND, made.id, made.outputs).id == ""
    provider.delete(KIND, made.id, made.outputs)


def test_delete_removes_only_what_was_made_here(kubernetes: ControlPlane, provider: ProviderProcess) -> None:
    ours, theirs = props(), props()
    kubernetes.create(
        f"/api/v1/namespaces/{NAMESPACE}/secrets",
        {"metadata": {"name": theirs["secret_name"]}, "stringData": {"LITELLM_MASTER_KEY": "sk-theirs"}},
    )
    for wanted in (ours, theirs):
        made = provider.create(KIND, wanted)
        provider.delete(KIND, made.id, made.outputs)
    assert kubernetes.secret(ours["secret_name"]) is None
    assert values(kubernetes, theirs)["LITELLM_MASTER_KEY"] == "sk-theirs"


def test_renaming_the_resource_keeps_the_secret(kubernetes: ControlPlane, provider: ProviderProcess) -> None:
    wanted = props()
    old = provider.create(KIND, wanted)
    before = values(kubernetes, wanted)
    provider.create(KIND, {**wanted, "owner": "kindo-models/test/renamed"})
    provider.delete(KIND, old.id, old.outputs)
    assert values(kubernetes, wanted) == before


def test_another_place_is_another_secret(provider: ProviderProcess) -> None:
    wanted = props()
    olds = {**wanted, "fingerprints": {"LITELLM_MASTER_KEY": "f"}, "uid": "u"}
    assert provider.diff(KIND, olds, {**wanted, "secret_name": "other"}).replaces == ["secret_name"]


def test_a_namespace_that_is_not_there_is_named(provider: ProviderProcess) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        provider.create(KIND, props(namespace="nowhere"))
    text = failure(caught.value)
    assert 'namespaces "nowhere" not found' in text
    assert "Traceback" not in text


def test_an_unreachable_cluster_names_its_setting(tmp_path: Any, kubernetes: ControlPlane) -> None:
    broken = tmp_path / "kubeconfig"
    broken.write_text(kubernetes.kubeconfig.read_text().replace(kubernetes.url, "https://127.0.0.1:9"))
    with ProviderProcess({"KUBECONFIG": str(broken)}) as other, pytest.raises(grpc.RpcError) as caught:
        other.create(KIND, props())
    text = failure(caught.value)
    assert "https://127.0.0.1:9" in text
    assert "KUBECONFIG" in text
    assert "Traceback" not in text


def test_the_kubernetes_settings_of_the_stack_are_used(kubernetes: ControlPlane) -> None:
    """As pulumi-kubernetes reads them: a path or the document itself."""
    config = {"kubernetes:kubeconfig": kubernetes.kubeconfig.read_text(), "kubernetes:context": "test"}
    with ProviderProcess({"KUBECONFIG": "/nonexistent", "HOME": "/nonexistent"}, config) as other:
        wanted = props()
        other.create(KIND, wanted)
    assert kubernetes.secret(wanted["secret_name"]) is not None
