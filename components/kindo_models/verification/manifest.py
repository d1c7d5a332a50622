"""The gate's Job, as a pure function of what is to be checked.

Its pod stands where the gateway stands: same namespace, service account and network label, so that NetworkPolicies and
identities treat both alike. It carries none of the gateway's own labels, so no Service, PDB or HPA selects it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

NETWORK_LABEL = "kindo-models.dev/network"
GATE_LABEL = "kindo-models.dev/gate"
INPUT_HASH = "kindo-models.dev/input-hash"
CONTAINER = "gate"
# Scheduling and pulling the image, before the script's own deadline begins.
POD_START_SECONDS = 120
_DNS_LABEL = 63


@dataclass(frozen=True)
class GateSpec:
    """One endpoint's gate. `checks` is the JSON text that the script reads; it names secrets and holds none."""

    model: str
    namespace: str
    image: str
    script_config_map: str
    script_sha256: str
    checks: str
    startup_seconds: int
    deadline_seconds: int
    key_refs: Mapping[str, str] = field(default_factory=dict)
    """Where the keys lie that `checks` name (`key_env`): name → `SECRET#KEY`, in the same namespace."""
    service_account: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    trigger: str | None = None
    """Any change of it runs the checks again."""
    workload: str | None = None
    """Deployment of the model's own server, NAMESPACE/NAME: the checks begin when it runs its current template only."""

    @property
    def input_hash(self) -> str:
        """Equal for equal input, whatever the order of keys."""
        document = asdict(self) | {"checks": json.loads(self.checks)}
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    @property
    def gate(self) -> str:
        """Label value that finds all Jobs of this model."""
        return gate_label(self.model)

    @property
    def job_name(self) -> str:
        """Room is left for the suffix that the Job controller gives its pods."""
        return f"gate-{slug(self.model)[:32].rstrip('-')}-{self.input_hash[:10]}"

    @property
    def pod_selector(self) -> str:
        return f"batch.kubernetes.io/job-name={self.job_name}"


def gate_label(model: str) -> str:
    """The slug may be equal for two names (a.b, a:b), so a hash of the name follows."""
    return f"{slug(model)[:40].rstrip('-')}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "model"


def job_manifest(spec: GateSpec) -> dict[str, Any]:
    own = {
        "app.kubernetes.io/name": "kindo-models-gate",
        "app.kubernetes.io/managed-by": "kindo-models",
        GATE_LABEL: spec.gate,
    }
    labels = {NETWORK_LABEL: "gateway", **spec.labels, **own}
    run_seconds = spec.startup_seconds + spec.deadline_seconds
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": spec.job_name,
            "namespace": spec.namespace,
            # The network label stands for a position that only pods have.
            "labels": {key: value for key, value in labels.items() if key != NETWORK_LABEL},
            "annotations": {INPUT_HASH: spec.input_hash, "kindo-models.dev/model": spec.model},
        },
        "spec": {
            # One more pod for an evicted node; a failed check is a verdict and ends with 0.
            "backoffLimit": 1,
            "activeDeadlineSeconds": run_seconds + POD_START_SECONDS,
            "completions": 1,
            "parallelism": 1,
            "template": {"metadata": {"labels": labels}, "spec": _pod(spec, run_seconds)},
        },
    }


def _pod(spec: GateSpec, run_seconds: int) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec, run_seconds)],
        "volumes": [{"name": "script", "configMap": {"name": spec.script_config_map, "defaultMode": 0o444}}],
    }
    if spec.service_account:
        pod["serviceAccountName"] = spec.service_account
    if spec.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in spec.image_pull_secrets]
    return pod


def _container(spec: GateSpec, run_seconds: int) -> dict[str, Any]:
    environment: list[dict[str, Any]] = [
        {"name": "MODEL", "value": spec.model},
        {"name": "CHECKS", "value": spec.checks},
        {"name": "STARTUP_SECONDS", "value": str(spec.startup_seconds)},
        {"name": "DEADLINE_SECONDS", "value": str(run_seconds)},
    ]
    for name, reference in sorted(spec.key_refs.items()):
        secret, _, key = reference.partition("#")
        environment.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    return {
        "name": CONTAINER,
        "image": spec.image,
        "imagePullPolicy": spec.image_pull_policy,
        # -I: neither the image's PYTHONPATH nor its site-packages' hooks take part. -B: the root file system is
        # read-only.
        "command": ["python3", "-I", "-B", "/gate/checks.py"],
        "env": environment,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # A crash of the script itself leaves the end of its log instead of a verdict.
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "script", "mountPath": "/gate", "readOnly": True}],
    }
