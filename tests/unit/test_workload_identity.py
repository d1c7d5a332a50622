"""Azure entries without a key, called with the Entra identity of the gateway's pods."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kindo_models.environment import load_environment
from kindo_models.findings import InputError, errors
from kindo_models.planning import Plan
from kindo_models.stack import plan_files
from tests.support import contracts

ACCOUNT = {
    "annotations": {"azure.workload.identity/client-id": "11111111-2222-3333-4444-555555555555"},
    "podLabels": {"azure.workload.identity/use": "true"},
}
AZURE = {key: value for key, value in contracts.AZURE.items() if key != "apiKey"}


def settings(folder: Path, **parts: object) -> Path:
    file = folder / "Pulumi.x.yaml"
    file.write_text(yaml.safe_dump({"config": {"kindo-models:environment": parts}}))
    return file


def planned(folder: Path, entry: dict[str, object], **parts: object) -> Plan:
    contract = folder / "x.contract.yaml"
    contract.write_text(yaml.safe_dump({"models": [entry]}))
    return plan_files(settings(folder, **parts), contract, "x").plan


def test_an_entry_without_key_counts_as_complete_and_asks_for_no_variable(tmp_path: Path) -> None:
    identity = {"providers": {"azure": {"identity": "workload"}}, "gateway": {"serviceAccount": ACCOUNT}}
    made = planned(tmp_path, AZURE, **identity)
    assert errors(made.findings) == ()
    assert made.keys == ()
    config = made.gateway.values["config"]
    assert config["litellm_settings"]["enable_azure_ad_token_refresh"] is True
    assert "api_key" not in config["model_list"][0]["litellm_params"]
    assert made.gateway.values["serviceAccount"] == {"name": "litellm", **ACCOUNT}


def test_an_entry_with_a_key_keeps_it(tmp_path: Path) -> None:
    identity = {"providers": {"azure": {"identity": "workload"}}, "gateway": {"serviceAccount": ACCOUNT}}
    made = planned(tmp_path, {**AZURE, "apiKey": "${AZURE_API_KEY}"}, **identity)
    assert [key.variable for key in made.keys] == ["AZURE_API_KEY"]


def test_without_the_setting_the_key_is_missing_and_no_identity_is_taken(tmp_path: Path) -> None:
    made = planned(tmp_path, AZURE)
    assert [(one.code, one.field) for one in errors(made.findings)] == [("azure-field-missing", "models[0].apiKey")]
    assert "enable_azure_ad_token_refresh" not in made.gateway.values["config"]["litellm_settings"]
    assert "serviceAccount" not in made.gateway.values


@pytest.mark.parametrize(
    ("providers", "code", "words"),
    [
        ({"azure": {"identity": "workload"}}, "missing-key", "needs gateway.serviceAccount"),
        ({"openai": {"identity": "workload"}}, "settings-disagree", "only Azure's entries"),
    ],
)
def test_an_identity_that_nobody_has_is_refused(
    tmp_path: Path, providers: dict[str, object], code: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_environment(settings(tmp_path, providers=providers))
    (found,) = caught.value.findings
    assert (found.code, found.line) == (code, 5)
    assert words in found.message
