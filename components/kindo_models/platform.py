"""`ModelPlatform`: servers, gateway, gate, registrations and flags of one Plan, in the order that keeps users safe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models.environment import StoredKey
from kindo_models.gateway import ModelGateway, ModelGatewayArgs
from kindo_models.planning.gateway import MASTER_KEY
from kindo_models.planning.model import Plan
from kindo_models.registration.component import ModelRegistration, ModelRegistrationArgs
from kindo_models.registration.resources import RegistrationAccess, RunResult
from kindo_models.serving import ModelServer, ModelServerArgs
from kindo_models.verification.gate import VerificationGate, VerificationGateArgs


@dataclass(frozen=True)
class ModelPlatformArgs:
    """Arguments of ModelPlatform.

    plan: every decision (`kindo_models.planning.plan`).
    keys: secret values by `KeyReference.secret_key`; pass them as secret outputs.
    stored: keys that an external store has, by the same name; the store is the environment's (`secrets.external`).
    owner: written into what is registered elsewhere, so that two stacks do not take each other's rows;
        defaults to `<project>/<stack>/<component name>`.
    """

    plan: Plan
    keys: Mapping[str, pulumi.Input[str]]
    stored: Mapping[str, StoredKey] = field(default_factory=dict)
    owner: str | None = None


class ModelPlatform(pulumi.ComponentResource):
    """The whole path for one environment. A model that fails its checks is withheld; its neighbours are not.

    Outputs: `models`, one row per model (name, provider, endpoint, model_id, status, flags), and `gateway_url` inside
    the cluster. The last resource fails the run when a check failed, after everything else is done.
    """

    models: pulumi.Output[list[dict[str, Any]]]
    gateway_url: pulumi.Output[str]

    def __init__(self, name: str, args: ModelPlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kindo-models:index:ModelPlatform", name, None, opts)
        made, environment = args.plan, args.plan.environment
        owner = args.owner or f"{pulumi.get_project()}/{pulumi.get_stack()}/{name}"

        access = self._access(name, made)
        # A wrong admin key stops the run before a GPU is asked for.
        child = pulumi.ResourceOptions(parent=self, depends_on=[access] if access else None)
        namespaces = self._namespaces(name, made, child)

        servers = {
            server.model: ModelServer(
                f"{name}-{server.release}",
                ModelServerArgs(
                    server=server,
                    namespace=namespaces[environment.cluster.namespace],
                    api_key=args.keys.get(server.key.secret_key) if server.key else None,
                    stored_key=args.stored.get(server.key.secret_key) if server.key else None,
                    store=environment.secrets.external,
                ),
                child,
            )
            for server in made.servers
        }
        gateway = ModelGateway(
            f"{name}-gateway",
            ModelGatewayArgs(
                gateway=made.gateway,
                namespace=namespaces[made.gateway.namespace],
                keys=args.keys,
                stored=args.stored,
                store=environment.secrets.external,
            ),
            child,
        )
        gate = VerificationGate(
            f"{name}-gate",
            VerificationGateArgs(
                endpoints=made.endpoints,
                gateway=made.gateway,
                namespace=namespaces[made.gateway.namespace],
                images=environment.images,
                stored=frozenset(args.stored),
                triggers={
                    endpoint.model: servers[endpoint.model].revision if endpoint.model in servers else "0"
                    for endpoint in made.endpoints
                },
            ),
            pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[gateway])),
        )
        registration = ModelRegistration(
            f"{name}-registration",
            ModelRegistrationArgs(
                plan=made,
                statuses={model: verdict["status"] for model, verdict in gate.verdicts.items()},
                key_fingerprints={MASTER_KEY: gateway.master_key_fingerprint},
                owner=owner,
            ),
            child,
        )
        RunResult(
            f"{name}-result",
            verdicts=gate.verdicts,
            withheld=registration.withheld,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gate, registration]),
        )
        self.models = registration.models
        self.gateway_url = gateway.url
        self.register_outputs({"models": self.models, "gateway_url": self.gateway_url})

    def _access(self, name: str, made: Plan) -> RegistrationAccess | None:
        kindo, flags = made.environment.registration.kindo, made.environment.flags
        if kindo is None and flags is None:
            return None
        return RegistrationAccess(
            f"{name}-access",
            kindo_url=kindo.url if kindo else None,
            mapping=kindo.mapping if kindo else None,
            unleash_url=flags.unleash.url if flags else None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _namespaces(self, name: str, made: Plan, opts: pulumi.ResourceOptions) -> dict[str, pulumi.Input[str]]:
        wanted = dict.fromkeys((made.environment.cluster.namespace, made.gateway.namespace))
        if not made.environment.cluster.create_namespaces:
            return {namespace: namespace for namespace in wanted}
        return {
            namespace: kubernetes.core.v1.Namespace(
                f"{name}-namespace-{namespace}", metadata={"name": namespace}, opts=opts
            ).metadata.name
            for namespace in wanted
        }
