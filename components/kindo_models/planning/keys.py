"""Where each entry's secrets come from, and resolving them: all missing ones are named at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kindo_models.catalog.providers import providers
from kindo_models.contract.load import SECRET_FIELDS, variable
from kindo_models.contract.model import Contract, ModelEntry
from kindo_models.environment import Environment, SecretKey, StoredKey
from kindo_models.findings import Finding, InputError
from kindo_models.planning.adapters import completed
from kindo_models.planning.model import KeyReference, Plan
from kindo_models.planning.names import variable_name, variable_stems

Origin = Literal["contract", "process variable", "Pulumi secret", "Kubernetes Secret", "ExternalSecret"]


@dataclass(frozen=True)
class KeySource:
    """Where one secret is. Exactly one of value, existing and stored is set."""

    origin: Origin
    value: str | None = field(default=None, repr=False)
    existing: SecretKey | None = None
    """With key and namespace filled in."""
    stored: StoredKey | None = None


def key_references_of(
    entries: Iterable[ModelEntry], environment: Environment | None = None
) -> dict[str, tuple[KeyReference, ...]]:
    """References of each entry by routing key; the names of their secrets collide for no two keys."""
    entries = tuple(entries)
    stems = variable_stems(entry.litellm_model_name for entry in entries)
    keyless = {name for name, one in environment.providers.items() if one.identity == "workload"} if environment else ()
    return {
        entry.litellm_model_name: key_references(entry, stems[entry.litellm_model_name], keyless=keyless)
        for entry in entries
    }


def key_references(
    entry: ModelEntry, stem: str | None = None, *, keyless: Collection[str] = ()
) -> tuple[KeyReference, ...]:
    """One reference for each secret of the entry; an omitted `apiKey` means the provider's own variable.

    stem: beginning of the secrets' names; defaults to the one of the entry alone. keyless: providers that are called
    with the identity of the gateway's pods where an entry names no key.
    """
    name = entry.litellm_model_name
    references = [
        KeyReference(
            model=name, field=field, secret_key=variable_name(name, field, stem=stem), variable=variable(value)
        )
        for field in SECRET_FIELDS
        if (value := getattr(entry, field))
    ]
    if not references and (default := _default_variable(entry, keyless)):
        secret_key = variable_name(name, "api_key", stem=stem)
        references.append(KeyReference(model=name, field="api_key", secret_key=secret_key, variable=default))
    return tuple(references)


def _default_variable(entry: ModelEntry, keyless: Collection[str]) -> str | None:
    known = providers().of(entry.prefix, entry.provider)
    if (
        known is None
        or known[0] in keyless
        or entry.deploy is not None
        or known[1].keyless
        or not known[1].key_variables
    ):
        return None
    return known[1].key_variables[0]


def locate_keys(
    plan: Plan, contract: Contract, process: Mapping[str, str], configured: Mapping[str, str] | None = None
) -> dict[str, KeySource]:
    """The source of every secret of the plan by `secret_key`, the first that has it: process variable, Pulumi secret
    configuration (`configured`), existing Kubernetes Secret, ExternalSecret; the last two as the environment says.

    Raises InputError naming every variable that is nowhere, or empty.
    """
    entries = {entry.litellm_model_name: entry for entry in completed(contract).models}
    found: dict[str, KeySource] = {}
    wanted: dict[str, list[str]] = {}
    for reference in plan.keys:
        if reference.variable is None:
            literal = getattr(entries[reference.model], reference.field)
            found[reference.secret_key] = KeySource("contract", value=literal)
        elif source := _source(reference.variable, plan, process, configured or {}):
            found[reference.secret_key] = source
        else:
            wanted.setdefault(reference.variable, []).append(reference.model)
    if wanted:
        raise InputError(
            Finding(
                code="missing-secret",
                message=f"{name} is not set; wanted by {', '.join(models)}",
                hint=f"export {name}=… or: pulumi config set --secret kindo-models:{name} …",
            )
            for name, models in wanted.items()
        )
    return found


def _source(name: str, plan: Plan, process: Mapping[str, str], configured: Mapping[str, str]) -> KeySource | None:
    if value := (process.get(name) or "").strip():
        return KeySource("process variable", value=value)
    if value := (configured.get(name) or "").strip():
        return KeySource("Pulumi secret", value=value)
    settings = plan.environment.secrets
    if place := settings.existing.get(name):
        filled = {"key": place.key or name, "namespace": place.namespace or plan.gateway.namespace}
        return KeySource("Kubernetes Secret", existing=place.model_copy(update=filled))
    stored = settings.external.keys.get(name) if settings.external else None
    return KeySource("ExternalSecret", stored=stored) if stored else None
