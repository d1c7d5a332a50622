"""`plan()`: contract and environment in, every decision out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from kindo_models.contract.draft import draft_of
from kindo_models.contract.model import Contract
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning import images, rules, serving
from kindo_models.planning.adapters import adapters_of, completed, is_adapter, serving_each
from kindo_models.planning.checks import endpoint
from kindo_models.planning.gateway import findings as gateway_findings
from kindo_models.planning.gateway import gateway, retry_findings
from kindo_models.planning.keys import key_references_of
from kindo_models.planning.model import Plan, Server
from kindo_models.planning.names import object_names
from kindo_models.planning.registrations import flag_bindings, provider_names, registration
from kindo_models.planning.server_sizing import Sized, size_server, unknown_names


def plan(
    contract: Contract, environment: Environment, *, stack: str = "dev", today: datetime.date | None = None
) -> Plan:
    """Decide everything for one stack. Pure: same input, same Plan, no file, network or clock.

    today: the day that retirement dates are compared with; defaults to the day of the catalog's model lists.
    Findings of level error are in `Plan.findings`; `accept` turns them into an InputError. Their fields are places in
    the contract (`models[3].apiKey`); `Source.located` adds file and line.
    """
    written, contract = draft_of(contract), completed(contract)
    served = [(index, entry) for index, entry in enumerate(contract.models) if entry.deploy and not is_adapter(entry)]
    releases = object_names(entry.litellm_model_name for _, entry in served)
    references = key_references_of(contract.models)
    adapters = adapters_of(contract)
    sizings = {
        entry.litellm_model_name: size_server(
            entry, environment, at=f"models[{index}]", adapters=entry.litellm_model_name in adapters
        )
        for index, entry in served
    }
    found = rules.check(written, rules.Context.of(environment, today, held_tokens=_held_tokens(sizings)))
    servers: dict[str, Server] = {}
    for _, entry in served:
        name = entry.litellm_model_name
        key = next(iter(references[name]), None)
        sized = sizings[name]
        server = serving.server(
            entry, sized.deploy, releases[name], environment, key=key, adapters=adapters.get(name, ())
        )
        servers[name] = server.model_copy(update={"sizing": sized.sizing})
        found += sized.findings
    answering = serving_each(contract, servers)
    proxy = gateway(contract.models, answering, environment)
    bindings, flag_findings = flag_bindings(contract, environment)
    found += [*gateway_findings(environment), *retry_findings(contract.models, environment), *flag_findings]
    found += unknown_names([entry.litellm_model_name for entry in contract.models], environment)
    found += [*images.findings(tuple(servers.values()), environment), *_gate_findings(environment)]
    return Plan(
        stack=stack,
        environment=environment,
        servers=tuple(servers.values()),
        gateway=proxy,
        endpoints=tuple(
            endpoint(entry, answering.get(entry.litellm_model_name), proxy, environment) for entry in contract.models
        ),
        providers=provider_names(contract.models),
        registrations=tuple(
            registration(entry, answering.get(entry.litellm_model_name), proxy, environment)
            for entry in contract.models
        ),
        flags=bindings,
        findings=tuple(found),
    )


def _held_tokens(sizings: Mapping[str, Sized]) -> dict[str, int]:
    """Longest request that the chosen GPUs hold, where the memory model can tell."""
    return {
        name: sized.sizing.longest_max_model_len
        for name, sized in sizings.items()
        if sized.sizing and sized.sizing.longest_max_model_len
    }


def _gate_findings(environment: Environment) -> list[Finding]:
    policy = environment.verification.on_failure
    if policy == "block":
        return []
    what = "is not checked at all" if policy == "off" else "is registered all the same"
    return [
        Finding(
            code="verification-off",
            severity="warning",
            field="verification.onFailure",
            message=f"verification.onFailure is {policy!r}: a model that cannot be reached or call tools {what}",
            hint="write `onFailure: block`",
        )
    ]


def accept(made: Plan) -> Plan:
    """The plan, or InputError with all its findings of level error."""
    if refused := errors(made.findings):
        raise InputError(refused)
    return made
