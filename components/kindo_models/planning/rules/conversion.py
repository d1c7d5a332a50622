"""Codes of `render`, `import` and `init`, registered so that each can be explained."""

from __future__ import annotations

from kindo_models.findings import Severity
from kindo_models.planning.rules.registry import made_elsewhere

_IMPORT = "import kdeps"
_RENDER = "render"
_OUTPUT = "writing the output"

# (made by, code, level, what, why, fix)
_CODES: tuple[tuple[str, str, Severity, str, str, str], ...] = (
    (
        _OUTPUT,
        "unwritable-file",
        "error",
        "The output file cannot be written.",
        "Nothing is lost: the text is made again by the same command.",
        "Check the folder and its permissions.",
    ),
    (
        _OUTPUT,
        "file-exists",
        "error",
        "The file that `init` should write exists.",
        "It may hold somebody's contract.",
        "Choose another name, or --force.",
    ),
    (
        _RENDER,
        "unknown-model",
        "error",
        "No entry of that name is there for this target.",
        "Only entries with `deploy:` for vLLM have a serve command; the DeepHat chart's values are those of one entry.",
        "Name the entry by its litellmModelName with --model.",
    ),
    (
        _RENDER,
        "cannot-rewrite-in-place",
        "error",
        "An entry is an alias, or shares keys that must change through an anchor or a merge key.",
        "`render --target kindo` changes single keys in their place; here that would change other entries.",
        "Write the entry's keys out in the entry itself.",
    ),
    (
        _RENDER,
        "kdeps-one-key-for-several",
        "warning",
        "KDeps would read one variable for models at several addresses.",
        "KDeps has one key variable for each backend, and servers of OpenAI's form all use that of `openai`.",
        "Run them as separate workflows, or send all of them through the gateway with its key.",
    ),
    (
        _IMPORT,
        "no-kdeps-document",
        "error",
        "None of the files is a KDeps resource or workflow.",
        "A resource has `run.chat` (later releases: `chat`), a workflow `settings.agentSettings`.",
        "Name the workflow, its resources, or the folder that holds them.",
    ),
    (_IMPORT, "no-yaml", "error", "The folder holds no YAML file.", "There is nothing to import.", "Name another one."),
    (
        _IMPORT,
        "fact-missing",
        "error",
        "Kindo requires a key that KDeps does not say and no source knows.",
        "A value that was guessed would be wrong in silence.",
        "Fill in the line that is named; `--azure-api-version` does it for Azure's apiVersion.",
    ),
    (
        _IMPORT,
        "fact-recommended",
        "warning",
        "Kindo recommends a key that KDeps does not say and no source knows.",
        "The model picker and LiteLLM do without it.",
        "Write it, where you know it.",
    ),
    (
        _IMPORT,
        "kdeps-no-counterpart",
        "warning",
        "Something has no counterpart in a model contract.",
        "Prompt, tools, JSON keys, sampling and error handling belong to the request, not to a model.",
        "Keep it in KDeps; where it names a model, write that model's entry by hand.",
    ),
    (
        _IMPORT,
        "kdeps-unknown-backend",
        "error",
        "A resource names a backend that KDeps does not have.",
        "KDeps would refuse it as well.",
        "Correct the name; docs/providers.md lists the backends.",
    ),
    (
        _IMPORT,
        "kdeps-model-unknown",
        "warning",
        "An action names no model, or decides it at run time.",
        "A contract names models beforehand.",
        "Write the model's name, or import ~/.kdeps/config.yaml where KDeps's router decides.",
    ),
    (
        _IMPORT,
        "kdeps-wrong-type",
        "warning",
        "A value is not of the type that KDeps reads.",
        "KDeps would refuse it or read something else.",
        "Correct it and import again.",
    ),
    (
        _IMPORT,
        "kdeps-address-unusable",
        "warning",
        "A `baseUrl` is no address, or holds a user name and password.",
        "KDeps uses it literally; credentials in an address end up in logs.",
        "Write `https://host` and give the key by `apiKey`.",
    ),
    (
        _IMPORT,
        "kdeps-address-local",
        "warning",
        "A `baseUrl` leads to the machine itself.",
        "In a pod, localhost is the pod.",
        "Write an address that the cluster reaches.",
    ),
    (
        _IMPORT,
        "kdeps-key-not-carried",
        "warning",
        "A key was not taken over: it is literal, or comes with each request.",
        "Secrets are named in a contract, not written; and an entry has one key for all requests.",
        "Set the variable that is named.",
    ),
    (
        _IMPORT,
        "kdeps-values-differ",
        "warning",
        "Actions that share a model differ in key or contextLength.",
        "They become one entry.",
        "Look whether the value that was taken suits all of them.",
    ),
    (
        _IMPORT,
        "kdeps-answer-longer-than-window",
        "warning",
        "`contextLength` is above the model's window.",
        "KDeps sends it as max_tokens, the longest answer, which cannot be longer than the window.",
        "Nothing: maxTokens is set to the window.",
    ),
    (
        _IMPORT,
        "kdeps-name-taken",
        "warning",
        "Two servers serve a model under one name.",
        "A self-hosted entry's routing key is the name that its server answers to, and routing keys are unique.",
        "Give one of them another served name, or write one entry for both.",
    ),
    (
        _IMPORT,
        "kdeps-ollama-elsewhere",
        "warning",
        "A workflow installs no Ollama and names no address of one.",
        "Then it runs on KDeps's own machine, which the cluster does not reach.",
        "Write `apiBase:` where one exists; otherwise it is served here.",
    ),
    (
        _IMPORT,
        "kdeps-ollama-without-model",
        "warning",
        "A workflow installs Ollama, and nothing names a model for it.",
        "There is nothing to serve.",
        "Name one under `agentSettings.models`.",
    ),
    (
        _IMPORT,
        "kdeps-served-otherwise",
        "warning",
        "KDeps runs the model as a llamafile or GGUF file; here Ollama serves the tag of the same name.",
        "Names agree for most models, weights and quantization may differ.",
        "Check the tag in Ollama's library.",
    ),
    (
        _IMPORT,
        "kdeps-retry-carried",
        "warning",
        "A `retry:` block on a chat became the gateway's retries.",
        "KDeps ignores it there; LiteLLM lengthens the waits by itself.",
        "Put the printed lines into the stack's environment.",
    ),
    (
        _IMPORT,
        "kdeps-second-config",
        "warning",
        "Two `llm:` blocks were given.",
        "KDeps reads one configuration file.",
        "Import them one by one.",
    ),
)

for _made_by, _code, _severity, _what, _why, _fix in _CODES:
    made_elsewhere(_made_by, _code, _what, _why, _fix, severity=_severity)
