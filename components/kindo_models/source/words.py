"""Small texts of findings: key paths, near words, values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

KeyPath = tuple[str | int, ...]

_LONGEST = 80


def dotted(path: Iterable[str | int]) -> str:
    """("models", 3, "apiVersion") → "models[3].apiVersion"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def nearest(value: str, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """The known word that `value` most likely means, None when nothing is close."""
    if len(value) > _LONGEST:
        return None
    words = {word.lower(): word for word in known}
    matches = difflib.get_close_matches(value.lower(), list(words), n=1, cutoff=cutoff)
    return words[matches[0]] if matches else None


def shown(value: Any) -> str:
    """A scalar as a message shows it: quoted when it is text, cut when it is long."""
    return cut(repr(value) if isinstance(value, str) else str(value), _LONGEST)


def cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def listed(names: Iterable[str], *, most: int = 12) -> str:
    """Names for a message, cut where they are too many to read."""
    every = list(names)
    text = ", ".join(every[:most])
    return text if len(every) <= most else f"{text} and {len(every) - most} more"
