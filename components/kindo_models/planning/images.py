"""Images: pinned by digest, or a finding."""

from __future__ import annotations

from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.model import Server


def findings(servers: tuple[Server, ...], environment: Environment) -> list[Finding]:
    """A tag can be moved to other content after it was checked, so an image without a digest is named."""
    images = {"images.gateway": environment.images.gateway}
    for server in servers:
        images.setdefault(f"images.{server.engine}", server.values["image"])
    return [
        Finding(
            code="image-without-digest",
            severity="warning",
            field=field,
            message=f"image {image} is not pinned by digest",
            hint="write repository@sha256:…",
        )
        for field, image in images.items()
        if "@sha256:" not in image
    ]
