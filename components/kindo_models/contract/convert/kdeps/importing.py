"""KDeps documents → contract entries, one a model; every fact that is missing and everything left behind is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kindo_models.contract.convert.entry_text import entry_text
from kindo_models.contract.convert.kdeps.documents import Document
from kindo_models.contract.convert.kdeps.endpoints import Endpoint, endpoint_of
from kindo_models.contract.convert.kdeps.entries import entry_of, key_variable
from kindo_models.contract.convert.kdeps.keys import Keys
from kindo_models.contract.convert.kdeps.uses import Found, Use, find_uses
from kindo_models.contract.model import RECOMMENDED
from kindo_models.findings import Finding
from kindo_models.source import listed

_HEAD = """\
# From KDeps: kindo-models import kdeps. Check it with: kindo-models validate FILE
"""


@dataclass(frozen=True)
class Missing:
    """A fact that Kindo requires and no source gives: key of the entry at `index`, and why it is not there."""

    index: int
    model: str
    key: str
    why: str


@dataclass(frozen=True)
class Imported:
    """entries: in Kindo's key names. comments: for each entry, key → what is to be filled in.
    findings: everything that was left behind or decided. retries: routing key → further attempts after the first;
    after_seconds: the longest of the waits.
    """

    entries: tuple[Mapping[str, Any], ...]
    comments: tuple[Mapping[str, str], ...]
    missing: tuple[Missing, ...]
    findings: tuple[Finding, ...]
    retries: Mapping[str, int]
    after_seconds: int

    @property
    def text(self) -> str:
        """The contract as a file."""
        return _HEAD + ("models:\n" + "\n".join(self._texts) if self.entries else "models: []\n")

    @property
    def environment(self) -> dict[str, Any]:
        """What belongs into the stack's environment: the gateway's retries. {} without any."""
        if not self.retries:
            return {}
        wait = {"afterSeconds": self.after_seconds} if self.after_seconds else {}
        return {"gateway": {"retries": {**wait, "models": dict(self.retries)}}}

    def to_fill_in(self, file: str) -> list[Finding]:
        """One finding of level error for each missing fact, with its line in the contract."""
        return [
            Finding(
                code="fact-missing",
                message=f"{fact.key} is required, and {fact.why}",
                hint=f"write `{fact.key}: …` there",
                model=fact.model,
                field=f"models[{fact.index}].{fact.key}",
                file=file,
                line=self._line(fact),
            )
            for fact in self.missing
        ]

    @property
    def _texts(self) -> list[str]:
        return [entry_text(entry, notes) for entry, notes in zip(self.entries, self.comments, strict=True)]

    def _line(self, fact: Missing) -> int:
        above = (_HEAD + "models:\n").count("\n") + sum(text.count("\n") + 1 for text in self._texts[: fact.index])
        lines = self._texts[fact.index].splitlines()
        return above + next(n for n, line in enumerate(lines, 1) if line.strip(" -#").startswith(f"{fact.key}:"))


@dataclass
class _Collected:
    """One entry in the making: the uses that it stands for."""

    endpoint: Endpoint
    uses: list[Use] = field(default_factory=list)


def imported(documents: Sequence[Document], *, azure_api_version: str | None = None) -> Imported:
    """All entries in the order in which the documents first use them."""
    found = find_uses(documents)
    findings = list(found.findings)
    collected = _collected(found, findings)
    names = _names(collected)
    keys = Keys()
    for item in collected.values():
        for use in item.uses:
            keys.reserve(use.api_key, key_variable(item.endpoint))
    entries: list[Mapping[str, Any]] = []
    comments: list[Mapping[str, str]] = []
    missing: list[Missing] = []
    retries: dict[str, int] = {}
    waits: list[float] = []
    for key, item in collected.items():
        made = entry_of(names[key], item.endpoint, item.uses, keys, azure_api_version=azure_api_version)
        at = len(entries)
        entries.append(made.fields)
        comments.append(made.comments)
        findings += made.findings
        missing += [Missing(at, names[key], name, why) for name, why in made.required.items()]
        if attempts := [use.retry for use in item.uses if use.retry]:
            # KDeps counts attempts, the gateway what follows the first.
            retries[names[key]] = min(max(retry.attempts for retry in attempts) - 1, 10)
            waits += [retry.delay for retry in attempts]
    findings += [*_ollama_without_model(found), *_recommended(entries)]
    return Imported(
        tuple(entries),
        tuple(comments),
        tuple(missing),
        tuple(findings),
        retries,
        min(int(max(waits, default=0) + 0.5), 60),
    )


def _collected(found: Found, findings: list[Finding]) -> dict[tuple[str, ...], _Collected]:
    """One item for each model and place, however many actions use it."""
    collected: dict[tuple[str, ...], _Collected] = {}
    for use in found.uses:
        endpoint = endpoint_of(use)
        if isinstance(endpoint, Finding):
            findings.append(endpoint)
            continue
        collected.setdefault(endpoint.key, _Collected(endpoint)).uses.append(use)
    return collected


def _names(collected: Mapping[tuple[str, ...], _Collected]) -> dict[tuple[str, ...], str]:
    """Routing keys: KDeps's model name; where several places have the same, the others say which place they are.

    A server that we do not run answers to its model's name only, so it has the first claim on it.
    """
    names: dict[tuple[str, ...], str] = {}
    taken: set[str] = set()
    for key, item in sorted(collected.items(), key=lambda pair: not pair[1].endpoint.serves_by_name):
        name = unique = item.endpoint.model
        if name in taken:
            place = re.sub(r"[^a-z0-9]+", "-", item.endpoint.label.lower()).strip("-")
            name = unique = f"{name}-{place}"
        number = 2
        while unique in taken:
            unique, number = f"{name}-{number}", number + 1
        taken.add(unique)
        names[key] = unique
    return names


def _recommended(entries: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """What Kindo recommends and neither KDeps nor the catalog says, with the entries that lack it."""
    for key in RECOMMENDED:
        names = [
            entry["litellmModelName"]
            for entry in entries
            if key not in entry and (key != "maxTokens" or entry["type"] == "CHAT")
        ]
        if names:
            message = f"{key} is recommended and not known for {listed(names)}"
            yield Finding(code="fact-recommended", severity="warning", message=message, hint=f"write `{key}: …`")


def _ollama_without_model(found: Found) -> list[Finding]:
    """`installOllama: true` where nothing names a model for it."""
    used = {id(use.workflow) for use in found.uses if use.backend == "ollama"}
    return [
        workflow.document.finding(
            ("settings", "agentSettings", "installOllama"),
            "kdeps-ollama-without-model",
            "installOllama is true, but no resource and no `agentSettings.models` names a model for it",
            "name one under `agentSettings.models`",
        )
        for workflow in found.workflows
        if workflow.install_ollama and id(workflow) not in used
    ]
