"""Our charts, rendered by the real helm from the plan's own values, against the real API server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindo_models import charts, load_stack
from kindo_models.planning import Plan
from tools.paths import Instance, bin_dir

NAMESPACE = "charts-test"


@pytest.fixture(scope="module")
def made(repository: Path, local_variables: dict[str, str]) -> Plan:
    return load_stack("local", directory=repository / "stacks", variables=local_variables).plan


@pytest.fixture(scope="module")
def releases(made: Plan) -> dict[str, tuple[str, dict[str, Any]]]:
    """Release → (chart, values)."""
    found = {server.release: (server.chart, server.values) for server in made.servers}
    return {**found, made.gateway.release: ("litellm", made.gateway.values)}


@pytest.fixture(scope="module")
def namespace(cluster: Instance) -> str:
    """Warns about everything that Kubernetes' strictest pod security level would refuse."""
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    kubectl(cluster, "apply", "-f", "-", stdin=json.dumps(body))
    return NAMESPACE


def helm(chart: str, release: str, values: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [bin_dir() / "helm", "template", release, folder / charts.reference(chart, folder), "--values", "-"],
        input=yaml.safe_dump(values),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def kubectl(cluster: Instance, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [bin_dir() / "kubectl", "--kubeconfig", cluster.kubeconfig, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_api_server_accepts_every_object_without_a_warning(
    releases: dict[str, tuple[str, dict[str, Any]]], cluster: Instance, namespace: str, tmp_path: Path
) -> None:
    documents = [
        document for release, (chart, values) in releases.items() for document in helm(chart, release, values, tmp_path)
    ]
    assert len(documents) >= 3 * len(releases)
    done = kubectl(
        cluster, "apply", "--namespace", namespace, "--dry-run=server", "-f", "-", stdin=yaml.safe_dump_all(documents)
    )
    assert done.stderr == ""


def test_a_chart_renders_the_same_bytes_whoever_packs_it(tmp_path: Path) -> None:
    for chart in ("vllm", "ollama", "litellm"):
        charts.archive.cache_clear()
        first = charts.archive(chart)
        charts.archive.cache_clear()
        assert charts.archive(chart) == first


def test_two_replicas_of_the_gateway_get_a_disruption_budget_and_one_does_not(made: Plan, tmp_path: Path) -> None:
    def kinds(replicas: int) -> set[str]:
        values = {**made.gateway.values, "replicas": replicas}
        return {document["kind"] for document in helm("litellm", "litellm", values, tmp_path)}

    assert kinds(2) - kinds(1) == {"PodDisruptionBudget"}


def test_the_gates_pods_are_not_selected_by_the_gateways_service(made: Plan, tmp_path: Path) -> None:
    from kindo_models.verification.manifest import GateSpec, job_manifest

    documents = helm("litellm", "litellm", made.gateway.values, tmp_path)
    selector = next(one["spec"]["selector"] for one in documents if one["kind"] == "Service")
    spec = GateSpec(
        model="a",
        namespace="x",
        image="i",
        script_config_map="c",
        script_sha256="0",
        checks="[]",
        startup_seconds=1,
        deadline_seconds=1,
    )
    labels = job_manifest(spec)["spec"]["template"]["metadata"]["labels"]
    assert labels["kindo-models.dev/network"] == "gateway"
    assert not selector.items() <= labels.items()


def test_a_service_account_of_the_gateway_carries_the_clouds_marks_and_no_token(made: Plan, tmp_path: Path) -> None:
    account = {
        "name": "models",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/models"},
        "podLabels": {"azure.workload.identity/use": "true"},
    }
    documents = helm("litellm", "litellm", {**made.gateway.values, "serviceAccount": account}, tmp_path)
    by_kind = {document["kind"]: document for document in documents}
    made_account, template = by_kind["ServiceAccount"], by_kind["Deployment"]["spec"]["template"]
    assert made_account["metadata"]["name"] == template["spec"]["serviceAccountName"] == "models"
    assert made_account["metadata"]["annotations"] == account["annotations"]
    assert made_account["automountServiceAccountToken"] is False
    assert template["spec"]["automountServiceAccountToken"] is False
    assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert "ServiceAccount" not in {one["kind"] for one in helm("litellm", "litellm", made.gateway.values, tmp_path)}
