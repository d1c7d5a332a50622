"""Our Helm charts as archives whose name and version depend on their content only.

A Helm Release keeps the chart's path in its state. A path in site-packages differs by user, clone and Python version,
so the chart is packed, reproducibly, to `.kindo-models/charts/` of the Pulumi project and referred to relative to it:
the provider runs in the project's folder. The content's hash is part of the chart's version, because the provider
compares versions, not content.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

FOLDER = Path(".kindo-models") / "charts"

_PLACES = {"vllm": "serving", "ollama": "serving", "litellm": "gateway"}


@cache
def archive(chart: str) -> tuple[str, bytes]:
    """(file name, content) of the packed chart `vllm`, `ollama` or `litellm`: equal bytes on every machine."""
    root = files("kindo_models") / _PLACES[chart] / "charts" / chart
    content = {path: item.read_bytes() for path, item in sorted(_walk(root, ""))}
    metadata = yaml.safe_load(content["Chart.yaml"])
    digest = hashlib.sha256(
        b"".join(path.encode() + b"\0" + data + b"\0" for path, data in content.items())
    ).hexdigest()
    metadata["version"] = f"{metadata['version']}+{digest[:12]}"
    content["Chart.yaml"] = yaml.safe_dump(metadata, sort_keys=True).encode()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in content.items():
            entry = tarfile.TarInfo(f"{metadata['name']}/{path}")
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return f"{metadata['name']}-{metadata['version']}.tgz", gzip.compress(raw.getvalue(), mtime=0)


def reference(chart: str, project: Path) -> str:
    """Pack the chart under `project` (if it is not there yet) and return its path relative to it."""
    name, content = archive(chart)
    place = project / FOLDER / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{name}.{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(place)
    return f"./{FOLDER / name}"


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for item in folder.iterdir():
        path = f"{prefix}{item.name}"
        found += _walk(item, f"{path}/") if item.is_dir() else [(path, item)]
    return found
