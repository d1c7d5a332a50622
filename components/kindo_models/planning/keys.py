"""Where each entry's secrets come from, and resolving them: all missing ones are named at once."""

from __future__ import annotations

from collections.abc import Mapping

from kindo_models.catalog.providers import providers
from kindo_models.contract.load import SECRET_FIELDS, variable
from kindo_models.contract.model import Contract, ModelEntry
from kindo_models.findings import Finding, InputError
from kindo_models.planning.model import KeyReference, Plan
from kindo_models.planning.names import variable_name


def key_references(entry: ModelEntry) -> tuple[KeyReference, ...]:
    """One reference for each secret of the entry; an omitted `apiKey` means the provider's own variable."""
    references = [
        KeyReference(
            model=entry.litellm_model_name,
            field=field,
            secret_key=variable_name(entry.litellm_model_name, field),
            variable=variable(value),
        )
        for field in SECRET_FIELDS
        if (value := getattr(entry, field))
    ]
    if not references and (default := _default_variable(entry)):
        name = entry.litellm_model_name
        references.append(
            KeyReference(model=name, field="api_key", secret_key=variable_name(name, "api_key"), variable=default)
        )
    return tuple(references)


def _default_variable(entry: ModelEntry) -> str | None:
    known = providers().by_prefix(entry.prefix)
    if known is None or entry.deploy is not None or known[1].keyless or not known[1].key_variables:
        return None
    return known[1].key_variables[0]


def resolve_keys(plan: Plan, contract: Contract, variables: Mapping[str, str]) -> dict[str, str]:
    """Secret values by `secret_key`. Raises InputError naming every variable that is missing or empty."""
    entries = {entry.litellm_model_name: entry for entry in contract.models}
    values: dict[str, str] = {}
    wanted: dict[str, list[str]] = {}
    for reference in plan.keys:
        if reference.variable is None:
            values[reference.secret_key] = getattr(entries[reference.model], reference.field)
        elif found := variables.get(reference.variable, "").strip():
            values[reference.secret_key] = found
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
    return values
