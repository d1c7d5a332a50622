"""YAML text → plain data and the place of every key and value, within bounds that no input can exceed.

Events are read one by one, so neither deep nesting nor size can exhaust the stack; aliases are copied under a budget,
so an alias bomb ends early; a tag never constructs an object. Scalars are resolved as YAML 1.1, as PyYAML does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from kindo_models.findings import Finding, InputError
from kindo_models.source.words import KeyPath, dotted

LARGEST_BYTES = 4 * 1024 * 1024
"""A contract of 1,000 entries has about 0.5 MB."""
MOST_VALUES = 100_000
DEEPEST = 64
_LONGEST_NUMBER = 40

# libyaml is ten times faster than the reader in Python.
_READER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = {f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Place(NamedTuple):
    """Where a key or value stands: 1-based line, 0-based columns; `end` is None when it ends on a later line.
    `start` and `stop` count characters of the file.
    """

    line: int
    column: int
    end: int | None
    start: int
    stop: int


@dataclass
class Document:
    """`places`: of a key, or of a list's item; `values`: of what stands behind it. Merged and aliased parts have the
    place where they are written.
    """

    data: Any = None
    places: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    duplicates: list[Finding] = field(default_factory=list)


class _Node:
    """One node of the text, before aliases are copied in."""

    __slots__ = ("children", "key_text", "kind", "open", "place", "scalar")

    def __init__(self, kind: str, place: Place, scalar: Any = None, key_text: str = "") -> None:
        self.kind = kind
        self.place = place
        self.scalar = scalar
        self.key_text = key_text
        self.children: list[_Node] = []
        self.open = True


def load(text: str, file: str) -> Document:
    """Raises InputError when the text is not one YAML document within the bounds."""
    if len(text) > LARGEST_BYTES:
        raise too_large(file)
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise _refusal(
            file,
            line,
            f"the file holds the control character U+{ord(found.group()):04X}",
            "save it as plain UTF-8 text",
        )
    root = _nodes(text, file)
    document = Document()
    if root is None:
        document.places[()] = document.values[()] = Place(1, 0, None, 0, 0)
        return document
    document.data = _Builder(document, file).build(root, (), 0)
    document.places.setdefault((), root.place)
    return document


def too_large(file: str) -> InputError:
    return _refusal(
        file, None, f"{file} is larger than {LARGEST_BYTES // 1024**2} MiB", "is it a contract?", code="file-too-large"
    )


def _nodes(text: str, file: str) -> _Node | None:
    """The tree of the only document, None when there is none."""
    reader = _READER(text)
    try:
        return _tree(reader, file)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "this is not a YAML document"
        begun, noticed = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
        mark = begun if begun and "end of stream" in problem else noticed or begun
        line = mark.line + 1 if mark else None
        raise _refusal(file, line, f"the file is not valid YAML: {problem}", _hint(problem, text, mark)) from None
    finally:
        reader.dispose()


def _hint(problem: str, text: str, mark: Any) -> str:
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        return "indent with spaces: YAML forbids tabs there"
    if "mapping values are not allowed" in problem:
        return "is the line indented as its neighbours? Quote a value that contains `: `"
    if "could not find expected ':'" in problem or "did not find expected" in problem:
        return "look at this line and the one above: indentation, a missing `:` or an unclosed quote or bracket"
    return "look at this line and the one above it"


def _tree(reader: Any, file: str) -> _Node | None:
    root: _Node | None = None
    stack: list[_Node] = []
    anchors: dict[str, _Node] = {}
    documents = 0
    nodes = 0
    for event in _events(reader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refusal(file, line, "the file holds more than one YAML document", "remove the line `---`")
            continue
        if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            stack.pop().open = False
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        if nodes > MOST_VALUES:
            raise _too_many(file)
        node = anchors.get(event.anchor or "") if isinstance(event, yaml.AliasEvent) else _node(event, file)
        if node is None:
            raise _refusal(
                file, line, f"nothing is called &{event.anchor} above the alias *{event.anchor}", "write it out"
            )
        if isinstance(event, yaml.AliasEvent) and node.open:
            raise _refusal(file, line, f"the alias *{event.anchor} stands inside of what it refers to", "write it out")
        if stack:
            stack[-1].children.append(node)
        else:
            root = node
        if isinstance(event, yaml.AliasEvent):
            continue
        if event.anchor:
            anchors[event.anchor] = node
        if node.kind in ("map", "list"):
            stack.append(node)
            if len(stack) > DEEPEST:
                raise _refusal(file, line, f"the file is nested deeper than {DEEPEST} levels", "is it a contract?")
    return root


def _events(reader: Any) -> Iterator[Any]:
    while reader.check_event():
        yield reader.get_event()


def _node(event: Any, file: str) -> _Node:
    start, end = event.start_mark, event.end_mark
    place = Place(start.line + 1, start.column, end.column if end.line == start.line else None, start.index, end.index)
    tag = event.tag
    if tag not in (None, "!") and tag not in _PLAIN_TAGS:
        raise _refusal(file, place.line, f"the tag {tag} is refused: a contract is plain data", "remove the tag")
    if isinstance(event, yaml.MappingStartEvent):
        return _Node("map", place)
    if isinstance(event, yaml.SequenceStartEvent):
        return _Node("list", place)
    node = _Node("scalar", place, _scalar(event), event.value)
    node.open = False
    if event.implicit[0] and event.value == "<<":
        node.kind = "merge"
    return node


def _scalar(event: Any) -> Any:
    """The value that PyYAML's safe loader gives; text where that cannot be made (a month 13) or is beyond all use."""
    text: str = event.value
    tag = event.tag if event.tag not in (None, "!") else _RESOLVER.resolve(yaml.ScalarNode, text, event.implicit)
    if tag == f"{_CORE}str":
        return text
    if len(text) > _LONGEST_NUMBER:
        return text
    try:
        return _CONSTRUCTOR.yaml_constructors.get(tag, _text)(_CONSTRUCTOR, yaml.ScalarNode(tag, text))
    except (ValueError, OverflowError, KeyError, IndexError, yaml.YAMLError):
        return text


def _text(constructor: Any, node: yaml.ScalarNode) -> Any:
    return node.value


class _Builder:
    """Copies the tree into plain data, aliases included, and notes places."""

    def __init__(self, document: Document, file: str) -> None:
        self._document = document
        self._file = file
        self._left = MOST_VALUES
        # Without aliases a file holds no more text than it is long.
        self._text_left = LARGEST_BYTES

    def build(self, node: _Node, path: KeyPath, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise _too_many(self._file)
        self._document.values[path] = node.place
        if node.kind == "map":
            return self._map(node, path, depth)
        if node.kind == "list":
            items = []
            for index, child in enumerate(node.children):
                self._document.places[(*path, index)] = child.place
                items.append(self.build(child, (*path, index), depth + 1))
            return items
        self._use_text(node)
        return node.scalar

    def _use_text(self, scalar: _Node) -> None:
        """Counts a scalar's text where it is used: aliases of one long text are a bomb as well."""
        self._text_left -= scalar.place.stop - scalar.place.start
        if self._text_left < 0:
            raise _too_many(self._file)

    def _map(self, node: _Node, path: KeyPath, depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        places = self._document.places
        merged: list[_Node] = []
        for key, value in zip(node.children[::2], node.children[1::2], strict=True):
            if key.kind == "merge":
                merged += self._merged(value, depth)
                continue
            if key.kind != "scalar":
                raise _refusal(
                    self._file,
                    key.place.line,
                    "a key must be a word, not a list or a map",
                    "quote a value that begins with { or [, as in '{{ name }}'",
                )
            self._use_text(key)
            name = key.key_text
            child = (*path, name)
            if name in built:
                self._document.duplicates.append(
                    Finding(
                        code="duplicate-key",
                        message=f"key {name!r} is written twice (first on line {places[child].line})",
                        hint="keep one of them",
                        field=dotted(child),
                        file=self._file,
                        line=key.place.line,
                    )
                )
                continue
            places[child] = key.place
            built[name] = self.build(value, child, depth + 1)
        for other in merged:
            for key, value in zip(other.children[::2], other.children[1::2], strict=True):
                if key.kind == "scalar" and key.key_text not in built:
                    self._use_text(key)
                    places[(*path, key.key_text)] = key.place
                    built[key.key_text] = self.build(value, (*path, key.key_text), depth + 1)
        return built

    def _merged(self, value: _Node, depth: int) -> list[_Node]:
        """The maps behind `<<`, in order of precedence, with those that they merge themselves."""
        maps = value.children if value.kind == "list" else [value]
        found: list[_Node] = []
        for one in maps:
            self._left -= 1
            if self._left < 0 or depth > DEEPEST:
                raise _too_many(self._file)
            if one.kind != "map":
                raise _refusal(self._file, one.place.line, "behind `<<` stands no map", "merge a map: `<<: *defaults`")
            found.append(one)
            for key, inner in zip(one.children[::2], one.children[1::2], strict=True):
                if key.kind == "merge":
                    found += self._merged(inner, depth + 1)
        return found


def _too_many(file: str) -> InputError:
    return _refusal(
        file,
        None,
        f"the file holds more than {MOST_VALUES:,} values or {LARGEST_BYTES // 1024**2} MiB of text, aliases included",
        "is it a contract?",
    )


def _refusal(file: str, line: int | None, message: str, hint: str = "", *, code: str = "invalid-yaml") -> InputError:
    return InputError([Finding(code=code, message=message, hint=hint, file=file, line=line)])
