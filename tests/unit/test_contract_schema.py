"""The JSON Schema that editors use says what the model says."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.commands.schema import document
from kindo_models.contract.model import Autoscaling, Contract, Deploy, Gpu, ModelEntry, Weights
from tests.support.contracts import AZURE, EMBEDDINGS, GOOD, SERVED, changed

SCHEMA = document()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_command_prints_a_valid_schema() -> None:
    done = CliRunner().invoke(app, ["schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == SCHEMA
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("model", [ModelEntry, Deploy, Gpu, Autoscaling, Weights])
def test_every_key_of_the_model_is_in_the_schema_with_what_it_means(model: type[BaseModel]) -> None:
    part = SCHEMA["$defs"][model.__name__]
    keys = {info.alias: info for info in model.model_fields.values()}
    assert set(part["properties"]) == set(keys)
    assert set(part.get("required", [])) == {key for key, info in keys.items() if info.is_required()}
    assert part["additionalProperties"] is False
    assert {key: value.get("description") for key, value in part["properties"].items()} == {
        key: info.description for key, info in keys.items()
    }
    assert all(info.description for info in keys.values())


def test_other_top_level_keys_are_let_through(repository: Path) -> None:
    content = yaml.safe_load((repository / "stacks" / "local.contract.yaml").read_text())
    VALIDATOR.validate(content | {"adminUser": {"email": "a@b"}, "secretsStore": {}})


WORDS = ["CHAT", "INTERNAL", "Embeddings", "LOW", "vllm", "x", "", "5"]
values = st.none() | st.booleans() | st.integers(-2, 3_000_000_000) | st.sampled_from(WORDS) | st.just([]) | st.just({})
keys = st.sampled_from([*(info.alias or "" for info in ModelEntry.model_fields.values()), "nope", "max_tokens"])
deploy_keys = st.sampled_from([*(info.alias or "" for info in Deploy.model_fields.values()), "nope"])


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    base=st.sampled_from([*GOOD, EMBEDDINGS]),
    removed=st.lists(keys, max_size=1),
    put=st.dictionaries(keys, values, max_size=2),
    deploy=st.dictionaries(deploy_keys, values, max_size=2),
)
def test_schema_and_model_take_and_refuse_the_same(
    base: dict[str, Any], removed: list[str], put: dict[str, Any], deploy: dict[str, Any]
) -> None:
    entry = deepcopy(changed(base, *removed)) | put
    if deploy and isinstance(entry.get("deploy"), dict) and entry["deploy"]:
        entry["deploy"] = entry["deploy"] | deploy
    content = {"models": [entry]}
    try:
        Contract.model_validate(content, by_alias=True, by_name=False)
        taken = True
    except ValidationError:
        taken = False
    assert VALIDATOR.is_valid(content) == taken, content


def test_the_schema_refuses_what_validate_refuses_by_structure() -> None:
    for wrong in (
        changed(AZURE, "provider"),
        changed(SERVED, deploy={"gpu": {"count": 0}}),
        changed(AZURE, apiVersion=5),
    ):
        assert not VALIDATOR.is_valid({"models": [wrong]})
