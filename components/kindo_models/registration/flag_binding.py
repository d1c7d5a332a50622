"""One Unleash feature key: read, change only our variant's payload, write back, and put back what stood there.

What is ours: one strategy variant, by name. Name, constraints, segments, parameters, order of the strategy and all
other variants are sent back as read. Where `create_missing` lets us make a feature or strategy, our mark stands in its
description or title, so that a killed run does not turn our own work into somebody else's.

Weights. Unleash wants all weights of a strategy's variants to sum to 1000 and rescales the `variable` ones itself:
- our variant exists: its weight stays as it is;
- it is the only one: 1000;
- others exist and ours does not: adding ours would take traffic from them, so this is refused unless `weight` (in
  thousandths) says how much ours may take; it is then added as `fix`, and the server shrinks only `variable` ones.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kindo_models.planning.flags import FlagSelection, same_payload
from kindo_models.registration.clients.unleash import UnleashClient
from kindo_models.registration.errors import (
    AnswerLost,
    Conflict,
    NotFound,
    RegistrationError,
    Rejected,
    UnexpectedAnswer,
)

# A variant of this name is ours by definition, whatever it holds.
OWN_VARIANT = "kindo-models"
MARK = "Managed by kindo-models"
FULL_WEIGHT = 1000
CREATE_SETTING = "flags.unleash.createMissing: true in the stack's environment"

Log = Callable[[str], None]
Variant = dict[str, Any]
Strategy = dict[str, Any]

_LOCKS: dict[tuple[str, str, str], threading.Lock] = {}
_LOCKS_GUARD = threading.Lock()


@dataclass(frozen=True)
class FlagTarget:
    """Where the variant stands. `owner` is project/stack/name of the resource."""

    project: str
    environment: str
    feature: str
    strategy: str
    variant: str
    owner: str = ""
    create_missing: bool = False
    weight: int | None = None

    @property
    def mark(self) -> str:
        return f"{MARK} ({self.owner})"


@dataclass(frozen=True)
class Payload:
    type: str
    value: str

    @classmethod
    def of(cls, variant: Mapping[str, Any] | None) -> Payload | None:
        payload = (variant or {}).get("payload")
        return cls(str(payload["type"]), str(payload["value"])) if payload else None

    def same(self, other: Payload | None) -> bool:
        return other is not None and self.type == other.type and same_payload(self.type, self.value, other.value)

    def document(self) -> dict[str, str]:
        return {"type": self.type, "value": self.value}


@dataclass(frozen=True)
class Bound:
    """`previous`: the payload that stood there; `created`: the variant is ours to remove."""

    previous: Payload | None
    created: bool


def bind(
    client: UnleashClient,
    target: FlagTarget,
    payload: Payload,
    *,
    creating: bool = False,
    log: Log = lambda text: None,
) -> Bound:
    """Make the variant hold `payload`. Running it again changes nothing, so a lost answer is simply looked up.

    `creating`: also switch the environment on where the strategy is ours. Later that switch is the operators' own.
    """
    with _lock(client, target):
        for attempt in range(3):
            try:
                return _bind(client, target, payload, creating, log)
            except (AnswerLost, Conflict):
                if attempt == 2:
                    raise
    raise AssertionError("unreachable")


def read(client: UnleashClient, target: FlagTarget) -> Payload | None:
    """What our variant holds now; None when feature, strategy or variant is gone."""
    feature = client.feature(target.project, target.feature)
    if feature is None:
        return None
    holders = [s for s in strategies_in(feature, target.environment) or [] if find_variant(s, target.variant)]
    if not holders:
        return None
    return Payload.of(find_variant(holders[0], target.variant)) or Payload(type="", value="")


def unbind(
    client: UnleashClient,
    target: FlagTarget,
    written: Payload,
    bound: Bound,
    ours: Iterable[str],
    log: Log = lambda text: None,
) -> None:
    """Remove our variant, or give it back what it held; absent is fine.

    A variant that is not ours to remove and that somebody else has changed since stays as it is, unless it still names
    one of `ours` (ids and names of the models that this flag pointed at): a flag must not point at what is being
    removed.
    """
    with _lock(client, target):
        feature = client.feature(target.project, target.feature)
        if feature is None:
            return
        if _is_ours_alone(feature, target):
            client.delete_feature(target.project, target.feature)
            return
        for strategy in strategies_in(feature, target.environment) or []:
            variant = find_variant(strategy, target.variant)
            if variant is None:
                continue
            if bound.created and _is_our_strategy(strategy, target):
                client.delete_strategy(target.project, target.feature, target.environment, str(strategy["id"]))
                continue
            now = Payload.of(variant)
            if not bound.created and now is not None and not written.same(now) and not mentions(now, ours):
                log(
                    f"{target.feature}: the payload of variant {target.variant!r} was changed by somebody else and is "
                    f"left."
                )
                continue
            changed = without_variant(strategy, target.variant)
            if not bound.created:
                changed = with_payload(strategy, target.variant, bound.previous)
            try:
                client.replace_strategy(target.project, target.feature, target.environment, changed)
            except NotFound:
                continue


def selection_error(feature: str, selection: FlagSelection) -> RegistrationError:
    """No model is left for the flag."""
    reasons = "\n".join(f"  {name}: {why}" for name, why in selection.removed) or "  it has no candidates"
    return RegistrationError(
        f"No model is left for the feature flag {feature}, so it keeps its present payload:\n{reasons}\n"
        "Fix one of these models, or choose others for the flag."
    )


# --- pure parts ---------------------------------------------------------------------------------------------------


def strategies_in(feature: Mapping[str, Any], environment: str) -> list[Strategy] | None:
    """Strategies of one environment, None when the feature does not have it."""
    for entry in feature["environments"]:
        if entry.get("name") == environment:
            return list(entry.get("strategies") or [])
    return None


def find_variant(strategy: Mapping[str, Any], name: str) -> Variant | None:
    return next((v for v in strategy.get("variants") or [] if v.get("name") == name), None)


def choose_strategy(strategies: Iterable[Strategy], target: FlagTarget) -> Strategy | None:
    """The one of the configured name; of several the one that holds our variant; None when there is none at all."""
    found = list(strategies)
    named = [s for s in found if s.get("name") == target.strategy]
    if len(named) == 1:
        return named[0]
    holders = [s for s in named if find_variant(s, target.variant)]
    if len(holders) == 1:
        return holders[0]
    listed = "\n".join(f"  {describe(s)}" for s in found) or "  none"
    where = f"The feature {target.feature} has in the environment {target.environment!r}"
    if named:
        which = "several of them hold" if holders else "none of them holds"
        raise RegistrationError(
            f"{where} {len(named)} strategies called {target.strategy!r}, and {which} the variant {target.variant!r}, "
            f"so it is not clear which one to change:\n{listed}\n"
            "Name the variant that Kindo reads (flags.unleash.variant), or add it to one of them in Unleash."
        )
    if found:
        raise RegistrationError(
            f"{where} no strategy called {target.strategy!r}. It has:\n{listed}\n"
            "Set flags.unleash.strategy to one of these names."
        )
    return None


def with_payload(strategy: Strategy, name: str, payload: Payload | None) -> Strategy:
    """The strategy with another payload in variant `name`, everything else as read."""
    variants = []
    for variant in strategy.get("variants") or []:
        if variant.get("name") == name:
            variant = {key: value for key, value in variant.items() if key != "payload"}
            if payload is not None:
                variant["payload"] = payload.document()
        variants.append(variant)
    return {**strategy, "variants": variants}


def with_new_variant(strategy: Strategy, target: FlagTarget, payload: Payload) -> Strategy:
    others = list(strategy.get("variants") or [])
    if others and target.weight is None:
        names = ", ".join(repr(v.get("name")) for v in others)
        raise RegistrationError(
            f"The feature {target.feature} (environment {target.environment!r}, strategy {target.strategy!r}) has no "
            f"variant "
            f"{target.variant!r}, only {names}. Adding one would take traffic from these. Set flags.unleash.variant "
            f"to the one "
            "that Kindo reads, or a weight for ours."
        )
    new = new_variant(target.variant, payload)
    if others:
        new |= {"weight": target.weight, "weightType": "fix"}
    return {**strategy, "variants": [*others, new]}


def without_variant(strategy: Strategy, name: str) -> Strategy:
    return {**strategy, "variants": [v for v in strategy.get("variants") or [] if v.get("name") != name]}


def new_variant(name: str, payload: Payload) -> Variant:
    return {
        "name": name,
        "weight": FULL_WEIGHT,
        "weightType": "variable",
        "stickiness": "default",
        "payload": payload.document(),
    }


def new_strategy(target: FlagTarget, payload: Payload) -> Strategy:
    """On for everybody, with our variant alone."""
    parameters = {"rollout": "100", "stickiness": "default", "groupId": target.feature}
    return {
        "name": target.strategy,
        "title": target.mark,
        "constraints": [],
        "segments": [],
        "parameters": parameters if target.strategy == "flexibleRollout" else {},
        "variants": [new_variant(target.variant, payload)],
    }


def describe(strategy: Mapping[str, Any]) -> str:
    variants = ", ".join(str(v.get("name")) for v in strategy.get("variants") or []) or "no variants"
    title = f" {strategy['title']!r}" if strategy.get("title") else ""
    return f"{strategy.get('name')}{title} (id {strategy.get('id')}; {variants})"


def mentions(payload: Payload, values: Iterable[str]) -> bool:
    """Whether the payload names one of `values`, wherever in it."""
    if payload.type == "json":
        try:
            held = set(_texts(json.loads(payload.value)))
        except ValueError:
            held = {payload.value}
    else:
        held = {part.strip() for part in payload.value.split(",")}
    return not held.isdisjoint(values)


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        for one in document:
            yield from _texts(one)
    else:
        yield str(document)


def differences(before: Mapping[str, Any], after: Mapping[str, Any], ours: str) -> list[str]:
    """What a write changed that is not ours. Weights may differ: the server rescales `variable` ones."""

    def foreign(strategy: Mapping[str, Any]) -> dict[str, Any]:
        variants = strategy.get("variants") or []
        return {v["name"]: (v.get("payload"), v.get("stickiness")) for v in variants if v.get("name") != ours}

    changed = ["variants"] if foreign(before) != foreign(after) else []
    changed += [key for key in ("constraints", "parameters") if before.get(key) != after.get(key)]
    changed += ["segments"] if sorted(before.get("segments") or []) != sorted(after.get("segments") or []) else []
    return changed


# --- steps --------------------------------------------------------------------------------------------------------


def _bind(client: UnleashClient, target: FlagTarget, payload: Payload, creating: bool, log: Log) -> Bound:
    feature = client.feature(target.project, target.feature)
    if feature is None:
        feature = _create_feature(client, target, log)
    _refuse_foreign_mark(feature, target)
    strategies = strategies_in(feature, target.environment)
    if strategies is None:
        known = ", ".join(str(entry.get("name")) for entry in feature["environments"])
        raise RegistrationError(
            f"The feature {target.feature} has no environment {target.environment!r}; it has {known}. "
            "Set flags.unleash.environment."
        )
    strategy = choose_strategy(strategies, target)
    if strategy is None:
        strategy = _create_strategy(client, target, payload, log)
        creating = True
    if creating and _is_our_strategy(strategy, target):
        client.switch(target.project, target.feature, target.environment, on=True)
    variant = find_variant(strategy, target.variant)
    now = Payload.of(variant)
    # An equal payload was written by an earlier run whose answer or state was lost.
    created = variant is None or target.variant == OWN_VARIANT or payload.same(now)
    if not payload.same(now):
        new = (
            with_new_variant(strategy, target, payload)
            if variant is None
            else with_payload(strategy, target.variant, payload)
        )
        _check(
            strategy, client.replace_strategy(target.project, target.feature, target.environment, new), target, payload
        )
    return Bound(previous=None if created else now, created=created)


def _create_feature(client: UnleashClient, target: FlagTarget, log: Log) -> dict[str, Any]:
    where = f"project {target.project!r} of Unleash at {client.url}"
    if not target.create_missing:
        raise RegistrationError(
            f"The feature flag {target.feature} does not exist in {where} (or is archived). Create it there, correct "
            f"flags.unleash.project, or set {CREATE_SETTING}."
        )
    log(f"creating the feature flag {target.feature}")
    try:
        client.create_feature(target.project, target.feature, target.mark)
    except (NotFound, Rejected) as error:
        raise RegistrationError(f"The feature flag {target.feature} could not be created in {where}. {error}") from None
    feature = client.feature(target.project, target.feature)
    if feature is None:
        raise UnexpectedAnswer(f"Unleash at {client.url} created {target.feature}, but does not know it afterwards.")
    return feature


def _create_strategy(client: UnleashClient, target: FlagTarget, payload: Payload, log: Log) -> Strategy:
    if not target.create_missing:
        raise RegistrationError(
            f"The feature flag {target.feature} has no strategy in the environment {target.environment!r}. Add a "
            f"strategy "
            f"{target.strategy!r} to it in Unleash, or set {CREATE_SETTING}."
        )
    log(f"adding a strategy to {target.feature} in {target.environment}")
    return client.add_strategy(target.project, target.feature, target.environment, new_strategy(target, payload))


def _check(before: Strategy, after: Strategy, target: FlagTarget, payload: Payload) -> None:
    """The server's answer holds what was asked for, and nothing else changed."""
    if not payload.same(Payload.of(find_variant(after, target.variant))):
        raise UnexpectedAnswer(f"Unleash accepted the payload of {target.feature}, but answers with another one.")
    if changed := differences(before, after, target.variant):
        raise UnexpectedAnswer(
            f"Writing {target.feature} changed what is not ours: {', '.join(changed)}. Look at it in Unleash."
        )


def _refuse_foreign_mark(feature: Mapping[str, Any], target: FlagTarget) -> None:
    description = str(feature.get("description") or "")
    if description.startswith(MARK) and description != target.mark:
        raise RegistrationError(
            f"The feature flag {target.feature} belongs to another stack: {description}. This one is {target.owner}."
        )


def _is_our_strategy(strategy: Mapping[str, Any], target: FlagTarget) -> bool:
    """We made it and nobody added a variant since."""
    variants = {v.get("name") for v in strategy.get("variants") or []}
    return strategy.get("title") == target.mark and variants <= {target.variant}


def _is_ours_alone(feature: Mapping[str, Any], target: FlagTarget) -> bool:
    """We made the feature and nobody added anything to it, in any environment."""
    strategies = [strategy for entry in feature["environments"] for strategy in entry.get("strategies") or []]
    return feature.get("description") == target.mark and all(_is_our_strategy(s, target) for s in strategies)


def _lock(client: UnleashClient, target: FlagTarget) -> threading.Lock:
    """Two variants of one feature must not be read and written at the same time."""
    with _LOCKS_GUARD:
        return _LOCKS.setdefault((client.url, target.project, target.feature), threading.Lock())
