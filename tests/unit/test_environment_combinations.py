"""Settings that are right one by one and wrong together: each message, and the place that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindo_models.environment import load_environment
from kindo_models.findings import InputError

EKS = "cluster: {kind: eks, name: c}\n"
AKS = "cluster: {kind: aks, name: c}\n"


def write(tmp_path: Path, body: str) -> Path:
    file = tmp_path / "x.yaml"
    file.write_text("config:\n  kindo-models:environment:\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    return file


def refusal(tmp_path: Path, body: str) -> str:
    file = write(tmp_path, body)
    with pytest.raises(InputError) as caught:
        load_environment(file, variables={}, name="x.yaml")
    return str(caught.value).replace("config.kindo-models:environment.", "")


CASES = {
    "two ways to one cluster": (
        "cluster: {kubeconfig: k, stack: a/b/c}",
        "error[contradiction] x.yaml:3 cluster.stack: cluster.kubeconfig and cluster.stack both say how the cluster is "
        "reached\n    fix: keep one of them",
    ),
    "pools for a cluster without a cloud": (
        "nodePools: {kind: karpenter}",
        "error[contradiction] x.yaml:3 nodePools.kind: nodePools.kind karpenter needs a cluster of a cloud, and "
        "cluster.kind is existing\n    fix: write `cluster: {kind: eks, …}` or `aks`, or `nodePools: {kind: existing}`",
    ),
    "eks without name and region": (
        "cluster: {kind: eks}",
        "error[missing-key] x.yaml:3 cluster.name: cluster.kind eks needs cluster.name\n"
        "    fix: add `cluster: {name: …}`\n"
        "error[missing-key] x.yaml:2 cloud.region: cluster.kind eks needs cloud.region\n"
        "    fix: add `cloud: {region: …}`",
    ),
    "aks without its resource group": (
        AKS + "cloud: {region: eastus2}",
        "error[missing-key] x.yaml:4 cloud.resourceGroup: cluster.kind aks needs cloud.resourceGroup\n"
        "    fix: add `cloud: {resourceGroup: …}`",
    ),
    "an azure region for eks": (
        EKS + "cloud: {region: eastus2}",
        "error[region-of-other-cloud] x.yaml:4 cloud.region: 'eastus2' is not how AWS writes a region\n"
        "    fix: AWS writes us-east-1",
    ),
    "an aws region for aks": (
        AKS + "cloud: {region: us-east-1, resourceGroup: g}",
        "error[region-of-other-cloud] x.yaml:4 cloud.region: 'us-east-1' is not how Azure writes a region\n"
        "    fix: Azure writes eastus2",
    ),
    "a workload without a platform": (
        "part: workload",
        "error[missing-key] x.yaml:3 part: part: workload needs the platform stack that it runs on\n"
        "    fix: add `platform: {stack: organization/project/stack}`",
    ),
    "a platform on a platform": (
        "part: platform\nplatform: {stack: a/b/c}",
        "error[contradiction] x.yaml:4 platform: platform names another stack, and part is platform\n"
        "    fix: write `part: workload`, or take `platform` out",
    ),
    "a stack name with too many parts": (
        "platform: {stack: a/b/c/d}\npart: workload",
        "error[wrong-type] x.yaml:3 platform.stack: stack: string should match pattern "
        "'^[^/\\s]+(/[^/\\s]+){0,2}$' (found 'a/b/c/d')",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_message_is_exact_and_names_the_place(tmp_path: Path, case: str) -> None:
    body, message = CASES[case]
    assert refusal(tmp_path, body) == message


@pytest.mark.parametrize(
    "body",
    [
        EKS + "cloud: {region: us-gov-west-1}\nnodePools: {kind: managed}",
        AKS + "cloud: {region: swedencentral, resourceGroup: g}\nnodePools: {kind: karpenter}",
        "part: workload\nplatform: {stack: organization/kindo-models/base}",
        "cluster: {stack: organization/clusters/prod}",
    ],
)
def test_what_belongs_together_is_accepted(tmp_path: Path, body: str) -> None:
    file = write(tmp_path, body)
    assert load_environment(file, variables={})
