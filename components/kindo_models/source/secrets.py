"""What must never be shown: values of fields that hold secrets, and texts that have the form of a key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

MASK = "***"
_SECRET_WORDS = {"key", "apikey", "token", "secret", "password", "passwd", "credential", "credentials"}
_CAMEL = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# Forms of keys: OpenAI, Anthropic and vLLM (sk-), Google, AWS, Hugging Face, Groq, Perplexity, xAI, GitHub.
_FORMS = re.compile(
    r"\b(?:sk-[\w-]{8,}|AIza[\w-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|hf_\w{8,}|gsk_\w{8,}|pplx-\w{8,}|xai-\w{8,}|gh[pousr]_\w{16,})"
    # User and password in an address; a token stands there alone.
    r"|(?<=://)[^/\s@'\"]+(?=@)"
)
# `?api_key=…`, `&sig=…` in an address.
_IN_QUERY = re.compile(r"([?&][\w.-]*(?:key|token|secret|sig|signature|password|code)=)[^&#\s'\"]+", re.IGNORECASE)
# Shorter literals are words that may stand anywhere (`apiKey: none`).
_SHORTEST = 8


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret: `apiKey`, `hfToken`, `MY_PASSWORD`; not `maxTokens`, `maxToken`."""
    words = {word.lower() for word in _CAMEL.findall(name)}
    if "max" in words:
        return False
    return bool(words & _SECRET_WORDS) or any(word in name.lower() for word in ("apikey", "secret", "password"))


class Literals:
    """Secrets that a file holds literally, found in a text without trying one after the other."""

    def __init__(self, values: Iterable[str]) -> None:
        self._by_start: dict[str, list[str]] = {}
        for value in sorted(set(values), key=len, reverse=True):
            if len(value) >= _SHORTEST:
                self._by_start.setdefault(value[:_SHORTEST], []).append(value)

    def within(self, text: str) -> set[str]:
        """Those that stand in the text."""
        if not self._by_start:
            return set()
        starts = {text[at : at + _SHORTEST] for at in range(len(text) - _SHORTEST + 1)} & self._by_start.keys()
        return {value for start in starts for value in self._by_start[start] if value in text}


def redacted(text: str, literals: Literals | None = None) -> str:
    """`text` without keys: literal secrets of the file, and whatever has the form of a provider's key."""
    for literal in sorted(literals.within(text), key=len, reverse=True) if literals else ():
        text = text.replace(literal, MASK)
    return _IN_QUERY.sub(rf"\1{MASK}", _FORMS.sub(MASK, text))


def redacted_tree(value: Any, literals: Literals) -> Any:
    """`value` (maps, lists, scalars) redacted, and what an `env` holds under a secret's name."""
    if isinstance(value, str):
        return redacted(value, literals)
    if isinstance(value, list):
        return [redacted_tree(item, literals) for item in value]
    if isinstance(value, dict):
        return {
            key: {name: MASK if is_secret_name(name) else redacted_tree(one, literals) for name, one in item.items()}
            if key == "env" and isinstance(item, dict)
            else redacted_tree(item, literals)
            for key, item in value.items()
        }
    return value
