"""The gateway: LiteLLM as a Helm release of our chart, provider keys in one Secret, a master key made inside."""

from kindo_models.gateway.gateway import ModelGateway, ModelGatewayArgs

__all__ = ["ModelGateway", "ModelGatewayArgs"]
