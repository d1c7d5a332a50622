"""Settings that are right one by one and wrong together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kindo_models.environment.model import Environment
from kindo_models.findings import Finding
from kindo_models.source import Source

_CLOUDS = {"eks": "AWS", "aks": "Azure"}
# us-east-1, ap-southeast-2, us-gov-west-1; Azure writes no dash: eastus2, swedencentral.
_REGIONS = {
    "eks": (re.compile(r"^[a-z]{2}(-[a-z]+)+-\d$"), "us-east-1"),
    "aks": (re.compile(r"^[a-z0-9]+$"), "eastus2"),
}


def combinations(environment: Environment, source: Source) -> list[Finding]:
    """Findings with the place of the setting that is to be changed. `source` knows the environment's key paths."""
    return [
        *_cluster(environment, source),
        *cloud_findings(environment, source),
        *_parts(environment, source),
        *_identities(environment, source),
    ]


def _cluster(environment: Environment, source: Source) -> Iterator[Finding]:
    cluster = environment.cluster
    if cluster.kubeconfig and cluster.stack:
        yield source.finding(
            ("cluster", "stack"),
            "settings-disagree",
            "cluster.kubeconfig and cluster.stack both say how the cluster is reached",
            "keep one of them",
        )
    if cluster.kind == "existing" and environment.node_pools.kind != "existing":
        yield source.finding(
            ("nodePools", "kind"),
            "settings-disagree",
            f"nodePools.kind {environment.node_pools.kind} needs a cluster of a cloud, and cluster.kind is existing",
            "write `cluster: {kind: eks, …}` or `aks`, or `nodePools: {kind: existing}`",
        )


def cloud_findings(environment: Environment, source: Source) -> Iterator[Finding]:
    cluster, cloud = environment.cluster, environment.cloud
    if cluster.kind == "existing":
        return
    wanted = [(("cluster", "name"), cluster.name), (("cloud", "region"), cloud.region)]
    if cluster.kind == "aks":
        wanted.append((("cloud", "resourceGroup"), cloud.resource_group))
    for path, value in wanted:
        if not value:
            key = ".".join(path)
            yield source.finding(
                path, "missing-key", f"cluster.kind {cluster.kind} needs {key}", f"add `{path[0]}: {{{path[1]}: …}}`"
            )
    pattern, example = _REGIONS[cluster.kind]
    if cloud.region and not pattern.match(cloud.region):
        name = _CLOUDS[cluster.kind]
        yield source.finding(
            ("cloud", "region"),
            "region-of-other-cloud",
            f"{cloud.region!r} is not how {name} writes a region",
            f"{name} writes {example}",
        )


def _identities(environment: Environment, source: Source) -> Iterator[Finding]:
    for name, provider in environment.providers.items():
        if provider.identity != "workload":
            continue
        if name != "azure":
            yield source.finding(
                ("providers", name, "identity"),
                "settings-disagree",
                f"providers.{name}.identity: only Azure's entries have a setting for it",
                "take it out; Bedrock uses the identity of the pods wherever an entry names no keys",
            )
        elif environment.gateway.service_account is None:
            yield source.finding(
                ("providers", name, "identity"),
                "missing-key",
                "providers.azure.identity: workload needs gateway.serviceAccount, whose identity it is",
                "add `gateway: {serviceAccount: {annotations: {azure.workload.identity/client-id: …}, "
                'podLabels: {azure.workload.identity/use: "true"}}}`',
            )


def _parts(environment: Environment, source: Source) -> Iterator[Finding]:
    if environment.part == "workload" and environment.platform is None:
        yield source.finding(
            ("part",),
            "missing-key",
            "part: workload needs the platform stack that it runs on",
            "add `platform: {stack: organization/project/stack}`",
        )
    if environment.part != "workload" and environment.platform is not None:
        yield source.finding(
            ("platform",),
            "settings-disagree",
            f"platform names another stack, and part is {environment.part}",
            "write `part: workload`, or take `platform` out",
        )
