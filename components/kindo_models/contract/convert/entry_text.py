"""Entries as YAML text with comments, for files that we write ourselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

# Keys in the order of Kindo's page; what is not here follows in its own order.
ORDER = (
    *("litellmModelName", "litellmModel", "displayName", "provider", "creator", "type", "metadataType", "costTier"),
    *("contextWindow", "maxTokens", "apiBase", "apiVersion", "awsRegion", "awsAccessKeyId", "awsSecretAccessKey"),
    *("apiKey", "baseModel", "description", "docLink", "deploy"),
)


def entry_text(entry: Mapping[str, Any], comments: Mapping[str, str] | None = None) -> str:
    """One list item. comments: key → remark; a key that the entry does not have becomes a line to fill in."""
    comments = comments or {}
    keys = sorted(dict.fromkeys([*entry, *comments]), key=_position)
    lines: list[str] = []
    for key in keys:
        remark = comments.get(key)
        if key in entry:
            lines += _value_lines(key, entry[key], remark)
        else:
            lines.append(f"# {key}: {remark}")
    return "\n".join(("  - " if index == 0 else "    ") + line for index, line in enumerate(lines)) + "\n"


def scalar(value: Any) -> str:
    """A scalar or a small structure on one line. `${VAR}` stays plain, as Kindo's page writes it."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _value_lines(key: str, value: Any, remark: str | None) -> list[str]:
    tail = f"  # {remark}" if remark else ""
    if isinstance(value, Mapping):
        return [f"{key}:{tail}", *(f"  {name}: {scalar(item)}" for name, item in value.items())]
    return [f"{key}: {scalar(value)}{tail}"]


def _position(key: str) -> int:
    return ORDER.index(key) if key in ORDER else len(ORDER)
