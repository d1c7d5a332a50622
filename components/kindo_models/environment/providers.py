"""Cloud providers: where they are called, and what the clouds' own model services need."""

from __future__ import annotations

from typing import Annotated, Literal

from kindo_models.environment.forms import ENDPOINT, ROLE
from kindo_models.environment.part import Part


class ProviderSettings(Part):
    """What all entries of a provider have in common, so that they need not name it."""

    endpoint: Annotated[str, ENDPOINT] | None = None
    """Redirects the provider, for example to a proxy, or is our Azure resource: scheme, host and port without a path.
    It counts as `apiBase` of its entries."""
    region: str | None = None
    """Bedrock: `awsRegion` of entries that name none."""
    api_version: str | None = None
    """Azure: `apiVersion` of entries that name none."""
    identity: Literal["key", "workload"] = "key"
    """Azure: `workload`: Entra identity of the gateway's pods (`gateway.serviceAccount`) for entries that name no
    `apiKey`."""


class Bedrock(Part):
    """Amazon Bedrock."""

    role_arn: Annotated[str, ROLE] | None = None
    """IAM role that the gateway takes for calls; none: one is made with only the models of the contract."""


class AzureOpenAI(Part):
    """Azure OpenAI: the account that the deployments of the contract are made in."""

    account: str | None = None
    """Name of the account; none: nothing is created, and entries bring their `apiBase`."""
    resource_group: str | None = None
    """Its resource group; none: `cloud.resourceGroup`."""
    location: str | None = None
    """Its location; none: `cloud.region`."""


class CloudModels(Part):
    """Inputs of the clouds' own model services."""

    bedrock: Bedrock | None = None
    """Amazon Bedrock; none: its entries are called with the credentials that they name."""
    azure_openai: AzureOpenAI | None = None
    """Azure OpenAI; none: as above."""
