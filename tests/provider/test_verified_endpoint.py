"""VerifiedEndpoint over gRPC: real Jobs of a real API server, the script as a process of the played node."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kindo_models.verification.manifest import gate_label
from kindo_models.verification.script import script_sha256, script_text
from tests.provider.kubernetes import BROKEN_IMAGE, NAMESPACE, ControlPlane, Node
from tests.provider.process import ProviderProcess
from tests.provider.servers import Answer, loopback

KIND = "VerifiedEndpoint"
SCRIPT = "kindo-models-checks"
KEY = "sk-canary-model-key-31f0"


@pytest.fixture(scope="module")
def provider(kubernetes: ControlPlane) -> Iterator[ProviderProcess]:
    base = f"/api/v1/namespaces/{NAMESPACE}"
    kubernetes.create(f"{base}/configmaps", {"metadata": {"name": SCRIPT}, "data": {"checks.py": script_text()}})
    kubernetes.create(f"{base}/secrets", {"metadata": {"name": "keys"}, "stringData": {"MODEL_KEY": KEY}})
    with ProviderProcess({"KUBECONFIG": str(kubernetes.kubeconfig)}) as running:
        yield running


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A healthy model server that wants the key."""

    def respond(method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        if headers.get("Authorization") != f"Bearer {KEY}":
            return Answer(401, {"error": {"message": f"bad key {headers.get('Authorization')}"}})
        return Answer(200, {"object": "list", "data": [{"id": "deephat-v2"}]})

    with loopback(respond) as url:
        yield f"{url}/v1"


def check(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "check": "models",
        "via": "direct",
        "base_url": url,
        "model": "deephat-v2",
        "key_env": "MODEL_KEY",
        **changes,
    }


def props(*checks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "model": "deephat-v2",
        "namespace": NAMESPACE,
        "image": "kindo.local/litellm@sha256:" + "1" * 64,
        "script_config_map": SCRIPT,
        "script_sha256": script_sha256(),
        "checks": json.dumps(checks),
        "key_refs": {"MODEL_KEY": "keys#MODEL_KEY"},
        "startup_seconds": 0,
        "deadline_seconds": 20,
        "failure_policy": "block",
        "trigger": "1",
        **changes,
    }


def test_a_healthy_endpoint_passes_and_is_not_asked_again(
    kubernetes: ControlPlane, provider: ProviderProcess, node: Node, endpoint: str
) -> None:
    wanted = props(check(endpoint))
    made = provider.create(KIND, wanted)

    verdict = made.outputs["verdict"]
    assert (verdict["model"], verdict["status"], verdict["policy"]) == ("deephat-v2", "pass", "block")
    assert [one["status"] for one in verdict["checks"]] == ["pass"]
    assert not provider.diff(KIND, made.outputs, wanted).changes
    assert KEY not in str(made.outputs)
    assert KEY not in json.dumps(kubernetes.items(f"/api/v1/namespaces/{NAMESPACE}/pods"))

    # A run that was cut off before its result was stored finds the Job that passed.
    assert provider.create(KIND, wanted).outputs["verdict"]["status"] == "pass"
    assert len(node.runs) == 1

    provider.delete(KIND, made.id, made.outputs)
    assert kubernetes.jobs() == []
    provider.delete(KIND, made.id, made.outputs)


def test_a_failed_check_is_a_verdict_and_the_next_up_tries_again(
    kubernetes: ControlPlane, provider: ProviderProcess, node: Node, endpoint: str
) -> None:
    wanted = props(check(endpoint, model="deephat"))
    made = provider.create(KIND, wanted)

    verdict = made.outputs["verdict"]
    assert verdict["status"] == "fail"
    assert verdict["checks"][0]["cause"] == "model-not-listed"
    assert "deephat-v2" in verdict["checks"][0]["evidence"]
    assert provider.diff(KIND, made.outputs, wanted).changes

    again = provider.update(KIND, made.id, made.outputs, wanted)
    assert again["verdict"]["status"] == "fail"
    assert len(node.runs) == 2, "a Job that failed is replaced, not believed"

    fixed = props(check(endpoint))
    assert provider.update(KIND, made.id, again, fixed)["verdict"]["status"] == "pass"
    assert len(kubernetes.jobs()) == 1, "Jobs of older input are removed"


def test_a_refused_key_is_not_shown(provider: ProviderProcess, node: Node, endpoint: str) -> None:
    secret = {"metadata": {"name": "wrong"}, "stringData": {"MODEL_KEY": "sk-canary-wrong-key-88"}}
    node.plane.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
    made = provider.create(KIND, props(check(endpoint), key_refs={"MODEL_KEY": "wrong#MODEL_KEY"}))
    (result,) = made.outputs["verdict"]["checks"]
    assert result["cause"] == "unauthorized"
    assert "MODEL_KEY" in result["fix"]
    assert "sk-canary-wrong-key-88" not in str(made.outputs)


def test_warn_lets_a_failure_through_and_off_asks_nothing(provider: ProviderProcess, node: Node, endpoint: str) -> None:
    wrong = check(endpoint, model="deephat")
    warned = provider.create(KIND, props(wrong, failure_policy="warn"))
    assert warned.outputs["verdict"]["status"] == "warned"
    assert provider.diff(KIND, warned.outputs, props(wrong, failure_policy="warn")).changes

    runs = len(node.runs)
    skipped = provider.create(KIND, props(wrong, failure_policy="off"))
    assert skipped.outputs["verdict"]["status"] == "skipped"
    assert len(node.runs) == runs
    assert not provider.diff(KIND, skipped.outputs, props(wrong, failure_policy="off")).changes


def test_a_secret_without_the_key_is_a_verdict_with_the_pods_own_reason(
    provider: ProviderProcess, node: Node, endpoint: str
) -> None:
    wanted = props(check(endpoint), key_refs={"MODEL_KEY": "keys#NO_SUCH_KEY"})
    with ProviderProcess({"KUBECONFIG": str(node.plane.kubeconfig), "KINDO_MODELS_GATE_PATIENCE": "1"}) as impatient:
        made = impatient.create(KIND, wanted)
    (result,) = made.outputs["verdict"]["checks"]
    assert result["cause"] == "gate-not-runnable"
    assert "couldn't find key NO_SUCH_KEY" in result["evidence"]
    assert result["fix"]


def test_an_image_that_cannot_be_pulled_is_a_verdict(node: Node, endpoint: str) -> None:
    with ProviderProcess({"KUBECONFIG": str(node.plane.kubeconfig), "KINDO_MODELS_GATE_PATIENCE": "1"}) as impatient:
        made = impatient.create(KIND, props(check(endpoint), image=BROKEN_IMAGE))
    (result,) = made.outputs["verdict"]["checks"]
    assert result["cause"] == "gate-not-runnable"
    assert "ImagePullBackOff" in result["evidence"]


def test_a_script_that_crashes_leaves_its_last_words(
    kubernetes: ControlPlane, provider: ProviderProcess, node: Node, endpoint: str
) -> None:
    broken = {
        "metadata": {"name": "broken-script"},
        "data": {"checks.py": "raise SystemExit('no such thing as checks')"},
    }
    kubernetes.create(f"/api/v1/namespaces/{NAMESPACE}/configmaps", broken)
    made = provider.create(KIND, props(check(endpoint), script_config_map="broken-script"))
    (result,) = made.outputs["verdict"]["checks"]
    assert result["cause"] == "gate-not-runnable"
    assert "no such thing as checks" in result["evidence"]


def test_a_quota_that_admits_no_pod_is_a_verdict_with_the_clusters_own_words(
    kubernetes: ControlPlane, node: Node, endpoint: str
) -> None:
    quotas = f"/api/v1/namespaces/{NAMESPACE}/resourcequotas"
    kubernetes.create(quotas, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
    try:
        with ProviderProcess(
            {"KUBECONFIG": str(kubernetes.kubeconfig), "KINDO_MODELS_GATE_PATIENCE": "2"}
        ) as impatient:
            made = impatient.create(KIND, props(check(endpoint)))
    finally:
        kubernetes.delete(f"{quotas}/none")
    (result,) = made.outputs["verdict"]["checks"]
    assert result["cause"] == "gate-not-runnable"
    assert "exceeded quota" in result["evidence"]


def test_a_job_that_still_runs_is_waited_for_not_started_twice(
    kubernetes: ControlPlane, provider: ProviderProcess, node: Node, endpoint: str
) -> None:
    """A provider that was killed while it waited."""
    wanted = props(check(endpoint), trigger="killed")
    node.hold = True
    with ProviderProcess({"KUBECONFIG": str(kubernetes.kubeconfig)}) as killed, ThreadPoolExecutor() as pool:
        waiting = pool.submit(killed.create, KIND, wanted)
        ends = time.monotonic() + 20
        while not kubernetes.jobs() and time.monotonic() < ends:
            time.sleep(0.05)
        (first,) = kubernetes.jobs()
        killed.process.kill()
        assert waiting.exception() is not None
    node.hold = False

    made = provider.create(KIND, wanted)

    assert made.outputs["verdict"]["status"] == "pass"
    assert [job["metadata"]["uid"] for job in kubernetes.jobs()] == [first["metadata"]["uid"]]


def test_the_pod_stands_in_the_gateways_network_position_without_rights(
    kubernetes: ControlPlane, provider: ProviderProcess, node: Node, endpoint: str
) -> None:
    provider.create(KIND, props(check(endpoint), service_account="default"))
    (job,) = kubernetes.jobs()
    template = job["spec"]["template"]
    assert template["metadata"]["labels"]["kindo-models.dev/network"] == "gateway"
    assert template["metadata"]["labels"]["kindo-models.dev/gate"] == gate_label("deephat-v2")
    assert template["spec"]["automountServiceAccountToken"] is False
    assert template["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_changed_trigger_runs_again_and_another_model_is_another_resource(provider: ProviderProcess) -> None:
    wanted = props(check("http://x/v1"))
    olds = {**wanted, "verdict": {"status": "pass"}}
    assert not provider.diff(KIND, olds, wanted).changes
    assert provider.diff(KIND, olds, {**wanted, "trigger": "2"}).changes
    assert provider.diff(KIND, olds, {**wanted, "model": "other"}).replaces == ["model"]


def test_unusable_checks_are_refused_before_anything_runs(provider: ProviderProcess) -> None:
    failures = provider.check(KIND, props({"check": "ping", "base_url": "http://x/v1", "model": "m"}))
    assert "'ping'" in failures["checks"]
    assert "tool-call" in failures["checks"]
    assert "block, warn, off" in provider.check(KIND, props(failure_policy="maybe"))["failure_policy"]


def test_progress_is_told_to_the_engine(provider: ProviderProcess, node: Node, endpoint: str) -> None:
    provider.create(KIND, props(check(endpoint), trigger="log"))
    assert any("gate started" in line for line in provider.log)
    assert any("deephat-v2: gate says pass" in line for line in provider.log)


@pytest.fixture
def server_pod(kubernetes: ControlPlane) -> Iterator[str]:
    """Path of the only pod of Deployment inference/server, which no node has taken yet."""
    if kubernetes.get("/api/v1/namespaces/inference") is None:
        kubernetes.create("/api/v1/namespaces", {"metadata": {"name": "inference"}})
    labels = {"app": "server"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "vllm", "image": "vllm"}]}}
    deployments, pods = "/apis/apps/v1/namespaces/inference/deployments", "/api/v1/namespaces/inference/pods"
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    kubernetes.create(deployments, {"metadata": {"name": "server"}, "spec": spec})
    ends = time.monotonic() + 30
    while not (found := kubernetes.items(pods)):
        assert time.monotonic() < ends
        time.sleep(0.1)
    yield f"{pods}/{found[0]['metadata']['name']}"
    kubernetes.delete(f"{deployments}/server?propagationPolicy=Foreground")
    while kubernetes.get(f"{deployments}/server"):
        for one in kubernetes.items(pods):
            kubernetes.delete(f"{pods}/{one['metadata']['name']}?gracePeriodSeconds=0")
        time.sleep(0.1)


def container_status(**changes: Any) -> dict[str, Any]:
    common = {"name": "vllm", "image": "vllm", "imageID": "", "ready": False, "restartCount": 0, "state": {}}
    return {**common, **changes}


def test_the_checks_begin_when_the_servers_rollout_is_complete(
    kubernetes: ControlPlane, provider: ProviderProcess, node: Node, endpoint: str, server_pod: str
) -> None:
    wanted = props(check(endpoint), workload="inference/server", startup_seconds=60)
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(provider.create, KIND, wanted)
        time.sleep(2)
        assert kubernetes.jobs() == []
        ready = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Ready", "ContainersReady")]
        running = container_status(ready=True, state={"running": {}})
        status = {"phase": "Running", "conditions": ready, "containerStatuses": [running]}
        kubernetes.patch(f"{server_pod}/status", {"status": status})
        assert creating.result(60).outputs["verdict"]["status"] == "pass"


def test_a_server_that_crashes_at_start_is_a_verdict_with_its_last_words(
    kubernetes: ControlPlane, node: Node, endpoint: str, server_pod: str
) -> None:
    words = "vllm serve: error: unrecognized arguments: --no-such-flag"
    crashed = {"terminated": {"exitCode": 2, "reason": "Error", "message": words}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    status = container_status(restartCount=4, state=waiting, lastState=crashed)
    kubernetes.patch(f"{server_pod}/status", {"status": {"phase": "Running", "containerStatuses": [status]}})
    wanted = props(check(endpoint), workload="inference/server", startup_seconds=60)
    with ProviderProcess({"KUBECONFIG": str(kubernetes.kubeconfig), "KINDO_MODELS_GATE_PATIENCE": "1"}) as impatient:
        made = impatient.create(KIND, wanted)
    (result,) = made.outputs["verdict"]["checks"]
    assert (result["check"], result["cause"]) == ("rollout", "server-not-ready")
    assert words in result["evidence"]
    assert node.runs == []


def test_a_server_that_is_not_ready_in_time_is_a_verdict_that_says_what_keeps_it(
    provider: ProviderProcess, node: Node, endpoint: str, server_pod: str
) -> None:
    made = provider.create(KIND, props(check(endpoint), workload="inference/server", startup_seconds=1))
    (result,) = made.outputs["verdict"]["checks"]
    assert result["cause"] == "server-not-ready"
    assert "0 of 1 pods ready" in result["evidence"]
    assert "serving.startupSeconds" in result["fix"]
