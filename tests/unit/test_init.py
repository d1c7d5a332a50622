"""init: a commented contract that is right from the start."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kindo_models.catalog.models import cloud_models, status
from kindo_models.catalog.providers import providers
from kindo_models.cli import app
from kindo_models.contract import parse_contract
from kindo_models.contract.convert.starter import DEFAULT, provider_name, starter
from kindo_models.contract.draft import read_draft
from kindo_models.planning.rules import Context, check
from kindo_models.source import scan

TODAY = date(2026, 11, 25)
NAMES = tuple(providers().providers)


def init(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["init", *arguments])


@pytest.mark.parametrize("name", NAMES)
def test_each_providers_starter_has_no_finding_but_the_models_that_kindo_needs_besides(name: str) -> None:
    found = check(read_draft(scan(starter([name]), file="x")), Context(today=TODAY))
    assert {finding.code for finding in found} <= {"required-flag-without-model", *_known(name)}


def _known(name: str) -> set[str]:
    # Perplexity offers nothing that calls tools, and its chat API is deprecated as a whole.
    return {"model-retiring"} if name == "perplexity" else set()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("ollama", "vllm")])
def test_starters_are_current_models(name: str) -> None:
    model = providers().providers[name].starter.model
    assert cloud_models().find(name, model) is not None
    assert status(name, model, TODAY) == ("deprecated" if name == "perplexity" else "current")


def test_all_thirteen_in_one_file_have_unique_names() -> None:
    models = parse_contract(starter(NAMES)).models
    assert len({model.litellm_model_name for model in models}) == 13


def test_the_first_entry_explains_the_common_fields() -> None:
    text = starter(["groq", "mistral"])
    assert text.count("# LOW, MEDIUM or HIGH") == 1
    assert text.index("# LOW, MEDIUM or HIGH") < text.index("mistral/")


def test_a_file_is_written_and_never_overwritten_without_force(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    assert init(str(file)).exit_code == 0
    models = parse_contract(file.read_text()).models
    assert [model.provider for model in models] == [providers().providers[name].kindo_provider for name in DEFAULT]
    file.write_text("mine\n")
    refused = init(str(file))
    assert refused.exit_code == 2
    assert "exists" in refused.stderr
    assert file.read_text() == "mine\n"
    assert init(str(file), "--force", "-p", "groq").exit_code == 0
    assert "groq/" in file.read_text()


def test_chosen_providers_stand_in_the_order_in_which_they_are_named() -> None:
    text = init("-", "--provider", "Mistral", "--provider", "AWS Bedrock", "-p", "together_ai").stdout
    assert [model.provider for model in parse_contract(text).models] == ["Mistral", "AWS Bedrock", "Together AI"]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("OpenAI", "openai"),
        ("google", "gemini"),
        ("Google Gemini", "gemini"),
        ("hosted_vllm", "vllm"),
        ("nobody", None),
    ],
)
def test_a_provider_may_be_called_by_any_of_its_names(word: str, name: str | None) -> None:
    assert provider_name(word) == name


def test_unknown_providers_are_all_named_with_the_nearest() -> None:
    result = init("-p", "opnai", "-p", "nobody", "-")
    assert result.exit_code == 2
    assert "did you mean 'openai'?" in result.stderr
    assert "'nobody'" in result.stderr
    assert result.stdout == ""


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path) -> None:
    result = init(str(tmp_path / "no" / "contract.yaml"))
    assert result.exit_code == 2
    assert "cannot write" in result.stderr
