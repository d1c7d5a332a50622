"""Whether vLLM would start with these flags on this hardware, and with how much room: weights, overhead, KV cache.

`predict(setup)` answers with a verdict, every term with its interval and source, and the refusals vLLM would print.
"""

from kindo_models.planning.memory.model import Interval, Prediction, Refusal, Setup, Term, Verdict

__all__ = ["Interval", "Prediction", "Refusal", "Setup", "Term", "Verdict", "predict"]


def __getattr__(name: str) -> object:
    if name == "predict":
        from kindo_models.planning.memory.predict import predict

        return predict
    raise AttributeError(name)
