"""The local cluster's node is a node like any other: pods, Services, DNS, volumes, kubectl; and nothing leaves it."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import httpx
import pytest

from tests.support.kubectl import Kubectl, eventually, own_namespace, python_pod, service
from tools.cluster import forward, network
from tools.paths import Instance

FORWARDED_PORT = 4999


@pytest.fixture(scope="module")
def kubectl(cluster: Instance) -> Iterator[Kubectl]:
    with own_namespace(cluster, "node-tests") as kubectl:
        kubectl.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"key": "plain"}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"key": "canary"}},
            python_pod(
                "web",
                container={
                    "volumeMounts": [
                        {"name": "settings", "mountPath": "/settings"},
                        {"name": "keys", "mountPath": "/keys"},
                    ],
                    "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "key"}}}],
                },
                pod={
                    "volumes": [
                        {"name": "settings", "configMap": {"name": "settings"}},
                        {"name": "keys", "secret": {"secretName": "keys"}},
                    ]
                },
            ),
            python_pod("client"),
            # Not `web`: a pod finds its own name in /etc/hosts.
            service("site", selector={"app": "web"}, type="NodePort"),
        )
        kubectl.ready("web", "client")
        yield kubectl


@pytest.fixture(scope="module")
def web(kubectl: Kubectl) -> dict[str, str]:
    """Where the pod `web` can be reached."""
    spec = kubectl.get("service", "site")["spec"]
    return {
        "pod": f"http://{kubectl.get('pod', 'web')['status']['podIP']}:8000",
        "cluster": f"http://{spec['clusterIP']}",
        "name": "http://site.node-tests.svc.cluster.local",
        "short name": "http://site",
        "node port": f"http://{kubectl.instance.node_ip}:{spec['ports'][0]['nodePort']}",
    }


@pytest.mark.parametrize("way", ["pod", "cluster", "name", "short name", "node port"])
@pytest.mark.parametrize("source", ["client", "web"])
def test_a_pod_reaches_another_and_itself(kubectl: Kubectl, web: dict[str, str], source: str, way: str) -> None:
    assert kubectl.http(source, web[way]) == "web"


def test_a_pod_reaches_processes_of_the_node(kubectl: Kubectl) -> None:
    assert kubectl.http("client", f"http://{kubectl.instance.node_ip}:10248/healthz") == "ok"


def test_a_service_without_selector_leads_to_a_process_of_the_node(kubectl: Kubectl) -> None:
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "beside"},
            "spec": {"ports": [{"port": 80, "targetPort": 10248}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "beside-1", "labels": {"kubernetes.io/service-name": "beside"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [kubectl.instance.node_ip], "conditions": {"ready": True}}],
            "ports": [{"port": 10248}],
        },
    )
    eventually(lambda: kubectl.http("client", "http://beside/healthz") == "ok", seconds=5, what="the node's process")


def test_a_process_of_the_node_reaches_services_and_pods(kubectl: Kubectl, web: dict[str, str]) -> None:
    for way in ("cluster", "pod"):
        command = [*network.inside(kubectl.instance), "curl", "--silent", "--max-time", "3", web[way]]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "web"


def test_the_host_reaches_a_node_port(kubectl: Kubectl, web: dict[str, str]) -> None:
    assert httpx.get(web["node port"], trust_env=False).text == "web"


def test_pods_are_ready_soon(kubectl: Kubectl) -> None:
    start = time.monotonic()
    kubectl.apply(python_pod("soon"))
    kubectl.ready("soon")
    assert time.monotonic() - start < 10
    kubectl("delete", "pod", "soon", "--wait=false")


def test_config_maps_and_secrets_are_mounted(kubectl: Kubectl) -> None:
    assert kubectl("exec", "web", "--", "cat", "/settings/key", "/keys/key") == "plaincanary"
    assert kubectl("exec", "web", "--", "printenv", "KEY").strip() == "canary"


def test_kubectl_shows_logs(kubectl: Kubectl) -> None:
    assert kubectl("logs", "web") == "listening\n"


def test_kubectl_exec_passes_input_and_exit_status(kubectl: Kubectl) -> None:
    assert kubectl("exec", "-i", "web", "--", "cat", stdin="through") == "through"
    assert kubectl.run("exec", "web", "--", "sh", "-c", "exit 7").returncode == 7


def test_kubectl_forwards_ports(kubectl: Kubectl) -> None:
    with kubectl.port_forward("service/site", 80) as port:
        assert httpx.get(f"http://127.0.0.1:{port}", trust_env=False).text == "web"


def test_a_name_outside_the_cluster_fails_at_once(kubectl: Kubectl) -> None:
    start = time.monotonic()
    assert kubectl.http("client", "http://api.openai.com", seconds=20).startswith("failed:")
    assert time.monotonic() - start < 5


def test_a_pod_speaks_to_the_api_server_with_its_service_account(kubectl: Kubectl) -> None:
    program = """
import ssl, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
context = ssl.create_default_context(cafile=folder + "ca.crt")
for path in ("/version", "/api/v1/secrets"):
    request = urllib.request.Request("https://kubernetes.default.svc" + path)
    request.add_header("Authorization", "Bearer " + open(folder + "token").read())
    try: print(urllib.request.urlopen(request, context=context, timeout=5).status)
    except urllib.error.HTTPError as error: print(error.code)
"""
    # The certificate holds for that name, the token is accepted, and RBAC gives it nothing beyond.
    assert kubectl("exec", "web", "--", "python3", "-c", program).split() == ["200", "403"]


def test_gpu_pods_are_placed_as_long_as_gpus_are_left(kubectl: Kubectl) -> None:
    total = int(kubectl.get("node", kubectl.instance.netns)["status"]["allocatable"]["nvidia.com/gpu"])
    kubectl.apply(
        python_pod("fits", container={"resources": {"limits": {"nvidia.com/gpu": 1}}}),
        python_pod("too-many", container={"resources": {"limits": {"nvidia.com/gpu": total + 1}}}),
    )
    kubectl.ready("fits")

    def reason() -> str:
        conditions = kubectl.get("pod", "too-many")["status"].get("conditions", [])
        return " ".join(condition.get("message", "") for condition in conditions)

    eventually(lambda: "Insufficient nvidia.com/gpu" in reason(), seconds=10, what="the scheduler's refusal")
    kubectl("delete", "pod", "fits", "too-many", "--wait=false")


def test_no_packet_of_a_pod_or_service_address_reaches_the_host(kubectl: Kubectl) -> None:
    instance = kubectl.instance
    seen: list[str] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as sniffer:
        sniffer.bind((instance.host_interface, 0))
        sniffer.settimeout(0.2)
        done = threading.Event()

        def sniff() -> None:
            while not done.is_set():
                try:
                    packet = sniffer.recv(2048)[14:]
                except TimeoutError:
                    continue
                seen.extend((str(ip_address(packet[12:16])), str(ip_address(packet[16:20]))))

        thread = threading.Thread(target=sniff)
        thread.start()
        # The host's own end, an address on the internet, and Service addresses that nobody serves.
        for target in (instance.host_ip, "192.0.2.1", "10.96.200.200"):
            assert kubectl.http("client", f"http://{target}:8080", seconds=2).startswith("failed:")
        command = [*network.inside(instance), "curl", "--max-time", "2", "http://10.96.200.200"]
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0
        httpx.get(f"http://{instance.node_ip}:10248/healthz", trust_env=False)  # something that must be seen
        time.sleep(0.3)
        done.set()
        thread.join()
    assert instance.node_ip in seen
    inner = [ip_network(instance.pod_cidr), ip_network(instance.service_cidr)]
    assert [address for address in seen if any(ip_address(address) in one for one in inner)] == []


def test_the_host_has_no_route_to_pods_and_services_and_the_node_none_to_elsewhere(cluster: Instance) -> None:
    host = subprocess.run(["ip", "route", "show"], capture_output=True, text=True, check=True).stdout
    assert [line for line in host.splitlines() if cluster.host_interface in line] == [
        f"198.18.{cluster.index}.0/30 dev {cluster.host_interface} proto kernel scope link src {cluster.host_ip} "
    ]
    command = ["ip", "-n", cluster.netns, "route", "show", "default"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


@pytest.fixture(scope="module")
def forwarded(kubectl: Kubectl) -> Iterator[str]:
    forward.start(kubectl.instance, "test", port=FORWARDED_PORT, service="node-tests/forwarded:80")
    address = (kubectl.instance.node_ip, FORWARDED_PORT)

    def listens() -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(address) == 0

    eventually(listens, seconds=10, what="the forwarder")
    yield f"http://{kubectl.instance.node_ip}:{FORWARDED_PORT}"
    forward.stop(kubectl.instance, "test")


def test_the_forwarder_resets_the_connection_without_its_service(forwarded: str) -> None:
    # Whether the client sees the reset or the end before it is a matter of moments.
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        httpx.get(forwarded, trust_env=False)


def test_the_forwarder_leads_to_the_service_and_follows_it_to_a_new_address(kubectl: Kubectl, forwarded: str) -> None:
    def answer() -> str:
        try:
            return httpx.get(forwarded, trust_env=False, timeout=3).text
        except httpx.HTTPError as error:
            return f"failed: {error}"

    addresses = set()
    for _ in range(2):
        kubectl.apply(service("forwarded", selector={"app": "web"}))
        addresses.add(kubectl.get("service", "forwarded")["spec"]["clusterIP"])
        eventually(lambda: answer() == "web", seconds=10, what="an answer through the forwarder")
        kubectl("delete", "service", "forwarded")
        eventually(lambda: answer().startswith("failed"), seconds=10, what="no answer without the Service")
    assert len(addresses) == 2
