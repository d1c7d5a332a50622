"""Reading a stack file: merged with what it extends, variables filled in, checked; all findings at once.

A string that is exactly `${NAME}` is taken from the process environment, so that addresses of a local cluster or of a
build need no edit; secrets do not belong here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kindo_models.environment.combinations import combinations
from kindo_models.environment.layers import BASES, Layers, read_layers
from kindo_models.environment.model import Environment
from kindo_models.findings import Finding, InputError
from kindo_models.source import KeyPath, Source, findings_of, read

CONFIG_KEY = "kindo-models:environment"
VARIABLE = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$")


@dataclass(frozen=True)
class Loaded:
    """A checked environment, and where each of its values is written."""

    environment: Environment
    layers: Layers


def load_environment(
    path: str | Path, *, variables: Mapping[str, str] | None = None, name: str | None = None
) -> Environment:
    """Read a stack file. `variables` defaults to the process environment. Raises InputError with all findings."""
    return load(path, variables=variables, name=name).environment


def load(path: str | Path, *, variables: Mapping[str, str] | None = None, name: str | None = None) -> Loaded:
    """As `load_environment`, with the places of the values."""
    return check(read_stack_file(path, name=name), os.environ if variables is None else variables)


def read_stack_file(path: str | Path, *, name: str | None = None) -> Layers:
    """The environment object of a stack file over its bases (`base/` beside it), not checked yet."""
    source = read(Path(path), name=name)
    config = source.data.get("config") if isinstance(source.data, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get(CONFIG_KEY), dict):
        raise InputError(
            [
                source.finding(
                    (), "no-environment", f"the file has no object `config: {CONFIG_KEY}:`", "see docs/environment.md"
                )
            ]
        )
    return read_layers(source, ("config", CONFIG_KEY), Path(path).parent / BASES)


def check(layers: Layers, variables: Mapping[str, str]) -> Loaded:
    """Raises InputError with all findings."""
    missing: list[Finding] = []
    data = _written(expand(layers.data, (), variables, layers, missing))
    try:
        environment = Environment.model_validate(data)
    except ValidationError as error:
        # A missing variable leaves its `${NAME}` in place; its own finding says more than the pattern it then fails.
        lost = {finding.field for finding in missing}
        found = [finding for finding in findings_of(error, layers, Environment) if finding.field not in lost]
        raise InputError([*missing, *found]) from None
    if refused := [*missing, *combinations(environment, layers)]:
        raise InputError(refused)
    return Loaded(environment, layers)


def _written(value: Any) -> Any:
    """Without `null`: it takes away what a base says, and a section whose keys are all commented out says nothing."""
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items() if item is not None}
    return value


def expand(value: Any, path: KeyPath, variables: Mapping[str, str], source: Source, missing: list[Finding]) -> Any:
    """`value` with its `${NAME}` filled in; those that are not set stay as written and are added to `missing`."""
    if isinstance(value, dict):
        return {key: expand(item, (*path, key), variables, source, missing) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, (*path, index), variables, source, missing) for index, item in enumerate(value)]
    match = VARIABLE.match(value) if isinstance(value, str) else None
    if match is None:
        return value
    if found := variables.get(match.group(1)):
        return found
    missing.append(
        source.finding(
            path,
            "missing-variable",
            f"the environment variable {match.group(1)} is not set",
            f'set {match.group(1)}; for the stack local: eval "$(make env)"',
        )
    )
    return value
