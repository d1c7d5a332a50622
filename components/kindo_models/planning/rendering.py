"""What `render` needs of the plan: addresses, key variables, the gateway's configuration under the user's variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kindo_models.catalog.models import model_families
from kindo_models.contract.convert import deephat
from kindo_models.contract.convert.env import Needed
from kindo_models.contract.load import variable
from kindo_models.contract.model import Contract, ModelEntry
from kindo_models.findings import Finding, InputError
from kindo_models.planning.adapters import completed, serving_each
from kindo_models.planning.gateway import MASTER_KEY, fronted, proxy_config
from kindo_models.planning.model import KeyReference, Plan, Server
from kindo_models.planning.serving import gpu_count, max_model_len, tensor_parallel
from kindo_models.source import listed

_HF_TOKEN = "HF_TOKEN"
_VLLM_KEY = "VLLM_API_KEY"
_FIELDS = {"api_key": "apiKey", "aws_access_key_id": "awsAccessKeyId", "aws_secret_access_key": "awsSecretAccessKey"}


def served_fields(contract: Contract, made: Plan) -> dict[str, dict[str, str]]:
    """routing key → what Kindo needs to know of a model that we serve: `apiBase`, and the key that an adapter shares
    with its base. Raises InputError for adapters whose base is not served here.
    """
    servers = serving_each(contract, {server.model: server for server in made.servers})
    fields: dict[str, dict[str, str]] = {}
    lost: list[Finding] = []
    for index, (entry, full) in enumerate(zip(contract.models, completed(contract).models, strict=True)):
        if entry.deploy is None:
            continue
        server = servers.get(entry.litellm_model_name)
        if server is None:
            lost.append(_no_base(index, entry))
            continue
        shared = {"apiKey": full.api_key} if full.api_key and not entry.api_key else {}
        fields[entry.litellm_model_name] = {"apiBase": server.api_base, **shared}
    if lost:
        raise InputError(lost)
    return fields


def _no_base(index: int, entry: ModelEntry) -> Finding:
    assert entry.deploy is not None
    return Finding(
        code="adapter-base-unknown",
        model=entry.litellm_model_name,
        field=f"models[{index}].deploy.adapterOf",
        message=f"no entry called {entry.deploy.adapter_of!r} is served here, so the adapter has no address",
        hint="write the litellmModelName of the entry whose server loads it",
    )


def own_references(contract: Contract, made: Plan) -> dict[str, tuple[KeyReference, ...]]:
    """The entries' secrets under the user's own variable names, as a proxy outside of the cluster reads them."""
    found: dict[str, tuple[KeyReference, ...]] = {entry.litellm_model_name: () for entry in contract.models}
    for key in made.keys:
        if key.model in found:
            found[key.model] += (key.model_copy(update={"secret_key": key.variable or key.secret_key}),)
    return found


def standalone_config(contract: Contract, made: Plan) -> dict[str, Any]:
    """The gateway's LiteLLM configuration, made by the same function, with the user's variables for the keys."""
    servers = serving_each(contract, {server.model: server for server in made.servers})
    return proxy_config(contract.models, servers, own_references(contract, made), made.environment)


def needed_variables(contract: Contract, made: Plan) -> list[Needed]:
    """Every variable that keys, tokens and the gateway are read from."""
    needed = [
        Needed(reference.secret_key, reference.model, _FIELDS[reference.field], literal=reference.variable is None)
        for found in own_references(contract, made).values()
        for reference in found
    ]
    for entry in contract.models:
        if entry.deploy is not None and entry.deploy.hf_token:
            needed.append(_token(entry, entry.deploy.hf_token))
    return [*needed, Needed(MASTER_KEY, "the gateway", "key")]


def _token(entry: ModelEntry, value: str) -> Needed:
    name = variable(value)
    return Needed(name or _HF_TOKEN, entry.litellm_model_name, "deploy.hfToken", literal=name is None)


def serve_needs(entry: ModelEntry, server: Server) -> list[str]:
    """Variables that `vllm serve` reads by itself: its API key, and the token for gated weights."""
    token = entry.deploy is not None and entry.deploy.hf_token
    return [*([_VLLM_KEY] if server.key else []), *([_HF_TOKEN] if token else [])]


def deephat_values(contract: Contract, model: str | None) -> str:
    """The chart's values for the DeepHat entry, or the one that is named. Raises InputError without exactly one."""
    found = [
        entry
        for entry in contract.models
        if entry.deploy is not None
        and entry.deploy.engine == "vllm"
        and (entry.litellm_model_name == model if model else _is_deephat(entry.deploy.model))
    ]
    if len(found) != 1:
        served = [entry for entry in contract.models if entry.deploy is not None and entry.deploy.engine == "vllm"]
        names = [entry.litellm_model_name for entry in (found or served)]
        raise InputError([_which(model, len(found), names)])
    entry = found[0]
    deploy = entry.deploy
    assert deploy is not None
    return deephat.values(
        model=deploy.model,
        name=entry.litellm_model_name,
        window=max_model_len(entry, deploy),
        dtype=deploy.dtype or "auto",
        parallel=tensor_parallel(deploy),
        gpus=gpu_count(deploy),
        parser=deploy.tool_call_parser,
        # vLLM switches both on where the model allows it, and so does the page.
        chunked_prefill=deploy.chunked_prefill is not False,
        prefix_caching=deploy.prefix_caching is not False,
        token=variable(deploy.hf_token) or _HF_TOKEN,
        key=variable(entry.api_key) or _VLLM_KEY,
    )


def _is_deephat(model: str) -> bool:
    family = model_families().find(model)
    return family is not None and family[0].startswith("deephat")


def _which(model: str | None, count: int, names: list[str]) -> Finding:
    known = f"entries that vLLM serves here: {listed(names)}" if names else "no entry has a `deploy:` block for vLLM"
    if model:
        return Finding(
            code="unknown-model", message=f"no entry with `deploy:` for vLLM is called {model!r}", hint=known
        )
    what = "no entry serves DeepHat" if not count else f"{count} entries serve DeepHat"
    return Finding(
        code="unknown-model", message=f"the values file is for one model, and {what}", hint=f"--model; {known}"
    )


def only(contract: Contract, model: str | None) -> Contract:
    """Only the entry of this name; all when none is named. Raises InputError for an unknown name."""
    if model is None:
        return contract
    found = tuple(entry for entry in contract.models if entry.litellm_model_name == model)
    if not found:
        names = listed(entry.litellm_model_name for entry in contract.models)
        raise InputError(
            [Finding(code="unknown-model", message=f"no entry is called {model!r}", hint=f"known: {names}")]
        )
    return Contract(models=found)


def fronted_fields(contract: Contract, made: Plan) -> Mapping[str, Mapping[str, str]]:
    """routing key → the fields under which Kindo calls the model through the gateway."""
    return {entry.litellm_model_name: fronted(entry, made.gateway) for entry in contract.models}
