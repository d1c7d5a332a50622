"""What the stand-in takes in a request body. Unknown fields, wrong types and unknown enum values are refused (422)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ModelChange(_Body):
    """PATCH of a model. What is not sent stays as it is; null empties an optional field."""

    litellmModel: Name = ""
    displayName: Name = ""
    modelProviderId: Name = ""
    type: Literal["CHAT", "INTERNAL"] = "CHAT"
    metadataType: Literal["Text Generation", "Embeddings", "Transcription"] = "Text Generation"
    contextWindow: Annotated[int, Field(gt=0)] = 1
    creator: Name | None = None
    costTier: Literal["LOW", "MEDIUM", "HIGH"] | None = None
    maxTokens: Annotated[int, Field(gt=0)] | None = None
    apiBase: Text | None = None
    apiVersion: Name | None = None
    apiKey: Text | None = None
    awsRegion: Name | None = None
    awsAccessKeyId: Text | None = None
    awsSecretAccessKey: Text | None = None
    baseModel: Name | None = None
    description: Text | None = None
    docLink: Text | None = None
    externalOwner: Name | None = None


class NewModel(ModelChange):
    """POST of a model."""

    litellmModelName: Name
    litellmModel: Name
    displayName: Name
    modelProviderId: Name
    type: Literal["CHAT", "INTERNAL"]
    metadataType: Literal["Text Generation", "Embeddings", "Transcription"]
    contextWindow: Annotated[int, Field(gt=0)]


class NewProvider(_Body):
    displayName: Name
    externalOwner: Name | None = None


class ProviderChange(_Body):
    displayName: Name = ""
    externalOwner: Name | None = None


SECRET_FIELDS = ("apiKey", "awsAccessKeyId", "awsSecretAccessKey")
