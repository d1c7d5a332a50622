"""One model row: made if absent, changed where it differs, refused where it is somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kindo_models.registration.clients.kindo import KindoAdminClient, ModelRow
from kindo_models.registration.errors import AnswerLost, Conflict, NotFound, OwnedByAnother

Log = Callable[[str], None]
_ATTEMPTS = 3


@dataclass(frozen=True)
class DesiredModel:
    """What Kindo shall know. `fields` carry the contract's names; `removed` are fields that a change of ours took
    away.
    """

    name: str
    fields: Mapping[str, Any]
    provider_id: str
    owner: str
    """project/stack/name"""
    api_key: str | None = field(default=None, repr=False)
    """Sent when given: at the first registration and when its fingerprint changed. The server never returns it."""
    removed: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        return {**self.fields, **dict.fromkeys(self.removed), "modelProviderId": self.provider_id}


def upsert(
    client: KindoAdminClient,
    desired: DesiredModel,
    *,
    known_id: str | None = None,
    adopt_existing: bool = False,
    log: Log = lambda text: None,
) -> str:
    """The row's id. `known_id` is the row that we registered before. Running it again changes nothing."""
    for attempt in range(_ATTEMPTS):
        row = client.find_model(desired.name)
        try:
            if row is None:
                return client.create_model(
                    desired.name, desired.values, owner=desired.owner, api_key=desired.api_key
                ).id
            refuse_foreign(row, desired, known_id=known_id, adopt_existing=adopt_existing, has_owner=client.has_owner)
            changes = differing(row, desired)
            new_owner = desired.owner if row.owner != desired.owner else None
            if changes or desired.api_key or (new_owner and client.has_owner):
                log(f"{desired.name}: {', '.join(sorted(changes)) or 'key'} in row {row.id}")
                client.update_model(row.id, changes, owner=new_owner, api_key=desired.api_key)
            return row.id
        except (AnswerLost, Conflict, NotFound):
            # Whether the server saved it, or somebody was faster, shows when looking again.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def remove(client: KindoAdminClient, name: str, model_id: str, owner: str, log: Log = lambda text: None) -> None:
    """Delete our row; absent is fine, and one that somebody else took over stays."""
    row = client.find_model(name)
    if row is not None and row.id == model_id and row.owner and row.owner != owner:
        log(f"{name}: row {model_id} belongs to {row.owner} now and is left.")
        return
    client.delete_model(model_id)


def refuse_foreign(
    row: ModelRow, desired: DesiredModel, *, known_id: str | None, adopt_existing: bool, has_owner: bool
) -> None:
    """DESIGN rule: own row, updated; foreign row, refused; nobody's row, adopted only if nothing would change."""
    if row.owner:
        if row.owner != desired.owner:
            raise OwnedByAnother(
                f"{desired.name} is registered already and belongs to {row.owner}; this is {desired.owner}. "
                "Remove it there, or give one of the two another litellmModelName."
            )
        return
    if adopt_existing or (row.id == known_id):
        return
    if changes := differing(row, desired):
        shown = "\n".join(
            f"  {key}: there {row.fields.get(key)!r}, here {value!r}" for key, value in sorted(changes.items())
        )
        why = "without an owner" if has_owner else "and this admin API keeps no owner"
        raise OwnedByAnother(
            f"{desired.name} is registered already (row {row.id}) {why}, with other values:\n{shown}\n"
            "Make the contract equal to it, or allow taking it over (adopt_existing)."
        )


def differing(row: ModelRow, desired: DesiredModel) -> dict[str, Any]:
    """Declared fields whose value on the server is another one."""
    return {key: value for key, value in desired.values.items() if not same(row.fields.get(key), value)}


def same(one: Any, other: Any) -> bool:
    """Equal in meaning. Servers may return an id or a number as a text, and an absent field as null or ""."""
    if one in (None, "") and other in (None, ""):
        return True
    return bool(one == other) or (one is not None and other is not None and str(one) == str(other))
