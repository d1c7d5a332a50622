"""What a placement has to say: idle GPUs, unproven prices, moves, files that do not hold, limits that are too tight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kindo_models.findings import Finding
from kindo_models.planning.packing.placement import Inputs, Placement
from kindo_models.planning.packing.problem import Problem, Supply
from kindo_models.planning.packing.program import Infeasible, OutOfTime
from kindo_models.planning.packing.search import Answer, search

_WRITE = "kindo-models plan --write"


def about(problem: Problem, placement: Placement) -> Iterator[Finding]:
    """Findings of a placement that is used."""
    for node in placement.nodes:
        if node.idle and not node.existing:
            worth = f" (${node.idle_usd_per_hour:,.2f} of ${node.usd_per_hour:,.2f} per hour)"
            without = next((one for one in placement.alternatives if not one.idle_gpus), None)
            instead = (
                f"; without idle GPUs: {instances_of(without.instances)} for ${without.usd_per_hour:,.2f}/h"
                if without
                else ""
            )
            yield Finding(
                code="gpus-idle",
                severity="warning",
                message=f"{len(node.idle)} of {node.gpus} {node.gpu} of {node.name} are idle{worth}{instead}",
                hint="another model has room there; `nodePools: {idleGpus: forbid}` buys no such node",
            )
    if not placement.optimal:
        yield Finding(
            code="placement-not-proven",
            severity="warning",
            message=f"${placement.usd_per_hour:,.2f}/h is at most {placement.gap:.1%} above the cheapest placement "
            f"(none is below ${placement.bound:,.2f}/h)",
            hint="a longer packing.timeLimitSeconds proves more",
        )
    if placement.moved:
        yield Finding(
            code="models-move",
            severity="warning",
            message=f"{placement.moves} replicas move to other nodes: {', '.join(placement.moved)}",
            hint="a larger packing.tolerance lets them stay at a higher price",
        )


def tampered(broken: Sequence[str]) -> Finding:
    """Same inputs, and yet the file is not what was written."""
    why = "; ".join(broken) if broken else "its text is not what `plan --write` wrote, though it breaks no rule"
    return Finding(
        code="placement-edited",
        field="placement.json",
        message=f"the placement file was edited by hand: {why}",
        hint=f"take it back from version control, or write it anew with `{_WRITE}`; what is planned here is anew",
    )


def outdated(before: Inputs, now: Inputs, broken: Sequence[str]) -> Finding:
    changed = "; ".join(before.changes(now))
    still = f"; it does not hold any more: {'; '.join(broken)}" if broken else "; it would still hold"
    return Finding(
        code="placement-outdated",
        severity="warning",
        field="placement.json",
        message=f"the placement file was made for other inputs ({changed}){still}",
        hint=f"`{_WRITE}` writes what is planned here",
    )


def impossible(problem: Problem, *, late: bool = False) -> Iterator[Finding]:
    """No placement keeps all limits: which ones stand in the way, and the cheapest placement without them."""
    if late:
        yield Finding(
            code="placement-not-found",
            message=f"no placement was found in {problem.time_limit:g} s",
            hint="a longer packing.timeLimitSeconds, or fewer limits",
        )
        return
    if problem.whole_nodes and (answer := _search(replace(problem, whole_nodes=False, kept=()))):
        yield Finding(
            code="gpus-idle",
            field="nodePools.idleGpus",
            message=f"no placement uses every GPU that it buys; with idle GPUs: {_said(answer)}",
            hint="`idleGpus: allow`, or GPU types and counts that are sold whole",
        )
        return
    free = replace(
        problem,
        limits=(),
        whole_nodes=False,
        kept=(),
        supplies=tuple(one if one.existing else replace(one, most=None) for one in problem.supplies),
    )
    answer = _search(free)
    if answer is None:
        yield Finding(
            code="placement-impossible",
            message="the nodes that are there do not hold all models",
            hint="more nodes in packing.existing, fewer replicas, or cluster.kind eks or aks, which buys nodes",
        )
        return
    used = Counter(node.supply for node in answer.nodes)
    over = [*_limits_over(problem, used), *_supplies_over(problem, used)]
    yield Finding(
        code="limit-too-low",
        field="packing.quotas",
        message=f"no placement keeps the limits; without them the cheapest is {_said(answer)}, "
        f"and it needs {'; '.join(over)}",
        hint="ask the cloud for a higher quota and write it here, or take fewer replicas or smaller models",
    )


def _limits_over(problem: Problem, used: Counter[Supply]) -> Iterator[str]:
    for limit in problem.limits:
        needs = sum(limit.counts(supply) * count for supply, count in used.items() if not supply.existing)
        if needs > limit.most:
            yield f"{needs} {limit.unit} where {limit.name} leaves {limit.most}"


def _supplies_over(problem: Problem, used: Counter[Supply]) -> Iterator[str]:
    for supply in problem.supplies:
        count = used[replace(supply, most=None)]
        if supply.most is not None and not supply.existing and count > supply.most:
            yield f"{count} {supply.instance} ({supply.capacity}) where there are {supply.most}"


def _search(problem: Problem) -> Answer | None:
    try:
        return search(problem, alternatives=0).answer
    except (Infeasible, OutOfTime):
        return None


def _said(answer: Answer) -> str:
    return f"{instances_of(answer.instances)} for ${answer.usd_per_hour:,.2f}/h"


def instances_of(instances: dict[str, int]) -> str:
    """2× g6e.2xlarge, p5.48xlarge"""
    return ", ".join(name if count == 1 else f"{count}× {name}" for name, count in instances.items())
