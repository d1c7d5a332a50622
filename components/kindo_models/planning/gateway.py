"""The gateway: LiteLLM's `model_list`, its settings, and the Helm values of its release. Secrets only by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kindo_models.catalog.litellm_releases import litellm_releases
from kindo_models.catalog.providers import providers
from kindo_models.catalog.versions import ordinal
from kindo_models.contract.model import ModelEntry
from kindo_models.environment import Environment, ProviderSettings
from kindo_models.findings import Finding
from kindo_models.planning.keys import key_references_of
from kindo_models.planning.model import Gateway, KeyReference, Server
from kindo_models.source import listed, nearest

RELEASE = "litellm"
PORT = 4000
MASTER_KEY = "LITELLM_MASTER_KEY"
_MODES = {"Text Generation": "chat", "Embeddings": "embedding", "Transcription": "audio_transcription"}
_OLLAMA_PREFIXES = {"Text Generation": "ollama_chat", "Embeddings": "ollama", "Transcription": "ollama_chat"}
# Errors that another attempt may cure (https://docs.litellm.ai/docs/routing: RetryPolicy).
_RETRIED = (
    "TimeoutErrorRetries",
    "RateLimitErrorRetries",
    "InternalServerErrorRetries",
    "ServiceUnavailableErrorRetries",
)
# litellm_params names of the contract's credential fields.
_SECRET_PARAMETERS = {
    "api_key": "api_key",
    "aws_access_key_id": "aws_access_key_id",
    "aws_secret_access_key": "aws_secret_access_key",
}


def gateway(entries: Iterable[ModelEntry], servers: Mapping[str, Server], environment: Environment) -> Gateway:
    entries = tuple(entries)
    settings = environment.gateway
    references = key_references_of(entries, environment)
    config = proxy_config(entries, servers, references, environment)
    values = {
        "name": RELEASE,
        "image": environment.images.gateway,
        "imagePullPolicy": environment.images.pull_policy,
        "imagePullSecrets": [{"name": name} for name in environment.images.pull_secrets],
        "replicas": settings.replicas,
        "port": PORT,
        "resources": {"cpu": settings.resources.cpu, "memory": settings.resources.memory},
        "startupSeconds": settings.startup_seconds,
        "masterKeySecret": {"name": f"{RELEASE}-master-key", "key": MASTER_KEY},
        "keysSecret": f"{RELEASE}-provider-keys",
        "config": config,
    }
    if account := settings.service_account:
        values["serviceAccount"] = {
            "name": account.name,
            "annotations": dict(sorted(account.annotations.items())),
            "podLabels": dict(sorted(account.pod_labels.items())),
        }
    return Gateway(
        release=RELEASE,
        namespace=settings.namespace,
        url=f"http://{RELEASE}.{settings.namespace}.svc.cluster.local:{PORT}",
        values=values,
        keys=tuple(reference for found in references.values() for reference in found),
        keys_secret=f"{RELEASE}-provider-keys",
        master_key_secret=f"{RELEASE}-master-key",
        startup_seconds=settings.startup_seconds,
    )


def proxy_config(
    entries: Iterable[ModelEntry],
    servers: Mapping[str, Server],
    references: Mapping[str, tuple[KeyReference, ...]],
    environment: Environment,
) -> dict[str, Any]:
    """LiteLLM's configuration. references: the secrets of each entry; LiteLLM reads the variable `secret_key`."""
    retries = environment.gateway.retries
    # Retries of a failing provider; a model server that is gone must not hang a caller.
    router: dict[str, Any] = {"num_retries": retries.default, "timeout": 600}
    if retries.after_seconds:
        router["retry_after"] = retries.after_seconds
    if retries.models:
        router["model_group_retry_policy"] = {
            name: dict.fromkeys(_RETRIED, count) for name, count in retries.models.items()
        }
    return {
        "model_list": [
            model_entry(entry, servers.get(entry.litellm_model_name), references[entry.litellm_model_name], environment)
            for entry in entries
        ],
        "litellm_settings": {"drop_params": True, "telemetry": False, **_identity(environment)},
        "router_settings": router,
        "general_settings": {"master_key": f"os.environ/{MASTER_KEY}"},
    }


def _identity(environment: Environment) -> dict[str, Any]:
    """LiteLLM then takes DefaultAzureCredential, the identity of its pods, for Azure entries without a key."""
    azure = environment.providers.get("azure")
    return {"enable_azure_ad_token_refresh": True} if azure and azure.identity == "workload" else {}


def fronted(entry: ModelEntry, gateway: Gateway) -> dict[str, str]:
    """The entry's `litellmModel` and `apiBase` when Kindo calls it through the gateway, under the contract's name."""
    return {"litellmModel": f"openai/{entry.litellm_model_name}", "apiBase": f"{gateway.url}/v1"}


def model_entry(
    entry: ModelEntry, server: Server | None, keys: tuple[KeyReference, ...], environment: Environment
) -> dict[str, Any]:
    """One item of `model_list`."""
    parameters: dict[str, Any] = {"model": entry.litellm_model}
    if server is not None:
        # hosted_vllm/ is LiteLLM's own prefix for vLLM; the contract keeps openai/, which is what Kindo documents.
        # ollama_chat/ knows chats only.
        prefix = "hosted_vllm" if server.engine == "vllm" else _OLLAMA_PREFIXES[entry.metadata_type]
        parameters = {"model": f"{prefix}/{entry.litellm_model_name}", "api_base": server.api_base}
    else:
        parameters |= _endpoint(entry, environment)
        common = provider_settings(entry, environment)
        given = {
            "api_version": entry.api_version or common.api_version,
            "aws_region_name": entry.aws_region or common.region,
        }
        parameters |= {name: value for name, value in given.items() if value}
    for key in keys:
        parameters[_SECRET_PARAMETERS[key.field]] = f"os.environ/{key.secret_key}"
    info: dict[str, Any] = {"mode": _MODES[entry.metadata_type], "max_input_tokens": entry.context_window}
    if entry.max_tokens:
        info["max_output_tokens"] = entry.max_tokens
    if entry.base_model:
        info["base_model"] = entry.base_model
    return {"model_name": entry.litellm_model_name, "litellm_params": parameters, "model_info": info}


def _endpoint(entry: ModelEntry, environment: Environment) -> dict[str, str]:
    """Where the provider is: the environment's redirection, else the entry's `apiBase`, else LiteLLM's default."""
    known, endpoint = providers().of(entry.prefix, entry.provider), provider_settings(entry, environment).endpoint
    if known and endpoint:
        return {known[1].endpoint_parameter: known[1].redirected(endpoint, entry.suffix)}
    return {"api_base": entry.api_base} if entry.api_base else {}


def provider_settings(entry: ModelEntry, environment: Environment) -> ProviderSettings:
    """What the environment says about the entry's provider."""
    known = providers().of(entry.prefix, entry.provider)
    return environment.providers.get(known[0] if known else "", ProviderSettings())


def findings(environment: Environment) -> list[Finding]:
    """The release against denylist and floors, and providers that do not exist."""
    version = environment.gateway.version
    releases = litellm_releases()
    field = "gateway.version"
    found = []
    if denied := releases.denial(version):
        found.append(
            Finding(
                code="litellm-release-denied",
                field=field,
                message=f"LiteLLM {version} must not be used: {denied.reason}",
                hint=f"use {releases.preferred_floor.version} or later",
            )
        )
    elif ordinal(version) < ordinal(releases.floor.version):
        found.append(
            Finding(
                code="litellm-below-floor",
                field=field,
                message=f"LiteLLM {version} is below {releases.floor.version}: {releases.floor.reason}",
                hint=f"use {releases.preferred_floor.version} or later",
            )
        )
    elif ordinal(version) < ordinal(releases.preferred_floor.version):
        found.append(
            Finding(
                code="litellm-below-preferred-floor",
                severity="warning",
                field=field,
                message=(
                    f"LiteLLM {version} is below {releases.preferred_floor.version}: {releases.preferred_floor.reason}"
                ),
                hint=f"use {releases.preferred_floor.version} or later",
            )
        )
    known = providers().providers
    for name in sorted(set(environment.providers) - set(known)):
        found.append(
            Finding(
                code="unknown-provider",
                field=f"providers.{name}",
                message=f"no provider is called {name!r}",
                hint=f"known: {', '.join(sorted(known))}",
            )
        )
    for name, settings in environment.providers.items():
        for key, value, owner in (
            ("region", settings.region, "bedrock"),
            ("apiVersion", settings.api_version, "azure"),
        ):
            if value and name in known and name != owner:
                found.append(
                    Finding(
                        code="provider-setting-unused",
                        severity="warning",
                        field=f"providers.{name}.{key}",
                        message=f"{key} has no effect on {name}; it is a setting of {owner}",
                        hint=f"remove it, or write it under `providers: {{{owner}: …}}`",
                    )
                )
    return found


def retry_findings(entries: Iterable[ModelEntry], environment: Environment) -> list[Finding]:
    """Retries for models that are not there: LiteLLM would ignore them."""
    names = [entry.litellm_model_name for entry in entries]
    return [
        Finding(
            code="retries-of-unknown-model",
            severity="warning",
            field=f"gateway.retries.models.{name}",
            message=f"no entry is called {name!r}, so its retries are without effect",
            hint=f"did you mean {guess!r}?" if (guess := nearest(name, names)) else f"known: {listed(names)}",
        )
        for name in environment.gateway.retries.models
        if name not in names
    ]
