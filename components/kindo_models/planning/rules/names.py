"""Names: routing keys, LiteLLM's prefix, Kindo's provider rows, what Kindo's page recommends."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import Draft, Entry
from kindo_models.contract.identity import routing_keys_used_twice, served_names
from kindo_models.contract.model import RECOMMENDED
from kindo_models.findings import Finding
from kindo_models.planning.rules.context import Context, provider_name
from kindo_models.planning.rules.registry import Problem, contract_rule, entry_rule
from kindo_models.source import nearest

# LiteLLM reads `*` as a wildcard; a leading dash is an option for vLLM; blanks at the ends get lost on the way.
_UNUSABLE = re.compile(r"^-|[*\x00-\x1f\x7f]|^\s|\s$")


@contract_rule(
    "duplicate-routing-key",
    "error",
    what="Two entries have the same litellmModelName.",
    why="It is the routing key: LiteLLM would spread requests over both entries, and Kindo knows only one row.",
    fix="Give one of the two another litellmModelName.",
)
def duplicate_routing_key(draft: Draft, context: Context) -> Iterator[Finding]:
    yield from routing_keys_used_twice(draft)


@contract_rule(
    "served-name-mismatch",
    "error",
    what="The suffix of litellmModel differs from litellmModelName on a self-hosted entry.",
    why=(
        "LiteLLM sends the suffix of litellmModel as the model's name, and vLLM answers only to its "
        "--served-model-name, which is litellmModelName: the request ends in a 404."
    ),
    fix="Write one string in both: `litellmModelName: NAME` and `litellmModel: openai/NAME`.",
    pitfall="--served-model-name ≠ litellmModelName",
)
def served_name_mismatch(draft: Draft, context: Context) -> Iterator[Finding]:
    yield from served_names(draft)


@entry_rule(
    "routing-key-unusable",
    "error",
    what="litellmModelName holds something that LiteLLM or vLLM reads as more than a name.",
    why="`*` is a wildcard in LiteLLM, a leading dash is an option for vLLM, blanks at the ends get lost.",
    fix="Use letters, digits, dots, dashes, underscores, slashes and colons.",
)
def routing_key_unusable(entry: Entry, context: Context) -> Iterator[Problem]:
    if entry.name and (found := _UNUSABLE.search(entry.name)):
        yield Problem(
            "litellmModelName",
            f"litellmModelName {entry.name!r} holds {found.group()!r}, which is no part of a name",
            "use letters, digits, `.`, `-`, `_`, `/` and `:`",
        )


@entry_rule(
    "prefix-missing",
    "error",
    what="litellmModel has no provider prefix, or nothing behind it.",
    why="LiteLLM picks the provider by the part before the first slash.",
    fix="Write `PREFIX/MODEL`, such as `openai/gpt-4o`; a vLLM server is `openai/SERVED-NAME`.",
)
def prefix_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    model = entry.text("litellmModel")
    if model is None or (entry.prefix and entry.suffix):
        return
    if not entry.prefix:
        prefix = _prefix_of(entry.text("provider")) or "PREFIX"
        suffix = model.strip("/") or "MODEL"
        yield Problem(
            "litellmModel", f"litellmModel {model!r} has no provider prefix", f"write `litellmModel: {prefix}/{suffix}`"
        )
    else:
        yield Problem(
            "litellmModel", f"litellmModel {model!r} names no model", f"write `litellmModel: {entry.prefix}/MODEL`"
        )


@entry_rule(
    "prefix-unknown",
    "error",
    what="The prefix of litellmModel belongs to none of the thirteen providers.",
    why="LiteLLM would not know where to send the request.",
    fix="Use the prefix of the provider; for an OpenAI-compatible server `openai/NAME` with `apiBase`.",
)
def prefix_unknown(entry: Entry, context: Context) -> Iterator[Problem]:
    known = [prefix for provider in providers().providers.values() for prefix in provider.prefixes]
    if not entry.prefix or entry.prefix in known:
        return
    wanted = _prefix_of(entry.text("provider"))
    guess = _provider_called(entry.prefix) or nearest(entry.prefix, known, cutoff=0.6) or wanted
    yield Problem(
        "litellmModel",
        f"the prefix {entry.prefix + '/'!r} is unknown; known are {', '.join(known)}",
        f"did you mean `{guess}/{entry.suffix}`?" if guess else "a vLLM server is `openai/SERVED-NAME` with `apiBase`",
    )


@entry_rule(
    "provider-name-unknown",
    "warning",
    what="The provider's display name is none that Kindo is known to have.",
    why="Kindo creates a new ModelProvider row for a name that it does not have, so a typo makes a provider.",
    fix="Use the exact display name; keep the warning if the new row is wanted.",
)
def provider_name_unknown(entry: Entry, context: Context) -> Iterator[Problem]:
    name, known = entry.text("provider"), providers().display_names
    if name is None or name in known:
        return
    guess = nearest(name, known)
    yield Problem(
        "provider",
        f"provider {name!r} is not a known display name, so Kindo would create a new provider; "
        f"known are {', '.join(known)}",
        f"did you mean {guess!r}?" if guess else "keep it only if the new row is wanted",
    )


@entry_rule(
    "provider-prefix-mismatch",
    "warning",
    what="The provider's display name and the prefix of litellmModel name different providers.",
    why="The model would be listed under a provider that does not serve it.",
    fix="Change the one that is wrong. An OpenAI-compatible proxy is `openai/…` with `apiBase`.",
)
def provider_prefix_mismatch(entry: Entry, context: Context) -> Iterator[Problem]:
    name, found = entry.text("provider"), provider_name(entry)
    if name is None or found is None or name not in providers().display_names:
        return
    provider = providers().providers[found]
    # Any provider may stand behind an OpenAI-compatible address or behind a server of ours.
    compatible = found == "openai" and (entry.wrote("apiBase") or entry.deploy is not None)
    if provider.kindo_provider == name or compatible:
        return
    yield Problem(
        "provider",
        f"provider {name!r} contradicts the prefix {entry.prefix + '/'!r}, which is {provider.kindo_provider!r}",
        f"write `provider: {provider.kindo_provider}`, or another prefix",
    )


@entry_rule(
    "recommended-missing",
    "warning",
    what="A key that Kindo's page recommends is missing.",
    why="The model picker, cost display and output limit work with less than they could.",
    fix="Add creator, costTier (LOW, MEDIUM, HIGH) and, for text generation, maxTokens.",
)
def recommended_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    for key in RECOMMENDED:
        if entry.wrote(key) or (key == "maxTokens" and entry.text("metadataType") != "Text Generation"):
            continue
        yield Problem(key, f"the recommended key {key} is missing", f"add `{key}: {_EXAMPLES[key]}`")


_EXAMPLES = {"creator": "…", "costTier": "MEDIUM", "maxTokens": "16384"}


def _provider_called(word: str) -> str | None:
    """The prefix of the provider that the word names otherwise: `together`, `google`, `vllm`."""
    for name, provider in providers().providers.items():
        if word.lower() in (name, provider.kindo_provider.lower(), *provider.prefixes):
            return _prefix_of(provider.kindo_provider) if name == "vllm" else provider.prefixes[0]
    return None


def _prefix_of(display_name: str | None) -> str | None:
    """The prefix to write under a display name; a self-hosted model is vLLM's, whose contract prefix is openai."""
    for provider in providers().providers.values():
        if provider.kindo_provider == display_name:
            return (
                "openai"
                if provider.kindo_provider == providers().providers["vllm"].kindo_provider
                else provider.prefixes[0]
            )
    return None
