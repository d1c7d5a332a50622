"""KDeps's `apiKey` as `${VAR}`. A literal key is never copied: it stays where it is, and a variable takes its place."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from kindo_models.contract.convert.kdeps.documents import is_expression

_FROM_ENV = re.compile(r"""\{\{\s*get\(\s*(['"])(?P<name>\w+)\1\s*,\s*(['"])env\3\s*\)\s*\}\}""")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)\}")


@dataclass(frozen=True)
class Key:
    """variable: its name. problem: what was not taken over, and why."""

    variable: str
    problem: str = ""


@dataclass
class Keys:
    """Variables for literal keys: the backend's own for the first, numbered ones for further different keys."""

    _literal: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    _taken: set[str] = field(default_factory=set)

    def reserve(self, written: str | None, default: str) -> None:
        """Keeps a variable that some action reads by name from standing for somebody's literal key."""
        if written is None:
            self._taken.add(default)
        elif named := _named(written):
            self._taken.add(named)

    def of(self, written: str | None, default: str) -> Key:
        """written: the resource's `apiKey`. default: the variable that KDeps reads without one."""
        if written is None:
            return Key(default)
        if named := _named(written):
            return Key(named)
        if is_expression(written):
            return Key(
                default, "the key comes with each request (session or expression); a contract has one key a model"
            )
        return Key(self._variable(written, default), "the key is written in the resource; it is not copied")

    def _variable(self, literal: str, default: str) -> str:
        # Only to tell one key from another; never shown.
        mark = (default, hashlib.sha256(literal.encode()).hexdigest())
        if mark not in self._literal:
            number, name = 1, default
            while name in self._taken:
                number += 1
                name = f"{default}_{number}"
            self._taken.add(name)
            self._literal[mark] = name
        return self._literal[mark]


def _named(written: str) -> str | None:
    """The variable in `{{ get('NAME', 'env') }}` or `${NAME}`."""
    match = _FROM_ENV.fullmatch(written) or _VARIABLE.fullmatch(written)
    return match["name"] if match else None
