"""Load and check a contract file. Every finding carries file, line, field, value, what is allowed and the fix."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from kindo_models.contract.model import VARIABLE, Contract, ModelEntry
from kindo_models.findings import Finding, InputError
from kindo_models.source import Source, findings_of, parse, read

# Fields whose value is a secret; `${VAR}` names it, anything else is the secret itself.
SECRET_FIELDS = ("api_key", "aws_access_key_id", "aws_secret_access_key")


def load_contract(path: str | Path, *, name: str | None = None) -> Contract:
    """Read `path`. Raises InputError with all findings (see `findings.Finding`) when it cannot be used."""
    return from_source(read(Path(path), name=name))


def parse_contract(text: str, *, file: str = "<contract>") -> Contract:
    """As `load_contract`, from text."""
    return from_source(parse(text, file=file))


def from_source(source: Source) -> Contract:
    if not isinstance(source.data, dict) or not isinstance(source.data.get("models"), list):
        raise InputError(
            [
                source.finding(
                    (),
                    "no-models",
                    "the file has no list `models:`",
                    "write the entries under a top-level key `models:`",
                )
            ]
        )
    try:
        contract = Contract.model_validate({"models": source.data["models"]})
    except ValidationError as error:
        raise InputError(_name_models(findings_of(error, source, Contract), source)) from None
    if found := [*_duplicates(contract, source), *_names(contract, source)]:
        raise InputError(found)
    return contract


def _name_models(findings: list[Finding], source: Source) -> list[Finding]:
    """Add the entry's routing key, so that a reader need not count."""
    named = []
    for finding in findings:
        index = (
            int(finding.field[7 : finding.field.index("]")])
            if (finding.field or "").startswith("models[") and finding.field
            else None
        )
        entry = source.data["models"][index] if index is not None else None
        name = entry.get("litellmModelName") if isinstance(entry, dict) else None
        named.append(finding.model_copy(update={"model": name if isinstance(name, str) else None}))
    return named


def _duplicates(contract: Contract, source: Source) -> list[Finding]:
    first: dict[str, int] = {}
    found = []
    for index, entry in enumerate(contract.models):
        name = entry.litellm_model_name
        if name in first:
            path = ("models", index, "litellmModelName")
            found.append(
                source.finding(
                    path,
                    "duplicate-routing-key",
                    f"litellmModelName {name!r} is already used by models[{first[name]}] "
                    f"(line {source.line(('models', first[name]))})",
                    "routing keys are unique: rename one of the two",
                    model=name,
                )
            )
        first.setdefault(name, index)
    return found


def _names(contract: Contract, source: Source) -> list[Finding]:
    """The one-name rule: served name = litellmModelName = suffix of litellmModel, or LiteLLM answers 404."""
    found = []
    for index, entry in enumerate(contract.models):
        if entry.deploy is not None and entry.suffix != entry.litellm_model_name:
            found.append(
                source.finding(
                    ("models", index, "litellmModel"),
                    "served-name-mismatch",
                    f"litellmModel {entry.litellm_model!r} must end in the litellmModelName "
                    f"{entry.litellm_model_name!r}",
                    f"write `litellmModel: {entry.prefix or 'openai'}/{entry.litellm_model_name}`",
                    model=entry.litellm_model_name,
                )
            )
    return found


def variable(value: str | None) -> str | None:
    """The name in `${NAME}`, None for anything else."""
    match = VARIABLE.match(value or "")
    return match.group(1) if match else None


def secret_values(entry: ModelEntry) -> dict[str, str]:
    """Secret fields that are set, as written (`${VAR}` or literal)."""
    return {name: value for name in SECRET_FIELDS if (value := getattr(entry, name))}
