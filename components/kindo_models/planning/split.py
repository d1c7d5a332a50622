"""Platform and workload as two stacks: what the one exports and the other reads, and whether the two agree. Pure.

Both read the same contract: its models decide the platform's node pools and the gateway's routes, and the workload's
servers. The workload refuses to start on a platform that does not route its models as it plans them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from kindo_models.findings import Finding, InputError
from kindo_models.planning.model import Plan

OUTPUT = "platform"
"""Name of the stack output."""
VERSION = 1


class PlatformOutputs(BaseModel):
    """The output `platform` of a platform stack. No secret is in it."""

    # A newer platform may export more than an older workload reads.
    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal[1]
    stack: str
    namespace: str
    """Namespace for the model servers."""
    gateway_namespace: str
    gateway_url: str
    """Inside the cluster, without /v1."""
    master_key_secret: str
    """Secret of the gateway's namespace that holds the master key."""
    keys_secret: str
    """Secret of the gateway's namespace that holds the models' keys, for the checks."""
    stored_keys: tuple[str, ...]
    """Names of the keys that the platform has from an external store instead."""
    master_key_fingerprint: str
    """Changes when the master key does."""
    routing: dict[str, str]
    """Hash of the gateway's configuration by model."""


def outputs(made: Plan, master_key_fingerprint: str, stored_keys: Iterable[str] = ()) -> dict[str, Any]:
    """What a platform stack exports."""
    return PlatformOutputs(
        version=1,
        stack=made.stack,
        namespace=made.environment.cluster.namespace,
        gateway_namespace=made.gateway.namespace,
        gateway_url=made.gateway.url,
        master_key_secret=made.gateway.master_key_secret,
        keys_secret=made.gateway.keys_secret,
        stored_keys=tuple(sorted(stored_keys)),
        master_key_fingerprint=master_key_fingerprint,
        routing={endpoint.model: endpoint.routing for endpoint in made.endpoints},
    ).model_dump(mode="json")


def accepted(made: Plan, exported: Any, stack: str) -> PlatformOutputs:
    """The typed value, when the workload's plan fits it. Raises InputError with everything that does not."""
    platform = _parsed(exported, stack)
    if found := disagreements(made, platform, stack):
        raise InputError(found)
    return platform


def disagreements(made: Plan, platform: PlatformOutputs, stack: str) -> list[Finding]:
    environment = made.environment
    settings = (
        ("cluster.namespace", environment.cluster.namespace, platform.namespace),
        ("gateway.namespace", environment.gateway.namespace, platform.gateway_namespace),
    )
    found = [
        Finding(
            code="platform-differs",
            field=field,
            message=f"{field} is {here!r} here and {there!r} in the platform stack {stack}",
            hint="let both stacks extend the same base",
        )
        for field, here, there in settings
        if here != there
    ]
    return found or _routes(made, platform.routing, stack)


def _routes(made: Plan, routing: Mapping[str, str], stack: str) -> list[Finding]:
    found = []
    for endpoint in made.endpoints:
        there = routing.get(endpoint.model)
        if there != endpoint.routing:
            what = "does not route" if there is None else "routes otherwise"
            found.append(
                Finding(
                    code="platform-behind",
                    model=endpoint.model,
                    message=f"the gateway of the platform stack {stack} {what}: {endpoint.model}",
                    hint=f"run `pulumi up` on {stack} with this contract first",
                )
            )
    return found


def _parsed(exported: Any, stack: str) -> PlatformOutputs:
    if exported is None:
        raise InputError(
            [
                Finding(
                    code="no-platform",
                    field="platform.stack",
                    message=f"the stack {stack} exports no {OUTPUT!r}",
                    hint=f"it needs `part: platform` in its environment, and one `pulumi up` on {stack}",
                )
            ]
        )
    version = exported.get("version") if isinstance(exported, dict) else None
    try:
        return PlatformOutputs.model_validate(exported)
    except ValidationError as error:
        if version != VERSION:
            # Stack outputs come back as floats.
            shown = f"{version:g}" if isinstance(version, float) else version
            message = f"the stack {stack} exports version {shown} of {OUTPUT!r}; this version reads {VERSION}"
        else:
            lacking = ", ".join(sorted({str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}))
            message = f"the output {OUTPUT!r} of the stack {stack} has no usable {lacking}"
        hint = "bring both stacks to the same release of kindo-models"
        raise InputError(
            [Finding(code="platform-unreadable", field="platform.stack", message=message, hint=hint)]
        ) from None
