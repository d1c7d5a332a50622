"""What a sizing has to say: shapes that would not start, raised and wasteful cells, idle GPUs, cheaper machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kindo_models.findings import Finding, Severity
from kindo_models.planning.memory import Prediction
from kindo_models.planning.offers import Offer
from kindo_models.planning.sizing import Decision
from kindo_models.planning.trials import Trials, surely_at_once


class _Said(NamedTuple):
    code: str
    message: str
    hint: str = ""
    severity: Severity = "warning"


def sizing_findings(decision: Decision, trials: Trials, *, model: str, field: str | None = None) -> list[Finding]:
    """Findings about the shape itself. model: the name that findings carry; field: where the contract says it."""
    return [
        Finding(
            code=said.code,
            severity=said.severity,
            message=f"{model}: {said.message}",
            hint=said.hint,
            model=model,
            field=field,
        )
        for said in _about_shape(decision, trials)
    ]


def _about_shape(decision: Decision, trials: Trials) -> Iterator[_Said]:
    work, prediction = trials.workload, decision.prediction
    if decision.not_sold:
        yield _Said("gpu-class-not-sold", decision.not_sold)
    if decision.contradicted:
        yield _Said(
            "statement-contradicted",
            f"{decision.contradicted}; {work.context:,} are asked of {decision.shape}",
            "take what the page names for this context, or a shorter context",
            "error",
        )
    elif prediction is not None:
        yield from _about_cell(decision, prediction, trials)
        yield from _about_start(decision, prediction, trials)
    elif not decision.stated:
        yield _Said(
            "sizing-unchecked",
            f"the memory model cannot check {decision.shape} for {work.model}: {work.why_unchecked}",
            "check the model's name; else vLLM's log of the first start tells its KV cache",
        )


def _about_cell(decision: Decision, prediction: Prediction, trials: Trials) -> Iterator[_Said]:
    """Both shapes and their numbers where the table's cell is raised, or where less would do."""
    if tried := decision.raised:
        yield _Said(
            "sizing-cell-raised",
            f"the table says {decision.cell}; on {tried} {trials.shortfall(tried)} {_room(trials(tried))}, "
            f"so it gets {decision.shape} {_room(prediction)}",
        )
    if smaller := decision.smaller:
        yield _Said(
            "sizing-cell-wastes",
            f"the table says {decision.cell}; {smaller} {_room(trials(smaller))} would do",
            "`sizing: model` (--sizing model) takes the smaller shape",
        )


def _about_start(decision: Decision, prediction: Prediction, trials: Trials) -> Iterator[_Said]:
    work, at_once = trials.workload, surely_at_once(prediction)
    for refusal in prediction.refusals:
        yield _Said(f"vllm-{refusal.code}", f"on {decision.shape}: {refusal.message}", refusal.fix, "error")
    if prediction.verdict == "too-close":
        yield _Said(
            "sizing-too-close",
            f"on {decision.shape}: {prediction.reason}",
            "a shorter context, --kv-cache-dtype fp8 or more GPUs give room",
        )
    elif prediction.verdict == "fits" and at_once < work.concurrency:
        yield _Said(
            "sizing-concurrency",
            f"on {decision.shape} the KV cache surely holds {at_once:.1f} requests of {work.context:,} tokens at once, "
            f"{work.concurrency} are wanted",
            "further requests wait in vLLM's queue; more GPUs, a shorter context or an fp8 cache hold more",
        )


def placement_findings(
    chosen: Offer | None,
    offers: Sequence[Offer],
    *,
    model: str,
    region: str | None = None,
    forbid_idle: bool = False,
) -> list[Finding]:
    """Idle GPUs of the chosen machine with their price, a cheaper machine that would do, a price of another region."""
    if chosen is None:
        return []
    return [
        *_idle_or_cheaper(chosen, offers, model=model, forbid_idle=forbid_idle),
        *([_other_region(chosen, region, model)] if region not in (None, chosen.region) else []),
    ]


def _other_region(chosen: Offer, region: str | None, model: str) -> Finding:
    return Finding(
        code="price-of-another-region",
        severity="warning",
        model=model,
        message=f"{model}: prices are of {chosen.region} on {chosen.price_date}; what {region} sells, and at which "
        "price, is not in the catalog",
    )


def _idle_or_cheaper(chosen: Offer, offers: Sequence[Offer], *, model: str, forbid_idle: bool) -> list[Finding]:
    cheaper = next((one for one in offers if _cheaper(one, chosen)), None)
    instead = f"; cheaper: {cheaper}" if cheaper else ""
    if chosen.idle:
        price = chosen.idle_usd_per_hour
        worth = f" (${price:,.2f} of ${chosen.usd_per_hour:,.2f} per hour)" if price else ""
        return [
            Finding(
                code="gpus-idle",
                severity="error" if forbid_idle else "warning",
                model=model,
                message=f"{model}: {chosen.used} of {chosen.used + chosen.idle} GPUs of {chosen.instance} are used, "
                f"{chosen.idle} idle{worth}{instead}",
                hint="other models can share the machine; or take a shape that is sold whole",
            )
        ]
    if cheaper:
        return [
            Finding(
                code="cheaper-shape",
                severity="warning",
                model=model,
                message=f"{model}: {chosen} would do, and so would {cheaper}",
                hint=f"--gpu {cheaper.gpu} --tp {cheaper.used} takes it",
            )
        ]
    return []


def _cheaper(one: Offer, chosen: Offer) -> bool:
    price = one.usd_per_hour
    return price is not None and chosen.usd_per_hour is not None and price < chosen.usd_per_hour and not one.idle


def _room(prediction: Prediction | None) -> str:
    """The pool of a shape and what one request needs of it: the two numbers that decide, if nothing else does."""
    if prediction is None:
        return ""
    if prediction.refusals and prediction.refusals[0].code not in ("kv-cache-too-small", "no-kv-cache-memory"):
        return f"({prediction.refusals[0].message})"
    need = prediction.request_kv_gib
    needed = f", one request needs {need:.2f}" if need is not None else ""
    return f"(KV pool {prediction.kv_pool_gib.likely:.2f} GiB per GPU{needed})"
