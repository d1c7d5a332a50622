"""Kubernetes names from routing keys. The routing key itself is never changed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

# Helm release names are at most 53 characters; Services are DNS-1035 labels and must start with a letter.
_LIMIT = 53


def object_name(routing_key: str) -> str:
    """Lower case, other characters to `-`; a hash of the key where that lost more than case, or is too long."""
    name = re.sub(r"[^a-z0-9]+", "-", routing_key.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"m-{name}".rstrip("-")
    return name if len(name) <= _LIMIT else _hashed(name, routing_key)


def object_names(routing_keys: Iterable[str]) -> dict[str, str]:
    """`object_name` of each; keys that would collide get their hash, all of them, so that order does not matter."""
    names = {key: object_name(key) for key in routing_keys}
    taken = Counter(names.values())
    return {key: _hashed(name, key) if taken[name] > 1 else name for key, name in names.items()}


def variable_stems(routing_keys: Iterable[str]) -> dict[str, str]:
    """Beginning of the names of each key's secrets; different for different keys."""
    return {key: _variable(name) for key, name in object_names(routing_keys).items()}


def variable_name(routing_key: str, field: str, *, stem: str | None = None) -> str:
    """Environment variable of one secret: `gpt-4o`, `api_key` → `GPT_4O_API_KEY`. stem: see `variable_stems`."""
    return f"{stem or _variable(object_name(routing_key))}_{_variable(field)}"


def _variable(text: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", text.upper())


def _hashed(name: str, routing_key: str) -> str:
    digest = hashlib.sha256(routing_key.encode()).hexdigest()[:6]
    return f"{name[: _LIMIT - 7].rstrip('-')}-{digest}"
