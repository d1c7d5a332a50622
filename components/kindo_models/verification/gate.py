"""`VerificationGate`: one Job per endpoint in the gateway's network position; verdicts as outputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models.cluster_access import FROM_KUBECONFIG, ClusterAccess
from kindo_models.environment import Images
from kindo_models.planning.gateway import MASTER_KEY
from kindo_models.planning.model import Endpoint, Gateway
from kindo_models.registration.resources import VerifiedEndpoint

SCRIPT = "checks.py"


@dataclass(frozen=True)
class VerificationGateArgs:
    """Arguments of VerificationGate.

    endpoints: what to check for each model.
    gateway: the gateway whose namespace, image, labels and keys the Jobs share.
    namespace: the gateway's namespace, which must exist.
    images: the gateway's image (any with Python 3.9+ does), how it is pulled.
    triggers: for each model a value whose change asks for a new run (its server's revision).
    cluster: how the dynamic resources reach the cluster; defaults to KUBECONFIG and its current context.
    stored: names of the keys that External Secrets copies from a store.
    """

    endpoints: tuple[Endpoint, ...]
    gateway: Gateway
    namespace: pulumi.Input[str]
    images: Images
    triggers: Mapping[str, pulumi.Input[str]]
    cluster: ClusterAccess = FROM_KUBECONFIG
    stored: frozenset[str] = frozenset()


class VerificationGate(pulumi.ComponentResource):
    """Checks every endpoint from inside the cluster. `verdicts` by model: {status, checks}; a failure is no error."""

    verdicts: dict[str, pulumi.Output[dict[str, Any]]]

    def __init__(self, name: str, args: VerificationGateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kindo-models:index:VerificationGate", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        source = (files("kindo_models.verification") / SCRIPT).read_text(encoding="utf-8")
        digest = hashlib.sha256(source.encode()).hexdigest()
        script = kubernetes.core.v1.ConfigMap(
            f"{name}-script",
            # Named by content: a Job that still runs keeps the script that it was started with.
            metadata={"name": f"kindo-models-checks-{digest[:10]}", "namespace": args.namespace},
            immutable=True,
            data={SCRIPT: source},
            opts=child,
        )
        gateway = args.gateway
        self.verdicts = {
            endpoint.model: VerifiedEndpoint(
                f"{name}-{endpoint.model}",
                model=endpoint.model,
                namespace=args.namespace,
                image=args.images.gateway,
                image_pull_policy=args.images.pull_policy,
                image_pull_secrets=list(args.images.pull_secrets) or None,
                script_config_map=script.metadata.name,
                script_sha256=digest,
                checks=json.dumps([check.model_dump(exclude_none=True) for check in endpoint.checks]),
                key_refs={
                    key: f"{_secret_of(key, gateway, args.stored)}#{key}"
                    for key in dict.fromkeys(check.key_env for check in endpoint.checks if check.key_env)
                },
                startup_seconds=endpoint.startup_seconds,
                deadline_seconds=endpoint.deadline_seconds,
                failure_policy=endpoint.failure_policy,
                workload=endpoint.workload,
                trigger=pulumi.Output.concat(endpoint.routing, "-", args.triggers[endpoint.model]),
                **args.cluster.properties,
                opts=child,
            ).verdict
            for endpoint in args.endpoints
        }
        self.register_outputs({})


def _secret_of(key: str, gateway: Gateway, stored: frozenset[str]) -> str:
    if key == MASTER_KEY:
        return gateway.master_key_secret
    return gateway.stored_keys_secret if key in stored else gateway.keys_secret
