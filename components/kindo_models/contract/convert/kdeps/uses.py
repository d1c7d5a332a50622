"""Every model that KDeps documents call: which backend, where, with which key, and what of it has no counterpart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kindo_models.catalog.kdeps import kdeps_backends
from kindo_models.catalog.models import Mode
from kindo_models.contract.convert.kdeps.documents import (
    Document,
    Path,
    is_expression,
    mapping,
    text_of,
    wrong_type,
)
from kindo_models.contract.convert.kdeps.settings import (
    Config,
    Workflow,
    config_of,
    nearest_workflow,
    place_of,
    workflow_of,
)
from kindo_models.findings import Finding, Severity

# All other keys of an action belong to the request: prompt, scenario, tools, jsonResponse, temperature, …
_OF_THE_MODEL = {"model", "backend", "baseUrl", "baseURL", "apiKey", "contextLength", "retry", "onError"}
_DELAY = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_ACTIONS: tuple[tuple[str, Mode | None], ...] = (
    ("chat", None),
    ("embedding", "embedding"),
    ("transcribe", "transcription"),
)


@dataclass(frozen=True)
class Retry:
    """attempts: in all, the first included; delay: seconds before the second."""

    attempts: int
    delay: float = 0.0


@dataclass(frozen=True)
class Use:
    """One model in one action. backend: name of KDeps; base_url, api_key: as written; context_length: tokens that KDeps
    sends as `max_tokens`; mode: where the kind of action says it. later: of the generation without backends.
    """

    document: Document
    path: Path
    action: str
    model: str
    backend: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    context_length: int | None = None
    mode: Mode | None = None
    retry: Retry | None = None
    later: bool = False
    workflow: Workflow | None = None

    def finding(self, key: str, code: str, message: str, hint: str = "", *, severity: Severity = "warning") -> Finding:
        place = (*self.path, key)
        return self.document.finding(place, code, f"{self.action}: {message}", hint, severity=severity)


@dataclass
class Found:
    uses: list[Use] = field(default_factory=list)
    workflows: list[Workflow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    kept: dict[str, Kept] = field(default_factory=dict)


@dataclass
class Kept:
    """What stays in KDeps of one file's actions: key → how many of them have it; `first`: where the first one is."""

    document: Document
    first: Path
    keys: dict[str, int] = field(default_factory=dict)

    @property
    def finding(self) -> Finding:
        counted = ", ".join(f"{key} ({count}×)" if count > 1 else key for key, count in self.keys.items())
        message = f"no part of a model contract, so left in KDeps: {counted}"
        return self.document.finding(self.first, "kdeps-no-counterpart", message)


def find_uses(documents: Sequence[Document]) -> Found:
    """Uses in the order of the documents; the models of `agentSettings.models` stand where their workflow does."""
    found = Found()
    workflows = {
        id(document): workflow_of(document, found.findings) for document in documents if document.kind == "workflow"
    }
    found.workflows = list(workflows.values())
    configs = [config_of(document, found.findings) for document in documents if document.kind == "config"]
    config = configs[0] if configs else None
    for extra in configs[1:]:
        found.findings.append(
            extra.document.finding(("llm",), "kdeps-second-config", "a second `llm:` block: the first one counts")
        )
    for document in documents:
        if document.kind == "workflow":
            workflow = workflows[id(document)]
            found.uses += _listed(workflow)
            _inline(document, workflow, config, found)
        elif document.kind == "resource":
            above = nearest_workflow(document, found.workflows)
            _resource(document, (), document.source.data, above, config, found)
    if config is not None:
        found.uses += _permitted(config)
    if config is not None and config.values.get("strategy"):
        what = f"the router's strategy {config.values.get('strategy')!r} has no counterpart; its models make entries"
        found.findings.append(config.document.finding(("llm", "strategy"), "kdeps-no-counterpart", what))
    found.findings += [kept.finding for kept in found.kept.values()]
    return found


def _listed(workflow: Workflow) -> Iterator[Use]:
    for index, model in enumerate(workflow.models):
        path: Path = ("settings", "agentSettings", "models", index)
        if not model:
            continue
        yield Use(workflow.document, path, "agentSettings.models", model, kdeps_backends().default, workflow=workflow)


def _inline(document: Document, workflow: Workflow, config: Config | None, found: Found) -> None:
    resources = document.source.data.get("resources")
    for index, resource in enumerate(resources if isinstance(resources, list) else ()):
        if isinstance(resource, Mapping):
            _resource(document, ("resources", index), resource, workflow, config, found)


def _resource(
    document: Document,
    path: Path,
    resource: Mapping[str, Any],
    workflow: Workflow | None,
    config: Config | None,
    found: Found,
) -> None:
    run = resource.get("run")
    later = not isinstance(run, Mapping)
    body, path = (resource, path) if later else (mapping(run), (*path, "run"))
    name = resource.get("actionId") or mapping(resource.get("metadata")).get("actionId")
    for kind, mode in _ACTIONS:
        block = body.get(kind)
        if not isinstance(block, Mapping):
            continue
        action = f"{kind} of {name}" if isinstance(name, str) else f"{kind} in {document.file}"
        _action(document, (*path, kind), action, block, body, mode, later, workflow, config, found)


def _action(
    document: Document,
    path: Path,
    action: str,
    block: Mapping[str, Any],
    body: Mapping[str, Any],
    mode: Mode | None,
    later: bool,
    workflow: Workflow | None,
    config: Config | None,
    found: Found,
) -> None:
    model = text_of(document, (*path, "model"), block, found.findings)
    _keep(document, path, block, found)
    if model is None or is_expression(model):
        what = "names no model" if model is None else f"its model {model!r} is decided at run time"
        found.findings.append(
            document.finding(
                (*path, "model"),
                "kdeps-model-unknown",
                f"{action} {what}, so it makes no entry",
                "write the model's name and import again",
            )
        )
        return
    if later and model == "router":
        if config is None or not config.values.get("strategy"):
            found.findings.append(
                document.finding(
                    (*path, "model"),
                    "kdeps-model-unknown",
                    f"{action} leaves the choice to KDeps's router",
                    "import ~/.kdeps/config.yaml together with the resources: its `llm.models` names the models",
                )
            )
        return
    backend = text_of(document, (*path, "backend"), block, found.findings)
    base_url = text_of(document, (*path, "baseUrl"), block, found.findings) or text_of(
        document, (*path, "baseURL"), block, found.findings
    )
    api_key = text_of(document, (*path, "apiKey"), block, found.findings)
    if later and backend is None:
        backend, base_url, api_key = place_of(model, config, base_url, api_key)
    found.uses.append(
        Use(
            document,
            path,
            action,
            model,
            backend or kdeps_backends().default,
            base_url,
            api_key,
            _length(document, (*path, "contextLength"), block, found),
            mode,
            _retry(document, path, block, body, action, found),
            later,
            workflow,
        )
    )


def _permitted(config: Config) -> Iterator[Use]:
    """The models that KDeps permits, or among which its router chooses."""
    for index, entry in enumerate(config.models):
        model = entry.get("model")
        if isinstance(model, str) and model.strip():
            backend, url, key = place_of(model, config, None, None)
            path: Path = ("llm", "models", index)
            yield Use(config.document, path, "llm.models", model, backend, url, key, later=True)


def _keep(document: Document, path: Path, block: Mapping[str, Any], found: Found) -> None:
    """Notes everything of an action that says nothing about its model."""
    for key in block:
        if key not in _OF_THE_MODEL:
            kept = found.kept.setdefault(document.file, Kept(document, (*path, str(key))))
            kept.keys[str(key)] = kept.keys.get(str(key), 0) + 1


def _retry(
    document: Document, path: Path, block: Mapping[str, Any], body: Mapping[str, Any], action: str, found: Found
) -> Retry | None:
    """From `retry:` as KDeps's page writes it, else from `onError:` as its code reads it."""
    block_retry = block.get("retry")
    if isinstance(block_retry, Mapping):
        found.findings.append(
            document.finding(
                (*path, "retry"),
                "kdeps-retry-carried",
                f"{action}: KDeps ignores `retry:` on a chat; its attempts become the gateway's retries",
                "LiteLLM waits longer from attempt to attempt by itself: maxDelay and backoffMultiplier have no key",
            )
        )
        return _attempts(document, (*path, "retry"), block_retry, ("maxAttempts", "initialDelay"), found)
    inner = block.get("onError")
    handler, at = (
        (inner, (*path, "onError")) if isinstance(inner, Mapping) else (body.get("onError"), (*path[:-1], "onError"))
    )
    if not isinstance(handler, Mapping):
        return None
    if handler.get("action") != "retry":
        found.findings.append(
            document.finding(at, "kdeps-no-counterpart", f"{action}: onError {handler.get('action')!r} stays in KDeps")
        )
        return None
    return _attempts(document, at, handler, ("maxRetries", "retryDelay"), found)


def _attempts(
    document: Document, path: Path, block: Mapping[str, Any], keys: tuple[str, str], found: Found
) -> Retry | None:
    count, delay = block.get(keys[0]), block.get(keys[1])
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        if count is not None:
            found.findings.append(wrong_type(document, (*path, keys[0]), "a number of attempts, at least 1"))
        return None
    seconds = 0.0
    if delay is not None:
        match = _DELAY.fullmatch(str(delay).strip())
        if match:
            seconds = float(match.group(1)) * _SECONDS[match.group(2)]
        else:
            found.findings.append(wrong_type(document, (*path, keys[1]), "a time such as 500ms, 1s or 2m"))
    return Retry(count, seconds)


def _length(document: Document, path: Path, block: Mapping[str, Any], found: Found) -> int | None:
    value = block.get("contextLength")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        found.findings.append(wrong_type(document, path, "a number of tokens"))
        return None
    return value
