"""Shared fixtures. Tests are marked by their folder: tests/unit → unit, tests/graph → graph, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.paths import Instance

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


@pytest.fixture(scope="session")
def cluster() -> Iterator[Instance]:
    """A real cluster (instance `test`, apart from the user's own) with enough GPUs for the stack local."""
    from tools import cluster as local_cluster
    from tools.paths import LOCAL, TEST, instance

    here = instance(default=TEST)
    assert here != LOCAL, "KINDO_MODELS_INSTANCE=local is the user's own cluster; tests run on another"
    # From nothing: what an aborted run left in etcd, Unleash or the admin API must not decide a test.
    local_cluster.clean(here, keep_images=True)
    local_cluster.up(here, gpus=16)
    yield here
    local_cluster.down(here)


@pytest.fixture(scope="session")
def peripherals(cluster: Instance) -> Iterator[Instance]:
    """PostgreSQL, Unleash, the provider stand-in and the Kindo admin API stand-in, seeded as an installed Kindo is."""
    from tools import peripherals as servers
    from tools.cluster import forward
    from tools.paths import PORTS

    servers.up(cluster)
    servers.expose(cluster)
    servers.seed(cluster)
    forward.start(cluster, "gateway", port=PORTS["gateway"], service="kindo-gateway/litellm:4000")
    yield cluster
    servers.down(cluster)


@pytest.fixture(scope="session")
def stack_variables(peripherals: Instance) -> dict[str, str]:
    """Everything that `make env` exports, for the test's own cluster and a fresh Pulumi state."""
    from tools.stack_environment import stack_environment

    for name in ("pulumi-home", "pulumi-state"):
        (peripherals.state_dir / name).mkdir(mode=0o700)
    return stack_environment(peripherals)
