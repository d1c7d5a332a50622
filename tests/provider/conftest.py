"""What several provider tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.provider.kubernetes import NAMESPACE, ControlPlane, Node, control_plane
from tests.provider.servers import AdminApi, admin_api


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with controllers, without a node."""
    with control_plane(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture
def node(kubernetes: ControlPlane, tmp_path: Path) -> Iterator[Node]:
    with Node(kubernetes, tmp_path) as running:
        yield running
    for job in kubernetes.jobs():
        kubernetes.delete(
            f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{job['metadata']['name']}?propagationPolicy=Background"
        )


@pytest.fixture(scope="module")
def admin() -> Iterator[AdminApi]:
    """The Kindo admin API stand-in, empty at the start of each module."""
    with admin_api() as api:
        yield api
