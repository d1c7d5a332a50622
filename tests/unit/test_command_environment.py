"""`kindo-models environment show` and the environment's JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.environment.schema import environment_schema

STACK = """\
config:
  kindo-models:environment:
    extends: b
    gateway:
      replicas: 5
      url: ${GATEWAY_URL}
    images: {pullSecrets: [one]}
"""
BASE = "gateway: {startupSeconds: 60, replicas: 2}\nverification:\n  onFailure: warn\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks" / "base").mkdir(parents=True)
    (tmp_path / "stacks" / "Pulumi.x.yaml").write_text(STACK)
    (tmp_path / "stacks" / "base" / "b.yaml").write_text(BASE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_URL", "http://gateway")
    return tmp_path


def show(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["environment", "show", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_text_names_file_and_line_of_each_value(project: Path) -> None:
    assert show("--stack", "x") == (
        0,
        """\
Environment of x

key                     value           written in
──────────────────────────────────────────────────────────────
gateway.startupSeconds  60              stacks/base/b.yaml:1
gateway.replicas        5               stacks/Pulumi.x.yaml:5
gateway.url             http://gateway  stacks/Pulumi.x.yaml:6
verification.onFailure  warn            stacks/base/b.yaml:3
images.pullSecrets      ["one"]         stacks/Pulumi.x.yaml:7
""",
        "",
    )


def test_defaults_are_shown_on_request(project: Path) -> None:
    _, out, _ = show("--stack", "x", "--defaults")
    lines = [line.split() for line in out.splitlines()]
    assert ["gateway.version", "1.108.0", "default"] in lines
    assert ["gateway.replicas", "5", "stacks/Pulumi.x.yaml:5"] in lines


def test_json_is_the_merged_object_and_its_origins(project: Path) -> None:
    status, out, _ = show("--stack", "x", "--format", "json")
    assert status == 0
    assert json.loads(out) == {
        "stack": "x",
        "environment": {
            "gateway": {"replicas": 5, "startupSeconds": 60, "url": "http://gateway"},
            "verification": {"onFailure": "warn"},
            "images": {"pullSecrets": ["one"]},
        },
        "origins": {
            "gateway.replicas": "stacks/Pulumi.x.yaml:5",
            "gateway.startupSeconds": "stacks/base/b.yaml:1",
            "gateway.url": "stacks/Pulumi.x.yaml:6",
            "verification.onFailure": "stacks/base/b.yaml:3",
            "images.pullSecrets": "stacks/Pulumi.x.yaml:7",
        },
    }


def test_yaml_is_one_file_that_says_the_same_with_the_origins_as_comments(project: Path) -> None:
    _, out, _ = show("--stack", "x", "--format", "yaml")
    _, merged, _ = show("--stack", "x", "--format", "json")
    assert yaml.safe_load(out) == json.loads(merged)["environment"]
    for origin in json.loads(merged)["origins"].values():
        assert f"# {origin}\n" in out


def test_a_variable_that_is_not_set_stays_as_written_and_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATEWAY_URL")
    status, out, error = show("--stack", "x")
    assert status == 0
    assert "gateway.url             ${GATEWAY_URL}  stacks/Pulumi.x.yaml:6\n" in out
    assert error == (
        "warning[missing-variable] stacks/Pulumi.x.yaml:6 config.kindo-models:environment.gateway.url: the environment "
        'variable GATEWAY_URL is not set\n    fix: set GATEWAY_URL; for the stack local: eval "$(make env)"\n'
    )


def test_a_mistake_ends_with_status_2_and_its_place(project: Path) -> None:
    (project / "stacks" / "base" / "b.yaml").write_text("gateway: {replcas: 2}\n")
    assert show("--stack", "x") == (
        2,
        "",
        "error[unknown-key] stacks/base/b.yaml:1 gateway.replcas: unknown key 'replcas'\n"
        "    fix: did you mean 'replicas'?\n",
    )


def test_a_stack_must_be_named_and_only_what_this_command_takes_is_offered(project: Path) -> None:
    assert show() == (
        2,
        "",
        "error[no-environment] name one environment\n    fix: use --stack NAME or --environment FILE\n",
    )


# --- the JSON Schema


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = environment_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_stack_and_base_of_the_repository_validates(validator: Any, repository: Path) -> None:
    files = [*(repository / "stacks").glob("Pulumi.*.yaml"), *(repository / "stacks" / "base").glob("*.yaml")]
    assert len(files) >= 7
    for file in files:
        assert list(validator.iter_errors(yaml.safe_load(file.read_text()))) == [], file


@pytest.mark.parametrize(
    "document",
    [
        {"gatway": {}},
        {"gateway": {"replicas": 0}},
        {"gateway": {"replicas": "two"}},
        {"cluster": {"kind": "gke"}},
        {"config": {"kindo-models:environment": {"gateway": {"replcas": 1}}}},
    ],
)
def test_an_editor_underlines_what_the_program_refuses(validator: Any, document: Any) -> None:
    assert list(validator.iter_errors(document))


def test_variables_and_null_are_no_mistake_for_an_editor(validator: Any) -> None:
    assert not list(validator.iter_errors({"gateway": {"replicas": "${REPLICAS}"}, "flags": None}))


def test_every_key_has_a_description() -> None:
    for name, definition in environment_schema()["$defs"].items():
        if name != "StackFile":
            lacking = [key for key, value in definition["properties"].items() if not value.get("description")]
            assert lacking == [], name
