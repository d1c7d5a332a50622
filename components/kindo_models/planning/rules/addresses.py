"""`apiBase`: there where it must be, reachable from a pod, in the form that LiteLLM's provider wants."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import Entry
from kindo_models.planning.rules.context import Context, provider_name
from kindo_models.planning.rules.registry import Problem, entry_rule

_LABEL = re.compile(r"^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$")
_OPENAI_HOST = re.compile(r"(^|\.)api\.openai\.com$")
_SELF = ("localhost", "host.docker.internal", "host.containers.internal")


class Address(NamedTuple):
    """An `apiBase` taken apart. problem: why it is none; the other parts are then empty."""

    scheme: str = ""
    host: str = ""
    path: str = ""
    problem: str = ""
    fix: str = ""


def address(entry: Entry) -> Address | None:
    """The entry's `apiBase`, None where there is none to be looked at (`${…}` has a rule of its own)."""
    value = entry.text("apiBase")
    return None if value is None or "${" in value else _parsed(value)


@entry_rule(
    "api-base-missing",
    "error",
    what="A self-hosted or Ollama entry has neither `apiBase` nor `deploy`.",
    why="There is no default address of a server of your own; LiteLLM would ask OpenAI, or its own pod.",
    fix="Write `apiBase: http://SERVICE.NAMESPACE.svc.cluster.local:8000/v1`, or a `deploy:` block to have it served.",
)
def api_base_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    name = provider_name(entry)
    if name not in ("vllm", "ollama") or entry.wrote("deploy") or context.present(entry, "apiBase"):
        return
    example = "http://HOST:8000/v1" if name == "vllm" else "http://HOST:11434"
    yield Problem(
        "apiBase",
        f"a model on {providers().providers[name].title} needs apiBase, as it has no default address",
        f"write `apiBase: {example}`, or a `deploy:` block to have the model served",
    )


@entry_rule(
    "api-base-malformed",
    "error",
    what="`apiBase` is no usable address.",
    why="LiteLLM puts it in front of its own paths without looking; the request goes nowhere.",
    fix="Write scheme, host, port where it is not the default, and path: `http://HOST:PORT/v1`.",
)
def api_base_malformed(entry: Entry, context: Context) -> Iterator[Problem]:
    found = address(entry)
    if found and found.problem:
        yield Problem("apiBase", f"apiBase {found.problem}", found.fix)


@entry_rule(
    "api-base-without-v1",
    "error",
    what="`apiBase` of an OpenAI-compatible server does not end in /v1.",
    why="LiteLLM appends /chat/completions only, and vLLM serves it below /v1: every call ends in a 404.",
    fix="Append /v1.",
)
def api_base_without_v1(entry: Entry, context: Context) -> Iterator[Problem]:
    found = address(entry)
    name = provider_name(entry)
    if found is None or found.problem or name not in ("vllm", "openai"):
        return
    if found.path.rstrip("/").endswith("/v1"):
        return
    if name == "openai" and (
        found.path.strip("/") or entry.text("provider") == providers().providers[name].kindo_provider
    ):
        # A proxy may serve the API below any path of its own; a foreign address of OpenAI has a rule of its own.
        return
    value = entry.text("apiBase") or ""
    yield Problem(
        "apiBase", f"apiBase {value!r} must end in /v1", f"write `apiBase: {found.scheme}://{_authority(value)}/v1`"
    )


@entry_rule(
    "api-base-with-path",
    "error",
    what="`apiBase` of an Ollama server has a path.",
    why="LiteLLM appends Ollama's own paths (/api/chat): with /v1 in front of them every call ends in a 404.",
    fix="Write scheme, host and port only: `http://HOST:11434`.",
)
def api_base_with_path(entry: Entry, context: Context) -> Iterator[Problem]:
    found = address(entry)
    if found and not found.problem and provider_name(entry) == "ollama" and found.path.strip("/"):
        value = entry.text("apiBase") or ""
        yield Problem(
            "apiBase",
            f"apiBase of an Ollama server has no path, this one has {found.path!r}",
            f"write `apiBase: {found.scheme}://{_authority(value)}`",
        )


@entry_rule(
    "api-base-localhost",
    "error",
    what="`apiBase` points at the machine itself.",
    why="Inside the cluster that is the gateway's own pod, where no model is served.",
    fix="Write the server's Service: `http://SERVICE.NAMESPACE.svc.cluster.local:PORT/v1`.",
    pitfall="DNS not reachable from cluster",
)
def api_base_localhost(entry: Entry, context: Context) -> Iterator[Problem]:
    found = address(entry)
    if found and not found.problem and _is_self(found.host):
        yield Problem(
            "apiBase",
            f"apiBase names {found.host}, where a pod reaches only itself",
            "write the server's name in the cluster: `http://SERVICE.NAMESPACE.svc.cluster.local:PORT`",
        )


@entry_rule(
    "api-base-short-host",
    "warning",
    what="`apiBase` names a host without a domain.",
    why=(
        "Such a name resolves only in the namespace of its Service, and the gateway and Kindo run in others: "
        "`kindo install --apply` fails when a host does not resolve."
    ),
    fix="Write SERVICE.NAMESPACE.svc.cluster.local, or the full host name.",
    pitfall="DNS not reachable from cluster",
)
def api_base_short_host(entry: Entry, context: Context) -> Iterator[Problem]:
    found = address(entry)
    if not found or found.problem or "." in found.host or ":" in found.host or _is_self(found.host):
        return
    yield Problem(
        "apiBase",
        f"the host {found.host!r} resolves only inside of its Service's own namespace",
        f"write {found.host}.NAMESPACE.svc.cluster.local",
    )


@entry_rule(
    "api-base-foreign",
    "warning",
    what="`provider: OpenAI` with an `apiBase` that is not OpenAI's, or with `deploy`.",
    why="The model is listed under OpenAI, and OpenAI's key is sent to another server.",
    fix="Write `provider: Self-Hosted` (or the real provider's name) with a key of its own, or remove apiBase.",
)
def api_base_foreign(entry: Entry, context: Context) -> Iterator[Problem]:
    found = address(entry)
    openai = providers().providers["openai"]
    if entry.deploy is not None and entry.text("provider") == openai.kindo_provider:
        yield Problem(
            "provider",
            "provider OpenAI for a model that we serve, whose address is derived",
            f"write `provider: {providers().providers['vllm'].kindo_provider}`; OpenAI is its `creator`",
        )
        return
    if (
        not found
        or found.problem
        or entry.text("provider") != openai.kindo_provider
        or provider_name(entry) != "openai"
    ):
        return
    if not _OPENAI_HOST.search(found.host):
        yield Problem(
            "apiBase",
            f"provider OpenAI with apiBase at {found.host}: OpenAI itself needs none ({openai.default_base})",
            "write `provider: Self-Hosted`, or remove apiBase",
        )


@entry_rule(
    "azure-base-with-path",
    "warning",
    what="`apiBase` of an Azure OpenAI entry has a path.",
    why="LiteLLM appends /openai/deployments/DEPLOYMENT itself, so the path would be there twice.",
    fix="Write the resource's address only: `https://RESOURCE.openai.azure.com`.",
)
def azure_base_with_path(entry: Entry, context: Context) -> Iterator[Problem]:
    found = address(entry)
    if found and not found.problem and provider_name(entry) == "azure" and found.path.strip("/"):
        yield Problem(
            "apiBase",
            f"apiBase of Azure OpenAI is the resource without a path, this one has {found.path!r}",
            f"write `apiBase: {found.scheme}://{_authority(entry.text('apiBase') or '')}`",
        )


@entry_rule(
    "api-base-ignored",
    "warning",
    what="An entry has both `deploy` and `apiBase`.",
    why="The address of a server that we deploy is derived, so the written one is used by Kindo's installer only.",
    fix="Remove apiBase; `kindo-models render --target kindo` writes the derived one.",
)
def api_base_ignored(entry: Entry, context: Context) -> Iterator[Problem]:
    if entry.wrote("apiBase") and entry.wrote("deploy"):
        yield Problem("apiBase", "apiBase of a deployed model is derived; this one is not used", "remove apiBase")


def _parsed(value: str) -> Address:
    example = "write it as `http://HOST:PORT/v1` or `https://HOST`"
    if value != value.strip() or any(character.isspace() for character in value):
        return Address(problem=f"{value!r} holds a blank", fix="remove it")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return Address(problem=f"{value!r} is no address: its host or port is malformed", fix=example)
    if parts.scheme not in ("http", "https"):
        return Address(problem=f"{value!r} does not begin with http:// or https://", fix=example)
    if "@" in parts.netloc:
        return Address(problem="holds a user name or password", fix="write them into apiKey as `${VAR}`")
    host = parts.hostname or ""
    if not _is_host(host) or port == 0 or parts.netloc.endswith(":"):
        return Address(problem=f"{value!r} has no usable host or port", fix=example)
    if parts.query or parts.fragment:
        return Address(problem=f"{value!r} ends in a query, behind which LiteLLM appends its paths", fix=example)
    return Address(parts.scheme, host, parts.path)


def _is_host(host: str) -> bool:
    if ":" in host or re.fullmatch(r"[\d.]+", host):
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return True
    return len(host) <= 253 and all(_LABEL.match(label) for label in host.removesuffix(".").split("."))


def _is_self(host: str) -> bool:
    if host.rstrip(".") in _SELF or host.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    inner = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (inner or found).is_loopback or (inner or found).is_unspecified


def _authority(value: str) -> str:
    return urlsplit(value).netloc
