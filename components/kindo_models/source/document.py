"""A YAML file as plain data with the place of every key and value, and its lines for people, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kindo_models.findings import Finding, InputError
from kindo_models.source import yaml_reader
from kindo_models.source.secrets import MASK, Literals, is_secret_name, redacted
from kindo_models.source.words import KeyPath, cut, dotted
from kindo_models.source.yaml_reader import Place

# What YAML takes for the end of a line.
_LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NAMED = re.compile(r"^\s*\$\{[^}]*\}\s*$")
# A finding is for people, whatever stands in the file.
_LONGEST_NAME = 300
_LONGEST_TEXT = 2000


@dataclass(frozen=True)
class Source:
    """A parsed YAML file.

    data: plain data; keys are texts. places: of each key path's key or list item; values: of what stands behind it.
    text: the file. problems: keys that are written twice (the first one counts).
    """

    file: str
    data: Any
    places: Mapping[KeyPath, Place] = field(default_factory=dict, repr=False)
    values: Mapping[KeyPath, Place] = field(default_factory=dict, repr=False)
    text: str = field(default="", repr=False)
    problems: tuple[Finding, ...] = ()

    def line(self, path: Iterable[str | int]) -> int | None:
        """Line of the path, else of its nearest parent that has one (1-based)."""
        place = self._nearest(tuple(path))
        return place.line if place else None

    def at(self, *path: str | int) -> Source:
        """The part of the document under `path`, with its places."""
        data = self.data
        for part in path:
            data = data[part]
        n = len(path)
        return Source(
            self.file,
            data,
            {key[n:]: place for key, place in self.places.items() if key[:n] == path},
            {key[n:]: place for key, place in self.values.items() if key[:n] == path},
            self.text,
        )

    def finding(self, path: Iterable[str | int], code: str, message: str, hint: str = "", **extra: Any) -> Finding:
        parts = tuple(path)
        return Finding(
            code=code, message=message, hint=hint, field=dotted(parts), file=self.file, line=self.line(parts), **extra
        )

    def located(self, finding: Finding) -> Finding:
        """The finding with file and line, where its field is in this file; as it is when it has a line already."""
        if finding.line is not None or finding.field is None:
            return finding
        root = finding.field.partition(".")[0].partition("[")[0]
        if (root,) not in self.places:
            return finding
        return finding.model_copy(update={"file": self.file, "line": self.line(self._paths_up(finding.field))})

    def redacted(self, finding: Finding) -> Finding:
        """The finding without any secret that the file holds, wherever it got into the texts; none of them endless."""
        texts = {name: getattr(finding, name) or "" for name in ("message", "hint", "field", "model")}
        names = ("field", "model")
        clean = {name: redacted(text, None if name in names else self.literals) for name, text in texts.items()}
        clean = {name: cut(text, _LONGEST_NAME if name in names else _LONGEST_TEXT) for name, text in clean.items()}
        changed = {name: text for name, text in clean.items() if text != texts[name]}
        return finding.model_copy(update=changed) if changed else finding

    def excerpt(self, finding: Finding) -> tuple[str, int, int] | None:
        """The finding's line as a person may see it (secrets masked, comments beside them cut), and the columns that
        it is about: 0-based, end exclusive. None without a line.
        """
        if finding.line is None or not 0 < finding.line <= len(self._lines):
            return None
        text = self._lines[finding.line - 1]
        place = self._pointed(finding)
        start, end = (place.column, place.end or len(text)) if place else (len(text) - len(text.lstrip()), len(text))
        return self._safe_line(finding.line, text, start, end)

    @cached_property
    def literals(self) -> Literals:
        """Secret values that the file holds literally: never to be shown."""
        return Literals(value for value in self._secret_texts() if not _NAMED.match(value))

    def _pointed(self, finding: Finding) -> Place | None:
        """The value behind the field where it is on the key's line and not the key itself is meant, else the key."""
        path = self._by_field.get(finding.field or "")
        if not path:
            return None
        key, value = self.places.get(path), self.values.get(path)
        if key is None or key.line != finding.line:
            return None
        about_key = finding.code in ("unknown-key", "duplicate-key") or isinstance(path[-1], int)
        return value if value and value.line == key.line and not about_key else key

    def _safe_line(self, line: int, text: str, start: int, end: int) -> tuple[str, int, int]:
        if line in self._inside_secrets:
            return MASK, 0, len(MASK)
        spans = sorted((place.column, place.end or len(text)) for place in self._secret_places.get(line, ()))
        if spans:
            # A comment on such a line may hold the old key.
            text = text[: max(spans[-1][1], end)]
        for first, last in reversed(spans):
            text = text[:first] + MASK + text[last:]
            if start >= last:
                start, end = start - (last - first) + len(MASK), end - (last - first) + len(MASK)
            elif end >= last:
                end -= last - first - len(MASK)
        safe = redacted(text, self.literals)
        return (safe, start, end) if safe == text else (safe, min(start, len(safe)), min(end, len(safe)))

    @cached_property
    def _lines(self) -> list[str]:
        return _LINE_ENDS.split(self.text)

    @cached_property
    def _by_field(self) -> dict[str, KeyPath]:
        return {dotted(path): path for path in self.places}

    @cached_property
    def _secret_places(self) -> dict[int, list[Place]]:
        """Places of secrets by the line on which each begins."""
        found: dict[int, list[Place]] = {}
        for path in self._secret_paths():
            if place := self.values.get(path):
                found.setdefault(place.line, []).append(place)
        return found

    @cached_property
    def _inside_secrets(self) -> frozenset[int]:
        """Lines that are the continuation of a secret."""
        several = [place for places in self._secret_places.values() for place in places if place.end is None]
        ends = [(place.line, len(_LINE_ENDS.findall(self.text, place.start, place.stop))) for place in several]
        return frozenset(line for first, more in ends for line in range(first + 1, first + more + 1))

    def _secret_paths(self) -> Iterator[KeyPath]:
        for path in self.values:
            if any(isinstance(part, str) and is_secret_name(part) for part in path) and not self._variable(path):
                yield path

        yield from self._secret_arguments()

    def _secret_arguments(self) -> Iterator[KeyPath]:
        """List items that are an option's secret: the one after `--api-key`, or `--api-key=…` itself."""
        for path in self.values:
            if not isinstance(path[-1] if path else None, int):
                continue
            words = [self._written(path), self._written((*path[:-1], int(path[-1]) - 1))]
            attached = words[0].startswith("-") and "=" in words[0] and is_secret_name(words[0].partition("=")[0])
            if attached or (words[1].startswith("--") and "=" not in words[1] and is_secret_name(words[1])):
                yield path

    def _written(self, path: KeyPath) -> str:
        place = self.values.get(path)
        return self.text[place.start : place.stop].strip("\"'") if place else ""

    def _variable(self, path: KeyPath) -> bool:
        """`${NAME}` is no secret."""
        return bool(_NAMED.match(self._written(path)))

    def _secret_texts(self) -> Iterator[str]:
        for path in self._secret_paths():
            value: Any = self.data
            try:
                for part in path:
                    value = value[part]
            except (KeyError, IndexError, TypeError):
                continue
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                yield str(value)

    def _nearest(self, path: KeyPath) -> Place | None:
        while True:
            if path in self.places:
                return self.places[path]
            if not path:
                return None
            path = path[:-1]

    def _paths_up(self, name: str) -> KeyPath:
        """The key path of a dotted field, or of its nearest parent that is in the file."""
        while name:
            if name in self._by_field:
                return self._by_field[name]
            name = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]*)$", "", name)
        return ()


def read(path: Path, *, name: str | None = None) -> Source:
    """Read a YAML file. Raises InputError (`unreadable-file`, `invalid-yaml`, `duplicate-key`, `file-too-large`)."""
    return _without_problems(scan_file(path, name=name))


def parse(text: str, *, file: str) -> Source:
    """As `read`, from text."""
    return _without_problems(scan(text, file=file))


def scan_file(path: Path, *, name: str | None = None) -> Source:
    """As `read`, but keys that are written twice are `problems` of the Source, so that other findings can follow."""
    file = name or str(path)
    return scan(read_text(path, file=file), file=file)


def read_text(path: Path, *, file: str) -> str:
    """The text of a file of bounded size. Raises InputError (`unreadable-file`, `file-too-large`)."""
    try:
        with path.open("rb") as stream:
            # Bounded, as a path may be a device.
            content = stream.read(yaml_reader.LARGEST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) > yaml_reader.LARGEST_BYTES:
            raise yaml_reader.too_large(file) from None
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(file, "it is not UTF-8 text", line) from None
    except (OSError, ValueError) as error:
        raise _unreadable(file, getattr(error, "strerror", None) or "this is no file name") from None
    if len(content) > yaml_reader.LARGEST_BYTES:
        raise yaml_reader.too_large(file)
    return text


def scan(text: str, *, file: str) -> Source:
    """As `scan_file`, from text."""
    document = yaml_reader.load(text, file)
    return Source(file, document.data, document.places, document.values, text, tuple(document.duplicates))


def _without_problems(source: Source) -> Source:
    if source.problems:
        raise InputError(source.problems)
    return source


def _unreadable(file: str, reason: str, line: int | None = None) -> InputError:
    hint = "save it as UTF-8 text" if line else "check the path and its permissions"
    message = f"cannot read {file}: {reason}"
    return InputError([Finding(code="unreadable-file", message=message, hint=hint, file=file, line=line)])
