"""What is past its date: catalog facts, and pins of a stack below what the catalog allows or knows. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kindo_models.catalog.freshness import Aged
from kindo_models.catalog.litellm_releases import LiteLlmReleases
from kindo_models.catalog.versions import ordinal
from kindo_models.environment import Environment

_TAG = re.compile(r":v?(\d+\.\d+\.\d+)(?:[-.+@]|$)")


@dataclass(frozen=True)
class Outdated:
    """kind: `fact` (a catalog file), `pin` (a setting of a stack). what: its name. now, wanted: for people."""

    kind: Literal["fact", "pin"]
    what: str
    now: str
    wanted: str
    reason: str


def facts(files: Iterable[Aged], today: datetime.date) -> list[Outdated]:
    return [
        Outdated("fact", aged.file, f"of {aged.date}", f"checked after {aged.due}", f"{aged.reason}; {aged.source}")
        for aged in files
        if today > aged.due
    ]


def pins(
    environments: Mapping[str, Environment], litellm: LiteLlmReleases, vllm_releases: Iterable[str]
) -> list[Outdated]:
    """Equal pins of several stacks are one row."""
    newest = max(vllm_releases, key=ordinal)
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for stack, environment in environments.items():
        for setting, now, wanted, reason in _pins(environment, litellm, newest):
            rows.setdefault((setting, now, wanted, reason), []).append(stack)
    return [
        Outdated("pin", f"{setting} ({', '.join(stacks)})", now, wanted, reason)
        for (setting, now, wanted, reason), stacks in rows.items()
    ]


def _pins(environment: Environment, litellm: LiteLlmReleases, newest_vllm: str) -> Iterator[tuple[str, str, str, str]]:
    version = environment.gateway.version
    wanted = f"{litellm.preferred_floor.version} or later"
    if denied := litellm.denial(version):
        yield "gateway.version", version, wanted, denied.reason
    elif ordinal(version) < ordinal(litellm.floor.version):
        yield "gateway.version", version, wanted, litellm.floor.reason
    elif ordinal(version) < ordinal(litellm.preferred_floor.version):
        yield "gateway.version", version, wanted, litellm.preferred_floor.reason
    tag = _TAG.search(environment.images.vllm)
    if tag and ordinal(tag.group(1)) < ordinal(newest_vllm):
        reason = "the catalog knows the command line of the newer release"
        yield "images.vllm", tag.group(1), newest_vllm, reason
