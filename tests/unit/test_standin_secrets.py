"""Keys of the local environment: made once, private, different for each instance."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tools.paths import LOCAL, TEST
from tools.peripherals.secrets import internal, secrets


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINDO_MODELS_STATE", str(tmp_path))
    return tmp_path


def test_keys_stay_the_same_and_are_readable_by_the_owner_only(state: Path) -> None:
    first, passwords = secrets(LOCAL), internal(LOCAL)
    assert (secrets(LOCAL), internal(LOCAL)) == (first, passwords)
    assert stat.S_IMODE((state / "local" / "secrets.json").stat().st_mode) == 0o600
    assert not set(first) & set(passwords)


def test_each_instance_has_its_own_keys() -> None:
    here, there = secrets(LOCAL), secrets(TEST)
    assert set(here) == set(there)
    assert not set(here.values()) & set(there.values())


def test_every_variable_of_the_local_contract_has_a_key(repository: Path) -> None:
    import re

    contract = (repository / "stacks" / "local.contract.yaml").read_text()
    named = set(re.findall(r"\$\{(\w+)\}", contract))
    assert named
    assert named <= set(secrets(LOCAL))


def test_a_file_of_an_older_version_is_completed_not_replaced(state: Path) -> None:
    path = state / "local" / "secrets.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"exported": {"OPENAI_API_KEY": "sk-kept"}}))
    passwords = internal(LOCAL)
    found = secrets(LOCAL)
    assert found["OPENAI_API_KEY"] == "sk-kept"
    assert found["UNLEASH_ADMIN_TOKEN"].startswith("*:*.")
    assert internal(LOCAL) == passwords


def test_nothing_is_left_beside_the_file(state: Path) -> None:
    secrets(LOCAL)
    assert [path.name for path in (state / "local").iterdir()] == ["secrets.json"]
