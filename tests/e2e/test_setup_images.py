"""The images of the local stack in a real containerd and a real registry, both only for this test."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest

from tools import setup
from tools.paths import Instance, bin_dir
from tools.setup import images


@dataclass(frozen=True)
class Node(Instance):
    """An instance of which only containerd runs."""

    folder: Path = Path()

    @property
    def containerd_socket(self) -> Path:
        return self.folder / "containerd.sock"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    setup.run(only=["image-pause", "image-vllm-simulator", "image-litellm", "image-ollama-smollm2", "crane"])


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with tempfile.TemporaryDirectory(prefix="kindo-images-") as name:
        folder = Path(name)
        made = Node("images", 79, folder)
        configuration = folder / "config.toml"
        configuration.write_text(
            f"""
version = 2
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{made.containerd_socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.references()["pause"]}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
"""
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(["containerd", "--config", str(configuration)], stdout=log, stderr=log)
            try:
                wait_until(made.containerd_socket.exists, lambda: (folder / "log").read_text()[-2000:])
                yield made
            finally:
                process.terminate()
                process.wait(timeout=20)


def wait_until(ready: Callable[[], bool], why_not: Callable[[], str], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, why_not()
        time.sleep(0.1)


def image_status(node: Node, reference: str) -> bytes:
    """What kubelet asks before it starts a container: CRI's ImageStatus. An empty answer means that it would pull."""
    encoded = reference.encode()
    spec = b"\x0a" + varint(len(encoded)) + encoded  # ImageSpec.image
    request = b"\x0a" + varint(len(spec)) + spec  # ImageStatusRequest.image
    with grpc.insecure_channel(f"unix://{node.containerd_socket}") as channel:
        answer: bytes = channel.unary_unary("/runtime.v1.ImageService/ImageStatus")(request, timeout=10)
    return answer


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)


def test_kubelet_finds_each_image_by_its_digest_without_a_pull(node: Node) -> None:
    unknown = f"{images.LOCAL_REGISTRY}/pause@sha256:{'0' * 64}"
    assert image_status(node, unknown) == b""

    images.import_into(node)

    for name, reference in images.references().items():
        wait_until(lambda: image_status(node, reference) != b"", lambda: f"CRI does not know {name}")  # noqa: B023
        assert reference.encode() in image_status(node, reference)


def test_a_second_import_reads_no_archive(node: Node) -> None:
    images.import_into(node)
    before = time.monotonic()
    images.import_into(node)
    assert time.monotonic() - before < 1.5


def test_images_run_as_a_user_without_rights(node: Node) -> None:
    images.import_into(node)
    for name, archive in images.archives().items():
        user = configuration_of(archive)["config"]["User"]
        assert user.isdecimal(), f"{name}: Kubernetes can only check runAsNonRoot with a number, not {user!r}"
        assert int(user) > 0, name


def configuration_of(archive: Path) -> dict[str, dict[str, str]]:
    def read(member: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads(
            subprocess.run(["tar", "-xOf", archive, member], check=True, capture_output=True).stdout
        )
        return found

    digest = json.loads(json.dumps(read("index.json")))["manifests"][0]["digest"]
    manifest = read(f"blobs/{digest.replace(':', '/')}")
    return read(f"blobs/{manifest['config']['digest'].replace(':', '/')}")


def test_pushed_images_keep_their_digest(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    registry = subprocess.Popen(
        [bin_dir() / "crane", "registry", "serve", "--address", address, "--disk", tmp_path],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PORT": ""},
    )
    try:
        wait_until(lambda: answers(f"http://{address}/v2/"), lambda: "the registry did not start")
        pushed = images.push(f"{address}/team", ["pause", "vllm-simulator"])
        assert set(pushed) == {"pause", "vllm-simulator"}
        for name, reference in pushed.items():
            assert reference.startswith(f"{address}/team/{name}@sha256:")
            subprocess.run([bin_dir() / "crane", "manifest", "--insecure", reference], check=True, capture_output=True)
    finally:
        registry.terminate()
        registry.wait(timeout=10)


def test_a_registry_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with pytest.raises(setup.SetUpFailed, match=r"could not be pushed to 127\.0\.0\.1:9") as refused:
        images.push("127.0.0.1:9", ["pause"])
    assert "KINDO_IMAGE_REGISTRY" in str(refused.value)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
