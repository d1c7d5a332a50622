"""NVIDIA drivers of the clouds' GPU images, and which driver instance types and server images need."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache

from kindo_models.catalog.files import CatalogPart, Head, load


class NodeImage(CatalogPart):
    driver: int
    """Major version."""
    name: str


class NodeDrivers(CatalogPart):
    head: Head
    images: dict[str, NodeImage]
    """By cloud."""
    instances: dict[str, int]
    """Pattern of instance types → least driver."""
    servers: dict[str, int]

    def needed_by(self, instance: str) -> int:
        """Least driver of an instance type; 0 where none is known."""
        return max((least for pattern, least in self.instances.items() if fnmatchcase(instance, pattern)), default=0)

    def needed_by_image(self, image: str) -> int:
        """Least driver of a vLLM image, by its tag."""
        return self.servers["vllm-cu129" if "cu129" in image else "vllm"]


@cache
def node_drivers() -> NodeDrivers:
    return NodeDrivers.model_validate(load("node_drivers.yaml"))
