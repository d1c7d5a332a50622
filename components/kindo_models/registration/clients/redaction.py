"""Keys out of texts. A server may echo what it was sent, so every message from outside passes here."""

from __future__ import annotations

from collections.abc import Iterable

from kindo_models.verification.checks import redact as redact
from kindo_models.verification.checks import shorten

MESSAGE_CHARACTERS = 600


def readable(text: str, secrets: Iterable[str] = ()) -> str:
    """A server's words in one bounded line without keys."""
    return shorten(redact(text, secrets), MESSAGE_CHARACTERS)
