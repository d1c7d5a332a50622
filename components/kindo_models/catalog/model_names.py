"""Which catalogued architecture a model's name means: publishers, quantisation suffixes, dates and fine-tunes aside."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from kindo_models.catalog.architectures import Architecture, architectures
from kindo_models.catalog.files import CatalogPart, Head, load
from kindo_models.catalog.vllm_sizing import quantization_in_name

How = Literal["exact", "checkpoint", "variant", "fine-tune"]


class UnknownModel(ValueError):
    """No catalogued architecture has this name; `nearest` are the closest known ones."""

    def __init__(self, name: str, nearest: tuple[str, ...], why: str = "") -> None:
        self.name, self.nearest = name, nearest
        near = f"; nearest: {', '.join(nearest)}" if nearest else ""
        super().__init__(f"no architecture is known for {name!r}{f' ({why})' if why else ''}{near}")


@dataclass(frozen=True)
class ModelMatch:
    """`architecture` has the asked name. `how`: exact id · another checkpoint of it (quantised) · variant (other date
    or training: the context limit may differ) · fine-tune (the name holds a base model's)."""

    architecture: Architecture
    base: str
    how: How


class NameWords(CatalogPart):
    """Words that say something else than which architecture it is; see the file."""

    head: Head
    tuning: frozenset[str]
    retraining: frozenset[str]
    publishers: frozenset[str]
    storage: frozenset[str]
    kinds: frozenset[str]


@cache
def name_words() -> NameWords:
    return NameWords.model_validate(load("model_names.yaml"))


_DATE = re.compile(r"^(2[0-9](0[1-9]|1[0-2])|0[1-9][0-3]\d|1[0-2][0-3]\d|20\d{6}|20\d{2})$")
_SIZE = re.compile(r"^(a|e)?\d+(\.\d+)?[bmt]$|^\d+x\d+(\.\d+)?b$|^\d+e$")
_TOKEN = re.compile(
    r"\d+x\d+(?:\.\d+)?b(?![a-z])|[ae]\d+(?:\.\d+)?b(?![a-z])|\d+(?:\.\d+)?[bmt](?![a-z])|\d+e(?![a-z])|v\d+(?:\.\d+)*"
    r"|[a-z]+|\d+(?:\.\d+)*"
)


@cache
def find_model(name: str) -> ModelMatch:
    """The architecture that a name means, and how that was understood. Raises UnknownModel with the nearest known."""
    name = name.strip()
    known = _by_lower_case()
    exact = (
        known.get(name.lower())
        or known.get(_without_publisher(name).lower())
        or _by_letters_and_digits().get(_letters_and_digits(name))
    )
    if exact is not None:
        return ModelMatch(exact, exact.name, "exact")
    asked = _Words.of(name)
    candidates = [(words, a) for words, a in _catalogued() if words.essential == asked.essential]
    if candidates:
        return _as_named(name, asked, candidates)
    versions = [
        (words, a)
        for words, a in _catalogued()
        if asked.sizes == words.sizes
        and asked.sizes
        and all(re.match(r"v\d", token) for token in words.essential ^ asked.essential)
    ]
    if versions:
        latest = max(versions, key=lambda entry: sorted(entry[0].essential - asked.essential))
        return ModelMatch(_renamed(latest[1], name, certain=False), latest[1].name, "variant")
    bases = [
        (words, a)
        for words, a in _catalogued()
        if words.essential < asked.essential
        and asked.sizes == words.sizes
        and words.sizes
        and not any(_another_kind(token, words.essential) for token in asked.essential - words.essential)
    ]
    if bases:
        most = max(len(words.essential) for words, _ in bases)
        best = [(words, a) for words, a in bases if len(words.essential) == most]
        if len({_shape(a) for _, a in best}) == 1:
            return ModelMatch(_renamed(best[0][1], name, certain=False), best[0][1].name, "fine-tune")
    raise UnknownModel(name, _nearest(name))


def _another_kind(token: str, base: frozenset[str]) -> bool:
    """Whether a word beyond a base model's makes it another architecture: a kind, or the family's next version."""
    family = re.sub(r"\d.*$", "", token)
    return token in name_words().kinds or (family != token and family in base)


def split_draft(name: str) -> tuple[str, bool]:
    """A name as logs write it with a draft model beside it (`NAME + EAGLE draft`, `NAME + MTP`), and whether so."""
    base, plus, beside = name.partition("+")
    draft = bool(plus) and re.search(r"eagle|draft|medusa|mtp|speculat", beside.lower()) is not None
    return (base.strip(), True) if draft else (name, False)


def parameters_in_name(name: str) -> float | None:
    """Billions of parameters that a name tells (`70B`, `8x7B`, `30B-A3B`); None where it tells none."""
    found = [token for token in _tokens(name) if re.fullmatch(r"\d+x\d+(\.\d+)?b|\d+(\.\d+)?[bmt]", token)]
    if not found:
        return None
    token = found[0]
    if "x" in token:
        experts, size = token[:-1].split("x")
        return float(experts) * float(size)
    return float(token[:-1]) * {"b": 1.0, "m": 0.001, "t": 1000.0}[token[-1]]


@dataclass(frozen=True)
class _Words:
    essential: frozenset[str]
    tuning: frozenset[str]
    training: frozenset[str]
    sizes: frozenset[str]

    @classmethod
    def of(cls, name: str) -> _Words:
        tokens = _tokens(_without_storage(_without_publisher(name)))
        words = name_words()
        aside = words.tuning | words.retraining | words.publishers | words.storage
        essential = [t for t in tokens if t not in aside and not _DATE.match(t)]
        tuning = [t for t in tokens if t in words.tuning]
        training = [t for t in tokens if t in words.retraining or _DATE.match(t)]
        return cls(
            essential=frozenset(_numbered(essential)),
            tuning=frozenset(tuning),
            training=frozenset(training),
            sizes=frozenset(t for t in essential if _SIZE.match(t)),
        )


def _numbered(tokens: list[str]) -> Iterable[str]:
    """Tokens, version numbers with the word before them, so that `k2` and `v3` do not mix (`kimi k 2.5` → `k2.5`)."""
    previous = ""
    for token in tokens:
        yield f"{previous}{token}" if re.match(r"^\d", token) and not _SIZE.match(token) else token
        previous = token if token.isalpha() else previous


def _tokens(text: str) -> list[str]:
    # `Llama-3_1` is a version, `Qwen3_8B` a size after one.
    plain = re.sub(r"(?<=\d)_(?=\d+(?![\d.]*[bmt]))", ".", text.lower())
    return _TOKEN.findall(plain)


def _without_publisher(name: str) -> str:
    """Last part of an id or path, without remarks in brackets and without `publisher_` before it."""
    last = re.sub(r"\(.*?\)", "", name).strip().rstrip("/").split("/")[-1]
    return re.sub(r"^(?:[A-Za-z]+_)(?=[A-Za-z])", "", last) if "_" in last.split("-")[0] else last


def _without_storage(name: str) -> str:
    """Without what names a weight format: file endings, bit widths, group sizes."""
    text = re.sub(r"\.(gguf|safetensors|bin)$", "", name, flags=re.IGNORECASE)
    text = re.sub(r"(?<=fp4|fp8|nt4)-v\d+$", "", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(i?q[2-8])([_-](k|0|1|xs|xxs|nl|s))?([_-](s|m|l|xl))?\b", " ", text, flags=re.IGNORECASE)
    return re.sub(
        r"(?<![a-z0-9])(nv|mx)?fp(4|8|16)(a16)?|(?<![a-z0-9])bf16|(?<![a-z0-9])w\d+a\d+(fp8)?|int-?[348]|[348]-?bits?|"
        r"(?<![a-z])(awq|gptq|bnb)(?![a-z])|auto-?_?round|(?<![a-z])f(16|8|32)(?![a-z0-9])|e4m3|e5m2",
        " ",
        text,
        flags=re.IGNORECASE,
    )


def _as_named(name: str, asked: _Words, candidates: list[tuple[_Words, Architecture]]) -> ModelMatch:
    """The candidate whose training and tuning words agree most, under the asked name."""

    def agreement(candidate: tuple[_Words, Architecture]) -> tuple[int, int, int]:
        words, known = candidate
        differs = len(words.training ^ asked.training)
        return (-differs, len(words.tuning & asked.tuning) - len(words.tuning - asked.tuning), -len(known.name))

    words, base = max(candidates, key=agreement)
    same = words.training == asked.training
    return ModelMatch(_renamed(base, name, certain=same), base.name, "checkpoint" if same else "variant")


def _renamed(base: Architecture, name: str, *, certain: bool) -> Architecture:
    """The architecture under another checkpoint's name: sizes of the base's files do not hold for another format."""
    named = quantization_in_name(name)
    checkpoint = base.checkpoint
    if named is not None and checkpoint is not None and quantization_in_name(checkpoint.quantization or "") != named:
        checkpoint = checkpoint.model_copy(update={"quantization": named.name, "gib": None})
    return base.model_copy(
        update={
            "name": name,
            "checkpoint": checkpoint,
            "limit_certain": certain and base.limit_certain,
            "source": f"{base.source}; as {base.name}",
        }
    )


def _shape(a: Architecture) -> tuple[object, ...]:
    return (a.hidden_size, a.num_layers, a.num_kv_heads, a.head_dim, a.vocab_size, a.mla, a.experts, a.layers)


@cache
def _by_lower_case() -> Mapping[str, Architecture]:
    """By id, and by the id without its publisher where that is unique."""
    known = {name.lower(): a for name, a in architectures().items()}
    for name, a in architectures().items():
        known.setdefault(name.split("/")[-1].lower(), a)
    return known


@cache
def _by_letters_and_digits() -> Mapping[str, Architecture]:
    """As _by_lower_case, for names with other separators (`meta-llama-llama-3-1-8b-instruct`)."""
    known: dict[str, Architecture] = {}
    for name, a in _by_lower_case().items():
        known.setdefault(_letters_and_digits(name), a)
    return known


def _letters_and_digits(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _catalogued() -> tuple[tuple[_Words, Architecture], ...]:
    return tuple((_Words.of(name), a) for name, a in architectures().items())


def _nearest(name: str) -> tuple[str, ...]:
    short = {known.split("/")[-1].lower(): known for known in architectures()}
    wanted = _without_publisher(name).lower()
    near = difflib.get_close_matches(wanted, short, n=3, cutoff=0.5)
    return tuple(short[key] for key in near)
