"""`ModelPlatform`: servers, gateway, gate, registrations and flags of one Plan, in the order that keeps users safe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from kindo_models.cluster_access import FROM_KUBECONFIG, ClusterAccess
from kindo_models.environment import StoredKey
from kindo_models.planning.gateway import MASTER_KEY
from kindo_models.planning.model import Plan
from kindo_models.workload import Workload, model_gateway, namespaces, registration_access


@dataclass(frozen=True)
class ModelPlatformArgs:
    """Arguments of ModelPlatform.

    plan: every decision (`kindo_models.planning.plan`).
    keys: secret values by `KeyReference.secret_key`; pass them as secret outputs.
    stored: keys that an external store has, by the same name; the store is the environment's (`secrets.external`).
    owner: written into what is registered elsewhere, so that two stacks do not take each other's rows;
        defaults to `<project>/<stack>/<component name>`.
    cluster: how the dynamic resources reach the cluster; defaults to KUBECONFIG and its current context.
    """

    plan: Plan
    keys: Mapping[str, pulumi.Input[str]]
    stored: Mapping[str, StoredKey] = field(default_factory=dict)
    owner: str | None = None
    cluster: ClusterAccess = FROM_KUBECONFIG


class ModelPlatform(pulumi.ComponentResource):
    """The whole path for one environment. A model that fails its checks is withheld; its neighbours are not.

    Outputs: `models`, one row per model (name, provider, endpoint, model_id, status, flags), and `gateway_url` inside
    the cluster. The last resource fails the run when a check failed, after everything else is done.
    """

    models: pulumi.Output[list[dict[str, Any]]]
    gateway_url: pulumi.Output[str]

    def __init__(self, name: str, args: ModelPlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kindo-models:index:ModelPlatform", name, None, opts)
        made = args.plan
        access = registration_access(name, made, self)
        # A wrong admin key stops the run before a GPU is asked for.
        child = pulumi.ResourceOptions(parent=self, depends_on=[access] if access else None)
        spaces = namespaces(name, made, child)
        workload = Workload(name, made, args.cluster, args.stored, parent=self, child=child)
        servers = workload.servers(spaces[made.environment.cluster.namespace], args.keys)
        gateway = model_gateway(name, made, spaces[made.gateway.namespace], args.keys, args.stored, args.cluster, child)
        self.models = workload.register(
            servers,
            namespace=spaces[made.gateway.namespace],
            stored=frozenset(args.stored),
            fingerprints={MASTER_KEY: gateway.master_key_fingerprint},
            owner=args.owner or f"{pulumi.get_project()}/{pulumi.get_stack()}/{name}",
            gateway=gateway,
        )
        self.gateway_url = gateway.url
        self.register_outputs({"models": self.models, "gateway_url": self.gateway_url})
