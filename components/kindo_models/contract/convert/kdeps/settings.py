"""What an action without backend or address means: the settings of workflows, and KDeps's own configuration file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kindo_models.catalog.kdeps import kdeps_backends
from kindo_models.contract.convert.kdeps.documents import Document, mapping, text_of, wrong_type
from kindo_models.findings import Finding


@dataclass(frozen=True)
class Workflow:
    """Settings of one workflow that say where Ollama is. models: "" where something else than a name is listed."""

    document: Document
    models: tuple[str, ...] = ()
    ollama_url: str | None = None
    install_ollama: bool | None = None


@dataclass(frozen=True)
class Config:
    """`llm:` of KDeps's later configuration file: what resources without a backend mean."""

    document: Document
    backend: str
    base_url: str | None
    models: tuple[Mapping[str, Any], ...]
    values: Mapping[str, Any] = field(repr=False)


def workflow_of(document: Document, findings: list[Finding]) -> Workflow:
    settings = mapping(document.source.data.get("settings"))
    agent = mapping(settings.get("agentSettings"))
    path = ("settings", "agentSettings")
    models = agent.get("models")
    # What is no name keeps its place, so that the others keep theirs.
    listed = [one.strip() if isinstance(one, str) else "" for one in models] if isinstance(models, list) else []
    if models is not None and (not isinstance(models, list) or not all(listed)):
        findings.append(wrong_type(document, (*path, "models"), "a list of model names"))
    install = agent.get("installOllama")
    if install is not None and not isinstance(install, bool):
        findings.append(wrong_type(document, (*path, "installOllama"), "true or false"))
        install = None
    return Workflow(document, tuple(listed), text_of(document, (*path, "ollamaUrl"), agent, findings), install)


def config_of(document: Document, findings: list[Finding]) -> Config:
    values = mapping(document.source.data.get("llm"))
    entries: list[Mapping[str, Any]] = []
    for item in values.get("models") or () if isinstance(values.get("models"), list) else ():
        entries.append({"model": item.strip()} if isinstance(item, str) else mapping(item))
    backend = text_of(document, ("llm", "backend"), values, findings) or kdeps_backends().later.default
    return Config(document, backend, text_of(document, ("llm", "base_url"), values, findings), tuple(entries), values)


def place_of(
    model: str, config: Config | None, base_url: str | None, api_key: str | None
) -> tuple[str, str | None, str | None]:
    """Backend, address and key that the configuration file gives a model."""
    if config is None:
        return kdeps_backends().later.default, base_url, api_key
    entry = next((entry for entry in config.models if entry.get("model") == model), {})
    backend = entry.get("backend") or config.backend
    # The general address belongs to the general backend.
    general = config.base_url if backend == config.backend else None
    url = base_url or entry.get("base_url") or general
    if backend == "ollama":
        url = url or config.values.get("ollama_host")
    key = api_key or config.values.get(f"{backend}_api_key")
    return str(backend), url if isinstance(url, str) else None, key if isinstance(key, str) and key else None


def nearest_workflow(document: Document, workflows: Sequence[Workflow]) -> Workflow | None:
    """The workflow in the same file, else in the nearest folder above, else the only one there is."""
    same = [workflow for workflow in workflows if workflow.document.file == document.file]
    above = [
        w for w in workflows if w.document.folder == document.folder or w.document.folder in document.folder.parents
    ]
    nearest = sorted(above, key=lambda workflow: len(workflow.document.folder.parts), reverse=True)
    only = workflows if len(workflows) == 1 else ()
    return next(iter([*same, *nearest, *only]), None)
