"""Writes container images as OCI archives without a container engine: layers from folders, one config, known digest.

The same folders give the same bytes: entries sorted, owner root, one fixed time, nothing of the machine's clock.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.setup.shell import Shell

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
"""Not compressed: it saves a minute when building and some when starting, and nothing crosses a network."""
REPRODUCIBLE = ("--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class ImageConfig:
    entrypoint: Sequence[str]
    user: str
    """Numeric, so that Kubernetes can check `runAsNonRoot`."""
    architecture: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    ports: Sequence[int] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def document(self, layers: Sequence[Layer]) -> dict[str, Any]:
        return {
            "architecture": self.architecture,
            "os": "linux",
            "config": {
                "User": self.user,
                "Env": [f"{name}={value}" for name, value in self.environment.items()],
                "Entrypoint": list(self.entrypoint),
                "Cmd": list(self.command),
                "WorkingDir": self.working_dir,
                "ExposedPorts": {f"{port}/tcp": {} for port in self.ports},
                "Labels": dict(self.labels),
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }


@dataclass(frozen=True)
class Layer:
    path: Path
    digest: str
    size: int

    @classmethod
    def of(cls, path: Path) -> Layer:
        with path.open("rb") as file:
            return cls(path, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}", path.stat().st_size)


def pack(folder: Path, layer: Path, shell: Shell) -> None:
    """A folder's content as a layer. GNU tar, since it is quicker than Python's by far for 50 000 files."""
    shell.run(
        ["tar", "--create", *REPRODUCIBLE, "--one-file-system", "--file", layer, "--directory", folder, "."],
        environment={"LC_ALL": "C"},
    )


def write_archive(path: Path, repository: str, layers: Sequence[Layer], config: ImageConfig) -> str:
    """Write the archive; returns the manifest's digest, which also names the image inside: ``repository@sha256:…``."""
    config_blob = _json(config.document(layers))
    manifest_blob = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config_blob),
            "layers": [{"mediaType": LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
        }
    )
    manifest = _descriptor(MANIFEST, manifest_blob)
    # containerd imports the image under exactly this name, and that is the name by which a pod asks for it.
    manifest["annotations"] = {"io.containerd.image.name": f"{repository}@{manifest['digest']}"}
    index = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]})
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        _add(archive, "index.json", index)
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, _blob_path(_digest(config_blob)), config_blob)
        _add(archive, _blob_path(str(manifest["digest"])), manifest_blob)
        for layer in layers:
            member = tarfile.TarInfo(_blob_path(layer.digest))
            member.size = layer.size
            with layer.path.open("rb") as content:
                archive.addfile(member, content)
    return str(manifest["digest"])


def digest_in(archive: Path) -> str:
    """The manifest's digest, from the archive's first entry."""
    with tarfile.open(archive) as opened:
        index = opened.extractfile("index.json")
        assert index is not None
        return str(json.load(index)["manifests"][0]["digest"])


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _blob_path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
