"""Which kubeconfig a dynamic resource takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindo_models.registration.credentials import Settings
from kindo_models.registration.resources import GeneratedSecretProvider


@pytest.fixture
def provider() -> GeneratedSecretProvider:
    config = {"kubernetes:kubeconfig": "from Pulumi's configuration", "kubernetes:context": "configured"}
    made = GeneratedSecretProvider()
    made.settings = Settings(config=config.get)
    return made


def chosen(provider: GeneratedSecretProvider, **props: Any) -> tuple[str | None, str | None]:
    cluster = provider.cluster(props)
    return cluster.kubeconfig, cluster.context


def test_a_file_that_the_program_wrote_goes_before_the_configuration(
    provider: GeneratedSecretProvider, tmp_path: Path
) -> None:
    file = tmp_path / "prod.yaml"
    file.write_text("{}")
    assert chosen(provider, kubeconfig_file=str(file)) == (str(file), "configured")


def test_where_the_file_is_not_there_the_configuration_counts(
    provider: GeneratedSecretProvider, tmp_path: Path
) -> None:
    """A fresh clone that only destroys."""
    assert chosen(provider, kubeconfig_file=str(tmp_path / "gone.yaml"))[0] == "from Pulumi's configuration"


def test_the_environments_context_goes_before_the_configured_one(provider: GeneratedSecretProvider) -> None:
    assert chosen(provider, kube_context="prod") == ("from Pulumi's configuration", "prod")
