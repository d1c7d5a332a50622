"""`make up` on a cluster of the user's own with its registry; here it is one of ours, which has no images."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.environment import outside_make
from tests.support.kubectl import Kubectl, eventually
from tools import cluster
from tools.paths import REPOSITORY, Instance, bin_dir

OWNED = Instance("owned", 92)

# A node pulls without TLS from a loopback address only, so the registry is offered there, too.
FORWARDER = """
import asyncio, sys
async def copy(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()
async def serve(reader, writer):
    there = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
async def main():
    await (await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[2]))).serve_forever()
asyncio.run(main())
"""


@contextmanager
def running(*command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


def in_namespace(*command: str | Path) -> list[str | Path]:
    return ["nsenter", f"--net=/run/netns/{OWNED.netns}", *command]


def open_to_the_host() -> None:
    """Our clusters let no pod out; on a real one pods reach other machines, under their node's address."""
    pods = ["-s", OWNED.pod_cidr, "-d", OWNED.host_ip]
    for command in (
        ["nft", "flush", "chain", "inet", "kindo_guard", "forward"],
        ["iptables", "-t", "nat", "-A", "POSTROUTING", *pods, "-j", "MASQUERADE"],
    ):
        subprocess.run(in_namespace(*command), check=True)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    disk = tmp_path_factory.mktemp("registry")
    with running(bin_dir() / "crane", "registry", "serve", "--address", f":{port}", "--disk", disk):
        eventually(lambda: listens(port), seconds=10, what="the registry")
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def kubeconfig(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster that has never seen our images, and whose pods reach this machine, as a real one's do."""
    cluster.clean(OWNED)
    cluster.up(OWNED, gpus=16, image_names=["pause"])
    open_to_the_host()
    port = registry.rpartition(":")[2]
    with running(*in_namespace(sys.executable, "-c", FORWARDER, OWNED.host_ip, port)):
        given = tmp_path_factory.mktemp("own") / "kubeconfig"
        shutil.copy(OWNED.kubeconfig, given)
        yield given
    cluster.clean(OWNED)


def typed(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=REPOSITORY,
        env={**outside_make(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=550,
        check=False,
    )


def test_make_up_uses_the_users_cluster_and_registry(kubeconfig: Path, registry: str) -> None:
    state = tempfile.mkdtemp(prefix="kindo-own-")
    given = {"KUBECONFIG": str(kubeconfig), "KINDO_IMAGE_REGISTRY": registry, "KINDO_MODELS_STATE": state}
    kubectl = Kubectl(OWNED)
    try:
        done = typed("make up", **given)
        assert done.returncode == 0, done.stdout
        assert re.search(r"^Gateway  http://127\.0\.0\.1:4000/v1$", done.stdout, re.M)
        assert "Paris" in done.stdout
        assert "get_weather(" in done.stdout
        images = kubectl("get", "pods", "-n", "inference", "-o", "jsonpath={.items[*].spec.containers[*].image}")
        assert {image.partition("/")[0] for image in images.split()} == {registry}

        done = typed('eval "$(make env)" && pulumi destroy --stack local --yes --skip-preview && make down', **given)
        assert done.returncode == 0, done.stdout
        eventually(
            lambda: "kindo-peripherals" not in kubectl("get", "namespaces", "-o", "name"),
            seconds=30,
            what="the end of our Services",
        )
        assert not listens(4000)
    finally:
        typed("make down", **given)
        shutil.rmtree(state, ignore_errors=True)
