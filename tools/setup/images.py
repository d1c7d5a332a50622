"""The images of the local stack, as others use them: their references, import into the node, push to a registry.

How they are made: `image_steps`.
"""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Collection
from pathlib import Path

from tools.paths import Instance, bin_dir
from tools.setup import oci
from tools.setup.image_steps import LOCAL_REGISTRY, NAMES, step_name
from tools.setup.step import SetUpFailed


def archives() -> dict[str, Path]:
    """Image name → its archive."""
    from tools.setup.catalog import steps

    catalog = steps()
    return {name: catalog.place(step_name(name)) for name in NAMES}


def references(registry: str | None = None) -> dict[str, str]:
    """Image name → ``repository@sha256:…`` in `registry` (``host[:port][/path]``), or as the local node knows it."""
    found = {}
    for name, archive in archives().items():
        if not archive.exists():
            raise SetUpFailed(f"image {name} is not built yet; run `make setup`")
        found[name] = f"{(registry or LOCAL_REGISTRY).rstrip('/')}/{name}@{oci.digest_in(archive)}"
    return found


def import_into(instance: Instance, names: Collection[str] = NAMES) -> None:
    """Put the images that are not there yet into the node's containerd; no pod ever pulls one."""
    ctr = ["ctr", "--address", str(instance.containerd_socket), "--namespace", "k8s.io", "images"]
    listed = subprocess.run([*ctr, "list", "--quiet"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise SetUpFailed(f"containerd does not answer at {instance.containerd_socket}: {listed.stderr.strip()}")
    present = set(listed.stdout.split())
    for name, reference in references().items():
        if reference in present or name not in names:
            continue
        done = subprocess.run([*ctr, "import", str(archives()[name])], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SetUpFailed(f"image {name} could not be imported into containerd: {done.stderr.strip()}")


def push(registry: str, names: Collection[str] = NAMES) -> dict[str, str]:
    """Push to the registry of an own cluster (``KINDO_IMAGE_REGISTRY``); the digests stay the same."""
    pushed = {name: reference for name, reference in references(registry).items() if name in names}
    insecure = ["--insecure"] if _is_loopback(registry) else []
    for name, reference in pushed.items():
        tagged = f"{registry.rstrip('/')}/{name}:{reference.rpartition(':')[2][:12]}"
        with tempfile.TemporaryDirectory(prefix="kindo-models-push-") as layout:
            with tarfile.open(archives()[name]) as archive:
                archive.extractall(layout, filter="data")
            done = subprocess.run(
                [bin_dir() / "crane", "push", *insecure, layout, tagged], capture_output=True, text=True, check=False
            )
        if done.returncode != 0:
            raise SetUpFailed(
                f"image {name} could not be pushed to {registry}: {done.stderr.strip()}\n"
                f"Log in to the registry (`{bin_dir() / 'crane'} auth login {registry.partition('/')[0]}`), "
                "or check KINDO_IMAGE_REGISTRY."
            )
    return pushed


def _is_loopback(registry: str) -> bool:
    host = registry.partition("/")[0].partition(":")[0]
    return host in {"localhost", "127.0.0.1"}
