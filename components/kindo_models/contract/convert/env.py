"""The variables that a contract needs, as lines for a `.env` file: names and reasons, never a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Needed:
    """One use of a variable. literal: the contract holds the secret itself, so the variable is a proposal."""

    variable: str
    model: str
    field: str
    literal: bool = False


def lines(needed: Iterable[Needed]) -> str:
    """One line a variable, in order of first use, with the models that want it."""
    uses: dict[str, list[Needed]] = {}
    for use in needed:
        uses.setdefault(use.variable, []).append(use)
    text = ""
    for variable, found in uses.items():
        text += "".join(f"# {reason}\n" for reason in _reasons(found)) + f"{variable}=\n"
    return text


def _reasons(found: list[Needed]) -> list[str]:
    fields: dict[tuple[str, bool], list[str]] = {}
    for use in found:
        fields.setdefault((use.field, use.literal), []).append(use.model)
    return [
        f"{field} of {', '.join(dict.fromkeys(models))}"
        + (": written in the contract itself; better named than written" if literal else "")
        for (field, literal), models in fields.items()
    ]
