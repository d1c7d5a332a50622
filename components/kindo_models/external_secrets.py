"""An ExternalSecret: values that External Secrets copies from a store into a Secret of the cluster."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from kindo_models.environment import ExternalSecrets, StoredKey


def external_secret(
    name: str,
    *,
    secret_name: str,
    namespace: pulumi.Input[str],
    settings: ExternalSecrets,
    keys: Mapping[str, StoredKey],
    opts: pulumi.ResourceOptions,
) -> kubernetes.apiextensions.CustomResource:
    """The Secret `secret_name` with `keys`, each from its place in the store. Pods that need it wait until it is there.

    API external-secrets.io/v1 (https://external-secrets.io/latest/api/externalsecret/).
    """
    return kubernetes.apiextensions.CustomResource(
        name,
        api_version="external-secrets.io/v1",
        kind="ExternalSecret",
        metadata={"name": secret_name, "namespace": namespace},
        spec={
            "refreshInterval": settings.refresh_interval,
            "secretStoreRef": settings.store.model_dump(),
            "target": {"name": secret_name, "creationPolicy": "Owner"},
            "data": [
                {"secretKey": key, "remoteRef": stored.model_dump(exclude_none=True)}
                for key, stored in sorted(keys.items())
            ],
        },
        opts=opts,
    )
