"""Models by name: IDs of the cloud providers with their lifecycle, and families of open-weight models."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

from pydantic import Field

from kindo_models.catalog.files import CatalogPart, Head, load
from kindo_models.catalog.providers import providers
from kindo_models.catalog.versions import ordinal
from kindo_models.source import nearest

# Prefixes of cross-region inference profiles (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html).
_GEOGRAPHIES = ("us", "eu", "apac", "au", "jp", "ca", "us-gov", "global")

Mode = Literal["chat", "embedding", "transcription"]
Capability = Literal["tools", "vision", "json", "reasoning"]
Status = Literal["current", "deprecated", "retired", "absent"]


class CloudModel(CatalogPart):
    """One model ID of a provider. Window and output in tokens; `supports`: what LiteLLM's map marks as supported, where
    a missing mark is no proof of the contrary.
    """

    mode: Mode
    window: int | None = None
    output: int | None = None
    supports: tuple[Capability, ...] = ()
    streaming: bool = True
    retires: datetime.date | None = None


class Lifecycle(CatalogPart):
    """When an ID stops working, as far as a source says.

    retires: the provider's date; past or coming. deprecated: announced on that day, without a date for its end.
    absent: LiteLLM's map no longer lists the ID, which proves nothing by itself. replacement: an ID of the same
    provider, None where no source names one. undated: the provider publishes it under no other, dated name.
    was: what an ID that is gone from the map could do.
    """

    retires: datetime.date | None = None
    deprecated: datetime.date | None = None
    absent: bool = False
    undated: bool = False
    was: CloudModel | None = None
    replacement: str | None = None
    source: str
    note: str = ""


class CloudModels(CatalogPart):
    """provider name (`providers()`) → model ID without prefix → facts. Azure: names of base models, no deployments."""

    head: Head
    providers: dict[str, dict[str, CloudModel]]

    def find(self, provider: str, model_id: str) -> CloudModel | None:
        return self.providers.get(provider, {}).get(model_id)

    def current(self, provider: str, on: datetime.date, mode: Mode | None = None) -> list[str]:
        """IDs that are listed and neither past their date nor deprecated on that day."""
        rows = self.providers.get(provider, {})
        return [
            model_id
            for model_id, row in rows.items()
            if mode in (None, row.mode) and status(provider, model_id, on) == "current"
        ]

    def closest(self, provider: str, model_id: str, on: datetime.date, *, limit: int = 3) -> list[str]:
        """The current IDs of the provider that look most like this one."""
        return nearest_names(model_id, self.current(provider, on), limit=limit)


class Lifecycles(CatalogPart):
    """Rows that name a date, a replacement or an absence for IDs that the map alone does not explain."""

    head: Head
    providers: dict[str, dict[str, Lifecycle]]


class Family(CatalogPart):
    """An open-weight family that vLLM serves.

    matches: globs over the Hugging Face ID, in lower case. min_vllm: first release that serves it; None where no source
    says. remote_code: the checkpoint needs `--trust-remote-code`. tool_parsers / reasoning_parsers: vLLM release → the
    parser from that release on, oldest first; empty where the family has none. reasoning_automatic: vLLM sets the
    reasoning parser by itself; reasoning_optional: only some members reason. window: advertised context in tokens;
    native_window: the limit in the checkpoint's own configuration, where it is lower.
    """

    title: str
    matches: tuple[str, ...]
    architectures: tuple[str, ...] = ()
    min_vllm: str | None = None
    remote_code: bool = False
    tool_parsers: dict[str, str] = Field(default_factory=dict)
    reasoning_parsers: dict[str, str] = Field(default_factory=dict)
    reasoning_automatic: bool = False
    reasoning_optional: bool = False
    chat_template: bool = False
    """The tool parser works only with a chat template of its own (`--chat-template`)."""
    parser_plugin: str | None = None
    """Parsers that come with the checkpoint as a plugin, not with vLLM."""
    window: int | None = None
    native_window: int | None = None
    mode: Mode = "chat"
    source: str
    note: str = ""

    def tool_parser(self, vllm: str) -> str | None:
        """The parser that this vLLM release needs for tool calls, None where the family has none."""
        return _parser(self.tool_parsers, vllm)

    def reasoning_parser(self, vllm: str) -> str | None:
        """As `tool_parser`, for reasoning."""
        return _parser(self.reasoning_parsers, vllm)

    def has(self, model_id: str) -> bool:
        return any(fnmatchcase(model_id.lower(), pattern) for pattern in self.matches)


class Families(CatalogPart):
    """In order: the first family that matches is the one, so the narrower stands first."""

    head: Head
    families: dict[str, Family]
    same_parsers: tuple[tuple[str, str], ...]
    """Names of one parser class: either is right where the other is."""
    embedding_names: tuple[str, ...] = Field(description="globs over names of embedding models, lower case")
    transcription_names: tuple[str, ...]

    def find(self, model_id: str) -> tuple[str, Family] | None:
        """(name, family) of a Hugging Face ID or a folder that ends in one."""
        name = "/".join(model_id.rstrip("/").split("/")[-2:])
        return next(((key, family) for key, family in self.families.items() if family.has(name)), None)

    def same_parser(self, one: str, other: str) -> bool:
        """Equal, or two names of one class."""
        return one == other or any({one, other} == set(pair) for pair in self.same_parsers)

    def mode(self, model_id: str) -> Mode:
        """What a model of this name does, by its family, else by words in its name; chat where nothing says more."""
        if found := self.find(model_id):
            return found[1].mode
        name = model_id.rpartition("/")[2].lower()
        for mode, patterns in (("embedding", self.embedding_names), ("transcription", self.transcription_names)):
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                return mode  # type: ignore[return-value]
        return "chat"


def nearest_names(name: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """Up to `limit` known names that look most like this one, best first."""
    left = list(known)
    found: list[str] = []
    while left and len(found) < limit and (match := nearest(name, left)):
        found.append(match)
        left.remove(match)
    return found


def lifecycle(provider: str, model_id: str) -> Lifecycle | None:
    """What is known about the end of this ID: our row, else the map's date; None where neither says anything."""
    row = lifecycles().providers.get(provider, {}).get(model_id)
    listed = cloud_models().find(provider, model_id)
    if row is None and listed is not None and listed.retires is not None:
        return Lifecycle(retires=listed.retires, source=cloud_models().head.source)
    return row


def facts(provider: str, model_id: str) -> CloudModel | None:
    """Window, output and capabilities of an ID, of one that is gone as well; None for an ID that no source knows."""
    if listed := cloud_models().find(provider, model_id):
        return listed
    row = lifecycle(provider, model_id)
    return row.was if row else None


def supports(provider: str, model_id: str, capability: Literal["tools", "vision", "json", "streaming"]) -> bool | None:
    """What the provider says for all its models, else what is known of this one; None where nothing is."""
    found = providers().providers[provider].capabilities
    general = {
        "tools": found.tools,
        "vision": found.vision,
        "json": found.json_response,
        "streaming": found.streaming,
    }[capability]
    row = facts(provider, model_id)
    if general != "by model":
        return general == "yes" and not (capability == "streaming" and row is not None and not row.streaming)
    return True if row is not None and capability in row.supports else None


def status(provider: str, model_id: str, on: datetime.date) -> Status:
    """`retired`: its date has passed on that day; `deprecated`: announced, no date for its end; `absent`: no longer
    listed, nothing announced that we know.
    """
    row = lifecycle(provider, model_id)
    if row is None:
        return "current"
    if row.retires is not None:
        return "retired" if row.retires <= on else "current"
    if row.deprecated is not None and row.deprecated <= on:
        return "deprecated"
    return "absent" if row.absent else "current"


def cross_region_profiles(model_id: str) -> list[str]:
    """Bedrock's cross-region inference profiles of a model, `us.…` first; [] for one that is a profile or has none."""
    known = cloud_models().providers["bedrock"]
    profiles = [key for key in known if key.partition(".")[2] == model_id and key.partition(".")[0] in _GEOGRAPHIES]
    return sorted(profiles, key=lambda key: _GEOGRAPHIES.index(key.partition(".")[0]))


def _parser(since: dict[str, str], vllm: str) -> str | None:
    """The newest entry that is not above this release, else the oldest."""
    releases = sorted(since, key=ordinal)
    fitting = [release for release in releases if ordinal(release) <= ordinal(vllm)] or releases[:1]
    return since[fitting[-1]] if fitting else None


@cache
def cloud_models() -> CloudModels:
    return CloudModels.model_validate(load("cloud_models.yaml"))


@cache
def lifecycles() -> Lifecycles:
    return Lifecycles.model_validate(load("model_lifecycle.yaml"))


@cache
def model_families() -> Families:
    return Families.model_validate(load("model_families.yaml"))
