"""Command lines of vLLM releases: every flag with its type, the flags that are gone, and the parsers."""

from __future__ import annotations

from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from kindo_models.catalog.files import CatalogPart, Head, load
from kindo_models.catalog.versions import ordinal


class Flag(CatalogPart):
    """One option of `vllm serve`.

    type: boolean flags carry no value and have `negative` spellings. values: "+" takes all words up to the next option.
    choices: the only values that are taken.
    """

    type: str
    negative: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    values: str | None = None
    none_allowed: bool = False
    default: Any = None
    deprecated: Any = None
    group: str = ""
    config: str | None = None
    keys: tuple[str, ...] = ()


class VllmRelease(CatalogPart):
    """`removed`: flags of earlier releases that this one refuses, with what to write instead."""

    head: Head
    release: str
    positional: str
    prefixes_accepted: bool
    flags: dict[str, Flag]
    removed: dict[str, str]
    tool_parsers: tuple[str, ...]
    reasoning_parsers: tuple[str, ...]

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Every way to write an option (`--no-enable-x`, `-tp`) → name of its flag."""
        return {
            spelling: name
            for name, flag in self.flags.items()
            for spelling in (f"--{name}", *flag.negative, *flag.aliases)
        }

    def option(self, written: str) -> str | None:
        """The spelling that vLLM takes `--written` for: itself, or the only one that begins so; None for no option."""
        if written in self.spellings:
            return written
        if not self.prefixes_accepted or not written.startswith("--"):
            return None
        longer = [spelling for spelling in self.spellings if spelling.startswith(written)]
        return longer[0] if len({self.spellings[one] for one in longer}) == 1 else None


@cache
def known_releases() -> tuple[str, ...]:
    """Releases that the catalog has a table of, oldest first."""
    folder = files("kindo_models.catalog") / "data" / "vllm_releases"
    return tuple(sorted((file.name.removesuffix(".yaml") for file in folder.iterdir()), key=ordinal))


@cache
def vllm_release(version: str) -> VllmRelease | None:
    """The table of a release, None when the catalog has none."""
    if version not in known_releases():
        return None
    return VllmRelease.model_validate(load(f"vllm_releases/{version}.yaml"))
