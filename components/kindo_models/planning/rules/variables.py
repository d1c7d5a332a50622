"""`${VAR}` and what stands in its place: variables that can be resolved, and secrets that are written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from kindo_models.catalog.providers import providers
from kindo_models.contract.draft import SECRET_KEYS, Entry
from kindo_models.contract.load import variable
from kindo_models.planning.rules.command_line import parsed
from kindo_models.planning.rules.context import Context, provider_name
from kindo_models.planning.rules.families import table_of
from kindo_models.planning.rules.registry import Problem, entry_rule
from kindo_models.source import is_secret_name

# `${…}` with anything in or around it, $NAME, $(NAME), %NAME%, {{ … }}, and LiteLLM's own os.environ/NAME.
_LIKE_A_VARIABLE = re.compile(r"\$\{|^\s*(\$[A-Za-z_]\w*|\$\(\w+\)|%\w+%|\{\{.*\}\}|os\.environ/\w+)\s*$")
# Texts for people, where `${` has no meaning.
_PROSE = ("description", "displayName", "creator", "docLink")
# What a server is given may hold `${…}` for a shell or for Jinja.
_FREE = {("deploy", key) for key in ("extraArgs", "env", "chatTemplate")}


@entry_rule(
    "variable-unclosed",
    "error",
    what="A value begins a variable with `${` and does not close it.",
    why="It is taken as it stands, so the provider gets a wrong key.",
    fix="Close it: `${NAME}`.",
)
def variable_unclosed(entry: Entry, context: Context) -> Iterator[Problem]:
    for path, value in _plain_texts(entry):
        if "${" in value and "}" not in value[value.rindex("${") :]:
            yield Problem(path, f"{path[-1]}: `${{` is not closed", "write `${NAME}`")


@entry_rule(
    "variable-malformed",
    "error",
    what="A value looks like a variable but is none.",
    why="Only `${NAME}` as the whole value is replaced; defaults, other text around it and `$NAME` are not.",
    fix="Write `${NAME}`: letters, digits and underscores, nothing before or behind it.",
)
def variable_malformed(entry: Entry, context: Context) -> Iterator[Problem]:
    for path, value in _secrets(entry):
        if variable(value) is not None or ("${" in value and "}" not in value[value.rindex("${") :]):
            continue
        if _LIKE_A_VARIABLE.search(value):
            yield Problem(
                path, f"{path[-1]} is no variable: only `${{NAME}}` as the whole value is replaced", "write `${NAME}`"
            )


@entry_rule(
    "variable-not-expanded",
    "error",
    what="`${…}` stands in a field in which nothing is replaced.",
    why="Variables name secrets: apiKey, awsAccessKeyId, awsSecretAccessKey, deploy.hfToken. Elsewhere the text stays.",
    fix="Write the value itself.",
)
def variable_not_expanded(entry: Entry, context: Context) -> Iterator[Problem]:
    secret = {path for path, _ in _secrets(entry)}
    for path, value in _plain_texts(entry):
        if path in secret:
            continue
        if re.search(r"\$\{[^}]*\}", value):
            yield Problem(
                path,
                f"{path[-1]}: `${{…}}` is replaced in {', '.join(SECRET_KEYS)} and deploy.hfToken only",
                "write the value itself",
            )


@entry_rule(
    "inline-secret",
    "warning",
    what="A secret is written into the contract.",
    why="The file lies in a repository, and everyone who reads it has the key.",
    fix="Write `${NAME}` and set NAME in the process environment or with `pulumi config set --secret`.",
)
def inline_secret(entry: Entry, context: Context) -> Iterator[Problem]:
    for path, value in _secrets(entry):
        if variable(value) is None and not _LIKE_A_VARIABLE.search(value):
            name = _usual_variable(entry, str(path[-1]))
            yield Problem(path, f"{path[-1]} is written as a literal", f"write `{path[-1]}: ${{{name}}}`")
    deploy = entry.deploy
    for name, value in (deploy.map("env") if deploy else {}).items():
        if isinstance(value, str) and value and is_secret_name(name):
            yield Problem(
                ("deploy", "env", name),
                f"deploy.env.{name} is a literal, which everyone who may read pods can see",
                "use apiKey or hfToken with `${NAME}`, which become a Kubernetes Secret",
            )
    for at, flag in _secret_arguments(entry, context):
        yield Problem(
            ("deploy", "extraArgs", at),
            f"{flag} is followed by a literal, which everyone who may read pods can see",
            "use apiKey or hfToken with `${NAME}`, which become a Kubernetes Secret",
        )


@entry_rule(
    "foreign-variable",
    "warning",
    what="The key is the variable of another provider.",
    why="One provider's key is sent to another, which refuses it, and has seen it.",
    fix="Name this provider's variable.",
)
def foreign_variable(entry: Entry, context: Context) -> Iterator[Problem]:
    token = variable(entry.deploy.text("hfToken")) if entry.deploy else None
    if owner := _owners().get(token or ""):
        message = f"hfToken is ${{{token}}}, the variable of {owner}"
        yield Problem(("deploy", "hfToken"), message, "write `hfToken: ${HF_TOKEN}`")
    own = _own_variables(entry)
    if own is None:
        return
    for key in SECRET_KEYS:
        name = variable(entry.text(key))
        owner = _owners().get(name or "")
        if name is None or owner is None or name in own:
            continue
        first = next(iter(own), None)
        yield Problem(
            key,
            f"{key} is ${{{name}}}, the variable of {owner}",
            f"write `{key}: ${{{first}}}`" if first else "give it a name of its own",
        )


def _secret_arguments(entry: Entry, context: Context) -> Iterator[tuple[int, str]]:
    """Place and name of each option of vLLM that is given a secret. The server's own key has a rule of its own."""
    if entry.deploy is None or entry.engine != "vllm":
        return
    table = table_of(entry, context)
    for argument in parsed(entry.deploy.texts("extraArgs"), table):
        flag = argument.flag or argument.written.removeprefix("--")
        takes_value = argument.flag is None or table.flags[flag].type != "boolean"
        # `--dbo-decode-token-threshold` counts another kind of token.
        if flag == "api-key" or not takes_value or not is_secret_name(flag.rpartition("-")[2]):
            continue
        if any(not _LIKE_A_VARIABLE.search(value) for value in argument.values):
            yield argument.at, argument.written


def _usual_variable(entry: Entry, key: str) -> str:
    """The name that a secret of this field usually has."""
    fixed = {
        "awsAccessKeyId": "AWS_ACCESS_KEY_ID",
        "awsSecretAccessKey": "AWS_SECRET_ACCESS_KEY",
        "hfToken": "HF_TOKEN",
    }
    if key in fixed:
        return fixed[key]
    if entry.deploy is not None or provider_name(entry) == "vllm":
        return "VLLM_API_KEY"
    return next(iter(_own_variables(entry) or ()), "NAME")


def _own_variables(entry: Entry) -> tuple[str, ...] | None:
    """Variables that may hold this entry's keys: its prefix's and its display name's provider's."""
    name = provider_name(entry)
    if name is None:
        return None
    found = [providers().providers[name]]
    found += [one for one in providers().providers.values() if one.kindo_provider == entry.text("provider")]
    names = [key for one in found for key in (*one.key_variables, *_secret_variables(one.variables))]
    return tuple(dict.fromkeys(names))


@cache
def _owners() -> dict[str, str]:
    """Variable → title of the provider that it belongs to."""
    return {
        name: provider.title
        for provider in providers().providers.values()
        for name in (*provider.key_variables, *_secret_variables(provider.variables))
    }


def _secret_variables(variables: dict[str, tuple[str, ...]]) -> list[str]:
    return [name for field, names in variables.items() if is_secret_name(field) for name in names]


def _secrets(entry: Entry) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Path and value of every secret field that is written."""
    for key in SECRET_KEYS:
        if value := entry.text(key):
            yield (key,), value
    deploy = entry.deploy
    if deploy and (token := deploy.text("hfToken")):
        yield ("deploy", "hfToken"), token


def _plain_texts(entry: Entry) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """As `_texts`, without those in which `${` may mean something else."""
    return ((path, value) for path, value in _texts(entry) if path[0] not in _PROSE and path[:2] not in _FREE)


def _texts(entry: Entry) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Path and value of every text in the entry."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((key,), value) for key, value in entry.values.items()]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            stack += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            stack += [((*path, index), item) for index, item in enumerate(value)]
