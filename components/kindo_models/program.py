"""What `__main__.py` needs: the current stack, its secrets as secret outputs, and the resources of its part."""

from __future__ import annotations

import base64
import datetime
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.rpc import UNKNOWN

from kindo_models.cluster_access import connect
from kindo_models.environment import SecretKey, StoredKey
from kindo_models.findings import InputError
from kindo_models.planning.keys import locate_keys
from kindo_models.planning.plan import accept
from kindo_models.planning.split import OUTPUT, PlatformOutputs, accepted
from kindo_models.platform import ModelPlatform, ModelPlatformArgs
from kindo_models.split import PlatformLayer, PlatformLayerArgs, WorkloadLayer, WorkloadLayerArgs
from kindo_models.stack import Stack, load_stack

NAME = "models"
"""Name of the component: part of every URN, never changed."""


def current_stack() -> Stack:
    """The stack that `pulumi` runs, planned. The user's mistakes end the run with findings, without a traceback."""
    try:
        stack = load_stack(pulumi.get_stack(), today=datetime.date.today())
        accept(stack.plan)
    except InputError as error:
        raise pulumi.RunError(f"\n{error}") from None
    for finding in stack.plan.findings:
        pulumi.warn(str(finding).removeprefix("warning"))
    return stack


@dataclass(frozen=True)
class StackKeys:
    """Secrets of the plan by `KeyReference.secret_key`: as secret values, or where an external store keeps them."""

    values: Mapping[str, pulumi.Output[str]]
    stored: Mapping[str, StoredKey]


def stack_keys(stack: Stack, cluster: pulumi.ProviderResource | None = None) -> StackKeys:
    """Every secret from the first place that has it (`planning.keys.locate_keys`).

    cluster: provider of the cluster, for Secrets that exist there.

    All missing ones are named at once: an error in `up`, a warning in a preview (their values are then unknown).
    """
    try:
        located = locate_keys(stack.plan, stack.contract, os.environ, _Configured())
    except InputError as error:
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(f"\n{error}") from None
        pulumi.warn(str(error))
        return StackKeys({key.secret_key: _unknown() for key in stack.plan.keys}, {})
    values: dict[str, pulumi.Output[str]] = {}
    for name, source in located.items():
        if source.value is not None:
            values[name] = pulumi.Output.secret(source.value)
        elif source.existing is not None:
            values[name] = existing_secret(source.existing, cluster)
    return StackKeys(values, {name: source.stored for name, source in located.items() if source.stored})


async def main() -> dict[str, Any]:
    """What `__main__.py` runs: the current stack's resources; returns its exports."""
    return await declare(current_stack())


async def declare(stack: Stack) -> dict[str, Any]:
    """The resources of the stack's part (`part` of its environment); returns what it exports.

    Other stacks are read before anything is declared: what is wrong with them ends the run with one plain sentence.
    """
    plan = stack.plan
    platform = await platform_of(stack)
    provider, cluster = await connect(stack.environment.cluster)
    options = pulumi.ResourceOptions(providers=[provider])
    keys = stack_keys(stack, provider)
    if stack.environment.part == "platform":
        layer = PlatformLayer(
            NAME, PlatformLayerArgs(plan=plan, keys=keys.values, stored=keys.stored, cluster=cluster), options
        )
        return {OUTPUT: layer.exported, "gateway": stack.environment.gateway.url or layer.gateway_url}
    made: ModelPlatform | WorkloadLayer
    if platform is not None:
        made = WorkloadLayer(
            NAME,
            WorkloadLayerArgs(plan=plan, platform=platform, keys=keys.values, stored=keys.stored, cluster=cluster),
            options,
        )
    else:
        made = ModelPlatform(
            NAME, ModelPlatformArgs(plan=plan, keys=keys.values, stored=keys.stored, cluster=cluster), options
        )
    return {"models": made.models, "gateway": stack.environment.gateway.url or made.gateway_url}


async def platform_of(stack: Stack) -> PlatformOutputs | None:
    """For a workload the platform stack's outputs, checked against the plan; what does not fit ends the run."""
    reference = stack.environment.platform
    if reference is None:
        return None
    details = await pulumi.StackReference(reference.stack).get_output_details(OUTPUT)
    try:
        return accepted(stack.plan, details.value or details.secret_value, reference.stack)
    except InputError as error:
        raise pulumi.RunError(f"\n{error}") from None


def existing_secret(place: SecretKey, cluster: pulumi.ProviderResource | None = None) -> pulumi.Output[str]:
    """Value of a key of a Secret in the cluster. place: with key and namespace."""
    from pulumi_kubernetes.core.v1 import Secret

    where = f"{place.namespace}/{place.name}"
    found = Secret.get(f"{where}#{place.key}", where, pulumi.ResourceOptions(provider=cluster))
    return pulumi.Output.secret(found.data.apply(lambda data: _decoded(data, where, place.key or "")))


def _decoded(data: Mapping[str, str] | None, where: str, key: str) -> str:
    if not data or key not in data:
        known = ", ".join(sorted(data or {})) or "none"
        raise pulumi.RunError(f"the Secret {where} has no key {key!r}; it has {known}")
    return base64.b64decode(data[key]).decode().strip()


class _Configured(Mapping[str, str]):
    """Pulumi's configuration (`pulumi config set --secret kindo-models:NAME`)."""

    def __init__(self) -> None:
        self._config = pulumi.Config("kindo-models")

    def __getitem__(self, name: str) -> str:
        value = self._config.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _unknown() -> pulumi.Output[str]:
    async def value() -> str:
        # What the SDK itself puts in place of a value that a preview cannot know.
        return UNKNOWN

    async def no() -> bool:
        return False

    async def yes() -> bool:
        return True

    return pulumi.Output(set(), value(), no(), yes())
