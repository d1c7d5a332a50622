"""One ModelProvider row: found by its exact display name, or made. A typo would silently make a second provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kindo_models.registration.clients.kindo import KindoAdminClient, ProviderRow
from kindo_models.registration.errors import AnswerLost, Conflict, RegistrationError

Log = Callable[[str], None]


def ensure(client: KindoAdminClient, display_name: str, owner: str) -> tuple[str, bool]:
    """Id, and whether we made it (now, or before a run was cut off: then the row carries our name)."""
    sent = False
    for attempt in range(3):
        rows = client.providers()
        for row in rows:
            if row.display_name == display_name:
                return row.id, sent or row.owner == owner
        if near := near_miss(display_name, rows):
            raise RegistrationError(
                f"There is a model provider called {near.display_name!r}, and the contract says {display_name!r}. "
                f"Write `provider: {near.display_name}`; the names must match exactly, otherwise Kindo gets a second "
                f"one."
            )
        sent = True
        try:
            return client.create_provider(display_name, owner=owner).id, True
        except (AnswerLost, Conflict):
            if attempt == 2:
                raise
    raise AssertionError("unreachable")


def remove(client: KindoAdminClient, provider_id: str, log: Log = lambda text: None) -> None:
    """Delete a row that we made, unless models use it; absent is fine."""
    if users := [row.name for row in client.models() if str(row.fields.get("modelProviderId")) == provider_id]:
        log(f"model provider {provider_id} is left: {', '.join(sorted(users))} use it.")
        return
    try:
        client.delete_provider(provider_id)
    except Conflict as error:
        log(f"model provider {provider_id} is left: {error}")


def near_miss(display_name: str, rows: Iterable[ProviderRow]) -> ProviderRow | None:
    """A row that differs only in case, spaces or dashes."""
    return next((row for row in rows if _plain(row.display_name) == _plain(display_name)), None)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
