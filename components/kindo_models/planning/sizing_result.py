"""The whole answer of a sizing, one value for people, JSON and tests: shape, prediction, machines, findings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kindo_models.catalog.instances import Cloud
from kindo_models.environment import SizingMode
from kindo_models.findings import Finding
from kindo_models.planning.memory import Prediction
from kindo_models.planning.offers import Offer, offer, ranked
from kindo_models.planning.shapes import cheapest
from kindo_models.planning.sizing import Basis, SizingVerdict, Wish, decide
from kindo_models.planning.sizing_findings import placement_findings, sizing_findings
from kindo_models.planning.trials import Trials, Workload


class SizingResult(BaseModel):
    """What a model gets.

    cell: the table's cell, raised: its shape where that would not start, smaller: a smaller shape that would do.
    chosen: the machine for `gpus` × `gpu`, in `cloud` or in any; None where none has them. offers: it and everything
    else that would do, cheapest machine first.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    context: int
    concurrency: int
    vllm_version: str | None
    mode: SizingMode
    cloud: Cloud | None
    basis: Basis
    gpu: str
    gpus: int
    tensor_parallel: int
    verdict: SizingVerdict
    reasons: tuple[str, ...]
    cell: str | None
    raised: str | None
    smaller: str | None
    prediction: Prediction | None
    chosen: Offer | None
    offers: tuple[Offer, ...]
    findings: tuple[Finding, ...]

    @property
    def shape(self) -> str:
        return f"{self.gpus}× {self.gpu}"


def sized(workload: Workload, wish: Wish, *, region: str | None = None, forbid_idle: bool = False) -> SizingResult:
    """Everything about one workload. Raises Unsizable where neither table nor memory model can answer.

    region: where it is to run; prices of another one are named. forbid_idle: idle GPUs are an error.
    """
    trials = Trials(workload)
    decision = decide(workload, wish, trials)
    shape, prediction = decision.shape, decision.prediction
    machine = cheapest(shape, wish.cloud)
    chosen = offer(machine, shape, trials) if machine else None
    offers = ranked(trials, wish.cloud, unchecked=shape, beside=None if decision.verdict == "refused" else chosen)
    found = sizing_findings(decision, trials, model=workload.model)
    if wish.cloud:
        found += placement_findings(chosen, offers, model=workload.model, region=region, forbid_idle=forbid_idle)
    return SizingResult(
        model=workload.model,
        context=workload.context,
        concurrency=workload.concurrency,
        vllm_version=workload.vllm_version,
        mode=wish.mode,
        cloud=wish.cloud,
        basis=decision.basis,
        gpu=shape.gpu.name,
        gpus=shape.count,
        tensor_parallel=shape.count // workload.pipeline_parallel,
        verdict=decision.verdict,
        reasons=decision.reasons,
        cell=decision.cell,
        raised=str(decision.raised) if decision.raised else None,
        smaller=str(decision.smaller) if decision.smaller else None,
        prediction=prediction,
        chosen=chosen,
        offers=offers,
        findings=tuple(found),
    )
