"""Model IDs: known to their provider, not retired, pinned where the provider asks for it, cross-region on Bedrock."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from functools import lru_cache

from kindo_models.catalog.models import (
    cloud_models,
    cross_region_profiles,
    lifecycle,
    lifecycles,
    nearest_names,
    status,
)
from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import Entry
from kindo_models.planning.rules.context import Context, provider_name
from kindo_models.planning.rules.registry import Problem, entry_rule

SOON = datetime.timedelta(days=90)
"""A retirement within this time is reported."""
_DATED = re.compile(r"\d{8}|\d{4}-\d{2}-\d{2}")
_ARN = re.compile(r"^arn:[\w-]+:bedrock:([\w-]*):\d*:([\w-]+)/(.+)$")
_REGION = re.compile(r"^([a-z]{2}(?:-[a-z]+)+-\d)/")
# Beginnings of AWS regions and the cross-region profile of that part of the world.
_PARTS = (("us-gov-", "us-gov"), ("us-", "us"), ("eu-", "eu"), ("ap-", "apac"), ("ca-", "ca"))


@entry_rule(
    "model-retired",
    "warning",
    what="The model ID is past its retirement date, or no longer listed.",
    why="The provider answers with an error, or silently with another model.",
    fix="Take the replacement that the message names.",
)
def model_retired(entry: Entry, context: Context) -> Iterator[Problem]:
    for key, provider, model_id in _ids(entry):
        row, state = lifecycle(provider, model_id), status(provider, model_id, context.today)
        if row is None or state not in ("retired", "absent"):
            continue
        when = f"was retired on {row.retires}" if row.retires else "is no longer listed"
        yield Problem(key, f"{model_id} {when} ({row.source})", _replacement(row.replacement))


@entry_rule(
    "model-retiring",
    "warning",
    what="The model ID retires within 90 days, or is announced to.",
    why="After the date the provider refuses it, or answers with another model.",
    fix="Move to the replacement before the date.",
)
def model_retiring(entry: Entry, context: Context) -> Iterator[Problem]:
    for key, provider, model_id in _ids(entry):
        row, state = lifecycle(provider, model_id), status(provider, model_id, context.today)
        if row is None or state in ("retired", "absent"):
            continue
        if row.retires and row.retires - context.today <= SOON:
            days = (row.retires - context.today).days
            message = f"{model_id} retires on {row.retires}, in {days} day{'s' * (days != 1)} ({row.source})"
            yield Problem(key, message, _replacement(row.replacement))
        elif state == "deprecated":
            yield Problem(
                key, f"{model_id} is deprecated since {row.deprecated} ({row.source})", _replacement(row.replacement)
            )


@entry_rule(
    "model-unknown",
    "warning",
    what="The provider is not known to have a model of this ID.",
    why="A wrong ID falls back silently or fails. The list is LiteLLM's and may lag behind the provider.",
    fix="Use the exact ID that the provider publishes.",
)
def model_unknown(entry: Entry, context: Context) -> Iterator[Problem]:
    for key, provider, model_id in _ids(entry):
        if cloud_models().find(provider, model_id) or lifecycle(provider, model_id):
            continue
        title = providers().providers[provider].title
        near = _nearest_current(provider, model_id, context.today)
        hint = f"nearest current: {', '.join(near)}" if near else f"see {providers().providers[provider].docs}"
        yield Problem(key, f"{title} is not known to have {model_id!r}", hint)


@entry_rule(
    "model-alias-undated",
    "warning",
    what="The model ID is an alias without a date.",
    why="An alias moves to the next snapshot, so the same contract gives other answers later.",
    fix="Use the dated ID.",
)
def model_alias_undated(entry: Entry, context: Context) -> Iterator[Problem]:
    for key, provider, model_id in _ids(entry):
        if not providers().providers[provider].dated_ids or _DATED.search(model_id):
            continue
        row = lifecycle(provider, model_id)
        if row and row.undated:
            continue
        dated = sorted(one for one in _every(provider) if _is_dated(one, model_id))
        known = cloud_models().find(provider, model_id) is not None
        if dated or known or model_id.endswith("-latest"):
            hint = f"write {dated[-1]}" if dated else f"see {providers().providers[provider].docs}"
            yield Problem(
                key, f"{model_id} is an alias that moves; {providers().providers[provider].title} has dated IDs", hint
            )


@entry_rule(
    "bedrock-regional-id",
    "warning",
    what="A Bedrock entry uses a region's own ID or an ARN where a cross-region profile exists.",
    why="A profile spreads requests over regions and so has the higher quota; newer models have no other way.",
    fix="Use the profile of your part of the world, such as `us.anthropic.…`.",
)
def bedrock_regional_id(entry: Entry, context: Context) -> Iterator[Problem]:
    if provider_name(entry) != "bedrock":
        return
    region, written = _region_and_id(entry.suffix)
    arn = _ARN.match(written)
    if arn and arn.group(2) == "inference-profile":
        profiles = [arn.group(3)]
    elif arn and arn.group(2) != "foundation-model":
        # Provisioned throughput and application profiles have no other name.
        return
    else:
        profiles = cross_region_profiles(arn.group(3) if arn else written)
    if profiles:
        best = _of_region(profiles, (arn.group(1) if arn else "") or region or entry.text("awsRegion") or "")
        yield Problem(
            "litellmModel",
            f"{written} is bound to one region; the model has the cross-region profile{'s' * (len(profiles) > 1)} "
            f"{', '.join(profiles)}",
            f"write `litellmModel: {entry.prefix}/{best}`",
        )


def _region_and_id(suffix: str) -> tuple[str, str]:
    """`converse/us-east-1/anthropic.…` → ("us-east-1", "anthropic.…"): LiteLLM takes the region in the path too."""
    model_id = providers().providers["bedrock"].model_id(suffix)
    found = _REGION.match(model_id)
    return (found.group(1), model_id[found.end() :]) if found else ("", model_id)


def _ids(entry: Entry) -> Iterator[tuple[str, str, str]]:
    """(key, provider, model ID) that the provider's list can be asked about; of Azure, the base model."""
    name = provider_name(entry)
    if name is None or name in ("vllm", "ollama") or entry.deploy is not None:
        return
    if name == "azure":
        if base := entry.text("baseModel"):
            yield "baseModel", name, base.removeprefix("azure/")
        return
    foreign = name == "openai" and entry.wrote("apiBase") and entry.text("provider") != "OpenAI"
    model_id = (
        _region_and_id(entry.suffix)[1] if name == "bedrock" else providers().providers[name].model_id(entry.suffix)
    )
    arn = _ARN.match(model_id)
    if arn and arn.group(2) in ("foundation-model", "inference-profile"):
        model_id = arn.group(3)
    # Fine-tuned and imported models have names of their own.
    if model_id and not foreign and not model_id.startswith(("arn:", "ft:", "ftjob-")):
        yield "litellmModel", name, model_id


@lru_cache(maxsize=64)
def _every(provider: str) -> frozenset[str]:
    """IDs that are or were the provider's."""
    return frozenset(cloud_models().providers.get(provider, {})) | frozenset(lifecycles().providers.get(provider, {}))


@lru_cache(maxsize=64)
def _current(provider: str, today: datetime.date) -> tuple[str, ...]:
    return tuple(cloud_models().current(provider, today))


@lru_cache(maxsize=1024)
def _nearest_current(provider: str, model_id: str, today: datetime.date) -> tuple[str, ...]:
    return tuple(nearest_names(model_id, _current(provider, today)))


def _is_dated(candidate: str, alias: str) -> bool:
    stem = alias.removesuffix("-latest")
    return candidate.startswith(f"{stem}-") and _DATED.fullmatch(candidate[len(stem) + 1 :]) is not None


def _of_region(profiles: list[str], region: str) -> str:
    wanted = next((part for begin, part in _PARTS if region.startswith(begin)), "us")
    near = [one for one in profiles if one.startswith((f"{wanted}.", "global."))]
    return (near or profiles)[0]


def _replacement(replacement: str | None) -> str:
    return f"use {replacement}" if replacement else "no source names a replacement; see the provider's list of models"
