"""Every stack of the repository is a worked example that plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindo_models import load_stack
from kindo_models.findings import errors

STACKS = sorted(
    file.stem.removeprefix("Pulumi.") for file in (Path(__file__).parents[2] / "stacks").glob("Pulumi.*.yaml")
)


def test_the_examples_are_the_ones_that_the_design_names() -> None:
    assert STACKS == ["dev", "local", "prod", "prod-azure", "staging"]


@pytest.mark.parametrize("name", STACKS)
def test_an_example_stack_plans_without_a_finding_of_level_error(
    name: str, repository: Path, local_variables: dict[str, str]
) -> None:
    made = load_stack(name, directory=repository / "stacks", variables=local_variables).plan
    assert errors(made.findings) == ()
    required = {"EMBEDDING_MODELS", "AUDIO_TRANSCRIPTION", "TOOL_CALLING_MODELS"}
    assert required <= {flag.feature for flag in made.flags}


@pytest.mark.parametrize("name", [name for name in STACKS if name != "local"])
def test_an_example_needs_no_variable_of_the_machine(name: str, repository: Path) -> None:
    assert load_stack(name, directory=repository / "stacks", variables={})


@pytest.mark.parametrize(("name", "kind"), [("staging", "aks"), ("prod", "eks"), ("prod-azure", "aks")])
def test_examples_stand_for_the_clouds_that_they_are_named_after(name: str, kind: str, repository: Path) -> None:
    environment = load_stack(name, directory=repository / "stacks", variables={}).environment
    assert environment.cluster.kind == kind
    assert environment.cloud.region


@pytest.mark.parametrize("name", ["staging", "prod", "prod-azure"])
def test_production_settings_make_an_image_without_digest_an_error_unless_the_stack_says_otherwise(
    name: str, repository: Path, tmp_path: Path
) -> None:
    """What a user gets who takes out the line, as its comment says."""
    import shutil

    shutil.copytree(repository / "stacks", tmp_path / "stacks")
    file = tmp_path / "stacks" / f"Pulumi.{name}.yaml"
    text = file.read_text()
    assert "      image-without-digest: warning\n" in text
    file.write_text(text.replace("      image-without-digest: warning\n", "      {}\n"))
    made = load_stack(name, directory=tmp_path / "stacks", variables={}).plan
    assert {finding.code for finding in errors(made.findings)} == {"image-without-digest"}


@pytest.mark.parametrize("name", ["staging", "prod", "prod-azure"])
def test_the_placement_of_an_example_is_the_one_that_is_planned(name: str, repository: Path) -> None:
    """Its file is committed, so that a preview does not depend on who runs it."""
    assert (repository / "stacks" / f"{name}.placement.json").is_file()
    plan = load_stack(name, directory=repository / "stacks", variables={}).plan
    stale = [finding.message for finding in plan.findings if finding.code.startswith("placement-")]
    assert stale == [], f"kindo-models plan --stack {name} --write"
