"""FlagBinding over gRPC, against Unleash's admin routes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from pulumi.runtime.rpc import UNKNOWN

from tests.provider.process import ProviderProcess, failure
from tests.provider.unleash import Unleash, strategy, unleash, variant

KIND = "FlagBinding"


@pytest.fixture(scope="module")
def server() -> Iterator[Unleash]:
    with unleash() as running:
        yield running


@pytest.fixture(scope="module")
def provider(server: Unleash) -> Iterator[ProviderProcess]:
    with ProviderProcess({"UNLEASH_ADMIN_TOKEN": server.token}) as running:
        yield running


@pytest.fixture
def feature(server: Unleash) -> Iterator[str]:
    """A name that no other test uses; gone afterwards."""
    name = f"TEST_{uuid4().hex[:10].upper()}"
    yield name
    server.remove(name)


def candidate(name: str, *, registered: bool = True, status: str = "pass") -> dict[str, Any]:
    return {"name": name, "model_id": f"id-{name}" if registered else None, "registered": registered, "status": status}


def binding(server: Unleash, feature: str, *candidates: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "unleash_url": server.url,
        "project": "default",
        "environment": "development",
        "feature": feature,
        "strategy": "flexibleRollout",
        "variant": "kindo-models",
        "payload_type": "json",
        "payload_value": "modelId",
        "holds": "many",
        "create_missing": False,
        "owner": "kindo-models/test/flags",
        "candidates": list(candidates) or [candidate("a"), candidate("b")],
        **changes,
    }


def refusal(provider: ProviderProcess, props: dict[str, Any]) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        provider.create(KIND, props)
    text = failure(caught.value)
    assert "Traceback" not in text
    return text


def test_writes_the_registered_candidates_in_order_and_nothing_differs_afterwards(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(feature, strategy())
    props = binding(server, feature, candidate("z"), candidate("a"), candidate("m", registered=False, status="fail"))

    made = provider.create(KIND, props)

    written = server.variants(feature)["kindo-models"]
    assert json.loads(written["payload"]["value"]) == ["id-z", "id-a"]
    assert written["weight"] == 1000
    assert made.outputs["payload"] == written["payload"]["value"]
    assert not provider.diff(KIND, made.outputs, props).changes
    read = provider.read(KIND, made.id, made.outputs)
    assert not provider.diff(KIND, read.outputs, props).changes


def test_leaves_foreign_variants_constraints_and_strategies_as_they_are(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    constraint = {"contextName": "userId", "operator": "IN", "values": ["7", "8"]}
    ours = variant("kindo", '["old"]', weight=400, fixed=True)
    foreign = variant("alpha", "x", kind="string", weight=600)
    server.add_feature(
        feature,
        strategy("flexibleRollout", foreign, ours, constraints=[constraint], title="Gradual"),
        strategy("default", variant("kindo-of-another-strategy", "1", kind="string")),
    )
    before = server.strategies(feature)
    props = binding(server, feature, variant="kindo")

    made = provider.create(KIND, props)
    provider.update(KIND, made.id, made.outputs, binding(server, feature, candidate("c"), variant="kindo"))
    after = server.strategies(feature)

    assert json.loads(server.variants(feature)["kindo"]["payload"]["value"]) == ["id-c"]
    for strategies in (before, after):
        for one in strategies:
            one["variants"] = [v for v in one["variants"] if v["name"] != "kindo"]
    assert after == before

    provider.delete(KIND, made.id, {**made.outputs, "payload": '["id-c"]'})
    assert json.loads(server.variants(feature)["kindo"]["payload"]["value"]) == ["old"]


def test_deleting_removes_a_variant_that_was_made_here(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(feature, strategy())
    made = provider.create(KIND, binding(server, feature))
    assert made.outputs["created"] is True

    provider.delete(KIND, made.id, made.outputs)
    assert server.variants(feature) == {}
    assert len(server.strategies(feature)) == 1
    provider.delete(KIND, made.id, made.outputs)


def test_a_payload_changed_by_others_survives_the_delete(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(feature, strategy("flexibleRollout", variant("main", '["before"]')))
    made = provider.create(KIND, binding(server, feature, variant="main"))
    server.payload(feature, "main", '["somebody else"]')

    provider.delete(KIND, made.id, made.outputs)

    assert json.loads(server.variants(feature)["main"]["payload"]["value"]) == ["somebody else"]


def test_a_payload_that_still_names_our_models_is_put_back(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(feature, strategy("flexibleRollout", variant("main", '["before"]')))
    made = provider.create(KIND, binding(server, feature, variant="main"))
    server.payload(feature, "main", '["id-a", "and another"]')

    provider.delete(KIND, made.id, made.outputs)

    assert json.loads(server.variants(feature)["main"]["payload"]["value"]) == ["before"]


def test_a_missing_feature_is_named_with_the_setting_that_would_create_it(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    text = refusal(provider, binding(server, feature))
    assert feature in text
    assert "flags.unleash.createMissing" in text
    assert server.feature(feature) is None


def test_an_archived_feature_counts_as_missing(server: Unleash, provider: ProviderProcess, feature: str) -> None:
    server.add_feature(feature, strategy())
    server.http.delete(f"/api/admin/projects/default/features/{feature}").raise_for_status()
    assert "does not exist" in refusal(provider, binding(server, feature))


def test_create_missing_makes_feature_and_strategy_and_delete_removes_both(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    made = provider.create(KIND, binding(server, feature, create_missing=True))
    assert json.loads(server.variants(feature)["kindo-models"]["payload"]["value"]) == ["id-a", "id-b"]
    assert server.enabled(feature)

    provider.delete(KIND, made.id, made.outputs)
    assert server.feature(feature) is None
    # The name is free again, not merely archived.
    server.add_feature(feature)


def test_a_feature_made_here_stays_when_somebody_added_to_it(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    made = provider.create(KIND, binding(server, feature, create_missing=True))
    server.http.post(
        f"/api/admin/projects/default/features/{feature}/environments/production/strategies", json=strategy("default")
    ).raise_for_status()

    provider.delete(KIND, made.id, made.outputs)

    assert server.strategies(feature, "development") == []
    assert len(server.strategies(feature, "production")) == 1


def test_a_run_that_was_cut_off_recognises_its_own_work(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    props = binding(server, feature, create_missing=True)
    provider.create(KIND, props)

    again = provider.create(KIND, props)
    provider.delete(KIND, again.id, again.outputs)

    assert server.feature(feature) is None


def test_a_feature_of_another_stack_is_refused_with_both_names(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    provider.create(KIND, binding(server, feature, create_missing=True, owner="kindo-models/prod/flags"))
    text = refusal(provider, binding(server, feature, create_missing=True))
    assert "kindo-models/prod/flags" in text
    assert "kindo-models/test/flags" in text


def test_a_strategy_that_is_not_there_lists_those_that_are(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(feature, strategy("default", variant("kindo-models")))
    text = refusal(provider, binding(server, feature))
    assert "'flexibleRollout'" in text
    assert "default (id" in text
    assert "flags.unleash.strategy" in text


def test_of_several_strategies_the_one_with_our_variant_is_taken(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(
        feature, strategy("flexibleRollout", variant("other")), strategy("flexibleRollout", variant("kindo-models"))
    )
    provider.create(KIND, binding(server, feature))
    held = [[v.get("payload") for v in one["variants"]] for one in server.strategies(feature)]
    assert held[0] == [None]
    assert json.loads(held[1][0]["value"]) == ["id-a", "id-b"]


def test_several_strategies_without_our_variant_are_listed(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(
        feature, strategy("flexibleRollout", variant("other")), strategy("flexibleRollout", title="second")
    )
    text = refusal(provider, binding(server, feature))
    assert "2 strategies" in text
    assert "other" in text
    assert "second" in text


def test_a_new_variant_beside_foreign_ones_is_refused_without_a_weight(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(feature, strategy("flexibleRollout", variant("alpha", "x", kind="string")))
    text = refusal(provider, binding(server, feature))
    assert "'alpha'" in text
    assert "weight" in text
    assert set(server.variants(feature)) == {"alpha"}


def test_a_weight_takes_its_share_from_variable_variants_only(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    fixed = variant("fixed", "x", kind="string", weight=200, fixed=True)
    server.add_feature(feature, strategy("flexibleRollout", fixed, variant("free", "y", kind="string")))

    made = provider.create(KIND, binding(server, feature, weight=300))
    assert {name: one["weight"] for name, one in server.variants(feature).items()} == {
        "fixed": 200,
        "free": 500,
        "kindo-models": 300,
    }

    provider.delete(KIND, made.id, made.outputs)
    assert {name: one["weight"] for name, one in server.variants(feature).items()} == {"fixed": 200, "free": 800}


def test_without_a_registered_candidate_the_payload_stays_and_the_run_fails(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(feature, strategy("flexibleRollout", variant("kindo-models", '["kept"]')))
    text = refusal(
        provider,
        binding(server, feature, candidate("a", registered=False, status="fail"), candidate("b", registered=False)),
    )
    assert "a: did not pass its gate" in text
    assert "b: is not registered" in text
    assert json.loads(server.variants(feature)["kindo-models"]["payload"]["value"]) == ["kept"]


def test_hand_edited_payloads_show_after_a_refresh_and_are_repaired(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    server.add_feature(feature, strategy())
    props = binding(server, feature)
    made = provider.create(KIND, props)

    server.payload(feature, "kindo-models", '[ "id-a",   "id-b" ]')
    read = provider.read(KIND, made.id, made.outputs)
    assert not provider.diff(KIND, read.outputs, props).changes, "another formatting is no change"

    server.payload(feature, "kindo-models", '["wrong"]')
    read = provider.read(KIND, made.id, made.outputs)
    assert provider.diff(KIND, read.outputs, props).changes
    provider.update(KIND, made.id, read.outputs, props)
    assert json.loads(server.variants(feature)["kindo-models"]["payload"]["value"]) == ["id-a", "id-b"]


def test_a_removed_feature_reads_as_gone(server: Unleash, provider: ProviderProcess, feature: str) -> None:
    server.add_feature(feature, strategy())
    made = provider.create(KIND, binding(server, feature))
    server.remove(feature)
    gone = provider.read(KIND, made.id, made.outputs)
    assert gone.id == ""
    provider.delete(KIND, made.id, made.outputs)


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"payload_type": "csv"}, {"type": "csv", "value": "id-a,id-b"}),
        ({"payload_type": "string"}, {"type": "string", "value": "id-a"}),
        ({"payload_value": "modelName"}, {"type": "json", "value": '["a","b"]'}),
        ({"holds": "one"}, {"type": "json", "value": '["id-a"]'}),
    ],
    ids=lambda value: ",".join(f"{key}={one}" for key, one in value.items()) if isinstance(value, dict) else None,
)
def test_payload_forms(
    server: Unleash, provider: ProviderProcess, feature: str, changes: dict[str, str], written: dict[str, str]
) -> None:
    server.add_feature(feature, strategy())
    provider.create(KIND, binding(server, feature, **changes))
    assert server.variants(feature)["kindo-models"]["payload"] == written


def test_another_variant_name_is_another_binding(server: Unleash, provider: ProviderProcess, feature: str) -> None:
    props = binding(server, feature)
    olds = {**props, "payload": '["id-a","id-b"]', "created": True}
    assert provider.diff(KIND, olds, {**props, "variant": "other"}).replaces == ["variant"]
    assert provider.diff(KIND, olds, {**props, "payload_type": "csv"}).replaces == []


def test_wrong_words_are_refused_before_anything_runs(server: Unleash, provider: ProviderProcess, feature: str) -> None:
    failures = provider.check(KIND, binding(server, feature, payload_type="yaml", holds="all"))
    assert set(failures) == {"payload_type", "holds"}
    assert "json, csv, string" in failures["payload_type"]


def test_a_refused_token_names_its_setting_and_is_not_shown(server: Unleash, feature: str) -> None:
    with ProviderProcess({"UNLEASH_ADMIN_TOKEN": "canary-wrong-token"}) as other:
        text = refusal(other, binding(server, feature))
    assert "Unleash" in text
    assert "UNLEASH_ADMIN_TOKEN" in text
    assert "canary-wrong-token" not in text


def test_unknown_candidates_are_tolerated_and_count_as_a_change(
    server: Unleash, provider: ProviderProcess, feature: str
) -> None:
    known = binding(server, feature)
    unknown = binding(
        server, feature, {**candidate("a"), "model_id": UNKNOWN, "registered": UNKNOWN, "status": UNKNOWN}
    )
    assert provider.check(KIND, unknown) == {}
    assert provider.diff(KIND, {**known, "payload": '["id-a","id-b"]', "created": True}, unknown).changes
