"""Names that tell entries apart: unique routing keys, and one name for a server wherever it is written."""

from __future__ import annotations

from collections.abc import Iterator

from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import Draft, Entry
from kindo_models.findings import Finding


def routing_keys_used_twice(draft: Draft) -> Iterator[Finding]:
    first: dict[str, Entry] = {}
    for entry in draft.entries:
        name = entry.name
        if name is None:
            continue
        if (earlier := first.setdefault(name, entry)) is not entry:
            line = draft.line(earlier.path)
            yield draft.finding(
                (*entry.path, "litellmModelName"),
                "duplicate-routing-key",
                f"litellmModelName {name!r} is already used by models[{earlier.path[1]}]"
                + (f" (line {line})" if line else ""),
                "routing keys are unique: rename one of the two",
                model=name,
            )


def served_names(draft: Draft) -> Iterator[Finding]:
    """The one-name rule: served name = litellmModelName = suffix of litellmModel, or LiteLLM answers 404.

    It binds servers that we run and vLLM servers that exist; an Azure deployment or a Bedrock profile has its own name.
    """
    for entry in draft.entries:
        if not entry.name or not entry.text("litellmModel") or entry.suffix == entry.name or not serves_by_name(entry):
            continue
        yield draft.finding(
            (*entry.path, "litellmModel"),
            "served-name-mismatch",
            f"litellmModel {entry.text('litellmModel')!r} must end in the litellmModelName {entry.name!r}, which is "
            "the name that the server answers to (--served-model-name); LiteLLM would get a 404",
            f"write `litellmModel: {entry.prefix or 'openai'}/{entry.name}`",
            model=entry.name,
        )


def serves_by_name(entry: Entry) -> bool:
    """Whether the endpoint is a server whose served name the contract decides."""
    found = providers().of(entry.prefix, entry.text("provider") or "")
    return entry.deploy is not None or (found is not None and found[0] == "vllm")
