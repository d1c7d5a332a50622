"""The placement of a plan for people: per model, per node, what it costs, and what else would do."""

from __future__ import annotations

from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kindo_models.planning.packing.findings import instances_of
from kindo_models.planning.packing.placement import HOURS_PER_MONTH, PlacedNode, Placement


def print_placement(placement: Placement | None, console: Console) -> None:
    """Nothing where nothing is placed."""
    if placement is None:
        return
    _models(placement, console)
    _nodes(placement, console)
    _prices(placement, console)


def _models(placement: Placement, console: Console) -> None:
    table = _table(f"Placement on {placement.cloud} {placement.region}".rstrip())
    _columns(table, "model", "GPUs", "TP × PP", "$/hour", "nodes", "why")
    for one in placement.models:
        split = f"{one.tensor_parallel} × {one.pipeline_parallel}"
        nodes = ", ".join(
            name if count == 1 else f"{name} ({count} replicas)"
            for name, count in ((name, len(list(same))) for name, same in groupby(sorted(one.nodes)))
        )
        moved = " (moves)" if one.model in placement.moved else ""
        share = f"{placement.share(one.model):,.2f}"
        table.add_row(one.model + moved, f"{one.gpus}× {one.gpu}", split, share, nodes, one.reason)
    console.print(table)


def _nodes(placement: Placement, console: Console) -> None:
    table = _table("Nodes")
    _columns(table, "node", "GPUs", "$/hour", "$/month")
    for node in placement.nodes:
        price = ("there already", "") if node.existing else _both(node.usd_per_hour)
        table.add_row(_name(node), _gpus(node), *price)
    table.add_row(Text("in all", style="bold"), "", *_both(placement.usd_per_hour))
    console.print(table)


def _name(node: PlacedNode) -> Text:
    how = "" if node.capacity == "on-demand" else f" {node.capacity}"
    where = f"\n{node.zone}" if node.zone else ""
    return Text(node.name) + Text(f"{how}{where}", style="dim")


def _gpus(node: PlacedNode) -> Text:
    """0–3 nemotron, 4–5 deephat, 6–7 idle"""
    parts = [Text(f"{_span(one.gpus)} {one.model}") for one in node.holds]
    if node.idle:
        parts.append(Text(f"{_span(node.idle)} idle", style="yellow"))
    return Text(f"{node.gpus}× {node.gpu}: ") + Text(", ").join(parts)


def _span(gpus: tuple[int, ...]) -> str:
    if len(gpus) > 1 and gpus[-1] - gpus[0] == len(gpus) - 1:
        return f"{gpus[0]}–{gpus[-1]}"
    return ",".join(str(gpu) for gpu in gpus)


def _both(usd_per_hour: float) -> tuple[str, str]:
    return f"{usd_per_hour:,.2f}", f"{usd_per_hour * HOURS_PER_MONTH:,.0f}"


def _prices(placement: Placement, console: Console) -> None:
    for reason in placement.reasons:
        console.print(reason[0].upper() + reason[1:] + ".", highlight=False)
    for n, one in enumerate(placement.alternatives, 1):
        more = one.usd_per_hour - placement.usd_per_hour
        idle = f", {one.idle_gpus} GPUs idle" if one.idle_gpus else ""
        proven = "" if one.usd_per_hour - one.bound < 0.005 else f", none below ${one.bound:,.2f}/h"
        hour, month = _both(one.usd_per_hour)
        console.print(
            f"Alternative {n}: {instances_of(one.instances)}: ${hour}/h, ${month}/month ({more:+,.2f}/h{idle}{proven})",
            highlight=False,
        )
    sources = dict.fromkeys(
        f"{node.price_source}, {node.region} on {node.price_date}" for node in placement.nodes if node.price_source
    )
    if sources:
        console.print(f"Prices: {'; '.join(sources)}. A month has {HOURS_PER_MONTH} hours.", highlight=False)
    console.print()


def _table(title: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1, 0, 0))


def _columns(table: Table, *names: str) -> None:
    for name in names:
        table.add_column(name, justify="right" if "×" in name or "$" in name else "left", overflow="fold")
