"""The servers beside the cluster as Services in it: no selector, one EndpointSlice with the address they listen on."""

from __future__ import annotations

from typing import Any

from tools.paths import PERIPHERALS_NAMESPACE, PORTS, Instance

SERVICES = ("kindo-admin-api", "unleash", "aimock", "postgresql")
_LABELS = {"app.kubernetes.io/managed-by": "kindo-models", "app.kubernetes.io/part-of": "kindo-models-local"}


def expose(instance: Instance) -> None:
    """Make or update namespace, Services and EndpointSlices; running it again changes nothing."""
    from kubernetes import client

    with _connect(instance) as api:
        core, discovery = client.CoreV1Api(api), client.DiscoveryV1Api(api)
        namespace = {"metadata": {"name": PERIPHERALS_NAMESPACE, "labels": _LABELS}}
        _apply(core.patch_namespace, PERIPHERALS_NAMESPACE, body={"apiVersion": "v1", "kind": "Namespace", **namespace})
        for name in SERVICES:
            _apply(core.patch_namespaced_service, name, PERIPHERALS_NAMESPACE, body=_service(name))
            _apply(
                discovery.patch_namespaced_endpoint_slice,
                f"{name}-local",
                PERIPHERALS_NAMESPACE,
                body=_endpoint_slice(name, instance.node_ip),
            )


def withdraw(instance: Instance) -> None:
    """Remove the namespace with all that is in it; absent, and a cluster that is gone, are fine."""
    from kubernetes import client
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        with _connect(instance) as api:
            client.CoreV1Api(api).delete_namespace(PERIPHERALS_NAMESPACE, _request_timeout=10)
    except ApiException as error:
        if error.status != 404:
            raise
    except (HTTPError, OSError):
        pass


def _apply(patch: Any, *name: str, body: dict[str, Any]) -> None:
    """Server-side apply: makes the object, or changes only what differs."""
    patch(
        *name,
        body,
        field_manager="kindo-models-local",
        force=True,
        _content_type="application/apply-patch+yaml",
        _request_timeout=30,
    )


def _service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": _LABELS},
        "spec": {"ports": [{"name": "tcp", "port": PORTS[name], "targetPort": PORTS[name], "protocol": "TCP"}]},
    }


def _endpoint_slice(name: str, address: str) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-local",
            "labels": {
                **_LABELS,
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "kindo-models-local",
            },
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "tcp", "port": PORTS[name], "protocol": "TCP"}],
    }


def _connect(instance: Instance) -> Any:
    from kubernetes import config

    return config.new_client_from_config(str(instance.kubeconfig))  # type: ignore[no-untyped-call]
