"""`kindo-models plan` with a placement, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.stack import load_stack
from tests.support.packing import entry, on_h100


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    folder = tmp_path / "stacks"
    folder.mkdir()
    settings = {"cluster": {"kind": "eks", "name": "c"}, "cloud": {"region": "us-east-1"}}
    (folder / "Pulumi.x.yaml").write_text(yaml.safe_dump({"config": {"kindo-models:environment": settings}}))
    (folder / "x.contract.yaml").write_text(yaml.safe_dump({"models": [on_h100("nemotron", 4), entry("small")]}))
    return folder


def run(stacks: Path, *more: str) -> tuple[int, str, str]:
    settings, models = stacks / "Pulumi.x.yaml", stacks / "x.contract.yaml"
    done = CliRunner().invoke(app, ["plan", str(models), "-e", str(settings), *more], terminal_width=200)
    return done.exit_code, " ".join(done.stdout.split()), done.stderr


def settle(stacks: Path, **settings: object) -> None:
    whole = {"cluster": {"kind": "eks", "name": "c"}, "cloud": {"region": "us-east-1"}, **settings}
    (stacks / "Pulumi.x.yaml").write_text(yaml.safe_dump({"config": {"kindo-models:environment": whole}}))


def test_the_table_shows_models_nodes_idle_gpus_prices_and_alternatives(stacks: Path) -> None:
    status, out, _ = run(stacks)
    assert status == 0
    for text in (
        "Placement on eks us-east-1",
        "4× H100",
        "8× H100: 0–3 nemotron, 4 small, 5–7 idle",
        "55.04 40,179",
        "Alternative 1: g6.4xlarge, p5.48xlarge: $56.36/h, $41,145/month (+1.32/h",
        "Alternative 2:",
        "catalog, us-east-1 on 2026-07-20",
    ):
        assert text in out, text


def test_json_has_the_placement_and_nothing_else_on_standard_output(stacks: Path) -> None:
    settings, models = stacks / "Pulumi.x.yaml", stacks / "x.contract.yaml"
    done = CliRunner().invoke(app, ["plan", str(models), "-e", str(settings), "-f", "json", "--write"])
    placement = json.loads(done.stdout)["placement"]
    assert [one["instance"] for one in placement["nodes"]] == ["p5.48xlarge"]
    assert (stacks / "x.placement.json").exists()


def test_write_keeps_the_placement_and_the_stack_uses_it(stacks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, err = run(stacks, "--write")
    assert status == 0
    assert "x.placement.json" in err
    first = (stacks / "x.placement.json").read_text()
    monkeypatch.setattr("kindo_models.planning.packing.pack.search", None)
    stack = load_stack("x", directory=stacks, variables={})
    assert stack.plan.placement is not None
    assert run(stacks, "--write")[0] == 0
    assert (stacks / "x.placement.json").read_text() == first


def test_an_edited_file_is_an_error_until_it_is_written_anew(stacks: Path) -> None:
    run(stacks, "--write")
    file = stacks / "x.placement.json"
    file.write_text(file.read_text().replace("us-east-1", "us-east-9"))
    status, out, _ = run(stacks)
    assert status == 1
    assert "placement-edited" in out
    status, out, _ = run(stacks, "--write")
    assert (status, "placement-edited" in out) == (0, False)
    assert run(stacks)[0] == 0


def test_a_plan_with_errors_is_not_written(stacks: Path) -> None:
    settle(stacks, nodePools={"gpuTypes": ["H100"]}, packing={"dedicated": ["nobody"]})
    status, _, err = run(stacks, "--write")
    assert (status, (stacks / "x.placement.json").exists()) == (1, False)
    assert "no placement was written" in err


def test_a_broken_file_is_unusable_input(stacks: Path) -> None:
    (stacks / "x.placement.json").write_text("{")
    status, _, err = run(stacks)
    assert status == 2
    assert "placement-unreadable" in err
    assert "Traceback" not in err


def test_a_price_file_is_found_beside_the_stack(stacks: Path) -> None:
    settle(stacks, packing={"prices": "prices.yaml"})
    status, _, err = run(stacks)
    assert (status, "prices.yaml" in err) == (2, True)
    (stacks / "prices.yaml").write_text(
        'head: {source: my list, date: "2026-11-01"}\ncloud: eks\nregion: us-east-1\n'
        "offers: [{instance: p5.48xlarge, usdPerHour: 50}]\n"
    )
    status, out, _ = run(stacks)
    assert status == 0
    assert "my list, us-east-1 on 2026-11-01" in out
    assert "50.00 36,500" in out


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"packing": {"tolerence": 0.1}}, "did you mean 'tolerance'?"),
        ({"packing": {"tolerance": -1}}, "packing.tolerance"),
        ({"packing": {"quotas": [{"vcpu": 8, "gpus": 1}]}}, "exactly one of"),
        ({"packing": {"existing": [{"instance": "x", "gpu": "H100"}]}}, "go together"),
        ({"nodePools": {"capacity": ["spott"]}}, "did you mean 'spot'?"),
        ({"cluster": {"kind": "ekss"}}, "did you mean 'eks'?"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_likely_fix(
    stacks: Path, settings: dict[str, object], said: str
) -> None:
    settle(stacks, **settings)
    status, _, err = run(stacks)
    assert status == 2
    assert said in err
