"""`ModelGateway`: the planned LiteLLM with its Secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models.cluster_access import FROM_KUBECONFIG, ClusterAccess
from kindo_models.environment import ExternalSecrets, StoredKey
from kindo_models.external_secrets import external_secret
from kindo_models.planning.gateway import MASTER_KEY
from kindo_models.planning.model import Gateway
from kindo_models.registration.resources import GeneratedSecret
from kindo_models.release import chart_release


@dataclass(frozen=True)
class ModelGatewayArgs:
    """Arguments of ModelGateway.

    gateway: the gateway of a Plan.
    namespace: Kubernetes namespace, which must exist.
    keys: secret values by the name that the plan gives them (`KeyReference.secret_key`).
    cluster: how the dynamic resources reach the cluster; defaults to KUBECONFIG and its current context.
    stored: those that External Secrets copies from a store instead, by the same name; store: the environment's.
    """

    gateway: Gateway
    namespace: pulumi.Input[str]
    keys: Mapping[str, pulumi.Input[str]]
    cluster: ClusterAccess = FROM_KUBECONFIG
    stored: Mapping[str, StoredKey] = field(default_factory=dict)
    store: ExternalSecrets | None = None

    def __post_init__(self) -> None:
        missing = sorted({key.secret_key for key in self.gateway.keys} - set(self.keys) - set(self.stored))
        if missing:
            raise ValueError(f"ModelGatewayArgs.keys: no value for {', '.join(missing)}")


class ModelGateway(pulumi.ComponentResource):
    """LiteLLM inside the cluster. `url` has no path; `master_key_fingerprint` changes when the generated key does."""

    release: kubernetes.helm.v3.Release
    keys_secret: kubernetes.core.v1.Secret
    master_key: GeneratedSecret
    url: pulumi.Output[str]
    master_key_fingerprint: pulumi.Output[str]

    def __init__(self, name: str, args: ModelGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kindo-models:index:ModelGateway", name, None, opts)
        gateway = args.gateway
        child = pulumi.ResourceOptions(parent=self)
        self.keys_secret = kubernetes.core.v1.Secret(
            f"{name}-provider-keys",
            metadata={"name": gateway.keys_secret, "namespace": args.namespace},
            string_data={
                key.secret_key: args.keys[key.secret_key] for key in gateway.keys if key.secret_key in args.keys
            },
            opts=child,
        )
        values = dict(gateway.values)
        if args.stored and args.store:
            external_secret(
                f"{name}-stored-keys",
                secret_name=gateway.stored_keys_secret,
                namespace=args.namespace,
                settings=args.store,
                keys=args.stored,
                opts=child,
            )
            values["storedKeysSecret"] = gateway.stored_keys_secret
        self.master_key = GeneratedSecret(
            f"{name}-master-key",
            namespace=args.namespace,
            secret_name=gateway.master_key_secret,
            keys={MASTER_KEY: "sk-"},
            **args.cluster.properties,
            opts=child,
        )
        self.release = chart_release(
            name,
            chart="litellm",
            release=gateway.release,
            namespace=args.namespace,
            values={**values, "secretsVersion": self.keys_secret.metadata.resource_version},
            startup_seconds=gateway.startup_seconds,
            wait=True,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[self.master_key])),
        )
        self.url = pulumi.Output.from_input(gateway.url)
        self.master_key_fingerprint = self.master_key.fingerprints.apply(lambda found: found[MASTER_KEY])
        self.register_outputs({"url": self.url})
