"""`plan()`: contract and environment in, every decision out."""

from __future__ import annotations

from kindo_models.catalog.price_file import PriceFile
from kindo_models.contract.model import Contract
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning import images, serving
from kindo_models.planning.checks import endpoint
from kindo_models.planning.gateway import findings as gateway_findings
from kindo_models.planning.gateway import gateway
from kindo_models.planning.model import Plan, Server
from kindo_models.planning.names import object_names
from kindo_models.planning.packing.pack import packed_onto
from kindo_models.planning.packing.saved import Saved
from kindo_models.planning.registrations import flag_bindings, provider_names, registration
from kindo_models.planning.server_sizing import sized_server, unknown_names, with_gpus


def plan(
    contract: Contract,
    environment: Environment,
    *,
    stack: str = "dev",
    prices: PriceFile | None = None,
    previous: Saved | None = None,
) -> Plan:
    """Decide everything for one stack. Pure: same input, same Plan, no file, network or clock.

    prices: the price file that `environment.packing.prices` names. previous: the placement that was written before;
    while its inputs are the same, it is the placement. The solver alone has a time limit (packing.timeLimitSeconds).

    Findings of level error are in `Plan.findings`; `accept` turns them into an InputError.
    """
    releases = object_names(entry.litellm_model_name for entry in contract.models if entry.deploy)
    served = {entry.litellm_model_name: (entry, entry.deploy) for entry in contract.models if entry.deploy}
    sized = {name: (*one, sized_server(*one, environment)) for name, one in served.items()}
    packed = packed_onto(sized, environment, prices, previous)
    servers: dict[str, Server] = {}
    found: list[Finding] = []
    for name, (entry, given, sizing) in sized.items():
        deploy, server_sizing, sizing_found = with_gpus(entry, given, packed.sized(name, sizing))
        server = serving.server(entry, deploy, releases[name], environment)
        servers[name] = server.model_copy(update={"sizing": server_sizing})
        found += [*sizing_found, *serving.findings(entry, deploy, server)]
    found += packed.findings
    proxy = gateway(contract.models, servers, environment)
    bindings, flag_findings = flag_bindings(contract, environment)
    found += [*gateway_findings(environment), *flag_findings]
    found += unknown_names([entry.litellm_model_name for entry in contract.models], environment)
    found += images.findings(tuple(servers.values()), environment)
    return Plan(
        stack=stack,
        environment=environment,
        servers=tuple(servers.values()),
        gateway=proxy,
        endpoints=tuple(
            endpoint(entry, servers.get(entry.litellm_model_name), proxy, environment) for entry in contract.models
        ),
        providers=provider_names(contract.models),
        registrations=tuple(
            registration(entry, servers.get(entry.litellm_model_name), proxy, environment) for entry in contract.models
        ),
        flags=bindings,
        findings=tuple(found),
        placement=packed.placement,
    )


def accept(made: Plan) -> Plan:
    """The plan, or InputError with all its findings of level error."""
    if refused := errors(made.findings):
        raise InputError(refused)
    return made
