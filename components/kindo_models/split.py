"""Platform and workload as two stacks, for teams with separate rights: `PlatformLayer` and `WorkloadLayer`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from kindo_models.cluster_access import FROM_KUBECONFIG, ClusterAccess
from kindo_models.environment import StoredKey
from kindo_models.planning.gateway import MASTER_KEY
from kindo_models.planning.model import Plan
from kindo_models.planning.split import PlatformOutputs, outputs
from kindo_models.workload import Workload, model_gateway, namespaces, registration_access


@dataclass(frozen=True)
class PlatformLayerArgs:
    """Arguments of PlatformLayer.

    plan: every decision (`kindo_models.planning.plan`).
    keys: secret values by `KeyReference.secret_key`; pass them as secret outputs.
    stored: keys that an external store has, as for ModelPlatform.
    cluster: how the dynamic resources reach the cluster; defaults to KUBECONFIG and its current context.
    """

    plan: Plan
    keys: Mapping[str, pulumi.Input[str]]
    stored: Mapping[str, StoredKey] = field(default_factory=dict)
    cluster: ClusterAccess = FROM_KUBECONFIG


class PlatformLayer(pulumi.ComponentResource):
    """Namespaces and gateway. `exported` is what a workload stack reads (`planning.split.PlatformOutputs`)."""

    exported: pulumi.Output[dict[str, Any]]
    gateway_url: pulumi.Output[str]

    def __init__(self, name: str, args: PlatformLayerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kindo-models:index:PlatformLayer", name, None, opts)
        made = args.plan
        child = pulumi.ResourceOptions(parent=self)
        spaces = namespaces(name, made, child)
        gateway = model_gateway(name, made, spaces[made.gateway.namespace], args.keys, args.stored, args.cluster, child)
        self.gateway_url = gateway.url
        # Ready only when the gateway's release is: what reads this output finds it running.
        ready = pulumi.Output.all(gateway.master_key_fingerprint, gateway.release.status)
        self.exported = ready.apply(lambda found: outputs(made, found[0], args.stored))
        self.register_outputs({"exported": self.exported, "gateway_url": self.gateway_url})


@dataclass(frozen=True)
class WorkloadLayerArgs:
    """Arguments of WorkloadLayer.

    plan: every decision, made of the same contract as the platform's.
    platform: the platform's outputs, checked against the plan (`planning.split.accepted`).
    keys: the servers' secret values by `KeyReference.secret_key`.
    stored: as for PlatformLayer.
    owner: as for ModelPlatform.
    cluster: as for PlatformLayer.
    """

    plan: Plan
    platform: PlatformOutputs
    keys: Mapping[str, pulumi.Input[str]]
    stored: Mapping[str, StoredKey] = field(default_factory=dict)
    owner: str | None = None
    cluster: ClusterAccess = FROM_KUBECONFIG


class WorkloadLayer(pulumi.ComponentResource):
    """Servers, gate, registrations and flags on the platform of another stack. Outputs as ModelPlatform."""

    models: pulumi.Output[list[dict[str, Any]]]
    gateway_url: pulumi.Output[str]

    def __init__(self, name: str, args: WorkloadLayerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kindo-models:index:WorkloadLayer", name, None, opts)
        made, platform = args.plan, args.platform
        access = registration_access(name, made, self)
        child = pulumi.ResourceOptions(parent=self, depends_on=[access] if access else None)
        workload = Workload(name, made, args.cluster, args.stored, parent=self, child=child)
        servers = workload.servers(platform.namespace, args.keys)
        self.models = workload.register(
            servers,
            namespace=platform.gateway_namespace,
            stored=frozenset(platform.stored_keys),
            fingerprints={MASTER_KEY: pulumi.Output.from_input(platform.master_key_fingerprint)},
            owner=args.owner or f"{pulumi.get_project()}/{pulumi.get_stack()}/{name}",
        )
        self.gateway_url = pulumi.Output.from_input(platform.gateway_url)
        self.register_outputs({"models": self.models, "gateway_url": self.gateway_url})
