"""`plan()`: contract and environment in, every decision out."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

from kindo_models.catalog.price_file import PriceFile
from kindo_models.contract.draft import draft_of
from kindo_models.contract.model import Contract
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning import images, rules, serving, unused
from kindo_models.planning.adapters import adapters_of, completed, is_adapter, serving_each
from kindo_models.planning.checks import endpoint
from kindo_models.planning.gateway import findings as gateway_findings
from kindo_models.planning.gateway import gateway, retry_findings
from kindo_models.planning.keys import key_references_of
from kindo_models.planning.model import Plan, Server, ServerSizing
from kindo_models.planning.names import object_names
from kindo_models.planning.packing.pack import packed_onto
from kindo_models.planning.packing.saved import Saved
from kindo_models.planning.registrations import flag_bindings, provider_names, registration
from kindo_models.planning.server_sizing import sized_server, unknown_names, with_gpus
from kindo_models.planning.severity import leveled


def plan(
    contract: Contract,
    environment: Environment,
    *,
    stack: str = "dev",
    today: datetime.date | None = None,
    prices: PriceFile | None = None,
    previous: Saved | None = None,
) -> Plan:
    """Decide everything for one stack. Pure: same input, same Plan, no file, network or clock.

    today: the day that retirement dates are compared with; defaults to the day of the catalog's model lists.
    prices: the price file that `environment.packing.prices` names. previous: the placement that was written before;
    while its inputs are the same, it is the placement. The solver alone has a time limit (packing.timeLimitSeconds).

    Findings of level error are in `Plan.findings`; `accept` turns them into an InputError. Their fields are places in
    the contract (`models[3].apiKey`); `Source.located` adds file and line.
    """
    written, contract = draft_of(contract), completed(contract)
    served = [(index, entry) for index, entry in enumerate(contract.models) if entry.deploy and not is_adapter(entry)]
    releases = object_names(entry.litellm_model_name for _, entry in served)
    references = key_references_of(contract.models, environment)
    adapters = adapters_of(contract)
    sized = {
        entry.litellm_model_name: (
            entry,
            entry.deploy,
            sized_server(entry, entry.deploy, environment, adapters=entry.litellm_model_name in adapters),
        )
        for _, entry in served
        if entry.deploy
    }
    packed = packed_onto(sized, environment, prices, previous)
    placed = {
        name: with_gpus(entry, deploy, packed.sized(name, sizing)) for name, (entry, deploy, sizing) in sized.items()
    }
    held = _held_tokens({name: sizing for name, (_, sizing, _) in placed.items()})
    found = rules.check(written, rules.Context.of(environment, today, held_tokens=held))
    servers: dict[str, Server] = {}
    for _, entry in served:
        name = entry.litellm_model_name
        key = next(iter(references[name]), None)
        deploy, sizing, about_gpus = placed[name]
        server = serving.server(entry, deploy, releases[name], environment, key=key, adapters=adapters.get(name, ()))
        servers[name] = server.model_copy(update={"sizing": sizing})
        found += about_gpus
    found += packed.findings
    places = {entry.litellm_model_name: f"models[{index}]" for index, entry in served}
    answering = serving_each(contract, servers)
    proxy = gateway(contract.models, answering, environment)
    bindings, flag_findings = flag_bindings(contract, environment)
    found += [*gateway_findings(environment), *retry_findings(contract.models, environment), *flag_findings]
    found += unknown_names([entry.litellm_model_name for entry in contract.models], environment)
    found += [*images.findings(tuple(servers.values()), environment), *_gate_findings(environment)]
    found += unused.findings(environment)
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
        findings=tuple(leveled(_in_file(found, places), environment)),
        placement=packed.placement,
    )


def _held_tokens(sizings: Mapping[str, ServerSizing | None]) -> dict[str, int]:
    """Longest request that the chosen GPUs hold, where the memory model can tell."""
    return {
        name: sizing.longest_max_model_len
        for name, sizing in sizings.items()
        if sizing and sizing.longest_max_model_len
    }


def _in_file(found: Iterable[Finding], places: Mapping[str, str]) -> list[Finding]:
    """With the entry's place in the file where its GPUs' findings have its name."""
    return [
        finding.model_copy(update={"field": finding.field.replace(f"models[{finding.model}]", place)})
        if finding.field and (place := places.get(finding.model or ""))
        else finding
        for finding in found
    ]


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
