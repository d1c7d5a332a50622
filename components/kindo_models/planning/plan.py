"""`plan()`: contract and environment in, every decision out."""

from __future__ import annotations

from kindo_models.contract.model import Contract
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning import images, serving, unused
from kindo_models.planning.checks import endpoint
from kindo_models.planning.gateway import findings as gateway_findings
from kindo_models.planning.gateway import gateway
from kindo_models.planning.model import Plan, Server
from kindo_models.planning.names import object_names
from kindo_models.planning.registrations import flag_bindings, provider_names, registration
from kindo_models.planning.severity import leveled


def plan(contract: Contract, environment: Environment, *, stack: str = "dev") -> Plan:
    """Decide everything for one stack. Pure: same input, same Plan, no file, network or clock.

    Findings of level error are in `Plan.findings`; `accept` turns them into an InputError.
    """
    releases = object_names(entry.litellm_model_name for entry in contract.models if entry.deploy)
    servers: dict[str, Server] = {}
    found: list[Finding] = []
    for entry in contract.models:
        if entry.deploy is None:
            continue
        name = entry.litellm_model_name
        servers[name] = serving.server(entry, entry.deploy, releases[name], environment)
        found += serving.findings(entry, entry.deploy, servers[name])
    proxy = gateway(contract.models, servers, environment)
    bindings, flag_findings = flag_bindings(contract, environment)
    found += [*gateway_findings(environment), *flag_findings]
    found += images.findings(tuple(servers.values()), environment)
    found += unused.findings(environment)
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
        findings=tuple(leveled(found, environment)),
    )


def accept(made: Plan) -> Plan:
    """The plan, or InputError with all its findings of level error."""
    if refused := errors(made.findings):
        raise InputError(refused)
    return made
