"""One workload tried on shapes: what the memory model predicts for each, and whether that is good enough."""

from __future__ import annotations

from dataclasses import dataclass

from kindo_models.catalog.architectures import Architecture
from kindo_models.planning.memory import Prediction, Setup, predict
from kindo_models.planning.shapes import Shape


@dataclass(frozen=True)
class Workload:
    """What is to be served, whatever it runs on. None = not given: vLLM's default of that version."""

    model: str
    context: int
    """Tokens of one request: vLLM's max_model_len."""
    architecture: Architecture | None = None
    """None: the memory model cannot decide, `why_unchecked` says why, and only the table can answer."""
    why_unchecked: str = ""
    note: str = ""
    """How the name was understood, where it is not the architecture's own."""
    billions: float | None = None
    """Total parameters in 10⁹; None: not known."""
    precision: str = "none"
    """Weight format as vllm_sizing.yaml names it; `none` is 16-bit."""
    concurrency: int = 1
    """Requests of `context` tokens that the KV cache must hold at once."""
    generates: bool = True
    """False: embeddings or transcription, for which the table has no cell."""
    vllm_version: str | None = None
    dtype: str | None = None
    quantization: str | None = None
    kv_cache_dtype: str | None = None
    pipeline_parallel: int = 1
    gpu_memory_utilization: float | None = None
    enforce_eager: bool | None = None
    prefix_caching: bool | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    allow_long_max_model_len: bool = False


class Trials:
    """Predictions for one workload, each shape once."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self._known: dict[Shape, Prediction] = {}

    def __call__(self, shape: Shape) -> Prediction | None:
        """None: the architecture is not known."""
        work = self.workload
        if work.architecture is None:
            return None
        if shape not in self._known:
            self._known[shape] = predict(
                Setup(
                    architecture=work.architecture,
                    gpu=shape.gpu,
                    tensor_parallel=max(1, shape.count // work.pipeline_parallel),
                    pipeline_parallel=work.pipeline_parallel,
                    vllm_version=work.vllm_version,
                    dtype=work.dtype,
                    quantization=work.quantization,
                    kv_cache_dtype=work.kv_cache_dtype,
                    max_model_len=work.context,
                    gpu_memory_utilization=work.gpu_memory_utilization,
                    enforce_eager=work.enforce_eager,
                    prefix_caching=work.prefix_caching,
                    max_num_seqs=work.max_num_seqs,
                    max_num_batched_tokens=work.max_num_batched_tokens,
                    allow_long_max_model_len=work.allow_long_max_model_len,
                )
            )
        return self._known[shape]

    def accepts(self, shape: Shape) -> bool:
        """Surely starts, with room for the wanted requests even at the low end of the pool."""
        found = self(shape)
        return found is not None and found.verdict == "fits" and surely_at_once(found) >= self.workload.concurrency

    def shortfall(self, shape: Shape) -> str:
        """Why a shape is not accepted: "it would not start", "it would not surely hold 8 requests at once" …"""
        found = self(shape)
        if found is None or found.verdict != "fits":
            return "it would not surely start" if found and found.verdict == "too-close" else "it would not start"
        return f"it would not surely hold {self.workload.concurrency} requests at once"

    def likely(self, shape: Shape) -> bool:
        """Too close to call, but more likely to start than not, with room for the wanted requests."""
        found = self(shape)
        if found is None or found.verdict != "too-close" or (found.margin_gib or 0) < 0:
            return False
        return self.workload.concurrency <= max(1.0, found.max_concurrency or 1.0)


def surely_at_once(prediction: Prediction) -> float:
    """Requests of the full context at once, at the low end of the pool; without a KV cache there is no bound."""
    pool = prediction.kv_pool_gib
    if prediction.max_concurrency is None:
        return float("inf")
    return prediction.max_concurrency * (pool.low / pool.likely if pool.likely > 0 else 1.0)
