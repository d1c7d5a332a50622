"""RegistrationAccess, ModelProvider and RegisteredModel over gRPC, against the Kindo admin API stand-in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from pulumi.runtime.rpc import UNKNOWN

from tests.provider.kubernetes import NAMESPACE, ControlPlane
from tests.provider.process import ProviderProcess, failure
from tests.provider.servers import ADMIN_KEY, AdminApi, admin_api

MAPPING = "assumed-2026.09"
MODEL_KEY = "sk-canary-gateway-key-9c2e"


@pytest.fixture(scope="module")
def provider(admin: AdminApi) -> Iterator[ProviderProcess]:
    with ProviderProcess({"KINDO_ADMIN_API_KEY": ADMIN_KEY, "GATEWAY_KEY": MODEL_KEY}) as running:
        yield running


@pytest.fixture(scope="module")
def provider_id(admin: AdminApi) -> str:
    return admin.add_provider("Self-Hosted")


def model(admin: AdminApi, provider_id: str, **changes: Any) -> dict[str, Any]:
    name = f"model-{uuid4().hex[:8]}"
    return {
        "kindo_url": admin.url,
        "mapping": MAPPING,
        "litellm_model_name": name,
        "fields": {
            "litellmModel": f"openai/{name}",
            "displayName": "DeepHat V2",
            "type": "CHAT",
            "metadataType": "Text Generation",
            "contextWindow": 250000,
            "description": "for security work",
        },
        "provider_id": provider_id,
        "api_key_ref": "env:GATEWAY_KEY",
        "api_key_fingerprint": "first",
        "owner": f"kindo-models/test/{name}",
        "status": "pass",
        **changes,
    }


def row(admin: AdminApi, props: dict[str, Any]) -> dict[str, Any] | None:
    return next((one for one in admin.models() if one["litellmModelName"] == props["litellm_model_name"]), None)


def with_field(props: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**props, "fields": {**props["fields"], **fields}}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def refusal(provider: ProviderProcess, kind: str, props: dict[str, Any]) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        provider.create(kind, props)
    text = failure(caught.value)
    assert "Traceback" not in text
    assert ADMIN_KEY not in text
    assert MODEL_KEY not in text
    return text


# --- RegistrationAccess


def test_access_is_proven_by_one_read(admin: AdminApi, provider: ProviderProcess) -> None:
    admin.clear_journal()
    wanted = {"kindo_url": admin.url, "mapping": MAPPING}
    made = provider.create("RegistrationAccess", wanted)
    assert admin.requests() == [("GET", "/superadmin/model-providers")]
    assert not provider.diff("RegistrationAccess", made.outputs, wanted).changes


def test_a_wrong_key_names_its_setting_and_why_it_may_have_expired(admin: AdminApi) -> None:
    with ProviderProcess({"KINDO_ADMIN_API_KEY": "canary-wrong-admin-key"}) as other:
        text = refusal(other, "RegistrationAccess", {"kindo_url": admin.url, "mapping": MAPPING})
    assert f"Kindo admin API at {admin.url} refused the key (401)" in text
    assert "KINDO_ADMIN_API_KEY (environment) or Pulumi secret kindo-models:kindoAdminApiKey" in text
    assert "expire after 90 days" in text
    assert "canary-wrong-admin-key" not in text


def test_a_missing_key_names_its_setting(admin: AdminApi) -> None:
    with ProviderProcess({}) as other:
        text = refusal(other, "RegistrationAccess", {"kindo_url": admin.url, "mapping": MAPPING})
    assert "No key for the Kindo admin API is set" in text
    assert "KINDO_ADMIN_API_KEY" in text


def test_the_key_may_be_a_pulumi_secret(admin: AdminApi) -> None:
    with ProviderProcess({}, {"kindo-models:kindoAdminApiKey": ADMIN_KEY}) as other:
        made = other.create("RegistrationAccess", {"kindo_url": admin.url, "mapping": MAPPING})
    assert ADMIN_KEY not in str(made.outputs)


def test_a_server_that_is_down_is_told_with_its_address_and_setting(provider: ProviderProcess) -> None:
    text = refusal(provider, "RegistrationAccess", {"kindo_url": "http://127.0.0.1:9", "mapping": MAPPING})
    assert "http://127.0.0.1:9 does not answer" in text
    assert "registration.kindo.url" in text
    assert any("next try in" in line for line in provider.log)


def test_an_unknown_mapping_is_refused_before_anything_runs(admin: AdminApi, provider: ProviderProcess) -> None:
    failures = provider.check("RegistrationAccess", {"kindo_url": admin.url, "mapping": "assumed"})
    assert MAPPING in failures["mapping"]
    assert provider.check("RegistrationAccess", {"unleash_url": "http://x"}) == {}


# --- ModelProvider


def provider_props(admin: AdminApi, name: str) -> dict[str, Any]:
    return {"kindo_url": admin.url, "mapping": MAPPING, "display_name": name, "owner": f"kindo-models/test/{name}"}


def test_an_existing_provider_is_found_and_never_deleted(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    made = provider.create("ModelProvider", provider_props(admin, "Self-Hosted"))
    assert made.outputs["provider_id"] == provider_id
    assert made.outputs["created"] is False
    provider.delete("ModelProvider", made.id, made.outputs)
    assert provider_id in {one["id"] for one in admin.providers()}


def test_a_provider_made_here_is_deleted_when_unused(admin: AdminApi, provider: ProviderProcess) -> None:
    wanted = provider_props(admin, "Anthropic")
    made = provider.create("ModelProvider", wanted)
    assert made.outputs["created"] is True
    user = model(admin, made.outputs["provider_id"])
    registered = provider.create("RegisteredModel", user)

    provider.delete("ModelProvider", made.id, made.outputs)
    assert "Anthropic" in {one["displayName"] for one in admin.providers()}, "a model uses it"

    provider.delete("RegisteredModel", registered.id, registered.outputs)
    provider.delete("ModelProvider", made.id, made.outputs)
    assert "Anthropic" not in {one["displayName"] for one in admin.providers()}
    assert provider.read("ModelProvider", made.id, made.outputs).id == ""


def test_a_provider_whose_creation_was_not_recorded_is_still_ours(admin: AdminApi, provider: ProviderProcess) -> None:
    wanted = provider_props(admin, "Google")
    provider.create("ModelProvider", wanted)
    again = provider.create("ModelProvider", wanted)
    assert again.outputs["created"] is True
    assert len([one for one in admin.providers() if one["displayName"] == "Google"]) == 1


@pytest.mark.parametrize("name", ["self-hosted", "Self Hosted", " Self-Hosted"])
def test_a_near_miss_names_the_existing_provider(
    admin: AdminApi, provider: ProviderProcess, provider_id: str, name: str
) -> None:
    text = refusal(provider, "ModelProvider", provider_props(admin, name))
    assert "'Self-Hosted'" in text
    assert repr(name) in text


# --- RegisteredModel


def test_registers_with_owner_and_key_and_nothing_differs_afterwards(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    wanted = model(admin, provider_id)
    made = provider.create("RegisteredModel", wanted)

    stored = row(admin, wanted)
    assert stored is not None
    assert stored["id"] == made.outputs["model_id"] == made.id
    assert stored["contextWindow"] == 250000
    assert stored["externalOwner"] == wanted["owner"]
    assert admin.key_fingerprint(stored["id"]) == sha256(MODEL_KEY)
    assert made.outputs["registered"] is True
    assert MODEL_KEY not in str(made.outputs)
    assert not provider.diff("RegisteredModel", made.outputs, wanted).changes
    read = provider.read("RegisteredModel", made.id, made.outputs)
    assert not provider.diff("RegisteredModel", read.outputs, wanted).changes


def test_creating_again_changes_nothing(admin: AdminApi, provider: ProviderProcess, provider_id: str) -> None:
    wanted = model(admin, provider_id)
    first = provider.create("RegisteredModel", wanted)
    second = provider.create("RegisteredModel", wanted)
    assert first.outputs["model_id"] == second.outputs["model_id"]
    assert len([one for one in admin.models() if one["litellmModelName"] == wanted["litellm_model_name"]]) == 1


def test_a_changed_field_is_one_update_in_place_that_leaves_the_key(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    wanted = model(admin, provider_id)
    made = provider.create("RegisteredModel", wanted)
    changed = with_field(wanted, displayName="DeepHat 2")
    del changed["fields"]["description"]
    difference = provider.diff("RegisteredModel", made.outputs, changed)
    assert difference.changes
    assert difference.replaces == []

    admin.clear_journal()
    outputs = provider.update("RegisteredModel", made.id, made.outputs, changed)

    assert [method for method, _ in admin.requests()] == ["GET", "PATCH"]
    stored = row(admin, wanted)
    assert stored is not None
    assert (stored["displayName"], stored["description"]) == ("DeepHat 2", None)
    assert outputs["model_id"] == made.outputs["model_id"]
    assert admin.key_fingerprint(stored["id"]) == sha256(MODEL_KEY)


def test_a_rotated_key_is_one_update(admin: AdminApi, provider: ProviderProcess, provider_id: str) -> None:
    wanted = model(admin, provider_id)
    made = provider.create("RegisteredModel", wanted)
    rotated = {**wanted, "api_key_fingerprint": "second"}
    assert provider.diff("RegisteredModel", made.outputs, rotated).changes

    with ProviderProcess({"KINDO_ADMIN_API_KEY": ADMIN_KEY, "GATEWAY_KEY": "sk-canary-rotated"}) as later:
        outputs = later.update("RegisteredModel", made.id, made.outputs, rotated)

    assert admin.key_fingerprint(outputs["model_id"]) == sha256("sk-canary-rotated")
    assert not provider.diff("RegisteredModel", outputs, rotated).changes


def test_a_key_in_the_cluster_is_read_where_it_lies(
    admin: AdminApi, provider_id: str, kubernetes: ControlPlane
) -> None:
    secret = {"metadata": {"name": "litellm-master-key"}, "stringData": {"LITELLM_MASTER_KEY": "sk-canary-in-cluster"}}
    kubernetes.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
    place = f"secret:{NAMESPACE}/litellm-master-key#"
    wanted = model(admin, provider_id, api_key_ref=f"{place}LITELLM_MASTER_KEY")
    variables = {"KINDO_ADMIN_API_KEY": ADMIN_KEY, "KUBECONFIG": str(kubernetes.kubeconfig)}
    with ProviderProcess(variables) as inside:
        made = inside.create("RegisteredModel", wanted)
        assert admin.key_fingerprint(made.outputs["model_id"]) == sha256("sk-canary-in-cluster")
        assert "sk-canary-in-cluster" not in str(made.outputs)
        text = refusal(inside, "RegisteredModel", model(admin, provider_id, api_key_ref=f"{place}OTHER"))
    assert "has no key OTHER; it has LITELLM_MASTER_KEY" in text


def test_only_another_routing_key_is_another_resource(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    wanted = model(admin, provider_id)
    olds = {**wanted, "model_id": "1", "registered": True}
    assert provider.diff("RegisteredModel", olds, {**wanted, "litellm_model_name": "other"}).replaces == [
        "litellm_model_name"
    ]
    for changed in ({"provider_id": "9"}, {"api_key_ref": "env:B"}, {"status": "warned"}, {"owner": "a/b/c"}):
        difference = provider.diff("RegisteredModel", olds, {**wanted, **changed})
        assert difference.changes
        assert difference.replaces == []


def test_a_model_that_never_passed_is_withheld_until_it_does(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    failing = model(admin, provider_id, status="fail")
    admin.clear_journal()
    made = provider.create("RegisteredModel", failing)
    assert made.outputs["registered"] is False
    assert made.outputs.get("model_id") is None
    assert admin.requests() == []
    assert made.id == failing["litellm_model_name"]
    assert provider.read("RegisteredModel", made.id, made.outputs).id == made.id

    passing = {**failing, "status": "pass"}
    assert provider.diff("RegisteredModel", made.outputs, passing).changes
    outputs = provider.update("RegisteredModel", made.id, made.outputs, passing)
    stored = row(admin, failing)
    assert stored is not None
    assert outputs["model_id"] == stored["id"]
    assert admin.key_fingerprint(stored["id"]) == sha256(MODEL_KEY)


def test_a_registered_model_that_fails_later_keeps_its_registration(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    wanted = model(admin, provider_id)
    made = provider.create("RegisteredModel", wanted)
    failing = {**with_field(wanted, displayName="Changed"), "status": "fail"}
    admin.clear_journal()

    outputs = provider.update("RegisteredModel", made.id, made.outputs, failing)

    assert admin.requests() == []
    assert outputs["registered"] is True
    assert outputs["model_id"] == made.outputs["model_id"]
    assert provider.diff("RegisteredModel", outputs, failing).changes, "the withheld change is still to be made"
    again = {**failing, "status": "pass"}
    provider.update("RegisteredModel", made.id, outputs, again)
    stored = row(admin, wanted)
    assert stored is not None
    assert stored["displayName"] == "Changed"


def test_a_row_of_another_stack_is_refused_with_both_names(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    theirs = model(admin, provider_id, owner="kindo-models/prod/deephat")
    provider.create("RegisteredModel", theirs)
    text = refusal(provider, "RegisteredModel", {**theirs, "owner": "kindo-models/dev/deephat"})
    assert "kindo-models/prod/deephat" in text
    assert "kindo-models/dev/deephat" in text


def test_nobodys_row_is_adopted_when_equal_and_refused_when_not(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    equal, other = model(admin, provider_id), model(admin, provider_id)
    for props in (equal, other):
        body = {**props["fields"], "litellmModelName": props["litellm_model_name"], "modelProviderId": provider_id}
        admin.http.post("/superadmin/models", json=body).raise_for_status()

    provider.create("RegisteredModel", equal)
    adopted = row(admin, equal)
    assert adopted is not None
    assert adopted["externalOwner"] == equal["owner"]

    differing = with_field(other, displayName="Mine", contextWindow=1000)
    text = refusal(provider, "RegisteredModel", differing)
    assert "displayName: there 'DeepHat V2', here 'Mine'" in text
    assert "contextWindow: there 250000, here 1000" in text
    assert "adopt_existing" in text
    provider.create("RegisteredModel", {**differing, "adopt_existing": True})
    taken = row(admin, other)
    assert taken is not None
    assert taken["displayName"] == "Mine"


def test_changes_by_hand_show_after_a_refresh_and_are_repaired(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    wanted = model(admin, provider_id)
    made = provider.create("RegisteredModel", wanted)
    admin.http.patch(
        f"/superadmin/models/{made.outputs['model_id']}", json={"displayName": "By hand"}
    ).raise_for_status()

    read = provider.read("RegisteredModel", made.id, made.outputs)
    assert read.outputs["fields"]["displayName"] == "By hand"
    assert provider.diff("RegisteredModel", read.outputs, wanted).changes
    provider.update("RegisteredModel", made.id, read.outputs, wanted)
    stored = row(admin, wanted)
    assert stored is not None
    assert stored["displayName"] == "DeepHat V2"


def test_a_row_deleted_by_hand_reads_as_gone_and_an_update_makes_it_again(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    wanted = model(admin, provider_id)
    made = provider.create("RegisteredModel", wanted)
    admin.http.delete(f"/superadmin/models/{made.outputs['model_id']}").raise_for_status()

    assert provider.read("RegisteredModel", made.id, made.outputs).id == ""
    outputs = provider.update("RegisteredModel", made.id, made.outputs, with_field(wanted, displayName="New"))
    stored = row(admin, wanted)
    assert stored is not None
    assert outputs["model_id"] == stored["id"] != made.outputs["model_id"]
    assert provider.read("RegisteredModel", made.id, outputs).id == stored["id"]


def test_delete_removes_the_row_tolerates_absence_and_spares_what_others_took_over(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    wanted, taken = model(admin, provider_id), model(admin, provider_id)
    made = provider.create("RegisteredModel", wanted)
    for _ in range(2):
        provider.delete("RegisteredModel", made.id, made.outputs)
    assert row(admin, wanted) is None

    made = provider.create("RegisteredModel", taken)
    body = {"externalOwner": "kindo-models/other/stack"}
    admin.http.patch(f"/superadmin/models/{made.outputs['model_id']}", json=body).raise_for_status()
    provider.delete("RegisteredModel", made.id, made.outputs)
    assert row(admin, taken) is not None


# --- faults


def test_a_lost_answer_makes_no_second_row(admin: AdminApi, provider: ProviderProcess, provider_id: str) -> None:
    admin.clear_journal()
    admin.fault(kind="lost-answer", method="POST", path="/superadmin/models")
    wanted = model(admin, provider_id)
    made = provider.create("RegisteredModel", wanted)
    assert [method for method, _ in admin.requests()].count("POST") == 1
    stored = row(admin, wanted)
    assert stored is not None
    assert made.outputs["model_id"] == stored["id"]
    assert len([one for one in admin.models() if one["litellmModelName"] == wanted["litellm_model_name"]]) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_passing_trouble_is_ridden_out(
    admin: AdminApi, provider: ProviderProcess, provider_id: str, status: int, method: str
) -> None:
    admin.clear_journal()
    admin.fault(kind="status", status=status, retry_after=0.1, times=2, method=method)
    wanted = model(admin, provider_id)
    provider.create("RegisteredModel", wanted)
    assert row(admin, wanted) is not None


def test_a_connection_cut_while_reading_is_tried_again(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    admin.clear_journal()
    admin.fault(kind="drop", method="GET", times=2)
    wanted = model(admin, provider_id)
    provider.create("RegisteredModel", wanted)
    assert row(admin, wanted) is not None


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_final_answers_fail_at_once_with_the_servers_words(
    admin: AdminApi, provider: ProviderProcess, provider_id: str, status: int
) -> None:
    admin.clear_journal()
    admin.fault(kind="status", status=status, method="POST", times=5)
    text = refusal(provider, "RegisteredModel", model(admin, provider_id))
    admin_requests = [method for method, _ in admin.requests()]
    admin.clear_journal()
    assert admin_requests.count("POST") == 1
    assert "planned fault" in text
    assert str(status) in text


def test_an_answer_that_is_no_json_is_a_clear_error(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    admin.clear_journal()
    admin.fault(kind="malformed", method="GET", times=5)
    text = refusal(provider, "RegisteredModel", model(admin, provider_id))
    admin.clear_journal()
    assert "not with JSON" in text


def test_a_field_that_the_mapping_does_not_know_is_named(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    text = refusal(provider, "RegisteredModel", with_field(model(admin, provider_id), colour="blue"))
    assert "colour" in text
    assert "registration.kindo.mapping" in text


def test_more_rows_than_one_page_are_all_seen(provider: ProviderProcess) -> None:
    with admin_api() as large:
        for number in range(120):
            large.add_provider(f"Provider {number}")
        made = provider.create("ModelProvider", provider_props(large, "Provider 119"))
    assert made.outputs["created"] is False


# --- previews


def test_unknown_inputs_are_tolerated_and_count_as_a_change(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    wanted = model(admin, provider_id)
    unknown = {**wanted, "provider_id": UNKNOWN, "status": UNKNOWN, "api_key_ref": UNKNOWN}
    assert provider.check("RegisteredModel", unknown) == {}
    assert provider.diff("RegisteredModel", {**wanted, "model_id": "1", "registered": True}, unknown).changes


def test_a_key_reference_of_another_form_is_refused_before_anything_runs(
    admin: AdminApi, provider: ProviderProcess, provider_id: str
) -> None:
    failures = provider.check("RegisteredModel", model(admin, provider_id, api_key_ref="sk-literally"))
    assert "secret:NAMESPACE/NAME#KEY" in failures["api_key_ref"]
    assert "sk-literally" not in failures["api_key_ref"]
