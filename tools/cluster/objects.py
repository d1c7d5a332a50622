"""Objects that the cluster itself needs: rights of its own components, and the cluster's DNS (CoreDNS as a pod).

CoreDNS is a pod, not a process of the node, because NetworkPolicies name it by its labels (`k8s-app: kube-dns`), as on
any cluster.
"""

from __future__ import annotations

import httpx

from tools.cluster.api import Object, apply, merge_patch
from tools.cluster.certificates import NODE_AGENT_USER
from tools.paths import Instance, bin_dir

RBAC = "/apis/rbac.authorization.k8s.io/v1"
SYSTEM = "kube-system"
COREDNS = "coredns"


def apply_rights(api: httpx.Client) -> None:
    """What the bootstrap roles of the API server do not cover."""
    # The API server calls kubelet (logs, exec, port-forward) under a name of its own.
    _bind(api, "kindo-models:apiserver-kubelet", "system:kubelet-api-admin", "kube-apiserver-kubelet-client")
    reads = {"verbs": ["get", "list", "watch"]}
    _role(
        api,
        NODE_AGENT_USER,
        [
            {"apiGroups": [""], "resources": ["pods", "namespaces", "services"], **reads},
            {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], **reads},
        ],
    )
    _bind(api, NODE_AGENT_USER, NODE_AGENT_USER, NODE_AGENT_USER)


def apply_dns(api: httpx.Client, instance: Instance, image: str) -> None:
    """CoreDNS in the usual shape: ServiceAccount, role, ConfigMap, Deployment, Service `kube-dns`."""
    base = f"/api/v1/namespaces/{SYSTEM}"
    reads = {"verbs": ["list", "watch"]}
    _role(
        api,
        "system:coredns",
        [
            {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], **reads},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], **reads},
        ],
    )
    account = {"kind": "ServiceAccount", "name": COREDNS, "namespace": SYSTEM}
    apply(api, f"{RBAC}/clusterrolebindings/system:coredns", _binding("system:coredns", "system:coredns", account))
    for path, kind, content in (
        (f"{base}/serviceaccounts/{COREDNS}", "ServiceAccount", {}),
        (f"{base}/configmaps/{COREDNS}", "ConfigMap", {"data": {"Corefile": COREFILE}}),
        (f"{base}/services/kube-dns", "Service", {"spec": _dns_service(instance)}),
    ):
        name = path.rpartition("/")[2]
        metadata = {"name": name, "namespace": SYSTEM, "labels": DNS_LABELS}
        apply(api, path, {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content})
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": COREDNS, "namespace": SYSTEM, "labels": DNS_LABELS},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": DNS_LABELS},
            # One node, one replica: a second beside it during an update would only fight for CPU.
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": DNS_LABELS}, "spec": _dns_pod(image)},
        },
    }
    apply(api, f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/{COREDNS}", deployment)


def dns_is_ready(api: httpx.Client) -> bool:
    answer = api.get(f"/api/v1/namespaces/{SYSTEM}/pods", params={"labelSelector": "k8s-app=kube-dns"})
    return answer.is_success and any(_is_ready(pod) for pod in answer.json()["items"])


def mark_pods_not_ready(api: httpx.Client) -> None:
    """After a boot no container runs, whatever the pods' status says. Say so before anybody routes to them: this is
    what the node controller does with the pods of a node that has gone."""
    for pod in api.get("/api/v1/pods").raise_for_status().json()["items"]:
        status, metadata = pod.get("status", {}), pod["metadata"]
        if _is_ready(pod):
            conditions = [
                {**condition, "status": "False", "reason": "NodeRestarted"}
                if condition["type"] in ("Ready", "ContainersReady")
                else condition
                for condition in status["conditions"]
            ]
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
            merge_patch(api, path, {"status": {"conditions": conditions}})


DNS_LABELS = {"k8s-app": "kube-dns"}

# No forwarding: a name outside the cluster is answered at once with a failure.
COREFILE = """.:53 {
    errors
    health :8080
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    cache 5
}
"""


def _dns_service(instance: Instance) -> Object:
    return {
        "clusterIP": instance.dns_ip,
        "selector": DNS_LABELS,
        "ports": [
            {"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "port": 53, "targetPort": 53, "protocol": "TCP"},
        ],
    }


def _dns_pod(image: str) -> Object:
    """The binary comes from the machine (set-up built it), into an image that has nothing else to offer."""
    return {
        "serviceAccountName": COREDNS,
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 1,
        # It is the DNS: the node's own settings, not the cluster's.
        "dnsPolicy": "Default",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            # Port 53 without root: within the pod's network, every port may be bound by everybody.
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        },
        "containers": [
            {
                "name": COREDNS,
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["/coredns", "-conf", "/etc/coredns/Corefile"],
                "ports": [
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                ],
                "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "170Mi"}},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
                "livenessProbe": {
                    "httpGet": {"path": "/health", "port": 8080},
                    "initialDelaySeconds": 30,
                    "timeoutSeconds": 5,
                },
                "volumeMounts": [
                    {"name": "config", "mountPath": "/etc/coredns", "readOnly": True},
                    {"name": "binary", "mountPath": "/coredns", "readOnly": True},
                ],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
            }
        ],
        "volumes": [
            {"name": "config", "configMap": {"name": COREDNS}},
            {"name": "binary", "hostPath": {"path": str((bin_dir() / "coredns").resolve()), "type": "File"}},
        ],
    }


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _role(api: httpx.Client, name: str, rules: list[Object]) -> None:
    content = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    apply(api, f"{RBAC}/clusterroles/{name}", {**content, "rules": rules})


def _bind(api: httpx.Client, name: str, role: str, user: str) -> None:
    subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    apply(api, f"{RBAC}/clusterrolebindings/{name}", _binding(name, role, subject))


def _binding(name: str, role: str, subject: Object) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": "rbac.authorization.k8s.io"},
        "subjects": [subject],
    }
