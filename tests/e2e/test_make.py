"""The README's commands, typed as a user types them, on the cluster of the tests."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.environment import outside_make
from tools.paths import Instance


class Typed:
    """Commands in the clone's folder, as in a terminal that `make env` was evaluated in or not."""

    def __init__(self, repository: Path, cluster: Instance) -> None:
        self.repository = repository
        self.environment = {**outside_make(), "KINDO_MODELS_INSTANCE": cluster.name}

    def __call__(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.repository,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            check=False,
        )


@pytest.fixture(scope="module")
def typed(repository: Path, peripherals: Instance, stack_variables: dict[str, str]) -> Iterator[Typed]:
    shell = Typed(repository, peripherals)
    yield shell
    done = shell('eval "$(make env)" && pulumi destroy --stack local --yes --skip-preview')
    assert done.returncode == 0, done.stdout


def test_make_up_ends_with_models_gateway_answer_and_tool_call(typed: Typed, repository: Path) -> None:
    done = typed("make up")
    assert done.returncode == 0, done.stdout
    models = yaml.safe_load((repository / "stacks" / "local.contract.yaml").read_text())["models"]
    table = done.stdout[done.stdout.index("Registered models") :]
    for model in models:
        assert re.search(rf"^ *{re.escape(model['litellmModelName'])} +{re.escape(model['provider'])} ", table, re.M)
    assert re.search(r"^Gateway  http://198\.18\.\d+\.2:4000/v1$", table, re.M)
    assert "Paris" in table
    assert re.search(r'^ +get_weather\(\{"location": ".+"\}\)$', table, re.M)


def test_make_status_shows_every_part_up(typed: Typed) -> None:
    done = typed("make status")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"up"}
    assert {"kube-apiserver", "kubelet", "unleash", "postgresql"} <= {line.split()[1] for line in lines}


def test_after_make_env_plain_pulumi_and_the_command_line_work(typed: Typed) -> None:
    done = typed('eval "$(make env)" && pulumi preview --stack local --expect-no-changes && kindo-models plan -s local')
    assert done.returncode == 0, done.stdout
    assert "Plan of local" in done.stdout


def test_a_second_make_up_changes_nothing_and_answers_again(typed: Typed) -> None:
    done = typed("make up")
    assert done.returncode == 0, done.stdout
    resources = done.stdout[done.stdout.index("Resources:") :].splitlines()[1]
    assert resources.strip().endswith("unchanged"), done.stdout
    assert "Paris" in done.stdout
