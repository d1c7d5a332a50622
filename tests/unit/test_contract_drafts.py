"""One wrong value hides no other finding: neither of the same entry nor of its neighbours."""

from __future__ import annotations

from typing import Any

import pytest

from kindo_models.contract import parse_contract
from kindo_models.contract.draft import draft_of, read_draft
from kindo_models.contract.model import Contract, Deploy, ModelEntry
from kindo_models.environment import Environment
from kindo_models.findings import InputError
from kindo_models.planning import plan
from kindo_models.planning.rules import Context, check
from kindo_models.source import scan
from tests.support.contracts import (
    AZURE,
    CLOUD,
    GOOD,
    OPENAI,
    SERVED,
    changed,
    codes,
    document,
    findings,
    text_findings,
)


def test_a_wrong_type_hides_no_rule_on_the_other_fields_of_the_entry() -> None:
    found = codes(changed(AZURE, "apiVersion", contextWindow="128k", provider="Azur OpenAI", apiBase="https://a.b/c"))
    assert sorted(found) == ["azure-base-with-path", "azure-field-missing", "provider-name-unknown", "wrong-type"]


def test_a_typo_in_one_entry_hides_nothing_in_another() -> None:
    found = findings(changed(CLOUD, maxToken=5), "text", changed(AZURE, "apiVersion"))
    assert [(finding.code, finding.field) for finding in found] == [
        ("unknown-key", "models[0].maxToken"),
        ("wrong-type", "models[1]"),
        ("azure-field-missing", "models[2].apiVersion"),
    ]


def test_a_value_of_a_wrong_type_is_not_also_missing() -> None:
    assert codes(changed(AZURE, apiVersion=20241021)) == ["wrong-type"]


def test_an_unquoted_date_is_explained() -> None:
    text = document(AZURE).replace("'2024-10-21'", "2024-10-21")
    (finding,) = text_findings(text)
    assert finding.hint == "put it in quotes: `apiVersion: '2024-10-21'` (YAML reads it as a date)"


def test_a_wrong_value_in_deploy_hides_no_rule_on_the_rest_of_deploy() -> None:
    entry = changed(
        SERVED, deploy={"replicas": "two", "toolCallParser": "nope", "gpu": {"count": "x", "tensorParallel": 0}}
    )
    assert sorted(codes(entry)) == ["parser-unknown", "wrong-type", "wrong-type", "wrong-type"]


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_optional_value_is_an_absent_one(value: str | None) -> None:
    entry = changed(AZURE, awsAccessKeyId=value, description=value, deploy=None)
    assert codes(entry) == []
    assert codes(changed(AZURE, apiKey=value)) == ["azure-field-missing"]


def test_an_empty_required_value_is_reported_on_its_own_line() -> None:
    (finding,) = text_findings(document(CLOUD).replace("displayName: Claude Haiku 4.5", "displayName:"))
    assert (finding.code, finding.line, finding.message) == ("missing-key", 4, "required key 'displayName' is empty")


def test_python_names_of_keys_are_unknown_in_a_file() -> None:
    assert codes(changed(CLOUD, max_tokens=5)) == ["unknown-key"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("contextWindow", True), ("contextWindow", 1.5), ("contextWindow", 0), ("displayName", 4), ("maxTokens", "many")],
)
def test_types_are_strict(key: str, value: Any) -> None:
    assert codes(changed(OPENAI, **{key: value})) == ["wrong-type"]


PAGE_KEYS = """litellmModelName litellmModel displayName provider creator type metadataType costTier contextWindow
    maxTokens description docLink apiKey apiBase apiVersion awsRegion awsAccessKeyId awsSecretAccessKey baseModel"""
DEPLOY_KEYS = """engine model revision quantization dtype kvCacheDtype maxModelLen concurrency replicas autoscaling gpu
    gpuMemoryUtilization maxNumSeqs maxNumBatchedTokens prefixCaching chunkedPrefill toolCallParser reasoningParser
    chatTemplate trustRemoteCode adapterOf extraArgs env image weights hfToken"""


def test_a_number_among_arguments_is_to_be_quoted_and_is_not_shown() -> None:
    (finding,) = findings(changed(SERVED, deploy={"extraArgs": ["--api-key", 12345]}))
    assert (finding.code, finding.field) == ("wrong-type", "models[0].deploy.extraArgs[1]")
    assert (finding.message, finding.hint) == ("models[0].deploy.extraArgs[1]: must be text", "put it in quotes")


def test_every_key_of_the_page_and_of_deploy_is_known() -> None:
    assert {info.alias for info in ModelEntry.model_fields.values()} == {*PAGE_KEYS.split(), "deploy"}
    assert {info.alias for info in Deploy.model_fields.values()} == {*DEPLOY_KEYS.split()}


def test_a_contract_in_memory_gives_the_findings_of_its_file() -> None:
    entries = [
        changed(AZURE, "baseModel"),
        changed(SERVED, deploy={"toolCallParser": "hermes", "extraArgs": ["--nope"]}),
    ]
    draft = read_draft(scan(document(*entries), file="c.yaml"))
    assert draft.contract is not None
    in_memory = check(draft_of(draft.contract), Context())
    assert [(finding.code, finding.field, finding.message) for finding in in_memory] == [
        (finding.code, finding.field, finding.message) for finding in check(draft, Context())
    ]
    assert {finding.line for finding in in_memory} == {None}


def test_merged_and_aliased_values_have_the_line_where_they_are_written() -> None:
    lines = document(changed(CLOUD, "provider")).replace("- litellmModelName", "- <<: *base\n  litellmModelName")
    text = f"base: &base\n  provider: nobody\n{lines}"
    (finding,) = text_findings(text)
    assert (finding.code, finding.line, finding.field) == ("provider-name-unknown", 2, "models[0].provider")


def test_adapters_take_key_and_parsers_from_their_base_and_need_no_server() -> None:
    adapter = changed(
        SERVED,
        "apiKey",
        litellmModelName="lora",
        litellmModel="openai/lora",
        deploy={"model": "org/adapter", "adapterOf": "qwen", "toolCallParser": None, "gpu": None},
    )
    draft = read_draft(scan(document(SERVED, adapter), file="c.yaml"))
    assert draft.contract
    made = plan(draft.contract, Environment())
    assert [finding.code for finding in made.findings if finding.severity == "error"] == []
    (server,) = made.servers
    arguments = server.values["args"]
    assert arguments[arguments.index("--lora-modules") + 1] == "lora=org/adapter"
    routes = {item["model_name"]: item["litellm_params"] for item in made.gateway.values["config"]["model_list"]}
    assert routes["lora"]["model"] == "hosted_vllm/lora"
    assert routes["lora"]["api_base"] == routes["qwen"]["api_base"]
    assert {key.variable for key in made.keys} == {"VLLM_API_KEY"}
    checks = {
        endpoint.model: [one.check for one in endpoint.checks if one.via == "direct"] for endpoint in made.endpoints
    }
    assert checks["lora"] == checks["qwen"] == ["dns", "models", "tool-call"]


def test_good_entries_make_a_contract() -> None:
    draft = read_draft(scan(document(*GOOD), file="c.yaml"))
    assert isinstance(draft.contract, Contract)
    assert draft.findings == ()


def test_a_file_with_a_key_twice_gives_that_and_every_other_finding() -> None:
    text = document(changed(CLOUD, provider="nobody")) + "  provider: again\n"
    assert [finding.code for finding in text_findings(text)] == ["provider-name-unknown", "duplicate-key"]
    with pytest.raises(InputError, match="duplicate-key"):
        parse_contract(text)
