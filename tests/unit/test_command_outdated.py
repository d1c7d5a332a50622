"""`kindo-models outdated`: facts past their date, pins below their floor."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kindo_models.catalog.freshness import aged
from kindo_models.catalog.litellm_releases import litellm_releases
from kindo_models.cli import app
from kindo_models.commands.outdated import outdated
from kindo_models.environment import Environment
from kindo_models.planning.outdated import Outdated, facts, pins

DAY = datetime.timedelta(days=1)


def environment(version: str = "1.108.0", vllm: str = "docker.io/vllm/vllm-openai:v0.33.0") -> Environment:
    return Environment.model_validate({"gateway": {"version": version}, "images": {"vllm": vllm}})


def test_every_file_of_the_catalog_has_a_date_and_a_last_day() -> None:
    files = {one.file: one for one in aged()}
    assert {"litellm_releases.yaml", "providers.yaml", "vllm_releases/0.33.0.yaml", "tools.yaml"} <= set(files)
    assert all(one.due > one.date for one in files.values())


def test_a_fact_is_good_on_its_last_day_and_outdated_the_day_after() -> None:
    (one,) = [one for one in aged() if one.file == "litellm_releases.yaml"]
    assert facts([one], one.due) == []
    (found,) = facts([one], one.due + DAY)
    assert (found.kind, found.what, found.now) == ("fact", "litellm_releases.yaml", f"of {one.date}")
    assert found.wanted == f"checked after {one.due}"
    assert found.reason.startswith("advisories come monthly and more; https://")


def pinned(**environments: Environment) -> list[Outdated]:
    return pins(environments, litellm_releases(), ["0.33.0", "0.9.1"])


def test_current_pins_are_no_finding() -> None:
    assert pinned(a=environment()) == []


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("1.107.2", "compromised release of 2026-10-21 (PyPI and images)"),
        ("1.83.0", "CVE-2026-49468, CVE-2026-47101 and CVE-2026-42208 are fixed at or below it"),
        ("1.106.0", "first release signed with the key of 2026-10-24"),
    ],
)
def test_a_gateway_that_the_catalog_denies_or_has_passed_is_named_with_the_reason(version: str, reason: str) -> None:
    assert pinned(a=environment(version)) == [
        Outdated("pin", "gateway.version (a)", version, "1.106.3 or later", reason)
    ]


def test_an_image_older_than_the_newest_known_release_is_named_by_number_not_by_text() -> None:
    (found,) = pinned(a=environment(vllm="registry/vllm:v0.9.1@sha256:" + "1" * 64))
    assert (found.what, found.now, found.wanted) == ("images.vllm (a)", "0.9.1", "0.33.0")
    assert pinned(a=environment(vllm="registry/own@sha256:" + "1" * 64)) == []


def test_stacks_with_the_same_pin_share_a_row() -> None:
    (found,) = pinned(a=environment("1.106.0"), b=environment("1.106.0"))
    assert found.what == "gateway.version (a, b)"


def test_all_stacks_are_looked_at_and_what_cannot_be_read_is_said(
    repository: Path, monkeypatch: pytest.MonkeyPatch, local_variables: dict[str, str]
) -> None:
    monkeypatch.chdir(repository)
    for name in local_variables:
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, ["outdated", "--format", "json"])
    assert json.loads(result.stdout)["notRead"] == {
        "local": "the environment variable KINDO_MODELS_IMAGE_VLLM is not set (and 5 more findings)"
    }


def test_status_is_1_when_something_is_outdated_and_0_when_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    day = min(one.due for one in aged())
    assert outdated(None, None, format="table", today=day) == 0
    assert capsys.readouterr().out == "0 facts past their date, 0 pins behind\n"
    assert outdated(None, None, format="table", today=day + DAY) == 1
    assert " past their date, 0 pins behind\n" in capsys.readouterr().out


def test_unusable_input_gives_status_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["outdated", "--environment", "nowhere.yaml"])
    assert (result.exit_code, result.stderr) == (
        2,
        "error[unreadable-file] nowhere.yaml: cannot read nowhere.yaml: No such file or directory\n"
        "    fix: check the path and its permissions\n",
    )
