"""Images and defaults of the model servers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kindo_models.environment.forms import CPU, MEMORY
from kindo_models.environment.part import Part


class Images(Part):
    """Container images, each pinned by digest (`repository@sha256:…`). Without a digest: the finding
    `image-without-digest`.
    """

    vllm: str = "docker.io/vllm/vllm-openai:v0.33.0"
    """Image of the vLLM servers; an entry's `deploy.image` goes before it."""
    ollama: str = "docker.io/ollama/ollama:0.13.5"
    """Image of the Ollama servers."""
    gateway: str = "ghcr.io/berriai/litellm:v1.108.0"
    """Image of LiteLLM. The checks' Jobs run in it too."""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """Kubernetes' imagePullPolicy."""
    pull_secrets: tuple[str, ...] = ()
    """Names of Secrets for private registries, in the namespaces of servers and gateway."""


class Resources(Part):
    """Requests of one container, in Kubernetes quantities. The memory limit equals the request; CPU is not limited."""

    cpu: Annotated[str, CPU]
    """For example `4` or `500m`."""
    memory: Annotated[str, MEMORY]
    """For example `32Gi`."""


class Serving(Part):
    """Defaults of the model servers."""

    resources: Resources = Resources(cpu="4", memory="32Gi")
    """CPU and memory of a server; its GPUs come from the plan."""
    startup_seconds: int = Field(default=1800, ge=30, le=7200)
    """Start-up budget of a server: startup probe, vLLM's ready timeout, Helm's and Pulumi's timeouts follow it."""
    shared_memory: Annotated[str, MEMORY] = "2Gi"
    """Size limit of /dev/shm; it counts into the memory limit."""
    ollama_models_path: str | None = None
    """A models directory inside the Ollama image, copied at start, so that nothing is pulled."""
