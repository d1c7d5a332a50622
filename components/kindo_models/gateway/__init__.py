"""The gateway: LiteLLM as a Helm release of our chart, its provider keys in one Secret, its master key made in the cluster."""

from kindo_models.gateway.gateway import ModelGateway, ModelGatewayArgs

__all__ = ["ModelGateway", "ModelGatewayArgs"]
