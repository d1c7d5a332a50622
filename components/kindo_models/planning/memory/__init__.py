"""Whether vLLM would start with these flags on this hardware, and with how much room: weights, overhead, KV cache.

`predict(setup)` answers with a verdict, every term with its interval and source, and the refusals vLLM would print.
"""

from kindo_models.planning.memory.model import Interval, Prediction, Refusal, Setup, Term, Verdict
from kindo_models.planning.memory.settings import BadSetup
from kindo_models.planning.memory.verdict import predict

__all__ = ["BadSetup", "Interval", "Prediction", "Refusal", "Setup", "Term", "Verdict", "predict"]
