"""What a model is for: `type` and `metadataType` against each other and against the model; required feature flags."""

from __future__ import annotations

from collections.abc import Iterator

from kindo_models.catalog.models import Mode, facts, model_families
from kindo_models.catalog.ollama_models import ollama_models
from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import Draft, Entry
from kindo_models.findings import Finding
from kindo_models.planning.flag_needs import unfilled
from kindo_models.planning.rules.context import Context, provider_name
from kindo_models.planning.rules.families import model_of
from kindo_models.planning.rules.registry import Problem, contract_rule, entry_rule

_KINDS: dict[str, Mode] = {"Text Generation": "chat", "Embeddings": "embedding", "Transcription": "transcription"}


@entry_rule(
    "chat-metadata-mismatch",
    "error",
    what="An entry of type CHAT is an embedding or transcription model.",
    why="CHAT models are offered to users as conversation partners, which these cannot be.",
    fix="Write `type: INTERNAL`, or `metadataType: Text Generation`.",
)
def chat_metadata_mismatch(entry: Entry, context: Context) -> Iterator[Problem]:
    kind = entry.text("metadataType")
    if entry.text("type") == "CHAT" and kind in ("Embeddings", "Transcription"):
        yield Problem(
            "metadataType",
            f"type CHAT goes with metadataType 'Text Generation', not {kind!r}",
            "write `type: INTERNAL`",
        )


@entry_rule(
    "internal-text-generation",
    "warning",
    what="An entry of type INTERNAL generates text.",
    why="Kindo's page pairs INTERNAL with embeddings and transcription; users cannot pick the model.",
    fix="Write `type: CHAT` unless the model is a worker that users must not see.",
)
def internal_text_generation(entry: Entry, context: Context) -> Iterator[Problem]:
    if entry.text("type") == "INTERNAL" and entry.text("metadataType") == "Text Generation":
        yield Problem(
            "type", "type INTERNAL with metadataType 'Text Generation' hides the model from users", "write `type: CHAT`"
        )


@entry_rule(
    "metadata-type-contradicts-model",
    "warning",
    what="metadataType is not what the model does.",
    why="Feature flags are filled by metadataType: an embedding model would be asked to chat.",
    fix="Write the metadataType that the model's card names.",
)
def metadata_type_contradicts_model(entry: Entry, context: Context) -> Iterator[Problem]:
    kind = entry.text("metadataType")
    if kind is None or (mode := _mode(entry)) is None or mode == _KINDS[kind]:
        return
    right = next(name for name, value in _KINDS.items() if value == mode)
    yield Problem("metadataType", f"metadataType is {kind!r}, but the model is made for {mode}", f"write `{right}`")


def _mode(entry: Entry) -> Mode | None:
    if entry.engine == "vllm" and (model := model_of(entry)):
        found = model_families().find(model)
        return found[1].mode if found else None
    name = provider_name(entry)
    if name is None:
        return None
    if name == "ollama" or entry.engine == "ollama":
        tag = entry.deploy.text("model") if entry.deploy else entry.suffix
        known = ollama_models().find(tag or "")
        return known.mode if known else None
    listed = facts(name, providers().providers[name].model_id(entry.suffix))
    return listed.mode if listed else None


@contract_rule(
    "required-flag-without-model",
    "warning",
    what="A feature flag that Kindo requires can be filled by no model of the contract.",
    why="Kindo does not work without it. It is an error where the environment asks for the flags to be set.",
    fix="Add a model of the kind that the message names.",
)
def required_flag_without_model(draft: Draft, context: Context) -> Iterator[Finding]:
    if draft.contract is None or context.preset is None:
        return
    for feature, wanted in unfilled(draft.contract, context.preset):
        yield draft.finding(
            ("models",),
            "",
            f"Kindo {context.preset} needs {feature}, and no model of the contract can serve it",
            f"add a model with {wanted}",
        )
