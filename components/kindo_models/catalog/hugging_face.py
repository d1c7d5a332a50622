"""An architecture that the catalog does not have: from a model's `config.json`, or from the Hugging Face Hub."""

from __future__ import annotations

import json
from pathlib import Path

from kindo_models.catalog.architectures import Architecture, Checkpoint
from kindo_models.catalog.config_json import UnusableConfig, architecture_from_config

__all__ = ["UnusableConfig", "architecture_from_file", "architecture_from_hub"]

GIB = 1024**3


def architecture_from_file(file: Path) -> Architecture:
    """From a `config.json`. Raises UnusableConfig."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableConfig(f"{file}: cannot be read as a model configuration: {error}") from error
    if not isinstance(config, dict):
        raise UnusableConfig(f"{file}: is not a JSON object")
    name = str(config.get("_name_or_path") or file.resolve().parent.name)
    return architecture_from_config(config, name=name, source=str(file))


def architecture_from_hub(name: str, *, timeout: float = 10.0) -> Architecture:
    """From huggingface.co, with the size of the weight files. Raises UnusableConfig when it cannot be reached."""
    import httpx

    base = "https://huggingface.co"
    try:
        with httpx.Client(timeout=timeout, follow_redirects=True) as client:
            config = client.get(f"{base}/{name}/resolve/main/config.json").raise_for_status().json()
            files = client.get(f"{base}/api/models/{name}", params={"blobs": "true"}).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise UnusableConfig(f"huggingface.co gives no configuration of {name}: {error}") from error
    architecture = architecture_from_config(config, name=name, source=f"{base}/{name}")
    sizes = [
        int(part.get("size") or 0)
        for part in files.get("siblings", [])
        # Folders hold other copies of the weights (`original/`).
        if str(part.get("rfilename", "")).endswith(".safetensors") and "/" not in str(part["rfilename"])
    ]
    if not sum(sizes):
        return architecture
    known = architecture.checkpoint
    checkpoint = Checkpoint(
        quantization=known.quantization if known else None, gib=sum(sizes) / GIB, source=f"{base}/{name}"
    )
    return architecture.model_copy(update={"checkpoint": checkpoint})
