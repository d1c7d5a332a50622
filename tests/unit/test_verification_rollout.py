"""What counts as a finished rollout, and what keeps one, from the cluster's own objects."""

from __future__ import annotations

from typing import Any

import pytest

from kindo_models.verification.rollout import Rollout, rollout


def deployment(*, generation: int = 2, observed: int = 2, counts: tuple[int, int, int] = (1, 1, 1)) -> dict[str, Any]:
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": observed,
            **dict(zip(("replicas", "updatedReplicas", "availableReplicas"), counts, strict=True)),
        },
    }


def pod(name: str = "new", *, ending: bool = False, **status: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"deletionTimestamp": "2026-11-25T00:00:00Z"} if ending else {})}
    return {"metadata": metadata, "status": {"phase": "Running", **status}}


def container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "vllm", "image": "vllm:1", **state}]}


def test_one_ready_pod_of_the_current_template_is_complete() -> None:
    assert rollout(deployment(), [pod()]) == Rollout(complete=True)


def test_a_template_that_the_controller_has_not_seen_is_not_complete() -> None:
    assert not rollout(deployment(observed=1), [pod()]).complete


@pytest.mark.parametrize("counts", [(2, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_old_or_unready_pods_are_not_complete(counts: tuple[int, int, int]) -> None:
    assert not rollout(deployment(counts=counts), [pod()]).complete


def test_an_old_pod_that_still_ends_may_still_answer() -> None:
    now = rollout(deployment(), [pod(), pod("old", ending=True)])
    assert (now.complete, now.hopeless, now.evidence) == (False, False, "pod old: still ends")


def test_an_image_that_cannot_be_pulled_is_hopeless() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    now = rollout(deployment(counts=(1, 1, 0)), [pod(**container(state=waiting))])
    assert (now.hopeless, now.evidence) == (True, "pod new: ImagePullBackOff: no such image")


@pytest.mark.parametrize(("restarts", "hopeless"), [(1, False), (3, True)])
def test_a_server_that_crashes_again_and_again_is_hopeless(restarts: int, hopeless: bool) -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": "CUDA out of memory\n"}}
    now = rollout(deployment(counts=(1, 1, 0)), [pod(**container(restartCount=restarts, lastState=ended))])
    assert now.hopeless is hopeless
    assert ("CUDA out of memory" in now.evidence) is hopeless


def test_a_pod_without_a_node_waits_for_one() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient gpu"}
    now = rollout(deployment(counts=(1, 1, 0)), [pod(phase="Pending", conditions=[condition])])
    assert (now.hopeless, now.evidence) == (False, "pod new: Unschedulable: Insufficient gpu")


def test_a_server_scaled_to_none_is_complete_without_pods() -> None:
    none = deployment(counts=(0, 0, 0))
    none["spec"]["replicas"] = 0
    assert rollout(none, []).complete
