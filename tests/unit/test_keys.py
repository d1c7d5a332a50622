"""Where secrets come from, in the stated order; names of secrets that collide for no two models."""

from __future__ import annotations

from typing import Any

import pytest

from kindo_models.contract import Contract, parse_contract
from kindo_models.environment import (
    Environment,
    ExternalSecrets,
    SecretKey,
    SecretSettings,
    SecretStore,
    StoredKey,
)
from kindo_models.findings import InputError
from kindo_models.planning import Plan, plan
from kindo_models.planning.keys import key_references, locate_keys
from kindo_models.planning.names import variable_stems
from tests.support.contracts import AZURE, BEDROCK, CLOUD, ENDPOINT, OLLAMA, OPENAI, SERVED, changed, document

EVERYWHERE = SecretSettings(
    existing={"ANTHROPIC_API_KEY": SecretKey(name="kindo-keys")},
    external=ExternalSecrets(store=SecretStore(name="s"), keys={"ANTHROPIC_API_KEY": StoredKey(key="k")}),
)


def made(*entries: Any, secrets: SecretSettings = SecretSettings()) -> tuple[Plan, Contract]:  # noqa: B008
    contract = parse_contract(document(*entries))
    return plan(contract, Environment(secrets=secrets)), contract


def test_the_first_place_that_has_a_key_counts() -> None:
    planned, contract = made(CLOUD, secrets=EVERYWHERE)
    name = planned.keys[0].secret_key
    order = [
        locate_keys(planned, contract, {"ANTHROPIC_API_KEY": "a"}, {"ANTHROPIC_API_KEY": "b"})[name],
        locate_keys(planned, contract, {"ANTHROPIC_API_KEY": " "}, {"ANTHROPIC_API_KEY": "b"})[name],
        locate_keys(planned, contract, {}, {})[name],
    ]
    assert [(source.origin, source.value) for source in order] == [
        ("process variable", "a"),
        ("Pulumi secret", "b"),
        ("Kubernetes Secret", None),
    ]
    assert order[2].existing == SecretKey(name="kindo-keys", key="ANTHROPIC_API_KEY", namespace="kindo-gateway")
    without = SecretSettings(external=EVERYWHERE.external)
    planned, contract = made(CLOUD, secrets=without)
    last = locate_keys(planned, contract, {}, {})[name]
    assert (last.origin, last.stored) == ("ExternalSecret", StoredKey(key="k"))


def test_what_is_nowhere_is_named_all_at_once() -> None:
    planned, contract = made(CLOUD, OPENAI, AZURE, secrets=EVERYWHERE)
    with pytest.raises(InputError) as caught:
        locate_keys(planned, contract, {})
    assert [finding.message.split()[0] for finding in caught.value.findings] == ["OPENAI_API_KEY", "AZURE_API_KEY"]


def test_an_omitted_key_is_the_providers_own_variable() -> None:
    entries = [changed(entry, "apiKey") for entry in (CLOUD, OPENAI, ENDPOINT, BEDROCK, OLLAMA)]
    contract = parse_contract(document(*entries))
    assert [[key.variable for key in key_references(entry)] for entry in contract.models] == [
        ["ANTHROPIC_API_KEY"],
        ["OPENAI_API_KEY"],
        # Not OpenAI's: it would be sent to another server.
        ["HOSTED_VLLM_API_KEY"],
        [],
        [],
    ]


def test_a_source_shows_no_value() -> None:
    planned, contract = made(changed(CLOUD, apiKey="sk-canary-literal"))
    (source,) = locate_keys(planned, contract, {}).values()
    assert (source.origin, source.value) == ("contract", "sk-canary-literal")
    assert "canary" not in repr(source)


def test_an_adapter_has_its_bases_literal_key() -> None:
    base = changed(SERVED, apiKey="sk-base-literal")
    adapter = changed(SERVED, "apiKey", litellmModelName="l", litellmModel="openai/l", deploy={"adapterOf": "qwen"})
    planned, contract = made(base, adapter)
    assert {source.value for source in locate_keys(planned, contract, {}).values()} == {"sk-base-literal"}


def test_secrets_of_keys_that_differ_in_punctuation_only_have_different_names() -> None:
    names = ["gpt.4", "gpt-4", "GPT_4", "other"]
    stems = variable_stems(names)
    assert len(set(stems.values())) == 4
    assert stems["other"] == "OTHER"
    planned, _ = made(*(changed(CLOUD, litellmModelName=name, apiKey=f"${{K{i}}}") for i, name in enumerate(names)))
    assert len({key.secret_key for key in planned.keys}) == 4
    listed = {
        item["model_name"]: item["litellm_params"]["api_key"] for item in planned.gateway.values["config"]["model_list"]
    }
    assert len(set(listed.values())) == 4
