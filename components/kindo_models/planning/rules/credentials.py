"""Keys: the fields that each provider needs, `${VAR}` that can be resolved, and secrets that are written down."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import Block, Draft, Entry
from kindo_models.findings import Finding
from kindo_models.planning.rules.context import Context, provider_name
from kindo_models.planning.rules.registry import Problem, contract_rule, entry_rule
from kindo_models.source import shown

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+\Z")
_AWS_PAIR = ("awsAccessKeyId", "awsSecretAccessKey")


@entry_rule(
    "azure-field-missing",
    "error",
    what="An Azure OpenAI entry lacks one of apiBase, apiVersion, apiKey.",
    why="Azure routes no request without all three.",
    fix=(
        "Write `apiBase: https://RESOURCE.openai.azure.com`, `apiVersion: '2024-10-21'` (in quotes) and "
        "`apiKey: ${AZURE_API_KEY}`."
    ),
    pitfall="Azure missing apiVersion",
)
def azure_field_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    if provider_name(entry) != "azure":
        return
    examples = {
        "apiBase": "https://RESOURCE.openai.azure.com",
        "apiVersion": "'2024-10-21'",
        "apiKey": "${AZURE_API_KEY}",
    }
    for key in providers().providers["azure"].required:
        if not context.present(entry, key):
            yield Problem(
                key,
                f"Azure OpenAI needs {key}: apiBase, apiVersion and apiKey are all required",
                f"add `{key}: {examples[key]}`",
            )


@entry_rule(
    "bedrock-region-missing",
    "error",
    what="A Bedrock entry names no region.",
    why="LiteLLM would take us-west-2, wherever the model is enabled.",
    fix="Write `awsRegion: REGION`.",
)
def bedrock_region_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    if provider_name(entry) == "bedrock" and not context.present(entry, "awsRegion"):
        yield Problem("awsRegion", "a Bedrock model needs awsRegion", "add `awsRegion: us-west-2` or your region")


@entry_rule(
    "aws-region-malformed",
    "error",
    what="`awsRegion` is no name of an AWS region.",
    why="LiteLLM makes the endpoint's host of it, which then does not exist.",
    fix="Write the region's code: us-west-2, eu-central-1, us-gov-west-1.",
)
def aws_region_malformed(entry: Entry, context: Context) -> Iterator[Problem]:
    region = entry.text("awsRegion")
    # `${…}` has a rule of its own.
    if region and "${" not in region and not _REGION.match(region):
        yield Problem("awsRegion", f"awsRegion {shown(region)} is no AWS region", "write a code such as us-west-2")


@entry_rule(
    "aws-key-pair-incomplete",
    "error",
    what="Only one of awsAccessKeyId and awsSecretAccessKey is written.",
    why="AWS signs with both. LiteLLM falls back to the role of its service account only when neither is written.",
    fix="Write both, or neither to use the role (IRSA, Pod Identity).",
)
def aws_key_pair_incomplete(entry: Entry, context: Context) -> Iterator[Problem]:
    there = [key for key in _AWS_PAIR if entry.wrote(key)]
    if len(there) == 1:
        missing = next(key for key in _AWS_PAIR if key not in there)
        yield Problem(
            there[0],
            f"{there[0]} is written and {missing} is not: AWS needs both",
            f"add `{missing}: ${{…}}`, or remove both to use the role of the service account",
        )


@entry_rule(
    "base-model-missing",
    "warning",
    what="An Azure OpenAI entry has no baseModel.",
    why="A deployment's name says nothing, so LiteLLM knows neither price nor capabilities.",
    fix="Write the OpenAI model behind the deployment, such as `baseModel: gpt-4o`.",
)
def base_model_missing(entry: Entry, context: Context) -> Iterator[Problem]:
    if provider_name(entry) == "azure" and not entry.wrote("baseModel"):
        yield Problem(
            "baseModel",
            "without baseModel LiteLLM knows neither price nor capabilities of the deployment",
            "add `baseModel: gpt-4o`, or the model that you deployed",
        )


@contract_rule(
    "server-key-conflict",
    "error",
    what="Two different sources are named for the key of one server.",
    why="A server has one key: with the other one every request is refused with 401.",
    fix="Name one source wherever the server's key is written.",
)
def server_key_conflict(draft: Draft, context: Context) -> Iterator[Finding]:
    servers: dict[str, Entry] = {}
    by_name = {entry.name: entry for entry in draft.entries if entry.name}
    for entry in draft.entries:
        deploy = entry.deploy
        if deploy is not None:
            yield from _second_key(draft, entry, deploy)
        base = by_name.get(deploy.text("adapterOf") or "") if deploy else None
        if base is None and deploy is None and provider_name(entry) in ("vllm", "ollama"):
            where = (entry.text("apiBase") or "").rstrip("/").lower()
            base = servers.setdefault(where, entry) if where else None
        if base is None or base is entry or _key_source(entry) in (None, _key_source(base)):
            continue
        yield draft.finding(
            (*entry.path, "apiKey"),
            "",
            f"the server of {entry.name!r} is that of {base.name!r}, whose apiKey has another source",
            "write the same `apiKey: ${NAME}` in both",
            model=entry.name,
        )


def _key_source(entry: Entry) -> str | None:
    """Where the key is read from: an omitted `apiKey` means the provider's own variable, but a server of ours has the
    key of its entry, and Ollama none.
    """
    name = provider_name(entry)
    if entry.wrote("apiKey") or entry.deploy is not None or name != "vllm":
        return entry.text("apiKey")
    return f"${{{providers().providers[name].key_variables[0]}}}"


def _second_key(draft: Draft, entry: Entry, deploy: Block) -> Iterator[Finding]:
    """`--api-key` or VLLM_API_KEY beside the entry's apiKey."""
    if not entry.wrote("apiKey"):
        return
    paths: list[tuple[str, str | int]] = [
        ("extraArgs", index)
        for index, argument in enumerate(deploy.texts("extraArgs"))
        if re.match(r"--api[-_]key(=|$)", argument)
    ]
    paths += [("env", "VLLM_API_KEY")] if "VLLM_API_KEY" in deploy.map("env") else []
    for path in paths:
        yield draft.finding(
            (*deploy.path, *path),
            "",
            "the server's key is apiKey, and this names a second one",
            "remove it: apiKey becomes a Kubernetes Secret that the server reads",
            model=entry.name,
        )
