"""One contract entry from the uses of one model: what the catalog knows is filled in, the rest is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kindo_models.catalog.models import CloudModel, Mode, facts, model_families
from kindo_models.catalog.ollama_models import ollama_models
from kindo_models.catalog.providers import Provider, providers
from kindo_models.contract.convert.kdeps.endpoints import Endpoint, is_local
from kindo_models.contract.convert.kdeps.keys import Keys
from kindo_models.contract.convert.kdeps.uses import Use
from kindo_models.findings import Finding

_METADATA = {"chat": "Text Generation", "embedding": "Embeddings", "transcription": "Transcription"}
_UNKNOWN = "no source that we ship knows it"


@dataclass
class Made:
    """required: key → why it could not be filled in."""

    fields: dict[str, Any] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    required: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def entry_of(
    name: str, endpoint: Endpoint, uses: Sequence[Use], keys: Keys, *, azure_api_version: str | None = None
) -> Made:
    """The entry under this routing key."""
    provider = providers().providers[endpoint.provider]
    made = Made()
    row = _row(endpoint)
    mode = _mode(endpoint, uses, row)
    identifier = _identifier(name, endpoint, provider, mode)
    made.fields |= {"litellmModelName": name, "litellmModel": identifier, "displayName": endpoint.model}
    made.fields["provider"] = provider.kindo_provider
    if endpoint.serves_by_name and name != endpoint.model:
        made.fields["provider"] = _other_server(made, name, endpoint, uses[0])
    known = ollama_models().find(endpoint.model) if endpoint.provider == "ollama" else None
    if creator := provider.creator or (known and known.creator):
        made.fields["creator"] = creator
    made.fields |= {"type": "CHAT" if mode == "chat" else "INTERNAL", "metadataType": _METADATA[mode]}
    _sizes(made, endpoint, uses, row, mode)
    _address(made, endpoint, uses, azure_api_version)
    _key(made, endpoint, provider, uses, keys)
    if endpoint.deploys:
        made.fields["deploy"] = {"engine": "ollama", "model": endpoint.model}
        _served(made, uses)
    return made


def _row(endpoint: Endpoint) -> CloudModel | None:
    if endpoint.provider in ("ollama", "vllm"):
        # A proxy may pass on a cloud model under its own name.
        return facts("openai", endpoint.model) if endpoint.provider == "vllm" else None
    return facts(endpoint.provider, endpoint.model)


def _mode(endpoint: Endpoint, uses: Sequence[Use], row: CloudModel | None) -> Mode:
    said = next((use.mode for use in uses if use.mode), None)
    if said:
        return said
    if row:
        return row.mode
    known = ollama_models().find(endpoint.model) if endpoint.provider == "ollama" else None
    return known.mode if known else model_families().mode(endpoint.model.partition(":")[0])


def _identifier(name: str, endpoint: Endpoint, provider: Provider, mode: Mode) -> str:
    if endpoint.provider == "azure":
        return f"azure/{endpoint.deployment}"
    if endpoint.provider == "vllm":
        return f"openai/{endpoint.model}"
    # LiteLLM's chat-only prefixes have a second one for everything else.
    prefix = provider.prefixes[0] if mode == "chat" else provider.prefixes[-1]
    return f"{prefix}/{name if endpoint.deploys else endpoint.model}"


def _sizes(made: Made, endpoint: Endpoint, uses: Sequence[Use], row: CloudModel | None, mode: Mode) -> None:
    window = row.window if row else None
    if window is None and endpoint.provider == "ollama":
        known = ollama_models().find(endpoint.model)
        window = known.window if known else None
    if window is None and endpoint.provider == "vllm" and (family := model_families().find(endpoint.model)):
        window = family[1].window
    if window is None:
        made.required["contextWindow"] = f"{_UNKNOWN} for {endpoint.model}"
        made.comments["contextWindow"] = "tokens; fill in the model's full window"
    else:
        made.fields["contextWindow"] = window
    lengths = [use.context_length for use in uses if use.context_length]
    length = max(lengths, default=None) or (row.output if row and mode == "chat" else None)
    if length is None:
        return
    if window is not None and length > window:
        made.findings.append(
            uses[0].finding(
                "contextLength",
                "kdeps-answer-longer-than-window",
                f"contextLength {length} is sent as max_tokens and is above the window of {window} tokens",
                "maxTokens is set to the window",
            )
        )
        length = window
    made.fields["maxTokens"] = length
    if len(set(lengths)) > 1:
        values = ", ".join(map(str, sorted(set(lengths))))
        message = f"actions use {values} as contextLength; the largest becomes maxTokens of the one entry"
        made.findings.append(uses[0].finding("contextLength", "kdeps-values-differ", message))


def _address(made: Made, endpoint: Endpoint, uses: Sequence[Use], azure_api_version: str | None) -> None:
    if endpoint.address:
        made.fields["apiBase"] = endpoint.address
    if endpoint.address and is_local(endpoint.address):
        made.findings.append(
            uses[0].finding(
                "baseUrl",
                "kdeps-address-local",
                f"{endpoint.address} is this machine: from a pod it leads to the pod itself",
                "write an address that the cluster reaches",
            )
        )
    if endpoint.provider == "azure":
        made.fields["baseModel"] = endpoint.model
        if version := endpoint.api_version or azure_api_version:
            made.fields["apiVersion"] = version
        else:
            made.required["apiVersion"] = "KDeps sends none (its call would fail): take it from the Azure resource"
            made.comments["apiVersion"] = "fill in, for example '2024-10-21' (or import with --azure-api-version)"
    if endpoint.provider == "bedrock":
        made.required["awsRegion"] = "KDeps's configuration names none"
        made.comments["awsRegion"] = "fill in the region of the model"


def key_variable(endpoint: Endpoint) -> str:
    """The variable that holds the key where a resource names none: KDeps's own, else the provider's; "" without any."""
    own = endpoint.backend.variable if endpoint.backend else None
    provider = providers().providers[endpoint.provider]
    return own if own and endpoint.provider != "azure" else next(iter(provider.key_variables), "")


def _key(made: Made, endpoint: Endpoint, provider: Provider, uses: Sequence[Use], keys: Keys) -> None:
    default = key_variable(endpoint)
    if (provider.keyless and not any(use.api_key for use in uses)) or not default:
        return
    found = [(use, keys.of(use.api_key, default)) for use in uses]
    # A key that is named wins over one that only a default stands for.
    chosen = next((key for use, key in found if use.api_key and not key.problem), found[0][1])
    made.fields["apiKey"] = f"${{{chosen.variable}}}"
    for use, key in found:
        if key.problem:
            made.findings.append(
                use.finding("apiKey", "kdeps-key-not-carried", key.problem, f"set the variable {chosen.variable}")
            )
    if others := sorted({key.variable for _, key in found} - {chosen.variable}):
        message = f"other actions read the key from {', '.join(others)}; the entry reads {chosen.variable}"
        made.findings.append(uses[0].finding("apiKey", "kdeps-values-differ", message))


def _other_server(made: Made, name: str, endpoint: Endpoint, use: Use) -> str:
    """A second server of the same model: its routing key cannot be the name that it serves."""
    message = f"{name}: another server has the name {endpoint.model} already, so this one is entered as an OpenAI proxy"
    made.findings.append(use.finding("baseUrl", "kdeps-name-taken", message, "is it one server under two addresses?"))
    return providers().providers["openai"].kindo_provider


def _served(made: Made, uses: Sequence[Use]) -> None:
    for use in uses:
        if use.workflow and use.workflow.install_ollama is False:
            made.findings.append(
                use.workflow.document.finding(
                    ("settings", "agentSettings", "installOllama"),
                    "kdeps-ollama-elsewhere",
                    f"installOllama is false and no address leads to an Ollama; {use.model} is to be served here",
                    "if one exists, write its `apiBase:` and remove `deploy:`",
                )
            )
            return
        if use.later and use.backend in ("file", "gguf"):
            made.findings.append(
                use.finding(
                    "model",
                    "kdeps-served-otherwise",
                    f"KDeps runs {use.model} itself (backend {use.backend}); here Ollama serves the tag of that name",
                )
            )
            return
