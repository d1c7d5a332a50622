"""Nodes with idle GPUs whose models would cost less on GPUs that their entries do not name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.packing.demands import Elsewhere, Wanted, would_do
from kindo_models.planning.packing.market import Market
from kindo_models.planning.packing.placement import PlacedNode, Placement


def cheaper_shapes(
    placement: Placement, models: Sequence[Wanted], there: Market, environment: Environment
) -> Iterator[Finding]:
    """The solver took the cheapest of what entries allow; what they name may be dear where it is sold by the node."""
    by_name = {one.model: one for one in models}
    for node in placement.nodes:
        if node.existing or not node.idle:
            continue
        others = [next(iter(would_do(by_name[one.model], there, environment)), None) for one in node.holds]
        found = [one for one in others if one is not None]
        price = sum(one.usd_per_hour for one in found)
        if len(found) == len(others) and price < node.usd_per_hour - 0.005:
            yield _finding(node, found, price)


def _finding(node: PlacedNode, found: Sequence[Elsewhere], price: float) -> Finding:
    names = ", ".join(dict.fromkeys(one.model for one in node.holds))
    instead = "; ".join(f"{held.model} {one.text}" for held, one in zip(node.holds, found, strict=True))
    return Finding(
        code="cheaper-shape",
        severity="warning",
        message=f"{names} on {node.name}: {len(node.idle)} of {node.gpus} {node.gpu} are idle, and other GPUs would "
        f"cost ${price:,.2f}/h instead of ${node.usd_per_hour:,.2f}/h: {instead}",
        hint="leave `deploy.gpu` out, or name these",
    )
