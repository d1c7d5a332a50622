"""`kindo-models environment show`: what a stack's settings are after merging, and where each value is written."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kindo_models.commands import printing
from kindo_models.commands.printing import Column
from kindo_models.commands.selection import ONE_OF_TWO, select
from kindo_models.environment.layers import Layers
from kindo_models.environment.load import check, expand, read_stack_file
from kindo_models.environment.model import Environment
from kindo_models.findings import Finding, InputError
from kindo_models.source import KeyPath, dotted

DEFAULT = "default"
COLUMNS = (Column("key"), Column("value"), Column("written in"))


def show_environment(stack: str | None, environment: Path | None, *, defaults: bool, format: str) -> int:
    """Variables that are not set are said on standard error and stay `${NAME}`; other mistakes end with 2."""
    missing: list[Finding] = []
    try:
        selection = select(None, stack, environment, hint=ONE_OF_TWO)
        assert selection.settings is not None
        layers = read_stack_file(selection.settings)
        data = expand(layers.data, (), os.environ, layers, missing)
        _check(layers)
    except InputError as error:
        return printing.refuse(error.findings, as_json=format == "json")
    merged = _over(_defaults(), data) if defaults else data
    if format == "json":
        origins = {dotted(path): _place(layers, path) for path, _ in _leaves(merged)}
        printing.print_json({"stack": selection.name, "environment": merged, "origins": origins})
    elif format == "yaml":
        print(_yaml(merged, layers), end="")
    else:
        rows = [[dotted(path), _text(value), _place(layers, path)] for path, value in _leaves(merged)]
        printing.print_table(printing.console(), COLUMNS, rows, title=f"Environment of {selection.name}")
    if missing:
        import sys

        printing.print_findings(
            printing.console(sys.stderr), [one.model_copy(update={"severity": "warning"}) for one in missing]
        )
    return 0


def _check(layers: Layers) -> None:
    try:
        check(layers, os.environ)
    except InputError as error:
        if wrong := [finding for finding in error.findings if finding.code != "missing-variable"]:
            raise InputError(wrong) from None


def _defaults() -> dict[str, Any]:
    made: dict[str, Any] = Environment().model_dump(mode="json", by_alias=True)
    return made


def _over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {key: _over(below.get(key), above[key]) if key in above else below[key] for key in {**below, **above}}


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every value that is no map; lists stand as a whole, as they are replaced as a whole."""
    if isinstance(value, dict) and (value or not path):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, value


def _place(layers: Layers, path: KeyPath) -> str:
    if path not in layers.origins:
        return DEFAULT
    source, there = layers.origins[path]
    return f"{source.file}:{source.line(there)}"


def _text(value: Any) -> str:
    from json import dumps

    return value if isinstance(value, str) else dumps(value, ensure_ascii=False)


def _yaml(merged: dict[str, Any], layers: Layers) -> str:
    """The object as it would stand in one file, the place of each value behind it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    def commented(value: Any, path: KeyPath) -> Any:
        if not isinstance(value, dict):
            return value
        made = CommentedMap()
        for key, item in value.items():
            made[key] = commented(item, (*path, key))
            if not isinstance(item, (dict, list)) or not item:
                made.yaml_add_eol_comment(_place(layers, (*path, key)), key)
            elif isinstance(item, list):
                made.yaml_set_comment_before_after_key(key, _place(layers, (*path, key)), indent=2 * len(path))
        return made

    text = io.StringIO()
    writer = YAML()
    writer.width = 4096
    writer.dump(commented(merged, ()), text)
    return text.getvalue()
