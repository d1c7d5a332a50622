"""`extends: NAME`: a stack file over `base/NAME.yaml` beside it, over what that extends; every value keeps its place.

Maps merge, everything else replaces; `null` takes away what a base says. A base file is the environment object itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kindo_models.findings import Finding, InputError
from kindo_models.source import KeyPath, Source, nearest, read

BASES = "base"
EXTENDS = "extends"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


@dataclass(frozen=True)
class Layers(Source):
    """The merged environment as one Source: a place in it is the place in the file that the value came from."""

    origins: Mapping[KeyPath, tuple[Source, KeyPath]] = field(default_factory=dict, repr=False)

    def origin(self, path: Iterable[str | int]) -> tuple[Source, KeyPath]:
        """File and key path there; of what is written nowhere, those of its nearest parent."""
        parts = tuple(path)
        known = parts
        while known not in self.origins:
            known = known[:-1]
        source, there = self.origins[known]
        return source, (*there, *parts[len(known) :])

    def line(self, path: Iterable[str | int]) -> int | None:
        source, there = self.origin(path)
        return source.line(there)

    def finding(self, path: Iterable[str | int], code: str, message: str, hint: str = "", **extra: Any) -> Finding:
        source, there = self.origin(path)
        return source.finding(there, code, message, hint, **extra)

    def located(self, finding: Finding) -> Finding:
        """The finding with file and line, where its field is one of the environment; as it is when it has a line."""
        if finding.line is not None or finding.field is None:
            return finding
        path = key_path(finding.field)
        if path[:1] not in self.origins:
            return finding
        source, there = self.origin(path)
        return finding.model_copy(update={"file": source.file, "line": source.line(there)})


def key_path(field: str) -> KeyPath:
    """ "images.pullSecrets[0]" → ("images", "pullSecrets", 0)."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", field))


def read_layers(source: Source, at: KeyPath, bases: Path) -> Layers:
    """Merge the environment object at `at` of `source` with its bases in the folder `bases`.

    Raises InputError: `base-not-found`, `extends-cycle`, `not-a-map`, and what makes a base unreadable.
    """
    chain = [(source, at)]
    names: list[str] = []
    while (name := _extended(*chain[-1], bases)) is not None:
        last, there = chain[-1]
        if name in names:
            circle = " → ".join([*names[names.index(name) :], name])
            raise InputError(
                [
                    last.finding(
                        (*there, EXTENDS),
                        "extends-cycle",
                        f"bases extend each other in a circle: {circle}",
                        "take `extends` out of one of them",
                    )
                ]
            )
        names.append(name)
        chain.append((_base(name, bases), ()))
    data: Any = {}
    origins: dict[KeyPath, tuple[Source, KeyPath]] = {}
    for layer, there in reversed(chain):
        content = _content(layer, there)
        origins[()] = (layer, there)
        data = _merge(data, content, (), layer, there, origins)
    return Layers(file=source.file, data=data, origins=origins)


def _content(source: Source, at: KeyPath) -> dict[str, Any]:
    data = source.data
    for part in at:
        data = data[part]
    return {key: value for key, value in data.items() if key != EXTENDS}


def _extended(source: Source, at: KeyPath, bases: Path) -> str | None:
    data = source.data
    for part in at:
        data = data[part]
    name = data.get(EXTENDS)
    if name is None:
        return None
    if isinstance(name, str) and _NAME.match(name) and (bases / f"{name}.yaml").is_file():
        return name
    there = sorted(file.stem for file in bases.glob("*.yaml")) if bases.is_dir() else []
    guess = nearest(str(name), there)
    known = f"known: {', '.join(there)}" if there else f"write {bases / 'NAME.yaml'}"
    raise InputError(
        [
            source.finding(
                (*at, EXTENDS),
                "base-not-found",
                f"no base is called {name!r} in {bases}",
                f"did you mean {guess!r}?" if guess else known,
            )
        ]
    )


def _base(name: str, bases: Path) -> Source:
    source = read(bases / f"{name}.yaml")
    if source.data is None:
        return Source(source.file, {})
    if not isinstance(source.data, dict):
        raise InputError(
            [
                source.finding(
                    (),
                    "not-a-map",
                    "a base is a map of the environment's keys",
                    "write the keys at the top level, without `config:`",
                )
            ]
        )
    return source


def _merge(
    below: Any,
    above: Any,
    path: KeyPath,
    source: Source,
    there: KeyPath,
    origins: dict[KeyPath, tuple[Source, KeyPath]],
) -> Any:
    """`above`, from `there` in `source`, over `below`. Notes where each value came from."""
    if isinstance(below, dict) and isinstance(above, dict):
        merged = dict(below)
        for key, value in above.items():
            origins[(*path, key)] = (source, (*there, key))
            merged[key] = _merge(below.get(key), value, (*path, key), source, (*there, key), origins)
        return merged
    for old in [known for known in origins if known[: len(path)] == path and known != path]:
        del origins[old]
    _note(above, path, source, there, origins)
    return above


def _note(
    value: Any, path: KeyPath, source: Source, there: KeyPath, origins: dict[KeyPath, tuple[Source, KeyPath]]
) -> None:
    origins[path] = (source, there)
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, item in parts:
        _note(item, (*path, part), source, (*there, part), origins)
