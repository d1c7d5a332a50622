"""Model servers: one Helm release for each entry that we serve ourselves (vLLM, Ollama), and the charts they use."""

from kindo_models.serving.server import ModelServer, ModelServerArgs

__all__ = ["ModelServer", "ModelServerArgs"]
