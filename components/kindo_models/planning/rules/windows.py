"""Windows: what the model can hold, what the server is given, what the contract says, and how long an answer may be."""

from __future__ import annotations

from collections.abc import Iterator

from kindo_models.catalog.models import facts, model_families
from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import Draft, Entry
from kindo_models.findings import Finding
from kindo_models.planning.rules.context import Context, provider_name
from kindo_models.planning.rules.families import model_of
from kindo_models.planning.rules.registry import Problem, contract_rule, entry_rule

_ROUNDED = 0.95
"""A window that is written this near to the advertised one is the same number, rounded (1,000,000 for 1,048,576)."""


@entry_rule(
    "max-tokens-above-window",
    "error",
    what="maxTokens is larger than contextWindow.",
    why="Question and answer share the window; a request for that many tokens is refused.",
    fix="Lower maxTokens, or write the model's full contextWindow.",
)
def max_tokens_above_window(entry: Entry, context: Context) -> Iterator[Problem]:
    tokens, window = entry.number("maxTokens"), entry.number("contextWindow")
    if tokens and window and tokens > window:
        yield Problem(
            "maxTokens", f"maxTokens {tokens:,} is larger than contextWindow {window:,}", "lower it, below the window"
        )


@entry_rule(
    "context-window-low",
    "warning",
    what="contextWindow is lower than the model's advertised window.",
    why="Conversations are cut, and agents lose context.",
    fix="Write the full window. Where the GPUs hold less, write the number that they hold.",
    pitfall="contextWindow too small",
)
def context_window_low(entry: Entry, context: Context) -> Iterator[Problem]:
    window, advertised = entry.number("contextWindow"), advertised_window(entry)
    if window is None or advertised is None:
        return
    held = context.held_tokens.get(entry.name or "")
    reachable = min(advertised, held) if held else advertised
    if window >= reachable * _ROUNDED:
        return
    more = f"; the chosen GPUs hold {held:,}" if held and held < advertised else ""
    yield Problem(
        "contextWindow",
        f"contextWindow {window:,} is lower than the advertised {advertised:,}{more}",
        f"write `contextWindow: {reachable}`",
    )


@contract_rule(
    "context-window-above-served",
    "warning",
    what="contextWindow is larger than the length that the server is started with.",
    why="Kindo sends conversations that the server refuses.",
    fix="Write the served length into contextWindow, or raise deploy.maxModelLen.",
)
def context_window_above_served(draft: Draft, context: Context) -> Iterator[Finding]:
    by_name = {entry.name: entry for entry in draft.entries if entry.name}
    for entry in draft.entries:
        window, deploy = entry.number("contextWindow"), entry.deploy
        base = by_name.get(deploy.text("adapterOf") or "") if deploy else None
        served = _served_length(base) if base else deploy.number("maxModelLen") if deploy else None
        if not window or not served or window <= served:
            continue
        where = f"of {base.name!r}, whose server loads it" if base else "(deploy.maxModelLen)"
        yield draft.finding(
            (*entry.path, "contextWindow"),
            "",
            f"contextWindow {window:,} is above the served length {served:,} {where}",
            f"write `contextWindow: {served}`, or raise maxModelLen" + (" there" if base else ""),
            model=entry.name,
        )


def _served_length(entry: Entry) -> int | None:
    """Tokens that a server of ours is started with."""
    return (entry.deploy.number("maxModelLen") if entry.deploy else None) or entry.number("contextWindow")


def advertised_window(entry: Entry) -> int | None:
    """Tokens that the model's card or the provider's list gives; None where no source does.

    Of a self-hosted family whose configuration says less than its card, the lower number: more is a choice.
    """
    if model := model_of(entry):
        found = model_families().find(model)
        return (found[1].native_window or found[1].window) if found else None
    name = provider_name(entry)
    if name is None or name == "ollama":
        return None
    model_id = entry.text("baseModel") if name == "azure" else providers().providers[name].model_id(entry.suffix)
    listed = facts(name, model_id or "")
    return listed.window if listed else None
