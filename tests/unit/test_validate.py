"""`kindo-models validate` as a user and a program meet it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kindo_models.cli import app
from tests.conftest import LOCAL_VARIABLES
from tests.support.contracts import AZURE, CLOUD, ENDPOINT, SERVED, changed, document

KEYS = {"code", "model", "field", "line", "message", "hint"}


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["validate", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


def as_json(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    status, output = run(*arguments, "--format", "json")
    found = json.loads(output)
    assert set(found) == {"errors", "warnings"}
    assert all(set(row) == KEYS for rows in found.values() for row in rows)
    assert (status == 0) == (found["errors"] == [])
    return status, found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contract.yaml"


def test_a_good_file_is_0_and_two_empty_lists(file: Path) -> None:
    file.write_text(document(CLOUD, AZURE))
    status, found = as_json(file)
    assert (status, found["errors"]) == (0, [])


def test_errors_are_1_and_each_has_code_model_field_line_message_and_hint(file: Path) -> None:
    file.write_text("# a comment\nadminUser: {email: a@b}\n" + document(CLOUD, changed(AZURE, "apiVersion")))
    status, found = as_json(file)
    assert status == 1
    assert found["errors"] == [
        {
            "code": "azure-field-missing",
            "model": "azure-gpt",
            "field": "models[1].apiVersion",
            "line": 15,
            "message": "Azure OpenAI needs apiVersion: apiBase, apiVersion and apiKey are all required",
            "hint": "add `apiVersion: '2024-10-21'`",
        }
    ]


@pytest.mark.parametrize("content", [b"", b"just text", b"- a\n- b", b"a: [", b"\xff\xfe\x00", b"a: \x00"])
def test_unreadable_files_are_2_with_one_error_that_says_why(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    status, found = as_json(file)
    assert status == 2
    assert len(found["errors"]) == 1
    assert found["errors"][0]["message"]
    assert found["warnings"] == []


def test_a_file_that_is_not_there_is_2(tmp_path: Path) -> None:
    status, found = as_json(tmp_path / "nothing.yaml")
    assert (status, [row["code"] for row in found["errors"]]) == (2, ["unreadable-file"])
    assert as_json(tmp_path)[0] == 2


def test_no_file_at_all_is_2_in_json_too() -> None:
    status, found = as_json()
    assert (status, found["errors"][0]["code"]) == (2, "no-contract")


def test_a_map_without_models_is_1(file: Path) -> None:
    file.write_text("adminUser: {}\nmodels: 5\n")
    status, found = as_json(file)
    assert (status, found["errors"][0]["code"], found["errors"][0]["line"]) == (1, "no-models", 2)


def test_text_shows_the_line_a_caret_the_value_what_is_allowed_and_the_fix(file: Path) -> None:
    file.write_text(document(changed(CLOUD, type="CHATS")))
    status, output = run(file)
    assert status == 1
    assert f"error[not-allowed] {file}:7 models[0].type (claude-haiku-4-5-20251001)" in output
    assert "\n  7 |   type: CHATS\n    |         ^^^^^\n" in output
    assert "type: allowed are 'CHAT' or 'INTERNAL' (found 'CHATS')\n  fix: did you mean 'CHAT'?" in output
    # Warnings about the model's retirement come with time.
    assert re.search(r"\n1 error, \d+ warnings?$", output.rstrip())


def test_github_gets_annotations_with_escaped_texts(file: Path) -> None:
    file.write_text(document(changed(CLOUD, provider="100%, really")))
    status, output = run(file, "--format", "github")
    assert status == 0
    line = next(line for line in output.splitlines() if "provider-name-unknown" in line)
    assert line.startswith(
        f"::warning file={file},line=5,title=provider-name-unknown::models[0].provider: provider '100%25"
    )
    assert "%0Afix: " in line


def test_names_that_hold_terminal_codes_are_shown_without_them(file: Path) -> None:
    file.write_text(document(changed(CLOUD, litellmModelName="NAME", creator=None)).replace("NAME", '"\\e[31mred"'))
    _, output = run(file)
    assert "\x1b" not in output
    assert "(?[31mred)" in output


def test_carets_stand_under_wide_characters(file: Path) -> None:
    file.write_text(document(CLOUD) + '  "日本": {provider: 1}\n')
    assert '  13 |   "日本": {provider: 1}\n     |   ^^^^^^\n' in run(file)[1]


CANARIES = {
    "apiKey": "canary-api-key-1",
    "awsAccessKeyId": "canary-aws-id-2",
    "awsSecretAccessKey": "canary-aws-secret-3",
}


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_no_secret_is_ever_shown(file: Path, form: str) -> None:
    entry = changed(
        SERVED,
        **CANARIES,
        apiBase="https://user:canary-password@host/x",
        apikey="canary-typo-4",
        description=["canary-list"],
        deploy={
            "hfToken": "canary-hf-5",
            "env": {"HF_TOKEN": "canary-env-6", "OTHER_SECRET": 7},
            "extraArgs": ["--api-key", "canary-arg-7", "--api-key=canary-arg-8", "--nope", "sk-canary-arg-9"],
        },
    )
    text = document(entry, changed(CLOUD, apiKey="sk-ant-canary-10")).replace(
        "apiKey: sk-ant-canary-10", "apiKey: sk-ant-canary-10 # was canary-comment"
    )
    file.write_text(
        text + "  awsSecretAccessKey: |\n    canary-block-11\n    canary-block-12\n  apiVersion: {apiKey: canary-13}\n"
    )
    _, output = run(file, "--format", form)
    assert "inline-secret" in output
    assert "canary" not in output


@pytest.mark.parametrize("form", ["text", "json", "github"])
@pytest.mark.parametrize("address", ["https://h.example.com/v1?api_key={}&a=b", "https://{}@h.example.com/v1"])
def test_no_secret_in_an_address_is_shown(file: Path, form: str, address: str) -> None:
    file.write_text(document(changed(ENDPOINT, apiBase=address.format("canary-1"), docLink="http://h?token=canary-2")))
    status, output = run(file, "--format", form)
    assert status == 1
    assert "api-base-malformed" in output
    assert "canary" not in output


def test_an_alias_of_a_secret_is_masked_where_it_is_used(file: Path) -> None:
    file.write_text(document(changed(CLOUD, "apiKey")) + "  apiKey: &key my-canary-key\n  apiBase: *key\n")
    for form in ("text", "json", "github"):
        assert "my-canary-key" not in run(file, "--format", form)[1]


def test_with_a_stack_what_the_environment_fills_in_counts_as_present(
    file: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in LOCAL_VARIABLES.items():
        monkeypatch.setenv(name, value)
    file.write_text(document(changed(AZURE, "apiBase")))
    assert [row["field"] for row in as_json(file)[1]["errors"]] == ["models[0].apiBase"]
    settings = repository / "stacks" / "Pulumi.local.yaml"
    _, found = as_json(file, "--environment", settings)
    assert "azure-field-missing" not in [row["code"] for row in found["errors"]]
    assert "required-flag-without-model" in [row["code"] for row in found["errors"]]
    release = next(row for row in found["warnings"] if row["code"] == "litellm-below-preferred-floor")
    assert release["line"] == settings.read_text().splitlines().index("      version: 1.106.0") + 1


def test_with_an_environment_a_broken_contract_still_gives_every_finding(file: Path, tmp_path: Path) -> None:
    settings = tmp_path / "Pulumi.x.yaml"
    settings.write_text("config:\n  kindo-models:environment:\n    gateway: {version: 1.107.1}\n")
    file.write_text(document(changed(CLOUD, type="CHATS"), changed(AZURE, "apiKey")))
    _, found = as_json(file, "--environment", settings)
    assert sorted(row["code"] for row in found["errors"]) == [
        "azure-field-missing",
        "litellm-release-denied",
        "not-allowed",
    ]


def test_an_unusable_environment_is_2(file: Path, tmp_path: Path) -> None:
    file.write_text(document(CLOUD))
    status, found = as_json(file, "--environment", tmp_path / "no.yaml")
    assert (status, found["errors"][0]["code"]) == (2, "unreadable-file")


def test_the_local_stack_has_no_error(repository: Path) -> None:
    status, found = as_json(repository / "stacks" / "local.contract.yaml")
    assert status == 0
    assert {row["code"] for row in found["warnings"]} <= {"model-retired", "model-retiring"}


def test_the_command_runs_as_a_process_with_a_terminal_that_knows_ascii_only(file: Path) -> None:
    file.write_text(document(changed(CLOUD, displayName="Ä ≠", provider="日本")))
    for form in ("text", "json"):
        done = subprocess.run(
            [sys.executable, "-c", "from kindo_models.cli import main; main()", "validate", str(file), "-f", form],
            capture_output=True,
            env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin"},
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
