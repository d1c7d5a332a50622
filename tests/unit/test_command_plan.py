"""`kindo-models plan` as a user sees it: on terminals, in logs, as JSON and Markdown, and when the input is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.commands.printing import Column, markdown_table
from kindo_models.commands.schema_plan import plan_schema
from kindo_models.planning import Plan
from tests.support.command import on_terminal, piped, plain

pytestmark = pytest.mark.process

MODELS = ("gpt-4o", "claude-sonnet-4-20250514", "nemotron", "whisper-large-v3", "smollm2-135m")


@pytest.fixture(autouse=True)
def folder(repository: Path, monkeypatch: pytest.MonkeyPatch, local_variables: dict[str, str]) -> None:
    monkeypatch.chdir(repository)
    for name, value in local_variables.items():
        monkeypatch.setenv(name, value)


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["plan", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_log_gets_one_line_for_each_model_without_colour_or_padding(
    repository: Path, local_variables: dict[str, str]
) -> None:
    result = piped("plan", "--stack", "local", folder=repository, **local_variables)
    assert (result.status, result.error) == (0, "")
    assert "\x1b" not in result.out
    assert all(line == line.rstrip() for line in result.out.splitlines())
    lines = result.out.splitlines()
    assert "nemotron                  vllm          4 × H100   4  1,000,000      5.4  fits" in lines
    assert "gpt-4o                    OpenAI                        128,000" in lines
    assert lines[-1].startswith("0 errors, ")


@pytest.mark.parametrize("columns", [90, 200])
def test_a_terminal_gets_the_table_in_its_width(
    repository: Path, local_variables: dict[str, str], columns: int
) -> None:
    result = on_terminal("plan", "--stack", "local", folder=repository, columns=columns, **local_variables)
    assert result.status == 0
    assert "\x1b[" in result.out
    lines = plain(result.out).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("model "))
    rows = lines[start : start + 13]
    assert all(len(line) <= columns for line in rows)
    assert "nemotron                  vllm          4 × H100   4  1,000,000      5.4  fits" in rows
    assert all(any(row.startswith(model) for row in rows) for model in MODELS)


def test_a_terminal_that_is_too_narrow_gets_a_block_for_each_model_with_every_value(
    repository: Path, local_variables: dict[str, str]
) -> None:
    result = on_terminal("plan", "--stack", "local", folder=repository, columns=50, **local_variables)
    text = plain(result.out)
    assert (
        "nemotron\n    served by  vllm\n    GPUs       4 × H100\n    TP         4\n    context    1,000,000\n"
        "    at once    5.4\n    memory     fits\n"
    ) in text
    assert "gpt-4o\n    served by  OpenAI\n    context    128,000\n" in text


def test_no_color_is_obeyed(repository: Path, local_variables: dict[str, str]) -> None:
    result = on_terminal("plan", "--stack", "local", folder=repository, columns=100, NO_COLOR="1", **local_variables)
    assert "\x1b[3" not in result.out


def test_it_says_how_each_server_came_to_its_gpus() -> None:
    _, out, _ = invoke("--stack", "local")
    assert "bge-m3: 1× L4 is given" in out.splitlines()


def test_columns_that_no_model_has_a_value_for_are_left_out() -> None:
    _, out, _ = invoke("--stack", "local")
    head = next(line for line in out.splitlines() if line.startswith("model "))
    assert head.split() == ["model", "served", "by", "GPUs", "TP", "context", "at", "once", "memory"]


def test_json_is_the_plan_and_validates_against_the_published_schema() -> None:
    status, out, error = invoke("--stack", "local", "--format", "json")
    assert (status, error) == (0, "")
    jsonschema.Draft202012Validator.check_schema(plan_schema())
    jsonschema.validate(json.loads(out), plan_schema(), cls=jsonschema.Draft202012Validator)
    assert Plan.model_validate_json(out).stack == "local"


def test_the_schema_refuses_what_is_no_plan() -> None:
    _, out, _ = invoke("--stack", "local", "--format", "json")
    broken = json.loads(out)
    broken["servers"][0]["gpus"] = "two"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, plan_schema(), cls=jsonschema.Draft202012Validator)


def test_markdown_is_a_table_sentences_and_findings() -> None:
    status, out, _ = invoke("--stack", "local", "--format", "markdown")
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == "### Plan of local"
    assert "| nemotron | vllm | 4 × H100 | 4 | 1,000,000 | 5.4 | fits |" in lines
    assert any(line.startswith("**0 errors, ") for line in lines)
    assert lines[-1] == (
        "- **warning** `litellm-below-preferred-floor` `stacks/Pulumi.local.yaml:19`: LiteLLM 1.106.0 is below "
        "1.106.3: first release signed with the key of 2026-10-24. Fix: use 1.106.3 or later."
    )


def test_a_pipe_or_a_line_break_in_a_value_does_not_break_the_markdown_table() -> None:
    text = markdown_table([Column("a"), Column("b", "right"), Column("c")], [["x|y", "1\n2", ""]])
    assert text == "| a | b |\n| --- | --: |\n| x\\|y | 1 2 |"


def test_a_cloud_and_a_region_stand_for_a_stack_that_does_not_exist_yet() -> None:
    status, out, _ = invoke("stacks/prod.contract.yaml", "--cloud", "eks", "--region", "us-east-1")
    assert status == 0
    assert out.startswith("Plan of eks\n")
    assert "Registration: none" in out


def test_findings_of_level_error_give_status_1(tmp_path: Path, repository: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config:\n  kindo-models:environment:\n    gateway: {version: 1.107.0}\n")
    status, out, _ = invoke("stacks/dev.contract.yaml", "--environment", str(file))
    assert status == 1
    assert (
        f"error[litellm-release-denied] {file}:3 gateway.version: LiteLLM 1.107.0 must not be used: compromised "
        "release of 2026-10-21 (PyPI and images)\n    fix: use 1.106.3 or later"
    ) in out
    assert out.splitlines()[-1].startswith("1 error, ")


def test_settings_without_effect_are_said(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config:\n  kindo-models:environment:\n    cloud: {tags: {team: a}}\n")
    status, out, _ = invoke("stacks/dev.contract.yaml", "--environment", str(file))
    assert status == 0
    assert (
        f"warning[setting-not-used] {file}:3 cloud.tags: cloud.tags has no effect in this version: nothing is created "
        "in the cloud\n    fix: leave it as it is if it is meant for a later version, else take `cloud.tags` out"
    ) in out


@pytest.mark.parametrize(
    ("part", "lines"),
    [
        (
            "part: platform",
            [
                "Gateway: http://litellm.kindo-gateway.svc.cluster.local:4000",
                "This stack makes namespaces and gateway; servers, checks and registrations are the workload's.",
            ],
        ),
        (
            "part: workload\n    platform: {stack: a/b/c}",
            [
                "Gateway: http://litellm.kindo-gateway.svc.cluster.local:4000 (of the platform stack)",
                "Checks: every model through the gateway, withheld when it fails",
                "Registration: none",
                "Flags: none",
            ],
        ),
    ],
)
def test_a_part_says_what_this_stack_makes_of_the_plan(tmp_path: Path, part: str, lines: list[str]) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(f"config:\n  kindo-models:environment:\n    {part}\n")
    _, out, _ = invoke("stacks/dev.contract.yaml", "--environment", str(file))
    said = out.splitlines()
    start = said.index("GPUs in all: 3 (nvidia.com/gpu)") + 1
    assert said[start : start + len(lines)] == lines


ONE_OF = "    fix: use one of --stack NAME, --environment FILE, or --cloud eks|aks|existing with --region\n"
REFUSALS = {
    "nothing named": ([], "error[no-environment] name one environment\n" + ONE_OF),
    "two named": (
        ["--stack", "local", "--cloud", "eks"],
        "error[no-environment] --stack and --cloud contradict each other\n" + ONE_OF,
    ),
    "a stack with a typo": (
        ["--stack", "locl"],
        "error[no-such-stack] no stack is called 'locl' in stacks/\n    fix: did you mean 'local'?\n",
    ),
    "a stack that is like none": (
        ["--stack", "zzz"],
        "error[no-such-stack] no stack is called 'zzz' in stacks/\n"
        "    fix: known: dev, local, prod, prod-azure, staging\n",
    ),
    "no contract": (
        ["--cloud", "existing"],
        "error[no-contract] name the contract file\n    fix: kindo-models plan CONTRACT …\n",
    ),
    "a cloud without a region": (
        ["stacks/prod.contract.yaml", "--cloud", "aks"],
        "error[missing-key] --cloud aks needs a region\n    fix: add --region NAME\n",
    ),
    "another cloud's region": (
        ["stacks/prod.contract.yaml", "--cloud", "eks", "--region", "eastus2"],
        "error[region-of-other-cloud] --region: 'eastus2' is not how AWS writes a region\n"
        "    fix: AWS writes us-east-1\n",
    ),
    "a region without a cloud": (
        ["--stack", "local", "--region", "us-east-1"],
        "error[options-disagree] --region goes with --cloud\n    fix: a stack has its own region\n",
    ),
    "an environment that is not there": (
        ["stacks/prod.contract.yaml", "--environment", "nowhere.yaml"],
        "error[unreadable-file] nowhere.yaml: cannot read nowhere.yaml: No such file or directory\n"
        "    fix: check the path and its permissions\n",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_unusable_input_is_one_plain_complaint_and_status_2(case: str) -> None:
    arguments, message = REFUSALS[case]
    assert invoke(*arguments) == (2, "", message)


def test_unusable_input_is_json_where_json_is_asked_for() -> None:
    status, out, error = invoke("--stack", "locl", "--format", "json")
    assert (status, error) == (2, "")
    assert json.loads(out) == {
        "findings": [
            {
                "code": "no-such-stack",
                "severity": "error",
                "message": "no stack is called 'locl' in stacks/",
                "hint": "did you mean 'local'?",
            }
        ]
    }


def test_outside_a_project_a_stack_is_not_found_and_the_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke("--stack", "local")[2] == (
        "error[no-such-stack] no stack is called 'local' in stacks/, and there is no such folder here\n"
        "    fix: run it in the project\n"
    )


def test_mistakes_of_both_files_are_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("config:\n  kindo-models:environment: {gatway: {}}\n")
    (tmp_path / "c.yaml").write_text("models:\n  - litellmModelName: a\n")
    _, _, error = invoke(str(tmp_path / "c.yaml"), "--environment", str(tmp_path / "e.yaml"))
    assert "unknown key 'gatway'" in error
    assert "required key 'litellmModel' is missing" in error
