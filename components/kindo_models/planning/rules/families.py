"""What a self-hosted model's family asks of vLLM: parsers, chat template, remote code, the first release with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kindo_models.catalog.models import Family, model_families
from kindo_models.catalog.versions import ordinal
from kindo_models.catalog.vllm_releases import VllmRelease, vllm_release
from kindo_models.contract.draft import Draft, Entry
from kindo_models.findings import Finding
from kindo_models.planning.rules.context import Context, newest_vllm
from kindo_models.planning.rules.registry import Problem, contract_rule, entry_rule
from kindo_models.source import dotted, nearest

# v0.14.1 in a tag: `vllm/vllm-openai:v0.14.1`, `registry:5000/vllm:0.33.0-cu130@sha256:…`.
_TAG = re.compile(r":v?(\d+\.\d+\.\d+)[^/:@]*(?:@sha256:[0-9a-f]+)?$")
_PINNED = re.compile(r"^[0-9a-f]{40}$")


def model_of(entry: Entry) -> str | None:
    """Hugging Face ID of a model that we serve with vLLM; None for anything else, LoRA adapters included."""
    deploy = entry.deploy
    if deploy is None or entry.engine != "vllm" or deploy.wrote("adapterOf"):
        return None
    return deploy.text("model")


def stated_release(image: str) -> str | None:
    """The vLLM release that an image's tag states."""
    found = _TAG.search(image)
    return found.group(1) if found else None


def release_of(entry: Entry, context: Context) -> str:
    """The vLLM release of the entry's server: its image's, else the environment's, else the catalog's newest."""
    own = entry.deploy.text("image") if entry.deploy else None
    return stated_release(own or context.vllm_image) or newest_vllm()


def table_of(entry: Entry, context: Context) -> VllmRelease:
    """The flag table of the entry's release, else the newest one."""
    table = vllm_release(release_of(entry, context)) or vllm_release(newest_vllm())
    assert table is not None
    return table


@entry_rule(
    "engine-below-minimum",
    "error",
    what="The image's vLLM is older than the first release that serves the model.",
    why="It does not know the model's architecture or parser and stops at the start.",
    fix="Use an image of the release that the message names, or later.",
)
def engine_below_minimum(entry: Entry, context: Context) -> Iterator[Problem]:
    family, release = _family(entry), release_of(entry, context)
    if family is None or family.min_vllm is None or ordinal(release) >= ordinal(family.min_vllm):
        return
    yield Problem(
        ("deploy", "image") if entry.deploy and entry.deploy.wrote("image") else ("deploy", "model"),
        f"{family.title} needs vLLM {family.min_vllm}, and the image is {release} ({family.source})",
        f"use an image of vLLM {family.min_vllm} or later, such as docker.io/vllm/vllm-openai:v{newest_vllm()}",
    )


@entry_rule(
    "engine-release-unstated",
    "warning",
    what="A custom image does not state its vLLM release.",
    why="Flags, parsers and the model's minimum are then checked against the newest release that the catalog knows.",
    fix="Give the image a tag with the release: `REPOSITORY:v0.33.0@sha256:…`.",
)
def engine_release_unstated(entry: Entry, context: Context) -> Iterator[Problem]:
    image = entry.deploy.text("image") if entry.deploy and entry.engine == "vllm" else None
    if image and stated_release(image) is None:
        yield Problem(
            ("deploy", "image"),
            f"the image's tag states no vLLM release; it is checked as {newest_vllm()}",
            "tag it with its release: `REPOSITORY:v0.33.0`, a digest may follow",
        )


@contract_rule(
    "engine-release-unknown",
    "warning",
    what="The catalog has no flag table of the image's vLLM release.",
    why="Flags and parsers differ between releases; they are checked against the newest known one.",
    fix="Use a release that the catalog knows, or read its release notes.",
)
def engine_release_unknown(draft: Draft, context: Context) -> Iterator[Finding]:
    served = [entry for entry in draft.entries if entry.engine == "vllm"]
    own = [(entry, image) for entry in served if entry.deploy and (image := entry.deploy.text("image"))]
    places = [(stated_release(image), (*entry.path, "deploy", "image"), entry.name) for entry, image in own]
    if len(own) < len(served):
        places.append((stated_release(context.vllm_image), ("images", "vllm"), None))
    for release, path, name in places:
        if release and vllm_release(release) is None:
            yield Finding(
                code="",
                field=dotted(path),
                model=name,
                file=draft.source.file if draft.source and name else None,
                line=draft.line(path) if name else None,
                message=f"the catalog knows no flags of vLLM {release}; they are checked against {newest_vllm()}",
                hint=f"use {newest_vllm()}, or check flags and parsers yourself",
            )


@entry_rule(
    "remote-code-needed",
    "error",
    what="The model's family needs its own code, and trustRemoteCode is not set.",
    why="vLLM refuses to load it. The code of the repository runs in the server, so it is never switched on by itself.",
    fix="Read the code, then write `trustRemoteCode: true` and the `revision` that you read.",
)
def remote_code_needed(entry: Entry, context: Context) -> Iterator[Problem]:
    family = _family(entry)
    if family and family.remote_code and entry.deploy and not entry.deploy.wrote("trustRemoteCode"):
        yield Problem(
            ("deploy", "trustRemoteCode"),
            f"{family.title} needs code from its repository ({family.source})",
            "read it, then write `trustRemoteCode: true` with the `revision` that you read",
        )
    elif family and family.remote_code and entry.deploy and entry.deploy.truth("trustRemoteCode") is False:
        yield Problem(
            ("deploy", "trustRemoteCode"),
            f"{family.title} needs code from its repository, and trustRemoteCode is false",
            "write true with the `revision` whose code you read, or serve another model",
        )


@entry_rule(
    "remote-code-unpinned",
    "error",
    what="trustRemoteCode without revision.",
    why="Whoever may push to the repository may run code in the cluster at the next start.",
    fix="Write `revision:` with the commit hash whose code was read.",
)
def remote_code_unpinned(entry: Entry, context: Context) -> Iterator[Problem]:
    deploy = entry.deploy
    if deploy and deploy.truth("trustRemoteCode") and not deploy.wrote("revision"):
        yield Problem(
            ("deploy", "trustRemoteCode"),
            "trustRemoteCode runs whatever the repository holds at the next start",
            "add `revision:` with a commit hash",
        )


@entry_rule(
    "revision-moves",
    "warning",
    what="trustRemoteCode with a revision that is no commit hash.",
    why="A branch or tag can be moved to other code.",
    fix="Write the commit's 40 hexadecimal digits.",
)
def revision_moves(entry: Entry, context: Context) -> Iterator[Problem]:
    deploy = entry.deploy
    revision = deploy.text("revision") if deploy and deploy.truth("trustRemoteCode") else None
    if revision and not _PINNED.match(revision):
        yield Problem(
            ("deploy", "revision"), f"revision {revision!r} can be moved to other code", "write the commit hash"
        )


@entry_rule(
    "parser-unknown",
    "error",
    what="The tool or reasoning parser does not exist in the server's vLLM release.",
    why="vLLM stops at the start.",
    fix="Use a parser of that release.",
)
def parser_unknown(entry: Entry, context: Context) -> Iterator[Problem]:
    deploy = entry.deploy
    if deploy is None or entry.engine != "vllm":
        return
    table, arguments = table_of(entry, context), deploy.texts("extraArgs")
    for key, known, plugin in (
        ("toolCallParser", table.tool_parsers, "--tool-parser-plugin"),
        ("reasoningParser", table.reasoning_parsers, "--reasoning-parser-plugin"),
    ):
        name = deploy.text(key)
        if name is None or name in known or any(argument.startswith(plugin) for argument in arguments):
            continue
        guess = nearest(name, known)
        yield Problem(
            ("deploy", key),
            f"{key} {name!r} is no parser of vLLM {table.release}; it has {', '.join(known)}",
            f"did you mean {guess!r}?" if guess else "use the one that the model's card names",
        )


@entry_rule(
    "parser-wrong-for-family",
    "warning",
    what="The parser is one for another model family.",
    why="vLLM starts and answers 200, with tool calls or thoughts left in plain text.",
    fix="Use the family's parser.",
)
def parser_wrong_for_family(entry: Entry, context: Context) -> Iterator[Problem]:
    family, deploy = _family(entry), entry.deploy
    if family is None or deploy is None:
        return
    table = table_of(entry, context)
    for key, known, right in (
        ("toolCallParser", table.tool_parsers, family.tool_parser(table.release)),
        ("reasoningParser", table.reasoning_parsers, family.reasoning_parser(table.release)),
    ):
        name = deploy.text(key)
        if name is None or right is None or name not in known or model_families().same_parser(name, right):
            continue
        yield Problem(
            ("deploy", key),
            f"{key} {name!r} is not the one of {family.title} ({family.source})",
            f"write `{key}: {right}`",
        )


@entry_rule(
    "tool-parser-missing",
    "warning",
    what="A self-hosted CHAT model has no tool-call parser.",
    why="vLLM then leaves tool calls in plain text, so Kindo's agents cannot call tools.",
    fix="Write `toolCallParser:` with the family's parser; --enable-auto-tool-choice follows by itself.",
    pitfall="Missing --tool-call-parser",
)
def tool_parser_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    deploy = entry.deploy
    if deploy is None or entry.engine != "vllm" or deploy.wrote("toolCallParser"):
        return
    if entry.text("type") != "CHAT" or entry.text("metadataType") != "Text Generation":
        return
    family = _family(entry)
    right = family.tool_parser(release_of(entry, context)) if family else None
    hint = f"write `toolCallParser: {right}`" if right else "write the parser that the model's card names"
    if family and family.parser_plugin:
        hint = f"its parser is a plugin: {family.parser_plugin}"
    yield Problem(("deploy", "toolCallParser"), "without a tool-call parser agents cannot call tools", hint)


@entry_rule(
    "reasoning-parser-missing",
    "warning",
    what="The model reasons and has no reasoning parser.",
    why="Its thoughts come as part of the answer, and tool calls inside of them get lost.",
    fix="Write `reasoningParser:` with the family's parser.",
)
def reasoning_parser_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    family, deploy = _family(entry), entry.deploy
    if family is None or deploy is None or deploy.wrote("reasoningParser"):
        return
    right = family.reasoning_parser(release_of(entry, context))
    if right and not family.reasoning_automatic and not family.reasoning_optional:
        yield Problem(
            ("deploy", "reasoningParser"),
            f"{family.title} reasons before it answers, and nothing separates the two",
            f"write `reasoningParser: {right}`",
        )


@entry_rule(
    "chat-template-missing",
    "warning",
    what="The family's tool parser works only with a chat template of its own, and none is named.",
    why="With the template in the checkpoint the model does not learn of the tools, or answers in another form.",
    fix="Write `chatTemplate:` with the path of vLLM's template for the family.",
)
def chat_template_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    family, deploy = _family(entry), entry.deploy
    if (
        family
        and deploy
        and family.chat_template
        and deploy.wrote("toolCallParser")
        and not deploy.wrote("chatTemplate")
    ):
        yield Problem(
            ("deploy", "chatTemplate"),
            f"tool calls of {family.title} need a chat template of their own ({family.source})",
            family.note or "write `chatTemplate:` with its path in the image",
        )


def _family(entry: Entry) -> Family | None:
    model = model_of(entry)
    return _found(model) if model else None


@lru_cache(maxsize=4096)
def _found(model: str) -> Family | None:
    found = model_families().find(model)
    return found[1] if found else None
