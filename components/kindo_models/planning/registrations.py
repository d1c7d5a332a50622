"""What Kindo is told: model rows, provider rows, and for each feature key the ordered models that may serve it."""

from __future__ import annotations

from collections.abc import Iterable

from kindo_models.catalog.flag_presets import flag_presets
from kindo_models.catalog.providers import providers
from kindo_models.contract.model import Contract, ModelEntry
from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.flag_needs import candidates, wanted
from kindo_models.planning.gateway import MASTER_KEY, fronted, provider_settings
from kindo_models.planning.model import FlagBinding, Gateway, Registration, Server
from kindo_models.source import nearest


def registration(entry: ModelEntry, server: Server | None, gateway: Gateway, environment: Environment) -> Registration:
    """`route: gateway`: Kindo calls the model through our LiteLLM under the contract's name."""
    fields: dict[str, str | int | None] = {
        **fronted(entry, gateway),
        "displayName": entry.display_name,
        "creator": entry.creator,
        "type": entry.type,
        "metadataType": entry.metadata_type,
        "costTier": entry.cost_tier,
        "contextWindow": entry.context_window,
        "maxTokens": entry.max_tokens,
        "baseModel": entry.base_model,
        "description": entry.description,
        "docLink": entry.doc_link,
    }
    return Registration(
        model=entry.litellm_model_name,
        provider=entry.provider,
        endpoint=_endpoint(entry, server, environment),
        fields={key: value for key, value in fields.items() if value is not None},
        api_key_ref=f"secret:{gateway.namespace}/{gateway.master_key_secret}#{MASTER_KEY}",
    )


def _endpoint(entry: ModelEntry, server: Server | None, environment: Environment) -> str:
    if server is not None:
        return server.api_base
    known = providers().of(entry.prefix, entry.provider)
    named = provider_settings(entry, environment).endpoint or entry.api_base
    return named or (known[0] if known else entry.prefix)


def provider_names(entries: Iterable[ModelEntry]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.provider for entry in entries))


def flag_bindings(contract: Contract, environment: Environment) -> tuple[tuple[FlagBinding, ...], list[Finding]]:
    """Each key of the preset with its candidates in contract order; a required key without any is an error."""
    if environment.flags is None:
        return (), []
    presets = flag_presets().presets
    preset = presets.get(environment.flags.preset)
    if preset is None:
        guess = nearest(environment.flags.preset, presets)
        return (), [
            Finding(
                code="unknown-flag-preset",
                field="flags.preset",
                message=f"no flag preset is called {environment.flags.preset!r}",
                hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(sorted(presets))}",
            )
        ]
    bindings: list[FlagBinding] = []
    found: list[Finding] = []
    for feature, key in preset.items():
        if models := candidates(contract, key):
            bindings.append(FlagBinding(feature=feature, holds=key.holds, required=key.required, candidates=models))
        elif key.required:
            found.append(
                Finding(
                    code="required-flag-without-model",
                    field="flags.preset",
                    message=(
                        f"Kindo {environment.flags.preset} needs {feature}, and no model of the contract can serve it"
                    ),
                    hint=f"add a model with {wanted(key)}",
                )
            )
    return tuple(bindings), found
