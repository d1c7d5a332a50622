"""The gate's Job as a manifest, and what is read out of Jobs and pods."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from kindo_models.verification.checks import CheckResult, Verdict
from kindo_models.verification.jobs import judge
from kindo_models.verification.manifest import GateSpec, gate_label, job_manifest
from kindo_models.verification.outcome import document, run_message, skipped

SNAPSHOT = Path(__file__).parent / "snapshots" / "gate_job.json"

CHECKS = [
    {
        "check": "dns",
        "via": "direct",
        "base_url": "http://deephat-v2.inference.svc.cluster.local:8000/v1",
        "model": "d",
    },
    {
        "check": "tool-call",
        "via": "gateway",
        "base_url": "http://litellm.kindo-gateway.svc.cluster.local:4000/v1",
        "model": "d",
        "key_env": "LITELLM_MASTER_KEY",
        "max_tokens": 1024,
        "expected_parser": "qwen3_coder",
    },
]
SPEC = GateSpec(
    model="deephat-v2",
    namespace="kindo-gateway",
    image="kindo.local/litellm@sha256:" + "3" * 64,
    script_config_map="kindo-models-checks-0123456789",
    script_sha256="a" * 64,
    checks=json.dumps(CHECKS),
    startup_seconds=1800,
    deadline_seconds=300,
    key_refs={"LITELLM_MASTER_KEY": "litellm-master-key#LITELLM_MASTER_KEY", "VLLM_KEY": "keys#DEEPHAT_V2_API_KEY"},
    service_account="litellm",
    labels={"team": "platform"},
    image_pull_secrets=("registry",),
)


def test_the_jobs_manifest() -> None:
    """KINDO_MODELS_RECORD_SNAPSHOTS=1 writes the snapshot anew."""
    text = json.dumps(job_manifest(SPEC), indent=2) + "\n"
    if os.environ.get("KINDO_MODELS_RECORD_SNAPSHOTS"):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text()


def test_the_pod_is_restricted_and_holds_no_secret_value() -> None:
    template = job_manifest(SPEC)["spec"]["template"]
    pod, container = template["spec"], template["spec"]["containers"][0]
    # The "restricted" Pod Security Standard.
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert pod["restartPolicy"] == "Never"
    keys = {one["name"]: one for one in container["env"] if "valueFrom" in one}
    assert set(keys) == {"LITELLM_MASTER_KEY", "VLLM_KEY"}
    assert keys["VLLM_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "keys", "key": "DEEPHAT_V2_API_KEY"}


def test_labels_give_the_gateways_position_and_nothing_that_its_service_selects() -> None:
    labels = job_manifest(SPEC)["spec"]["template"]["metadata"]["labels"]
    assert labels["kindo-models.dev/network"] == "gateway"
    assert labels["app.kubernetes.io/name"] == "kindo-models-gate"
    taken = dataclasses.replace(SPEC, labels={"app.kubernetes.io/name": "litellm"})
    own = job_manifest(taken)["spec"]["template"]["metadata"]["labels"]
    assert own["app.kubernetes.io/name"] == "kindo-models-gate"


@pytest.mark.parametrize(
    "change",
    [
        {"image": "other"},
        {"script_sha256": "b" * 64},
        {"trigger": "2"},
        {"key_refs": {}},
        {"deadline_seconds": 301},
        {"checks": json.dumps(CHECKS[:1])},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_of_the_input_is_another_job(change: dict[str, Any]) -> None:
    assert dataclasses.replace(SPEC, **change).job_name != SPEC.job_name


def test_the_order_of_keys_is_no_change() -> None:
    reordered = json.dumps([dict(reversed(list(one.items()))) for one in CHECKS], indent=1)
    assert dataclasses.replace(SPEC, checks=reordered).job_name == SPEC.job_name


@pytest.mark.parametrize("model", ["Qwen/Qwen3-Coder-30B:latest", "a" * 200, "…", "-x-", "smollm2:135m"])
def test_names_are_valid_whatever_the_model_is_called(model: str) -> None:
    import re

    spec = dataclasses.replace(SPEC, model=model)
    # The Job controller appends a dash and five characters to name its pods.
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?", spec.job_name)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", spec.gate)


def test_names_that_look_alike_are_told_apart() -> None:
    assert len({gate_label(name) for name in ("a.b", "a:b", "a-b", "A-B")}) == 4


# --- reading Jobs and pods


def job(*conditions: dict[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": SPEC.job_name, "uid": "u"},
        "spec": {"activeDeadlineSeconds": 2220},
        "status": {"conditions": [{"status": "True", **one} for one in conditions]},
    }


def pod(state: dict[str, Any] | None = None, created: str = "2026-01-01T00:00:00Z", **status: Any) -> dict[str, Any]:
    containers = [{"name": "gate", "image": "i", "state": state}] if state else []
    return {
        "metadata": {"name": "p", "creationTimestamp": created},
        "status": {"phase": "Pending", "containerStatuses": containers, **status},
    }


def ended(message: str, code: int = 0, reason: str = "Completed") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def waiting(reason: str, message: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


VERDICT = Verdict.of("deephat-v2", [CheckResult("dns", "pass", 0.1)])
DEADLINE = {"type": "Failed", "reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}
BACKOFF = {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient cpu.",
}
OOM = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}


def test_the_termination_message_is_the_verdict() -> None:
    assert judge(SPEC, job(), [pod(ended(VERDICT.to_json()))], waited=0, patience=9) == VERDICT


def test_the_newest_pod_counts() -> None:
    old = pod(ended("crash", 1, "Error"), created="2026-01-01T00:00:00Z")
    new = pod(ended(VERDICT.to_json()), created="2026-01-01T00:01:00Z")
    assert judge(SPEC, job(), [new, old], waited=0, patience=9) == VERDICT


@pytest.mark.parametrize(
    ("found", "pods"),
    [
        (job(), []),
        (job(), [pod(waiting("ContainerCreating", ""))]),
        (job(), [pod({"running": {"startedAt": "now"}})]),
        (job(), [pod(ended("crash", 1, "Error"))]),
    ],
    ids=["no pod yet", "being made", "running", "to be tried again"],
)
def test_what_still_goes_on_has_no_verdict(found: dict[str, Any], pods: list[dict[str, Any]]) -> None:
    assert judge(SPEC, found, pods, waited=60, patience=9) is None


@pytest.mark.parametrize(
    ("found", "pods", "cause", "evidence"),
    [
        (job(), [pod(waiting("ImagePullBackOff", "no such image"))], "gate-not-runnable", "no such image"),
        (job(), [pod(waiting("InvalidImageName", ""))], "gate-not-runnable", "InvalidImageName"),
        (job(), [pod(waiting("CreateContainerConfigError", 'secret "k" not found'))], "gate-not-runnable", '"k"'),
        (job(), [pod(conditions=[UNSCHEDULABLE])], "gate-not-runnable", "Insufficient cpu"),
        (job(), [pod(phase="Failed", reason="Evicted", message="disk")], "gate-not-runnable", "Evicted: disk"),
        (job(), [pod(ended("hello"))], "gate-not-runnable", "without a verdict: 'hello'"),
        (job(BACKOFF), [pod(ended("python3: not found", 127, "Error"))], "gate-not-runnable", "python3: not found"),
        (job(BACKOFF), [pod(OOM)], "gate-not-runnable", "OOMKilled"),
        (job(BACKOFF), [], "gate-not-runnable", "backoff limit"),
        (job(DEADLINE), [], "timeout", "2220 s"),
        (job(DEADLINE), [pod(waiting("ErrImagePull", "slow registry"))], "gate-not-runnable", "slow registry"),
    ],
    ids=[
        "pull",
        "name",
        "config",
        "unschedulable",
        "evicted",
        "no verdict",
        "no python",
        "memory",
        "gone",
        "deadline",
        "late",
    ],
)
def test_a_gate_that_cannot_run_is_a_verdict(
    found: dict[str, Any], pods: list[dict[str, Any]], cause: str, evidence: str
) -> None:
    verdict = judge(SPEC, found, pods, waited=10, patience=9)
    assert verdict is not None
    assert verdict.status == "fail"
    (result,) = verdict.checks
    assert result.cause == cause
    assert evidence in result.evidence
    assert result.fix


def test_trouble_that_often_passes_gets_some_patience() -> None:
    pulling = [pod(waiting("ErrImagePull", "registry restarts"))]
    assert judge(SPEC, job(), pulling, waited=5, patience=9) is None


# --- what follows from a verdict

FAILED = Verdict.of(
    "nemotron", [CheckResult("tool-call", "fail", 3.0, "tool-call-parser-missing", "Start vLLM with …", "said hi")]
)


@pytest.mark.parametrize(
    ("verdict", "policy", "status"),
    [
        (VERDICT, "block", "pass"),
        (FAILED, "block", "fail"),
        (FAILED, "warn", "warned"),
        (skipped("m"), "off", "skipped"),
    ],
)
def test_the_policy_decides_what_a_failure_means(verdict: Verdict, policy: str, status: str) -> None:
    made = document(verdict, policy)
    assert (made["status"], made["policy"]) == (status, policy)
    json.dumps(made)


def test_the_runs_message_lists_model_check_cause_evidence_and_fix() -> None:
    through = Verdict.of(
        "gpt-4o", [CheckResult("chat", "fail", 1.0, "unauthorized", "Check the key", "401", "gateway")]
    )
    verdicts = {v.model: document(v, "block") for v in (VERDICT, FAILED, through)}
    assert run_message(verdicts, withheld=["gpt-4o"]) == (
        "2 of 3 models did not pass verification. The others are not affected.\n"
        "\n"
        "  gpt-4o (not registered)\n"
        "    chat through the gateway: unauthorized\n"
        "      seen: 401\n"
        "      fix:  Check the key\n"
        "\n"
        "  nemotron (keeps its last registration)\n"
        "    tool-call: tool-call-parser-missing\n"
        "      seen: said hi\n"
        "      fix:  Start vLLM with …\n"
        "\n"
        "The next `pulumi up` checks them again."
    )


def test_warned_and_skipped_models_do_not_fail_the_run() -> None:
    verdicts = {"a": document(FAILED, "warn"), "b": document(skipped("b"), "off"), "c": document(VERDICT, "block")}
    assert run_message(verdicts) is None
    assert run_message({}) is None
