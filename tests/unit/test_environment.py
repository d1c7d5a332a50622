from __future__ import annotations

from pathlib import Path

import pytest

from kindo_models.environment import Environment, load_environment
from kindo_models.findings import InputError


def write(tmp_path: Path, body: str) -> Path:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config:\n  kindo-models:environment:\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    return file


def test_the_local_stack_file_is_valid(repository: Path, local_variables: dict[str, str]) -> None:
    environment = load_environment(repository / "stacks" / "Pulumi.local.yaml", variables=local_variables)
    assert environment.flags is not None
    assert environment.flags.unleash.url == local_variables["UNLEASH_URL"]


def test_an_empty_environment_has_defaults_for_everything_but_what_kindo_does_not_publish(tmp_path: Path) -> None:
    environment = load_environment(write(tmp_path, "gateway: {replicas: 3}"), variables={})
    assert environment == Environment.model_validate({"gateway": {"replicas": 3}})
    assert environment.registration.kindo is None


def test_an_unknown_key_is_refused_with_line_and_nearest_key(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_environment(write(tmp_path, "gateway:\n  replcas: 3"), variables={}, name="stacks/Pulumi.x.yaml")
    assert str(caught.value) == (
        "error[unknown-key] stacks/Pulumi.x.yaml:4 config.kindo-models:environment.gateway.replcas: "
        "unknown key 'replcas'\n"
        "    fix: did you mean 'replicas'?"
    )


def test_all_findings_come_at_once(tmp_path: Path) -> None:
    body = "gateway: {replicas: 0}\nserving: {startupSeconds: soon}\nimages: {vllm: '${NOT_SET}'}"
    with pytest.raises(InputError) as caught:
        load_environment(write(tmp_path, body), variables={})
    assert [finding.code for finding in caught.value.findings] == ["missing-variable", "wrong-type", "wrong-type"]


def test_a_variable_is_replaced_only_when_it_is_the_whole_value(tmp_path: Path) -> None:
    body = "images: {vllm: '${IMAGE}', ollama: 'prefix/${IMAGE}'}"
    environment = load_environment(write(tmp_path, body), variables={"IMAGE": "a@sha256:1"})
    assert (environment.images.vllm, environment.images.ollama) == ("a@sha256:1", "prefix/${IMAGE}")


def test_a_missing_variable_names_itself_and_how_to_set_it(tmp_path: Path) -> None:
    body = "registration:\n  kindo: {url: '${KINDO_ADMIN_URL}', mapping: assumed-2026.09}"
    with pytest.raises(InputError, match="KINDO_ADMIN_URL is not set") as caught:
        load_environment(write(tmp_path, body), variables={})
    assert len(caught.value.findings) == 1
    assert caught.value.findings[0].line == 4


def test_a_file_without_the_object_says_so(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config: {}\n")
    with pytest.raises(InputError, match="no-environment"):
        load_environment(file, variables={})
