"""A sizing for people: verdict, bar of VRAM, machines with prices, terms. Made for 80 columns, colours or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kindo_models.planning.memory import Interval, Prediction, Term
from kindo_models.planning.offers import Offer
from kindo_models.planning.sizing_result import SizingResult

VERDICTS = {
    "fits": ("fits", "green"),
    "refused": ("does not fit", "red"),
    "too-close": ("too close to call", "yellow"),
    "stated": ("enough, as Kindo's page says; the memory model cannot check it", "green"),
    "unchecked": ("not checked: the memory model cannot tell for this model", "yellow"),
}
OFFERS_SHOWN = 12
KIB_IN_GIB = 1024**2


def print_sizing(result: SizingResult, *, explain: bool, console: Console | None = None) -> None:
    console = console or Console()
    word, style = VERDICTS[result.verdict]
    version = f" · vLLM {result.vllm_version}" if result.vllm_version else ""
    requests = f" · {result.concurrency} requests at once" if result.concurrency > 1 else ""
    console.print(f"{result.model} · {result.context:,} tokens{requests}{version}", style="bold", highlight=False)
    console.print()
    console.print(Text.assemble(f"{result.shape}: ", (word, f"bold {style}"), _margin(result)))
    for reason in result.reasons:
        console.print(Padding(Text(reason), (0, 0, 0, 2)))
    console.print()
    if result.prediction:
        _memory(console, result, result.prediction)
        if explain:
            _terms(console, result.prediction)
    _offers(console, result)
    for finding in result.findings:
        console.print(str(finding), markup=False, highlight=False, soft_wrap=True)


def _margin(result: SizingResult) -> str:
    prediction = result.prediction
    if prediction is None or prediction.margin_gib is None or result.verdict == "refused":
        return ""
    side = "to spare" if prediction.margin_gib >= 0 else "short"
    return f", {abs(prediction.margin_gib):.2f} GiB per GPU {side} for one request"


def _memory(console: Console, result: SizingResult, prediction: Prediction) -> None:
    """Bar and legend of one GPU's memory."""
    needed = (prediction.request_kv_gib or 0.0) * result.concurrency
    missing = needed - prediction.kv_pool_gib.likely
    pool = max(0.0, prediction.kv_pool_gib.likely)
    parts = [
        ("█", "blue", "weights", prediction.weights_gib.likely, _spread(prediction.weights_gib)),
        ("▓", "magenta", "overhead", prediction.overhead_gib.likely, _spread(prediction.overhead_gib)),
        ("▒", "cyan", f"KV cache of {_requests(result.concurrency)}", min(needed, pool), ""),
        ("░", "green", "free: KV cache for more" if needed else "free", pool - min(needed, pool), ""),
        (
            "·",
            "dim",
            f"not vLLM's (utilisation {prediction.gpu_memory_utilization:.2f})",
            prediction.total_gib - prediction.budget_gib,
            "",
        ),
    ]
    console.print(f"Memory of each GPU: {prediction.total_gib:.2f} GiB", highlight=False)
    console.print(bar([(char, style, gib) for char, style, _, gib, _ in parts], console.width))
    for char, style, name, gib, spread in parts:
        console.print(Text.assemble((f"  {char} ", style), f"{gib:7.2f} GiB  {name}{spread}"))
    if missing > 0:
        console.print(f"    {missing:7.2f} GiB  missing for {_requests(result.concurrency)}", style="red")
    console.print()
    if prediction.kv_tokens and prediction.max_concurrency:
        console.print(
            f"KV cache: {pool:.2f} GiB per GPU{_spread(prediction.kv_pool_gib)}, {prediction.kv_tokens:,} tokens: "
            f"{prediction.max_concurrency:.2f} requests of {result.context:,} tokens at once",
            highlight=False,
        )
    if prediction.longest_max_model_len is not None:
        longest = f"{prediction.longest_max_model_len:,} tokens"
        console.print(f"Longest context that surely starts, from memory alone: {longest}", highlight=False)
    for warning in prediction.warnings:
        console.print(f"Note: {warning}", highlight=False, markup=False)
    console.print()


def bar(parts: Iterable[tuple[str, str, float]], width: int) -> Text:
    """One line of `width` characters: (character, style, amount) by share; what is there has at least one character."""
    shown = [(char, style, amount) for char, style, amount in parts if amount > 0]
    total = sum(amount for *_, amount in shown)
    cells = {n: max(1, int(amount / total * width)) for n, (*_, amount) in enumerate(shown)}
    # The rest, or what the least parts took too much, goes to the largest shares that rounding cut or gave.
    order = sorted(cells, key=lambda n: shown[n][2] / total * width - cells[n], reverse=True)
    for n in order[: max(0, width - sum(cells.values()))]:
        cells[n] += 1
    while sum(cells.values()) > width:
        cells[max(cells, key=lambda n: cells[n])] -= 1
    text = Text()
    for n, (char, style, _) in enumerate(shown):
        text.append(char * cells[n], style=style)
    return text


def _terms(console: Console, prediction: Prediction) -> None:
    table = Table(box=box.SIMPLE_HEAD, title="Terms, GiB per GPU", title_justify="left")
    table.add_column("term", overflow="fold")
    table.add_column("GiB", justify="right", no_wrap=True)
    table.add_column("formula and source", overflow="fold")
    for term in (*prediction.terms, *_sums(prediction)):
        source = Text.assemble(term.formula, (f"\n{term.source}", "dim"))
        table.add_row(term.name, f"{term.gib.likely:.2f}{_spread(term.gib, newline=True)}", source)
    console.print(table)


def _sums(p: Prediction) -> Iterator[Term]:
    """What vLLM makes of the terms: its budget, the KV pool that is left, and what one request takes of it."""
    yield Term(
        name="budget",
        gib=Interval.exactly(p.budget_gib),
        formula=f"{p.total_gib:.2f} total × {p.gpu_memory_utilization:g} gpu_memory_utilization",
        source="vLLM v1/worker/utils.py request_memory; the total is torch's figure",
    )
    yield Term(
        name="KV pool",
        gib=p.kv_pool_gib,
        formula=f"{p.budget_gib:.2f} - weights {p.weights_gib.likely:.2f} - overhead {p.overhead_gib.likely:.2f}",
        source="vLLM v1/worker/gpu_worker.py determine_available_memory",
    )
    if p.request_kv_gib is not None and p.max_model_len:
        each = p.request_kv_gib * KIB_IN_GIB / p.max_model_len
        yield Term(
            name="KV of one request",
            gib=Interval.exactly(p.request_kv_gib),
            formula=f"{p.max_model_len:,} tokens × {each:.1f} KiB in this GPU's layers, in whole blocks",
            source="vLLM v1/kv_cache_interface.py, v1/core/kv_cache_utils.py",
        )


def _offers(console: Console, result: SizingResult) -> None:
    if not result.offers:
        where = f"of {result.cloud} " if result.cloud else ""
        console.print(f"No instance type {where}in the catalog would do.\n", highlight=False)
        return
    table = Table(
        box=box.SIMPLE_HEAD, title="Instance types, cheapest first", title_justify="left", padding=(0, 1, 0, 0)
    )
    table.add_column("instance", no_wrap=True)
    table.add_column("GPUs", overflow="fold")
    for name in ("at once", "$/hour", "$/hour per 1M\ntokens of KV"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in shown_offers(result):
        table.add_row(
            one.instance + (" ←" if one == result.chosen else ""),
            f"{one.used}× {one.gpu}" + (f" of {one.used + one.idle}" if one.idle else ""),
            _figure(one.max_concurrency, 1),
            _figure(one.usd_per_hour, 2),
            _figure(one.usd_per_hour_per_million_kv_tokens, 2),
        )
    console.print(table)
    console.print(_dates(result), highlight=False)
    console.print()


def _figure(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"


def shown_offers(result: SizingResult) -> tuple[Offer, ...]:
    """The cheapest ones, and the chosen one wherever it stands."""
    first = result.offers[:OFFERS_SHOWN]
    chosen = result.chosen
    return (*first[:-1], chosen) if chosen in result.offers and chosen not in first else first


def _dates(result: SizingResult) -> str:
    """Where and when the prices were read, and how many offers are not shown."""
    shown = shown_offers(result)
    places = dict.fromkeys((one.region, one.price_date) for one in shown)
    dates = ", ".join(f"{region} {date}" for region, date in places)
    more = len(result.offers) - len(shown)
    return f"On-demand prices of {dates}." + (f" {more} more with --format json." if more else "")


def _requests(count: int) -> str:
    return "one request" if count == 1 else f"{count} requests"


def _spread(gib: Interval, *, newline: bool = False) -> str:
    if gib.high - gib.low < 0.01:
        return ""
    return ("\n" if newline else " ") + f"({gib.low:.2f} to {gib.high:.2f})"
