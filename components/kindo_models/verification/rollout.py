"""Waiting for a model server's rollout before its gate: an old pod may answer in the new one's place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kindo_models.verification.checks import CAUSES, CheckResult, redact, shorten
from kindo_models.verification.pods import Document, crashing_container, failed, stuck_container, unscheduled

if TYPE_CHECKING:
    from kindo_models.registration.clients.cluster import Cluster

TELL_SECONDS = 30.0
EVIDENCE_CHARACTERS = 500


@dataclass(frozen=True)
class Rollout:
    """How far a Deployment is. `evidence`: what keeps it; `hopeless`: it will not pass by itself."""

    complete: bool
    evidence: str = ""
    hopeless: bool = False


def wait_for_rollout(
    cluster: Cluster,
    workload: str,
    *,
    seconds: float,
    patience_seconds: float,
    look_seconds: float,
    log: Callable[[str], None],
) -> CheckResult | None:
    """None when the Deployment `workload` (NAMESPACE/NAME) runs its current template only, or does not exist; else the
    failed check, after `seconds` at most, or after `patience_seconds` of a state that will not pass.
    """
    namespace, _, name = workload.partition("/")
    started = told = time.monotonic()
    while True:
        deployment = cluster.deployment(namespace, name)
        if deployment is None:
            return None
        selector = ",".join(f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items())
        now = rollout(deployment, cluster.pods(namespace, selector))
        waited = time.monotonic() - started
        if now.complete:
            return None
        if waited > seconds or (now.hopeless and waited > patience_seconds):
            return not_ready(workload, now, waited)
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            log(f"{workload}: not ready after {waited:.0f} s ({shorten(now.evidence, 200)})")
        for _ in cluster.wait_for_pod_change(namespace, selector, look_seconds):
            break


def rollout(deployment: Document, pods: Iterable[Document]) -> Rollout:
    """As `kubectl rollout status` judges, and the pods of before are gone, too: they answer until they end."""
    status, wanted = deployment.get("status") or {}, int(deployment["spec"].get("replicas", 1))
    pods = list(pods)
    ending = [pod for pod in pods if pod["metadata"].get("deletionTimestamp")]
    seen = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0)
    counts = [int(status.get(key) or 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    if seen and counts == [wanted] * 3 and not ending:
        return Rollout(complete=True)
    staying = [pod for pod in pods if pod not in ending]
    for hopeless in (stuck_container, crashing_container):
        for pod in staying:
            if why := hopeless(pod):
                return Rollout(complete=False, evidence=_of(pod, why), hopeless=True)
    for passing in (unscheduled, failed):
        for pod in staying:
            if why := passing(pod):
                return Rollout(complete=False, evidence=_of(pod, why))
    if counts[2] >= wanted and ending:
        return Rollout(complete=False, evidence=_of(ending[0], "still ends"))
    return Rollout(complete=False, evidence=f"{counts[2]} of {wanted} pods ready")


def not_ready(workload: str, now: Rollout, waited: float) -> CheckResult:
    return CheckResult(
        check="rollout",
        status="fail",
        cause="server-not-ready",
        fix=CAUSES["server-not-ready"],
        evidence=shorten(redact(f"{workload}, {now.evidence}, after {waited:.0f} s", ()), EVIDENCE_CHARACTERS),
    )


def _of(pod: Document, why: str) -> str:
    return f"pod {pod['metadata']['name']}: {why}"
