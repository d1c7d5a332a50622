"""`ModelServer`: one planned server as a Secret for its key and a Helm Release of our chart."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models.environment import ExternalSecrets, StoredKey
from kindo_models.external_secrets import external_secret
from kindo_models.planning.model import Server
from kindo_models.release import chart_release


@dataclass(frozen=True)
class ModelServerArgs:
    """Arguments of ModelServer.

    server: one server of a Plan.
    namespace: Kubernetes namespace, which must exist.
    api_key: the server's key; required when the plan gives the server a key, unless External Secrets copies it from a
        store: then stored_key is its place, and store the environment's.
    """

    server: Server
    namespace: pulumi.Input[str]
    api_key: pulumi.Input[str] | None = None
    stored_key: StoredKey | None = None
    store: ExternalSecrets | None = None

    def __post_init__(self) -> None:
        if self.server.key is not None and self.api_key is None and self.stored_key is None:
            raise ValueError(f"ModelServerArgs.api_key: server {self.server.model!r} is planned with a key; pass it")


class ModelServer(pulumi.ComponentResource):
    """A model server inside the cluster, reachable for the gateway and the gate only.

    The release is not awaited: a server that does not start must not stop the models beside it. The gate waits for it,
    up to the start-up budget, and says why.
    """

    release: kubernetes.helm.v3.Release
    api_base: pulumi.Output[str]
    revision: pulumi.Output[str]
    """Helm's revision: changes whenever the server was installed or changed, so that it is checked again."""

    def __init__(self, name: str, args: ModelServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kindo-models:index:ModelServer", name, None, opts)
        server = args.server
        values = dict(server.values)
        if args.api_key is not None:
            secret = kubernetes.core.v1.Secret(
                f"{name}-key",
                metadata={"name": values["apiKeySecret"]["name"], "namespace": args.namespace},
                string_data={values["apiKeySecret"]["key"]: args.api_key},
                opts=pulumi.ResourceOptions(parent=self),
            )
            values["secretsVersion"] = secret.metadata.resource_version
        elif args.stored_key is not None and args.store is not None:
            external_secret(
                f"{name}-key",
                secret_name=values["apiKeySecret"]["name"],
                namespace=args.namespace,
                settings=args.store,
                keys={values["apiKeySecret"]["key"]: args.stored_key},
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.release = chart_release(
            name,
            chart=server.chart,
            release=server.release,
            namespace=args.namespace,
            values=values,
            startup_seconds=server.startup_seconds,
            wait=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.api_base = pulumi.Output.from_input(server.api_base)
        self.revision = self.release.status.apply(lambda status: str(status.revision))
        self.register_outputs({"api_base": self.api_base})
