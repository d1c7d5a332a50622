"""Changes keys of entries in a contract's text and leaves every other character as it is: comments, order, quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from kindo_models.findings import Finding, InputError
from kindo_models.source import scan

_READER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Plain in a block; anything else is quoted. What YAML would take for a number or a truth value is quoted as well.
_PLAIN = re.compile(r"[A-Za-z$/][\w./:@${}~-]*[\w/}]")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null"}

Changes = Mapping[int, Mapping[str, str | None]]
"""Entry's index → key → its new value, None to remove it."""


@dataclass
class _Pair:
    """Character offsets: key from `start`, `colon` behind its colon, value from `value` to `stop`."""

    key: str
    start: int
    colon: int
    value: int
    stop: int


@dataclass
class _Item:
    """One entry in the text."""

    flow: bool
    pairs: list[_Pair] = field(default_factory=list)

    def find(self, key: str) -> int | None:
        return next((index for index, pair in enumerate(self.pairs) if pair.key == key), None)


def changed(text: str, changes: Changes, *, file: str) -> str:
    """The text with these keys of `models:` set or removed. A key that is not there is added: in the place of a removed
    `deploy:`, else after the last key that stays.

    Raises InputError where the text cannot be changed in place (an entry that is an alias, or takes a key that must go
    through a merge key).
    """
    if not any(changes.values()):
        return text
    before = scan(text, file=file).data
    items = _items(text)
    edits: list[tuple[int, int, str]] = []
    for index, wanted in changes.items():
        item = items[index] if index < len(items) else None
        if item is None:
            raise _refusal(file, index, "is written as an alias")
        edits += _edits(text, item, wanted)
    pieces: list[str] = []
    end = 0
    for start, stop, new in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [text[end:start], new]
        end = max(end, stop)
    result = "".join([*pieces, text[end:]])
    _verify(before, result, changes, file)
    return result


def _edits(text: str, item: _Item, wanted: Mapping[str, str | None]) -> Iterator[tuple[int, int, str]]:
    added = {key: value for key, value in wanted.items() if value is not None and item.find(key) is None}
    removed = [place for key, value in wanted.items() if value is None and (place := item.find(key)) is not None]
    for key, value in wanted.items():
        place = item.find(key)
        if value is not None and place is not None:
            pair = item.pairs[place]
            new = _scalar(value, item.flow)
            inline = pair.stop > pair.value and "\n" not in text[pair.colon : pair.value]
            yield (pair.value, pair.stop, new) if inline else (pair.colon, pair.stop, f" {new}")
    if added:
        lines = [f"{key}: {_scalar(str(value), item.flow)}" for key, value in added.items()]
        deploy = item.find("deploy")
        if deploy in removed:
            pair = item.pairs[deploy]
            removed.remove(deploy)
            stop = pair.stop if item.flow else _last_line_end(text, pair)
            yield pair.start, stop, (", " if item.flow else _new_line(text, pair.start)).join(lines)
        else:
            last = next(pair for place, pair in reversed(list(enumerate(item.pairs))) if place not in removed)
            end = last.stop if item.flow else _last_line_end(text, last)
            separator = ", " if item.flow else _new_line(text, item.pairs[0].start)
            yield end, end, "".join(separator + line for line in lines)
    yield from _removals(text, item, sorted(removed))


def _removals(text: str, item: _Item, removed: list[int]) -> Iterator[tuple[int, int, str]]:
    for run in _runs(removed):
        first, last = item.pairs[run[0]], item.pairs[run[-1]]
        following = item.pairs[run[-1] + 1] if run[-1] + 1 < len(item.pairs) else None
        if item.flow:
            yield (first.start, following.start, "") if following else (item.pairs[run[0] - 1].stop, last.stop, "")
            continue
        for place in run:
            pair = item.pairs[place]
            if run[0] == 0:
                # Beside the dash of the list: what follows takes the place, be it a comment.
                rest = text[_last_line_end(text, pair) :]
                yield pair.start, len(text) - len(rest.lstrip()), ""
            else:
                yield text.rfind("\n", 0, pair.start) + 1, _block_end(text, pair), ""


def _runs(places: list[int]) -> Iterator[list[int]]:
    """Neighbours together: [1, 2, 5] → [1, 2], [5]."""
    run: list[int] = []
    for place in places:
        if run and place != run[-1] + 1:
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _block_end(text: str, pair: _Pair) -> int:
    """Start of the line that follows the pair."""
    return min(text.find("\n", _last_line_end(text, pair)) + 1 or len(text), len(text))


def _last_line_end(text: str, pair: _Pair) -> int:
    """End of the value's last line, or of comment lines below it that are indented like parts of it."""
    column = pair.start - (text.rfind("\n", 0, pair.start) + 1)
    end = _line_end(text, pair.stop)
    while match := re.match(r"(\r?\n)( *)#[^\r\n]*", text[end:]):
        if len(match.group(2)) <= column:
            break
        end += match.end()
    return end


def _line_end(text: str, position: int) -> int:
    """Before the line break."""
    end = text.find("\n", position)
    end = len(text) if end < 0 else end
    return end - 1 if end > position and text[end - 1] == "\r" else end


def _new_line(text: str, start: int) -> str:
    """Line break and indentation of a key that begins at `start`."""
    line_break = "\r\n" if "\r\n" in text else "\n"
    return line_break + " " * (start - (text.rfind("\n", 0, start) + 1))


def _scalar(value: str, flow: bool) -> str:
    plain = bool(_PLAIN.fullmatch(value)) and value.lower() not in _WORDS and not (flow and re.search(r"[{}]", value))
    return value if plain else json.dumps(value, ensure_ascii=False)


def _items(text: str) -> list[_Item | None]:
    """The entries of the top-level list `models`; None for one that is no mapping of its own."""
    events: Iterator[Any] = yaml.parse(text, Loader=_READER)
    for event in events:
        if isinstance(event, yaml.MappingStartEvent):
            break
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        value = next(events)
        if (
            isinstance(event, yaml.ScalarEvent)
            and event.value == "models"
            and isinstance(value, yaml.SequenceStartEvent)
        ):
            return list(_sequence(text, events))
        _stop(text, value, events)
    return []


def _sequence(text: str, events: Iterator[Any]) -> Iterator[_Item | None]:
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            return
        if not isinstance(event, yaml.MappingStartEvent):
            _stop(text, event, events)
            yield None
            continue
        item = _Item(flow=bool(event.flow_style))
        for key in events:
            if isinstance(key, yaml.MappingEndEvent):
                break
            after_key = _stop(text, key, events)
            value = next(events)
            stop = _stop(text, value, events)
            start = _offset(value.start_mark)
            colon = text.index(":", after_key) + 1
            if stop <= start:
                # An empty value has no place of its own: it stands behind the colon.
                start = stop = colon
            item.pairs.append(_Pair(getattr(key, "value", ""), _offset(key.start_mark), colon, start, stop))
        yield item


def _stop(text: str, event: Any, events: Iterator[Any]) -> int:
    """Offset behind the last character of the node that begins with this event; reads its events."""
    start, stop = _offset(event.start_mark), _offset(event.end_mark)
    if isinstance(event, yaml.CollectionStartEvent):
        for inner in events:
            if isinstance(inner, yaml.CollectionEndEvent):
                return _offset(inner.end_mark) if event.flow_style else stop
            stop = max(stop, _stop(text, inner, events))
    return start + len(text[start:stop].rstrip())


def _offset(mark: Any) -> int:
    """Characters from the start of the text."""
    return int(mark.index)


def _verify(before: Any, result: str, changes: Changes, file: str) -> None:
    """The result must say what was asked for and nothing else: anchors and merge keys reach beyond their place."""
    for index, wanted in changes.items():
        entry = before["models"][index]
        for key, value in wanted.items():
            if value is None:
                entry.pop(key, None)
            else:
                entry[key] = value
    try:
        after = scan(result, file=file).data
    except InputError:
        after = None
    if after == before:
        return
    for index in changes:
        if after is None or after["models"][index] != before["models"][index]:
            raise _refusal(file, index, "shares keys with others through an anchor or a merge key (&, *, <<)")
    raise _refusal(file, next(iter(changes)), "shares keys with others through an anchor or a merge key (&, *, <<)")


def _refusal(file: str, index: int, what: str) -> InputError:
    return InputError(
        [
            Finding(
                code="cannot-rewrite-in-place",
                message=f"the entry models[{index}] {what}, so it cannot be rewritten without touching the rest",
                hint="write its keys out in the entry itself",
                field=f"models[{index}]",
                file=file,
            )
        ]
    )
