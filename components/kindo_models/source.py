"""Reading YAML with the line of every key and value, and turning pydantic's complaints into findings that name them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from kindo_models.findings import Finding, InputError

# libyaml is ten times faster; both refuse tags that construct objects.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """A parsed YAML file: plain data, and the line of each key path (1-based)."""

    file: str
    data: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def line(self, path: Iterable[str | int]) -> int | None:
        """Line of the path, else of its nearest parent that has one."""
        parts = tuple(path)
        while True:
            if parts in self.lines:
                return self.lines[parts]
            if not parts:
                return None
            parts = parts[:-1]

    def at(self, *path: str | int) -> Source:
        """The part of the document under `path`, with its lines."""
        data = self.data
        for part in path:
            data = data[part]
        n = len(path)
        return Source(self.file, data, {key[n:]: line for key, line in self.lines.items() if key[:n] == path})

    def finding(self, path: Iterable[str | int], code: str, message: str, hint: str = "", **extra: Any) -> Finding:
        parts = tuple(path)
        return Finding(
            code=code, message=message, hint=hint, field=dotted(parts), file=self.file, line=self.line(parts), **extra
        )


def read(path: Path, *, name: str | None = None) -> Source:
    """Read a YAML file. Raises InputError (`unreadable-file`, `invalid-yaml`, `duplicate-key`) with file and line."""
    file = name or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(
            [Finding(code="unreadable-file", message=f"cannot read {file}: {reason}", file=file)]
        ) from None
    return parse(text, file=file)


def parse(text: str, *, file: str) -> Source:
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Source(file, None, {(): 1})
        lines: dict[KeyPath, int] = {}
        duplicates: list[Finding] = []
        _walk(node, (), lines, duplicates, file)
        if duplicates:
            raise InputError(duplicates)
        return Source(file, loader.construct_document(node), lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not a YAML document"
        raise InputError(
            [Finding(code="invalid-yaml", message=f"{problem}", file=file, line=mark.line + 1 if mark else None)]
        ) from None
    finally:
        loader.dispose()


def _walk(node: Any, path: KeyPath, lines: dict[KeyPath, int], duplicates: list[Finding], file: str) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            key = str(key_node.value)
            child = (*path, key)
            line = key_node.start_mark.line + 1
            if child in lines:
                duplicates.append(
                    Finding(
                        code="duplicate-key",
                        message=f"key {key!r} is written twice (first on line {lines[child]})",
                        hint="keep one of them",
                        field=dotted(child),
                        file=file,
                        line=line,
                    )
                )
                continue
            lines[child] = line
            _walk(value, child, lines, duplicates, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines, duplicates, file)


def dotted(path: Iterable[str | int]) -> str:
    """("models", 3, "apiVersion") → "models[3].apiVersion"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def nearest(value: str, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """The known word that `value` most likely means, None when nothing is close."""
    words = {word.lower(): word for word in known}
    matches = difflib.get_close_matches(value.lower(), list(words), n=1, cutoff=cutoff)
    return words[matches[0]] if matches else None


def findings_of(error: ValidationError, source: Source, model: type[BaseModel], at: KeyPath = ()) -> list[Finding]:
    """pydantic's errors as findings: key path, line, the value, what is allowed, the nearest known key."""
    return [_finding(detail, source, model, at) for detail in error.errors(include_url=False, include_context=True)]


def _finding(detail: Any, source: Source, model: type[BaseModel], at: KeyPath) -> Finding:
    path = (*at, *(part for part in detail["loc"] if not str(part).startswith(("function-", "is-instance"))))
    name = str(path[-1]) if path else ""
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _keys(model, tuple(detail["loc"][:-1]))
        guess = nearest(name, known)
        hint = f"did you mean {guess!r}?" if guess else f"known keys: {', '.join(sorted(known))}"
        return source.finding(path, "unknown-key", f"unknown key {name!r}", hint)
    if kind == "missing":
        return source.finding(path, "missing-key", f"required key {name!r} is missing", f"add `{name}: …`")
    value = detail.get("input")
    shown = f" (found {value!r})" if isinstance(value, (str, int, float, bool)) and not _secret(name) else ""
    if kind in ("literal_error", "enum"):
        expected = detail.get("ctx", {}).get("expected", "")
        words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
        guess = nearest(value, words) if isinstance(value, str) else None
        return source.finding(
            path, "not-allowed", f"{name}: allowed are {expected}{shown}", f"did you mean {guess!r}?" if guess else ""
        )
    if kind == "value_error":
        return source.finding(path, "invalid-value", str(detail["ctx"]["error"]))
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return source.finding(path, "wrong-type", f"{name}: {message}{shown}")


def _secret(name: str) -> bool:
    """Fields whose value is never shown, whatever is wrong with it."""
    return any(word in name.lower() for word in ("key", "token", "secret", "password"))


def _keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> set[str]:
    """Keys that the (nested) model at `loc` knows, by their names in the file."""
    current: Any = model
    for part in loc:
        current = _step(current, part)
        if current is None:
            return set()
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return set()
    return {info.alias or name for name, info in current.model_fields.items()}


def _step(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                return _unwrap(info.annotation)
        return None
    args = [arg for arg in get_args(annotation) if arg is not type(None)]
    if get_origin(annotation) is not None and args:
        return _unwrap(args[-1] if not isinstance(part, int) else args[0])
    return None


def _unwrap(annotation: Any) -> Any:
    """Strip Optional; keep lists and maps, whose element type `_step` takes."""
    if get_origin(annotation) in (list, dict, tuple, Literal) or isinstance(annotation, type):
        return annotation
    args = [arg for arg in get_args(annotation) if arg is not type(None)]
    return _unwrap(args[0]) if len(args) == 1 else annotation
