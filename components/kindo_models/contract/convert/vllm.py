"""The `vllm serve` command of a model, one flag a line, as Kindo's page writes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from kindo_models.source import is_secret_name

# Flags whose value is a secret; the command names a variable in its place.
_SECRET_FLAGS = {"--api-key": "VLLM_API_KEY", "--hf-token": "HF_TOKEN"}


def serve_command(arguments: Iterable[str], env: Mapping[str, str], *, needs: Iterable[str] = ()) -> str:
    """`arguments`: what follows `vllm serve`, model first. env: variables of the server; one with a secret's name is
    named, not shown. needs: variables that must be set beforehand.
    """
    model, *rest = arguments
    lines = [f"vllm serve {shlex.quote(model)}", *_flags(rest)]
    variables = "".join(f"export {name}={_value(name, value)}\n" for name, value in sorted(env.items()))
    wanted = "".join(f"# needs the variable {name}\n" for name in needs)
    return wanted + variables + " \\\n  ".join(lines) + "\n"


def _flags(arguments: list[str]) -> list[str]:
    """Each flag with its values."""
    lines: list[list[str]] = []
    hidden: str | None = None
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if argument.startswith("--"):
            hidden = _SECRET_FLAGS.get(name)
            lines.append([f'{name}="${hidden}"' if hidden and equals else shlex.quote(argument)])
        elif not lines:
            lines.append([shlex.quote(argument)])
        else:
            lines[-1].append(f'"${hidden}"' if hidden else shlex.quote(argument))
    return [" ".join(line) for line in lines]


def _value(name: str, value: str) -> str:
    return f'"${{{name}:?}}"' if is_secret_name(name) else shlex.quote(value)
