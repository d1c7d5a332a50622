"""`kindo-models render`: the contract in the form that another tool reads."""

from __future__ import annotations

import sys
from pathlib import Path

from kindo_models.commands.output import write
from kindo_models.commands.selection import stack_file
from kindo_models.contract import Contract
from kindo_models.contract.convert import env, kindo, litellm, vllm
from kindo_models.contract.convert.kdeps.writing import resource_files
from kindo_models.environment import Environment, load_environment
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning import Plan, rendering
from kindo_models.planning.gateway import MASTER_KEY
from kindo_models.planning.review import review
from kindo_models.source import Source, redacted, scan_file
from kindo_models.stack import DIRECTORY


def render(
    contract: Path | None,
    target: str,
    *,
    via_gateway: bool = False,
    model: str | None = None,
    stack: str | None = None,
    environment: Path | None = None,
    output: Path | None = None,
) -> int:
    """target: as the command line names it. Findings are on standard error.

    Exit status: 0 done, 1 written from a contract with errors, 2 unusable input.
    """
    try:
        _refuse_combinations(target, via_gateway, model, stack, environment)
        source = scan_file(_contract_file(contract, stack))
        seen = review(source, _environment(stack, environment), stack=stack or "dev")
        if seen.contract is None or seen.plan is None:
            raise InputError(errors(seen.findings))
        text = _rendered(source, seen.contract, seen.plan, target, via_gateway, model)
        write(text if target == "kindo" else redacted(text, source.literals), output)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    faults = [fault for fault in errors(seen.findings) if (fault.field or "").startswith("models")]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _refuse_combinations(
    target: str, via_gateway: bool, model: str | None, stack: str | None, environment: Path | None
) -> None:
    """Options that would be without effect."""
    wrong = [
        (via_gateway and target != "kindo", "--via is for --target kindo", "leave it out"),
        (model and target == "kindo", "--model is not for --target kindo", "Kindo's installer wants all entries"),
        (stack and environment, "--stack and --environment both name an environment", "keep one of them"),
    ]
    found = [
        Finding(code="options-disagree", message=message, hint=hint) for is_wrong, message, hint in wrong if is_wrong
    ]
    if found:
        raise InputError(found)


def _contract_file(contract: Path | None, stack: str | None) -> Path:
    if contract is not None:
        return contract
    if stack is not None:
        return DIRECTORY / f"{stack}.contract.yaml"
    raise InputError(
        [Finding(code="no-contract", message="name the contract file", hint="kindo-models render CONTRACT --target …")]
    )


def _environment(stack: str | None, environment: Path | None) -> Environment:
    """The stack's settings; without a stack the defaults, which decide namespaces and thereby addresses."""
    if environment is not None:
        return load_environment(environment)
    return load_environment(stack_file(stack)) if stack else Environment()


def _rendered(source: Source, contract: Contract, made: Plan, target: str, via_gateway: bool, model: str | None) -> str:
    if target == "kindo":
        if via_gateway:
            fields = rendering.fronted_fields(contract, made)
            return kindo.fronted(source.text, contract, fields, key=MASTER_KEY, file=source.file)
        return kindo.direct(source.text, contract, rendering.served_fields(contract, made), file=source.file)
    if target == "deephat-values":
        return rendering.deephat_values(contract, model)
    wanted = rendering.only(contract, model)
    if target == "litellm":
        return litellm.config_file(rendering.standalone_config(wanted, made))
    if target == "env":
        return env.lines(rendering.needed_variables(wanted, made))
    if target == "vllm":
        return _serve_commands(wanted, made, model)
    rendered = resource_files(wanted, gateway=made.gateway.url)
    for finding in rendered.findings:
        print(finding, file=sys.stderr)
    return rendered.text


def _serve_commands(contract: Contract, made: Plan, model: str | None) -> str:
    """One command for each model that vLLM serves; two and more are told apart by a line with their names."""
    servers = {server.model: server for server in made.servers if server.engine == "vllm"}
    entries = [entry for entry in contract.models if entry.litellm_model_name in servers and entry.deploy]
    if not entries:
        what = f"{model!r} is not served by vLLM here" if model else "no entry has a `deploy:` block for vLLM"
        raise InputError([Finding(code="unknown-model", message=what, hint="write `deploy: {model: …, gpu: {…}}`")])
    commands = []
    for entry in entries:
        assert entry.deploy is not None
        server = servers[entry.litellm_model_name]
        needs = rendering.serve_needs(entry, server)
        command = vllm.serve_command(server.values["args"], entry.deploy.env, needs=needs)
        commands.append(command if len(entries) == 1 else f"# {entry.litellm_model_name}\n{command}")
    return "\n".join(commands)
