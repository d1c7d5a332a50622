"""What a pod's status says of why it does not run, in the cluster's own words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

# Waiting reasons of a container that will not pass without somebody's help.
_STUCK = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
# One restart may be a node's hiccup; what fails three times at start fails always.
_HOPELESS_RESTARTS = 3


def stuck_container(pod: Document) -> str | None:
    """Why a container cannot be started."""
    for container in _containers(pod):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _STUCK:
            return f"{waiting['reason']}: {waiting.get('message') or container.get('image')}"
    return None


def crashing_container(pod: Document, *, restarts: int = _HOPELESS_RESTARTS) -> str | None:
    """How a container ended that was started again `restarts` times, with its last words."""
    for container in _containers(pod):
        ended = (container.get("lastState") or {}).get("terminated") or (container.get("state") or {}).get("terminated")
        if ended and int(container.get("restartCount") or 0) >= restarts:
            words = str(ended.get("message") or "no output").strip()
            return f"exit code {ended.get('exitCode')} ({ended.get('reason')}): {words}"
    return None


def unscheduled(pod: Document) -> str | None:
    """Why the scheduler has no node for it."""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason')}: {condition.get('message')}"
    return None


def failed(pod: Document) -> str | None:
    """Why the pod as a whole ended, for example because it was evicted."""
    status = pod.get("status") or {}
    return f"{status.get('reason')}: {status.get('message')}" if status.get("phase") == "Failed" else None


def _containers(pod: Document) -> list[Document]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
