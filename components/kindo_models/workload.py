"""The steps of a rollout that both ways of cutting it share: one stack for all, or platform and workload apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models.cluster_access import ClusterAccess
from kindo_models.environment import StoredKey
from kindo_models.gateway import ModelGateway, ModelGatewayArgs
from kindo_models.planning.model import Plan
from kindo_models.registration.component import ModelRegistration, ModelRegistrationArgs
from kindo_models.registration.resources import RegistrationAccess, RunResult
from kindo_models.serving import ModelServer, ModelServerArgs
from kindo_models.verification.gate import VerificationGate, VerificationGateArgs


def registration_access(name: str, made: Plan, parent: pulumi.Resource) -> RegistrationAccess | None:
    """One authenticated read of the registration targets; None where there are none."""
    kindo, flags = made.environment.registration.kindo, made.environment.flags
    if kindo is None and flags is None:
        return None
    return RegistrationAccess(
        f"{name}-access",
        kindo_url=kindo.url if kindo else None,
        mapping=kindo.mapping if kindo else None,
        unleash_url=flags.unleash.url if flags else None,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def namespaces(name: str, made: Plan, opts: pulumi.ResourceOptions) -> dict[str, pulumi.Input[str]]:
    """Namespaces of servers and gateway, made unless the environment says that they are there."""
    wanted = dict.fromkeys((made.environment.cluster.namespace, made.gateway.namespace))
    if not made.environment.cluster.create_namespaces:
        return {namespace: namespace for namespace in wanted}
    return {
        namespace: kubernetes.core.v1.Namespace(
            f"{name}-namespace-{namespace}", metadata={"name": namespace}, opts=opts
        ).metadata.name
        for namespace in wanted
    }


def model_gateway(
    name: str,
    made: Plan,
    namespace: pulumi.Input[str],
    keys: Mapping[str, pulumi.Input[str]],
    stored: Mapping[str, StoredKey],
    cluster: ClusterAccess,
    opts: pulumi.ResourceOptions,
) -> ModelGateway:
    """The plan's gateway. keys, stored: its secrets as values, or where the environment's external store has them."""
    return ModelGateway(
        f"{name}-gateway",
        ModelGatewayArgs(
            gateway=made.gateway,
            namespace=namespace,
            keys=keys,
            stored=stored,
            store=made.environment.secrets.external,
            cluster=cluster,
        ),
        opts,
    )


@dataclass(frozen=True)
class Workload:
    """Servers, gate, registrations and result of a plan. `child` are the options of everything that waits for the
    registration targets; `parent` is the component that it belongs to. stored: keys that an external store has.
    """

    name: str
    plan: Plan
    cluster: ClusterAccess
    stored: Mapping[str, StoredKey]
    parent: pulumi.Resource
    child: pulumi.ResourceOptions

    def servers(self, namespace: pulumi.Input[str], keys: Mapping[str, pulumi.Input[str]]) -> dict[str, ModelServer]:
        """By model."""
        return {
            server.model: ModelServer(
                f"{self.name}-{server.release}",
                ModelServerArgs(
                    server=server,
                    namespace=namespace,
                    api_key=keys.get(server.key.secret_key) if server.key else None,
                    stored_key=self.stored.get(server.key.secret_key) if server.key else None,
                    store=self.plan.environment.secrets.external,
                ),
                self.child,
            )
            for server in self.plan.servers
        }

    def register(
        self,
        servers: Mapping[str, ModelServer],
        *,
        namespace: pulumi.Input[str],
        fingerprints: Mapping[str, pulumi.Output[str]],
        owner: str,
        stored: frozenset[str],
        gateway: pulumi.Resource | None = None,
    ) -> pulumi.Output[list[dict[str, Any]]]:
        """Gate, then registrations and flags, then the result, which fails the run where a check failed.

        namespace: the gateway's. fingerprints: of the keys that registrations refer to. stored: names of the keys that
        the gateway has from an external store. gateway: what the gate waits for; None where the gateway is another
        stack's and runs already. Returns the rows of `models`.
        """
        made = self.plan
        gate = VerificationGate(
            f"{self.name}-gate",
            VerificationGateArgs(
                endpoints=made.endpoints,
                gateway=made.gateway,
                namespace=namespace,
                images=made.environment.images,
                triggers={
                    endpoint.model: servers[endpoint.model].revision if endpoint.model in servers else "0"
                    for endpoint in made.endpoints
                },
                cluster=self.cluster,
                stored=stored,
            ),
            pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(depends_on=[gateway] if gateway else None)),
        )
        registration = ModelRegistration(
            f"{self.name}-registration",
            ModelRegistrationArgs(
                plan=made,
                statuses={model: verdict["status"] for model, verdict in gate.verdicts.items()},
                key_fingerprints=fingerprints,
                owner=owner,
                cluster=self.cluster,
            ),
            self.child,
        )
        RunResult(
            f"{self.name}-result",
            verdicts=gate.verdicts,
            withheld=registration.withheld,
            opts=pulumi.ResourceOptions(parent=self.parent, depends_on=[gate, registration]),
        )
        return registration.models
