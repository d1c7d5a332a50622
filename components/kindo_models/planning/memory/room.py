"""What vLLM refuses for want of memory, in the order in which a start meets it: free memory, KV pool, state blocks,
then what must fit outside the budget once the pool is allocated (CUDA graphs, sampler warm-up).

`refusals` are sure: even the favourable end of the intervals is not enough. `doubt` speaks for the other end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kindo_models.catalog.vllm_sizing import since, vllm_sizing
from kindo_models.planning.memory.kv_cache import GIB, CachePlan
from kindo_models.planning.memory.model import Interval, Refusal, Setup, Term
from kindo_models.planning.memory.overhead import graphs_gib
from kindo_models.planning.memory.settings import Settings


@dataclass(frozen=True)
class Room:
    """One setup's memory on its fullest GPU, GiB. `need`: KV cache of one request at max_model_len."""

    setup: Setup
    chosen: Settings
    plan: CachePlan | None
    pool: Interval
    need: float | None
    weights: Interval
    terms: tuple[Term, ...]

    def refusals(self) -> Iterator[Refusal]:
        yield from self._free_memory()
        if self.pool.high <= 0:
            yield self._no_pool()
            return
        yield from self._one_request()
        yield from self._states()
        yield from self._after_the_pool()

    def doubt(self) -> str | None:
        """Why a setup that is not refused is not sure to start; None where it is."""
        if self.plan is not None and self._checks_states(self.plan):
            blocks = self.plan.blocks(self.pool.low * GIB)
            if self.chosen.max_num_seqs > blocks:
                return f"too close to call: max_num_seqs {self.chosen.max_num_seqs}, about {blocks} Mamba cache blocks"
        context = vllm_sizing().context_gib
        if self._left(context.likely) < 0:
            return (
                f"too close to call: gpu_memory_utilization {self.chosen.utilization:g} leaves none for CUDA contexts"
            )
        graphs = self._graphs_outside()
        if graphs is not None and graphs.likely > self._left(context.likely):
            return (
                f"too close to call: gpu_memory_utilization {self.chosen.utilization:g} leaves "
                f"{self._left(context.likely):.2f} GiB for CUDA graphs of {graphs.low:.2f} to {graphs.high:.2f} GiB"
            )
        return None

    def _left(self, context: float) -> float:
        """What the budget leaves on the GPU beside the process's CUDA context."""
        return self.chosen.total_gib * (1 - self.chosen.utilization) - context

    def _free_memory(self) -> Iterator[Refusal]:
        context = vllm_sizing().context_gib.low
        if self._left(context) < 0:
            total, utilization = self.chosen.total_gib, self.chosen.utilization
            yield Refusal(
                code="free-memory",
                message=f"Free memory on device cuda:0 ({total - context:.2f}/{total:.2f} GiB) on startup is less than "
                f"desired GPU memory utilization ({utilization:g}, {total * utilization:.2f} GiB). Decrease GPU memory "
                "utilization or reduce GPU memory used by other processes.",
                fix="--gpu-memory-utilization 0.95 or less",
            )

    def _no_pool(self) -> Refusal:
        budget = self.chosen.total_gib * self.chosen.utilization
        return Refusal(
            code="no-kv-cache-memory",
            message="No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when "
            f"initializing the engine. (weights {self.weights.likely:.2f} GiB of a budget of {budget:.2f} GiB per GPU)",
            fix="more GPUs (tensor or pipeline parallel), a larger GPU, or a quantised checkpoint",
        )

    def _one_request(self) -> Iterator[Refusal]:
        if self.plan is None or self.need is None or self.need <= self.pool.high:
            return
        likely, surely = (self.plan.longest(max(gib, 0.0) * GIB) for gib in (self.pool.likely, self.pool.low))
        yield Refusal(
            code="kv-cache-too-small",
            message=f"To serve at least one request with the models's max seq len ({self.chosen.max_model_len}), "
            f"({self.need:.2f} GiB KV cache is needed, which is larger than the available KV cache memory "
            f"({max(self.pool.likely, 0.0):.2f} GiB). Based on the available memory, the estimated maximum model "
            f"length is {likely}.",
            fix=f"--max-model-len {surely}, --kv-cache-dtype fp8, or more GPUs" if surely else "more or larger GPUs",
        )

    def _states(self) -> Iterator[Refusal]:
        plan, seqs = self.plan, self.chosen.max_num_seqs
        # With neither version nor max_num_seqs stated, the check and the default are both assumptions.
        stated = self.chosen.version_known or self.setup.max_num_seqs is not None
        if plan is None or not stated or not self._checks_states(plan) or seqs <= plan.blocks(self.pool.high * GIB):
            return
        likely, surely = (plan.blocks(max(gib, 0.0) * GIB) for gib in (self.pool.likely, self.pool.low))
        yield Refusal(
            code="mamba-blocks",
            message=f"max_num_seqs ({seqs}) exceeds available Mamba cache blocks ({likely}). Each decode sequence "
            "requires one Mamba cache block, so CUDA graph capture cannot proceed.",
            fix=f"--max-num-seqs {max(1, surely)} or less",
        )

    def _checks_states(self, plan: CachePlan) -> bool:
        """Whether vLLM compares max_num_seqs with the blocks: hybrids, with CUDA graphs, in a version that checks."""
        hybrid = any(layers.is_state for layers in plan.layers)
        checked = not self.chosen.version_known or since(vllm_sizing().mamba_check_since, self.chosen.version)
        return hybrid and checked and not self.chosen.eager

    def _graphs_outside(self) -> Interval | None:
        """CUDA graphs that must fit beside the budget; None where they are in it (from 0.20 on) or not captured."""
        if self.chosen.graphs_in_budget or self.chosen.eager or not self.chosen.version_known:
            return None
        return graphs_gib(self.setup, self.chosen)

    def _after_the_pool(self) -> Iterator[Refusal]:
        """Graphs are captured in what the budget leaves and the profile's activations, free again by then; the sampler
        is warmed up after that and needs those activations back."""
        graphs = self._graphs_outside()
        left = self._left(vllm_sizing().context_gib.low)
        if graphs is None or left < 0 or graphs.low <= left:
            return
        activations = sum(term.gib.likely for term in self.terms if term.name in ("sampler", "layer temporaries"))
        if graphs.low > left + activations:
            yield Refusal(
                code="cuda-graph-capture",
                message=f"CUDA out of memory while graphs are captured: gpu_memory_utilization "
                f"{self.chosen.utilization:g} leaves {left:.2f} GiB, graphs take about {graphs.likely:.2f} GiB.",
                fix="--gpu-memory-utilization 0.90 or --enforce-eager",
            )
        else:
            yield Refusal(
                code="sampler-warm-up",
                message=f"CUDA out of memory occurred when warming up sampler with {self.chosen.max_num_seqs} dummy "
                "requests. Please try lowering `max_num_seqs` or `gpu_memory_utilization` when initializing the "
                f"engine. ({left:.2f} GiB are left, CUDA graphs take about {graphs.likely:.2f})",
                fix="--gpu-memory-utilization 0.90, or fewer --max-num-seqs",
            )
