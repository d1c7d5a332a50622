"""Running a gate: make its Job, wait for it, read its verdict. A gate that cannot run is a verdict, too, not an
exception.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kindo_models.verification.checks import CAUSES, CheckResult, Verdict, redact, shorten
from kindo_models.verification.manifest import CONTAINER, GATE_LABEL, INPUT_HASH, GateSpec, gate_label, job_manifest
from kindo_models.verification.pods import Document, failed, stuck_container, unscheduled
from kindo_models.verification.rollout import wait_for_rollout

if TYPE_CHECKING:
    from kindo_models.registration.clients.cluster import Cluster

# How long a pod may stay in a state that often passes by itself before it counts as unable to run.
PATIENCE_SECONDS = 120.0
PATIENCE_VARIABLE = "KINDO_MODELS_GATE_PATIENCE"
# Between looks when the watch reports nothing: the Job's own conditions are only seen by looking.
LOOK_SECONDS = 5.0
TELL_SECONDS = 30.0
EVIDENCE_CHARACTERS = 500

Log = Callable[[str], None]


def run_gate(
    cluster: Cluster,
    spec: GateSpec,
    *,
    log: Log = lambda text: None,
    patience_seconds: float = PATIENCE_SECONDS,
    look_seconds: float = LOOK_SECONDS,
) -> Verdict:
    """The verdict of this input. A Job of the same input that passed or still runs is used; any other one is
    replaced.
    """
    if spec.workload and (
        unready := wait_for_rollout(
            cluster,
            spec.workload,
            seconds=spec.startup_seconds,
            patience_seconds=patience_seconds,
            look_seconds=look_seconds,
            log=log,
        )
    ):
        return Verdict.of(spec.model, [unready])
    job = cluster.job(spec.namespace, spec.job_name)
    if job is not None and not _reusable(cluster, spec, job):
        cluster.delete_job(spec.namespace, spec.job_name)
        job = None
    if job is None:
        cluster.create_job(spec.namespace, job_manifest(spec))
        log(f"{spec.model}: gate started as Job {spec.namespace}/{spec.job_name}")
    verdict = _wait(cluster, spec, log, patience_seconds, look_seconds)
    remove_jobs(cluster, spec.namespace, spec.model, keep=spec.job_name)
    return verdict


def remove_jobs(cluster: Cluster, namespace: str, model: str, *, keep: str | None = None) -> None:
    """Delete the Jobs of this model's gate; absent is fine."""
    for job in cluster.jobs(namespace, f"{GATE_LABEL}={gate_label(model)}"):
        name = str(job["metadata"]["name"])
        if name != keep:
            cluster.delete_job(namespace, name)


def _reusable(cluster: Cluster, spec: GateSpec, job: Document) -> bool:
    """The name holds only the beginning of the hash, so the whole one is compared."""
    metadata = job["metadata"]
    if metadata.get("deletionTimestamp") or (metadata.get("annotations") or {}).get(INPUT_HASH) != spec.input_hash:
        return False
    verdict = judge(spec, job, _pods(cluster, spec), waited=0.0, patience=1.0)
    if verdict is None:
        return not _conditions(job) & {"Complete", "Failed"}
    return verdict.status == "pass"


def _wait(cluster: Cluster, spec: GateSpec, log: Log, patience: float, look_seconds: float) -> Verdict:
    started = told = time.monotonic()
    # activeDeadlineSeconds ends the Job; this ends the waiting for a controller that does not.
    longest = float(job_manifest(spec)["spec"]["activeDeadlineSeconds"]) + 60.0
    while True:
        job = cluster.job(spec.namespace, spec.job_name)
        if job is None:
            return not_runnable(spec, "the Job was deleted while its checks ran")
        pods = _pods(cluster, spec)
        waited = time.monotonic() - started
        if verdict := judge(spec, job, pods, waited=waited, patience=patience):
            return verdict
        if waited > patience and (trouble := _trouble(cluster, spec, job, pods)):
            return not_runnable(spec, trouble)
        if waited > longest:
            return not_runnable(spec, f"no verdict after {waited:.0f} s")
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            log(f"{spec.model}: gate has been running for {waited:.0f} s ({_phases(pods)})")
        for _ in cluster.wait_for_pod_change(spec.namespace, spec.pod_selector, min(look_seconds, patience)):
            if any(_terminated(pod) for pod in _pods(cluster, spec)):
                break


def _pods(cluster: Cluster, spec: GateSpec) -> list[dict[str, Any]]:
    return cluster.pods(spec.namespace, spec.pod_selector)


def _trouble(cluster: Cluster, spec: GateSpec, job: Document, pods: list[dict[str, Any]]) -> str:
    """What events say of a Job without pods, or of a pod that does not start.

    Without a warning the pod may just be pulling a large image; then the Job's own deadline decides.
    """
    if not pods:
        return _latest_warning(cluster, spec, job) or "the Job controller made no pod"
    pending = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Pending"]
    return _latest_warning(cluster, spec, pending[0]) if pending else ""


def _latest_warning(cluster: Cluster, spec: GateSpec, about: Document) -> str:
    found = [e for e in cluster.events(spec.namespace, str(about["metadata"]["uid"])) if e.get("type") == "Warning"]
    return f"{found[-1].get('reason')}: {found[-1].get('message')}" if found else ""


# --- pure parts ---------------------------------------------------------------------------------------------------


def judge(spec: GateSpec, job: Document, pods: Iterable[Document], *, waited: float, patience: float) -> Verdict | None:
    """The verdict as far as Job and pods show one; None: still going on."""
    newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""), default=None)
    ended = _terminated(newest) if newest else None
    if ended is not None and ended.get("exitCode") == 0:
        try:
            return Verdict.from_json(str(ended.get("message") or ""))
        except ValueError:
            return not_runnable(spec, f"the script ended without a verdict: {ended.get('message')!r}")
    if "Failed" in _conditions(job):
        return _failed_job(spec, job, newest, ended)
    if newest is None or ended is not None or waited <= patience:
        return None
    return not_runnable(spec, stuck) if (stuck := _stuck(newest)) else None


def not_runnable(spec: GateSpec, evidence: str, *, cause: str = "gate-not-runnable") -> Verdict:
    fix = CAUSES["gate-not-runnable"]
    if cause == "timeout":
        fix = "Raise verification.deadlineSeconds, or look into the log of the gate's pod for what hangs."
    result = CheckResult(
        check="gate", status="fail", cause=cause, fix=fix, evidence=shorten(redact(evidence, ()), EVIDENCE_CHARACTERS)
    )
    return Verdict.of(spec.model, [result])


def _failed_job(spec: GateSpec, job: Document, pod: Document | None, ended: Document | None) -> Verdict:
    reason, message = next(
        (str(c.get("reason") or ""), str(c.get("message") or ""))
        for c in job["status"]["conditions"]
        if c.get("type") == "Failed" and c.get("status") == "True"
    )
    where = f"Job {spec.namespace}/{spec.job_name}: {reason}"
    if ended is not None:
        code = f"exit code {ended.get('exitCode')}, {ended.get('reason')}"
        return not_runnable(spec, f"{where}; {code}: {ended.get('message') or 'no output'}")
    stuck = _stuck(pod) if pod else None
    if reason == "DeadlineExceeded" and not stuck:
        return not_runnable(spec, f"{where} after {job['spec'].get('activeDeadlineSeconds')} s", cause="timeout")
    return not_runnable(spec, f"{where}; {stuck or message}")


def _stuck(pod: Document) -> str | None:
    """Why the gate's pod cannot run, in its own words."""
    return stuck_container(pod) or unscheduled(pod) or failed(pod)


def _terminated(pod: Document) -> Document | None:
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated")
        if container.get("name") == CONTAINER and isinstance(ended, dict):
            return ended
    return None


def _conditions(job: Document) -> set[str]:
    found = (job.get("status") or {}).get("conditions") or []
    return {str(condition.get("type")) for condition in found if condition.get("status") == "True"}


def _phases(pods: Iterable[Document]) -> str:
    return ", ".join(str((pod.get("status") or {}).get("phase")) for pod in pods) or "no pod yet"
