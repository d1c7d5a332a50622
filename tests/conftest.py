"""Shared fixtures. Tests are marked by their folder: tests/unit → unit, tests/graph → graph, and so on."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        item.add_marker(getattr(pytest.mark, folder))


LOCAL_VARIABLES = {
    "KINDO_MODELS_IMAGE_VLLM": "kindo.local/vllm-simulator@sha256:" + "1" * 64,
    "KINDO_MODELS_IMAGE_OLLAMA": "kindo.local/ollama-smollm2@sha256:" + "2" * 64,
    "KINDO_MODELS_IMAGE_LITELLM": "kindo.local/litellm@sha256:" + "3" * 64,
    "KINDO_ADMIN_URL": "http://198.18.77.2:8090",
    "UNLEASH_URL": "http://198.18.77.2:4242",
    "KINDO_GATEWAY_URL": "http://198.18.77.2:4000",
}


@pytest.fixture(scope="session")
def local_variables() -> dict[str, str]:
    """What `make env` gives the stack local, with made-up image digests."""
    return dict(LOCAL_VARIABLES)


@pytest.fixture(scope="session")
def repository() -> Path:
    return HERE.parent
