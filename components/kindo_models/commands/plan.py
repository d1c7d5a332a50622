"""`kindo-models plan`: the plan as a table for people, as JSON, or as Markdown for a pull request."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

from kindo_models.commands import printing
from kindo_models.commands.printing import Column
from kindo_models.commands.selection import Selection, contract_file, select
from kindo_models.findings import Finding, InputError, errors
from kindo_models.placement_files import write_placement
from kindo_models.planning import Plan
from kindo_models.planning.rows import Row, rows
from kindo_models.source import redacted_tree
from kindo_models.stack import Stack, plan_files

COLUMNS = (
    Column("model"),
    Column("served by"),
    Column("GPUs", "right"),
    Column("instance"),
    Column("TP", "right"),
    Column("context", "right"),
    Column("at once", "right"),
    Column("price/h", "right"),
    Column("memory"),
)
_NOT_WRITTEN = "no placement was written: there is none, or the plan has errors"


def show_plan(
    contract: Path | None,
    stack: str | None,
    environment: Path | None,
    cloud: str | None = None,
    region: str | None = None,
    *,
    format: str = "table",
    write: bool = False,
) -> int:
    """write: keep the placement in the file beside the stack's."""
    try:
        selection = select(contract, stack, environment, cloud, region)
        planned = make_plan(selection)
        written, made = _written(selection, planned.plan) if write else (None, planned.plan)
    except InputError as error:
        return printing.refuse(error.findings, as_json=format == "json")
    if format == "json":
        # What is written in `deploy` (env, extraArgs) stands in the servers' values, secrets included.
        shown = redacted_tree(made.model_dump(mode="json"), planned.source.literals)
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    elif format == "markdown":
        print(markdown(made))
    else:
        _table(made)
    if write:
        print(f"wrote {written}" if written else _NOT_WRITTEN, file=sys.stderr)
    return 1 if errors(made.findings) else 0


def make_plan(selection: Selection) -> Stack:
    """Raises InputError with the findings of both files."""
    models = contract_file(selection, "plan")
    settings = selection.settings or selection.environment
    assert settings is not None
    return plan_files(settings, models, selection.name, today=datetime.date.today())


def _written(selection: Selection, made: Plan) -> tuple[Path | None, Plan]:
    if selection.settings is None:
        hint = "--stack NAME or --environment FILE"
        raise InputError([Finding(code="options-disagree", message="--write needs the file of a stack", hint=hint)])
    return write_placement(selection.settings, made)


def cells(row: Row) -> tuple[str, ...]:
    """In the order of COLUMNS."""
    return (
        row.model,
        row.served_by,
        row.gpus,
        row.instance,
        row.tensor_parallel,
        row.context_tokens,
        row.concurrency,
        row.price_per_hour,
        row.memory,
    )


def reasons(made: Plan) -> list[tuple[str, str]]:
    """Model and how it came to its GPUs, where that is known."""
    return [(row.model, "; ".join(row.reasons)) for row in rows(made) if row.reasons]


def summary(made: Plan) -> list[str]:
    """What else there will be, in sentences. `part` of the environment decides which of it this stack makes."""
    part = made.environment.part
    lines = [f"GPUs in all: {made.gpus} (nvidia.com/gpu)"]
    lines.append(f"Gateway: {made.gateway.url}" + (" (of the platform stack)" if part == "workload" else ""))
    if part == "platform":
        return [
            *lines,
            "This stack makes namespaces and gateway; servers, checks and registrations are the workload's.",
        ]
    gate = made.environment.verification.on_failure
    checks = {
        "block": "withheld when it fails",
        "warn": "registered with a warning when it fails",
        "off": "not checked",
    }
    lines.append(f"Checks: every model through the gateway, {checks[gate]}")
    kindo = made.environment.registration.kindo
    models = printing.counted(len(made.registrations), "model")
    lines.append(f"Registration: {models} with {kindo.url} ({kindo.mapping})" if kindo else "Registration: none")
    flags = made.environment.flags
    lines.append(f"Flags: {len(made.flags)} of Kindo {flags.preset} in {flags.unleash.url}" if flags else "Flags: none")
    return lines


def markdown(made: Plan) -> str:
    lines = [f"### Plan of {made.stack}", "", printing.markdown_table(COLUMNS, [cells(row) for row in rows(made)]), ""]
    lines += [f"- {model}: {why}" for model, why in reasons(made)]
    lines += [f"- {line}" for line in summary(made)]
    if made.findings:
        lines += ["", f"**{_counts(made)}**", ""]
        for finding in made.findings:
            place = ":".join(str(part) for part in (finding.file, finding.line) if part is not None)
            where = f" `{place}`" if place else f" `{finding.field}`" if finding.field else ""
            fix = f" Fix: {finding.hint}." if finding.hint else ""
            lines.append(f"- **{finding.severity}** `{finding.code}`{where}: {finding.message}.{fix}")
    return "\n".join(lines)


def _table(made: Plan) -> None:
    out = printing.console()
    printing.print_table(out, COLUMNS, [cells(row) for row in rows(made)], title=f"Plan of {made.stack}")
    out.print()
    for model, why in reasons(made):
        out.print(f"{model}: {why}", markup=False, soft_wrap=True)
    if reasons(made):
        out.print()
    if made.placement:
        from kindo_models.commands.placement_table import print_placement

        print_placement(made.placement, out)
    for line in summary(made):
        out.print(line, markup=False, soft_wrap=True)
    if made.findings:
        out.print()
        printing.print_findings(out, made.findings)
    out.print()
    out.print(_counts(made), style="red" if errors(made.findings) else None)


def _counts(made: Plan) -> str:
    refused = len(errors(made.findings))
    return f"{printing.counted(refused, 'error')}, {printing.counted(len(made.findings) - refused, 'warning')}"
