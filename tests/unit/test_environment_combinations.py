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
        "error[settings-disagree] x.yaml:3 cluster.stack: cluster.kubeconfig and cluster.stack both say how the "
        "cluster is reached\n    fix: keep one of them",
    ),
    "pools for a cluster without a cloud": (
        "nodePools: {kind: karpenter}",
        "error[settings-disagree] x.yaml:3 nodePools.kind: nodePools.kind karpenter needs a cluster of a cloud, and "
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
        "error[settings-disagree] x.yaml:4 platform: platform names another stack, and part is platform\n"
        "    fix: write `part: workload`, or take `platform` out",
    ),
    "a stack name with too many parts": (
        "platform: {stack: a/b/c/d}\npart: workload",
        "error[invalid-value] x.yaml:3 platform.stack: 'a/b/c/d' is not of the right form; write a stack as "
        "organization/project/stack",
    ),
    "a quantity, an address and a release in the wrong form": (
        "serving: {resources: {cpu: four, memory: 1Gb}}\n"
        "gateway: {version: latest}\n"
        "providers: {openai: {endpoint: 'http://me:canary@proxy/v1'}}",
        "error[invalid-value] x.yaml:3 serving.resources.cpu: 'four' is not of the right form; write CPUs such as 4 or "
        "500m\n"
        "error[invalid-value] x.yaml:3 serving.resources.memory: '1Gb' is not of the right form; write bytes with a "
        "unit, such as 32Gi or 512Mi\n"
        "error[invalid-value] x.yaml:4 gateway.version: 'latest' is not of the right form; write a release such as "
        "1.108.0\n"
        "error[invalid-value] x.yaml:5 providers.openai.endpoint: 'http://***@proxy/v1' is not of the right form; "
        "write scheme, host and port without a path, such as https://proxy:8443",
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
