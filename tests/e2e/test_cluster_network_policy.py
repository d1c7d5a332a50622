"""NetworkPolicies are enforced on the local cluster: in time, for new pods too, and opened again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.support.kubectl import Kubectl, Object, eventually, own_namespace, python_pod, service
from tests.support.network_policies import NODE_IP, random_world
from tools.cluster.network_policy import rules
from tools.paths import Instance

# By address: most of these tests are not about DNS, which a policy may close too.
SERVICE_IP = "10.96.77.77"
URL = f"http://{SERVICE_IP}"
# A change must be in force within this time; the tries themselves take some of it.
PROPAGATION_SECONDS = 2.0


def network_policy(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, **spec},
    }


@pytest.fixture(scope="module")
def kubectl(cluster: Instance) -> Iterator[Kubectl]:
    with own_namespace(cluster, "policy-tests") as kubectl:
        impatient = {"options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "1"}]}
        kubectl.apply(
            python_pod("server"),
            service("server", clusterIP=SERVICE_IP),
            python_pod("client", pod={"dnsConfig": impatient}),
        )
        kubectl.ready("server", "client")
        yield kubectl


@pytest.fixture(autouse=True)
def no_policies(kubectl: Kubectl) -> Iterator[None]:
    yield
    kubectl("delete", "networkpolicy", "--all")
    kubectl("label", "pod", "client", "friend-")
    eventually(lambda: reaches(kubectl), seconds=PROPAGATION_SECONDS, what="open again")


def reaches(kubectl: Kubectl, url: str = URL, *, source: str = "client") -> bool:
    return not kubectl.http(source, url, seconds=0.5).startswith("failed:")


def test_only_labelled_pods_reach_the_port(kubectl: Kubectl) -> None:
    friends = {"podSelector": {"matchLabels": {"friend": "yes"}}}
    allow = {"from": [friends], "ports": [{"port": "http"}]}
    kubectl.apply(network_policy("friends", podSelector={"matchLabels": {"app": "server"}}, ingress=[allow]))
    eventually(lambda: not reaches(kubectl), seconds=PROPAGATION_SECONDS, what="closed to a stranger")
    kubectl("label", "pod", "client", "friend=yes")
    eventually(lambda: reaches(kubectl), seconds=PROPAGATION_SECONDS, what="open to a friend")
    assert reaches(kubectl, source="server")  # itself, through its Service
    kubectl("label", "pod", "client", "friend-")
    eventually(lambda: not reaches(kubectl), seconds=PROPAGATION_SECONDS, what="closed again")


def test_probes_pass_whatever_the_policy(kubectl: Kubectl) -> None:
    kubectl.apply(network_policy("closed", policyTypes=["Ingress", "Egress"]))
    eventually(lambda: not reaches(kubectl), seconds=PROPAGATION_SECONDS, what="closed")
    kubectl.apply(python_pod("probed"))
    kubectl.ready("probed", seconds=20)
    kubectl("delete", "pod", "probed", "--wait=false")


def test_default_deny_egress_closes_pods_node_and_dns(kubectl: Kubectl) -> None:
    address = kubectl.get("pod", "server")["status"]["podIP"]
    targets = [f"http://{address}:8000", f"http://{kubectl.instance.node_ip}:10248/healthz", "http://server"]
    assert [reaches(kubectl, target) for target in targets] == [True, True, True]
    kubectl.apply(network_policy("no-egress", policyTypes=["Egress"]))
    eventually(lambda: not reaches(kubectl, targets[0]), seconds=PROPAGATION_SECONDS, what="closed")
    assert [reaches(kubectl, target) for target in targets] == [False, False, False]


def test_dns_is_opened_by_the_usual_rule(kubectl: Kubectl) -> None:
    dns = {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ],
        "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
    }
    kubectl.apply(network_policy("dns-only", policyTypes=["Egress"], egress=[dns]))
    eventually(lambda: not reaches(kubectl), seconds=PROPAGATION_SECONDS, what="closed")
    program = "import socket; print(socket.gethostbyname('server'))"
    found = kubectl("exec", "client", "--", "python3", "-c", program).strip()
    assert found == SERVICE_IP


def test_an_established_connection_stays_open(kubectl: Kubectl) -> None:
    """What the engine promises, not more: policies decide about new connections."""
    program = """
import http.client, sys
connection = http.client.HTTPConnection("server", timeout=3)
connection.connect()
print("connected", flush=True)
sys.stdin.readline()
connection.request("GET", "/")
print(connection.getresponse().read().decode())
"""
    command = kubectl.command("exec", "-i", "client", "--", "python3", "-c", program)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        kubectl.apply(network_policy("closed", policyTypes=["Ingress"]))
        eventually(lambda: not reaches(kubectl), seconds=PROPAGATION_SECONDS, what="closed")
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "server\n"


def test_a_new_pod_is_never_open_before_its_policy(kubectl: Kubectl) -> None:
    """Pods that connect from their first moment on, as often as they can, and say whether one try came through."""
    address = kubectl.get("pod", "server")["status"]["podIP"]
    program = f"""
import socket, time
until, passed, tries = time.monotonic() + 1.5, 0, 0
while time.monotonic() < until:
    with socket.socket() as s:
        s.settimeout(0.05)
        tries += 1
        passed += s.connect_ex(("{address}", 8000)) == 0
open("/dev/termination-log", "w").write(f"{{passed}} {{tries > 10}}")
"""
    kubectl.apply(network_policy("no-egress", podSelector={"matchLabels": {"closed": "yes"}}, policyTypes=["Egress"]))
    names = [f"eager-{number}" for number in range(4)]
    never = {"restartPolicy": "Never"}
    closed = [python_pod(name, program=program, serves=False, pod=never, labels={"closed": "yes"}) for name in names]
    kubectl.apply(*closed, python_pod("control", program=program, serves=False, pod=never))

    def messages() -> dict[str, str]:
        pods = kubectl.get("pods", *names, "control")["items"]
        states = {
            pod["metadata"]["name"]: pod["status"].get("containerStatuses", [{}])[0].get("state", {}) for pod in pods
        }
        return {name: state["terminated"].get("message", "") for name, state in states.items() if "terminated" in state}

    eventually(lambda: len(messages()) == 5, seconds=40, what="the pods' reports")
    found = messages()
    assert not found.pop("control").startswith("0 ")  # without the label the same program comes through
    assert found == dict.fromkeys(names, "0 True")
    kubectl("delete", "pod", *names, "control", "--wait=false")


def test_the_kernel_accepts_every_table() -> None:
    worlds = [random_world(Random(seed)) for seed in range(60)]
    texts = [rules.compile(world.policies, world.pods, world.namespaces, NODE_IP) for world in worlds]
    done = subprocess.run(
        # One transaction after another, in a network namespace that ends with the command.
        ["unshare", "--net", "nft", "-f", "-"],
        input="\n".join(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
