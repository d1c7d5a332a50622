"""`ModelRegistration`: providers, models and flags of a Plan, each withheld or ordered by what the gate found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from kindo_models.cluster_access import FROM_KUBECONFIG, ClusterAccess
from kindo_models.planning.gateway import MASTER_KEY
from kindo_models.planning.model import Plan
from kindo_models.planning.overview import overview
from kindo_models.registration import previewed
from kindo_models.registration.resources import FlagBinding, ModelProvider, RegisteredModel


@dataclass(frozen=True)
class ModelRegistrationArgs:
    """Arguments of ModelRegistration.

    plan: registrations, flags and where they go.
    statuses: for each model the status of its verdict (pass, warned, skipped, fail).
    key_fingerprints: fingerprint of each key that registrations refer to, by its name in the Secret.
    owner: `<project>/<stack>/<component>`, written into every row where the mapping has a field for it.
    cluster: how the dynamic resources reach the cluster; defaults to KUBECONFIG and its current context.
    """

    plan: Plan
    statuses: Mapping[str, pulumi.Output[str]]
    key_fingerprints: Mapping[str, pulumi.Output[str]]
    owner: str
    cluster: ClusterAccess = FROM_KUBECONFIG


class ModelRegistration(pulumi.ComponentResource):
    """Rows of the admin API and Unleash variants. `models`: one row per model, for people and for other programs."""

    models: pulumi.Output[list[dict[str, Any]]]
    withheld: pulumi.Output[list[str]]

    def __init__(self, name: str, args: ModelRegistrationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kindo-models:index:ModelRegistration", name, None, opts)
        rows = self._models(name, args)
        ids = {model: previewed.model_id(row, row.model_id, model) for model, row in rows.items()}
        registered = {model: previewed.registered(row, row.registered, model) for model, row in rows.items()}
        payloads = self._flags(name, args, ids, registered)
        self.models = pulumi.Output.all(
            ids=ids,
            statuses=dict(args.statuses),
            payloads=payloads,
        ).apply(lambda found: overview(args.plan, found["ids"], found["statuses"], found["payloads"]))
        self.withheld = pulumi.Output.all(**registered).apply(
            lambda found: [model for model, there in found.items() if not there]
        )
        self.register_outputs({"models": self.models})

    def _models(self, name: str, args: ModelRegistrationArgs) -> dict[str, RegisteredModel]:
        kindo = args.plan.environment.registration.kindo
        if kindo is None:
            return {}
        child = pulumi.ResourceOptions(parent=self)
        providers = {
            display_name: ModelProvider(
                f"{name}-provider-{display_name}",
                kindo_url=kindo.url,
                mapping=kindo.mapping,
                display_name=display_name,
                opts=child,
            )
            for display_name in args.plan.providers
        }
        return {
            row.model: RegisteredModel(
                f"{name}-{row.model}",
                kindo_url=kindo.url,
                mapping=kindo.mapping,
                litellm_model_name=row.model,
                fields=row.fields,
                provider_id=providers[row.provider].provider_id,
                api_key_ref=row.api_key_ref,
                api_key_fingerprint=args.key_fingerprints[MASTER_KEY],
                owner=f"{args.owner}/{row.model}",
                status=args.statuses[row.model],
                **args.cluster.properties,
                opts=child,
            )
            for row in args.plan.registrations
        }

    def _flags(
        self,
        name: str,
        args: ModelRegistrationArgs,
        ids: Mapping[str, pulumi.Output[str | None]],
        registered: Mapping[str, pulumi.Output[bool]],
    ) -> dict[str, pulumi.Output[str]]:
        settings = args.plan.environment.flags
        if settings is None or not registered:
            return {}
        # A replaced model gets its new id into every flag before its old row is deleted.
        return {
            binding.feature: FlagBinding(
                f"{name}-flag-{binding.feature}",
                unleash_url=settings.unleash.url,
                project=settings.unleash.project,
                environment=settings.unleash.environment,
                feature=binding.feature,
                strategy=settings.unleash.strategy,
                variant=settings.unleash.variant,
                create_missing=settings.unleash.create_missing,
                payload_type=settings.payload.type,
                payload_value=settings.payload.value,
                holds=binding.holds,
                owner=args.owner,
                candidates=[
                    {
                        "name": model,
                        "model_id": ids[model],
                        "registered": registered[model],
                        "status": args.statuses[model],
                    }
                    for model in binding.candidates
                ],
                opts=pulumi.ResourceOptions(parent=self),
            ).payload
            for binding in args.plan.flags
        }
