"""`kindo-models plan`: the plan as a table for people or as JSON."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning import Plan
from kindo_models.source import redacted_tree
from kindo_models.stack import DIRECTORY, Stack, plan_files


def show_plan(contract: Path | None, stack: str | None, environment: Path | None, *, as_json: bool) -> int:
    try:
        planned = _plan(contract, stack, environment)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    made = planned.plan
    if as_json:
        # What is written in `deploy` (env, extraArgs) stands in the servers' values, secrets included.
        shown = redacted_tree(made.model_dump(mode="json"), planned.source.literals)
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        _table(made)
    return 1 if errors(made.findings) else 0


def _plan(contract: Path | None, stack: str | None, environment: Path | None) -> Stack:
    if (stack is None) == (environment is None):
        raise InputError(
            [
                Finding(
                    code="no-environment",
                    message="name one environment",
                    hint="use either --stack NAME or --environment FILE",
                )
            ]
        )
    settings = environment or DIRECTORY / f"Pulumi.{stack}.yaml"
    models = contract or (DIRECTORY / f"{stack}.contract.yaml" if stack else None)
    if models is None:
        raise InputError(
            [Finding(code="no-contract", message="name the contract file", hint="kindo-models plan CONTRACT …")]
        )
    return plan_files(settings, models, stack or settings.stem, today=datetime.date.today())


def _table(made: Plan) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=box.SIMPLE_HEAD, title=f"Plan of {made.stack}", title_justify="left")
    for column, justify in (
        ("model", "left"),
        ("served by", "left"),
        ("GPUs", "right"),
        ("endpoint", "left"),
        ("checks", "left"),
        ("flags", "right"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    servers = {server.model: server for server in made.servers}
    for endpoint in made.endpoints:
        server = servers.get(endpoint.model)
        calls = dict.fromkeys(check.check for check in endpoint.checks)
        table.add_row(
            endpoint.model,
            server.engine if server else made_provider(made, endpoint.model),
            str(server.gpus) if server and server.gpus else "",
            server.api_base if server else "",
            ", ".join(calls),
            str(sum(endpoint.model in flag.candidates for flag in made.flags)),
        )
    console.print(table)
    console.print(f"Gateway {made.gateway.url}   nvidia.com/gpu in all: {made.gpus}")
    for finding in made.findings:
        console.print(str(finding), markup=False, highlight=False)


def made_provider(made: Plan, model: str) -> str:
    return next(registration.provider for registration in made.registrations if registration.model == model)
