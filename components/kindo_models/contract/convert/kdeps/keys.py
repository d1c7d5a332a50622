"""KDeps's `apiKey` as `${VAR}`. A literal key is never copied: it stays where it is, and a variable takes its place."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

_FROM_ENV = re.compile(r"""\{\{\s*(?:get\(\s*(['"])(\w+)\1\s*,\s*(['"])env\3\s*\)|env\(\s*(['"])(\w+)\4\s*\))\s*\}\}""")
_EXPRESSION = re.compile(r"\{\{.*\}\}", re.DOTALL)
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Key:
    """variable: its name. problem: what was not taken over, and why."""

    variable: str
    problem: str = ""


@dataclass
class Keys:
    """Variables for literal keys: the backend's own for the first, numbered ones for further different keys."""

    _literal: dict[str, str] = field(default_factory=dict, repr=False)
    _taken: set[str] = field(default_factory=set)

    def of(self, written: str | None, default: str) -> Key:
        """written: the resource's `apiKey`. default: the variable that KDeps reads without one."""
        if written is None:
            return Key(default)
        if match := _FROM_ENV.fullmatch(written) or _VARIABLE.fullmatch(written):
            return Key(next(group for group in reversed(match.groups()) if group and group not in "'\""))
        if _EXPRESSION.search(written):
            return Key(
                default, "the key comes with each request (session or expression); a contract has one key a model"
            )
        return Key(self._variable(written, default), "the key is written in the resource; it is not copied")

    def _variable(self, literal: str, default: str) -> str:
        # Only to tell one key from another; never shown.
        mark = hashlib.sha256(literal.encode()).hexdigest()
        if mark not in self._literal:
            number, name = 1, default
            while name in self._taken:
                number += 1
                name = f"{default}_{number}"
            self._taken.add(name)
            self._literal[mark] = name
        return self._literal[mark]
