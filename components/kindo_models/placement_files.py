"""The files beside a stack that a plan depends on: the price file that it names, and the placement that was written."""

from __future__ import annotations

from pathlib import Path

from kindo_models.catalog.price_file import PriceFile, load_prices
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError, errors
from kindo_models.planning import Plan
from kindo_models.planning.packing.saved import Saved, read, write

REPLACED = ("placement-edited", "placement-outdated")
"""Findings about a placement file that writing it anew settles."""


def placement_file(stack_file: Path) -> Path:
    """`stacks/Pulumi.prod.yaml` → `stacks/prod.placement.json`."""
    return stack_file.with_name(f"{stack_file.stem.removeprefix('Pulumi.')}.placement.json")


def read_prices(environment: Environment, stack_file: Path) -> PriceFile | None:
    """The file of `packing.prices`, relative to the stack's file. Raises InputError."""
    name = environment.packing.prices
    return load_prices(stack_file.parent / name) if name else None


def read_placement(stack_file: Path) -> Saved | None:
    """None: none was written. Raises InputError where it is no placement file."""
    file = placement_file(stack_file)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(
            [Finding(code="unreadable-file", message=f"cannot read {file}: {reason}", file=str(file))]
        ) from None
    return read(text, file=str(file))


def write_placement(stack_file: Path, made: Plan) -> tuple[Path | None, Plan]:
    """Writes the plan's placement, and gives the plan back without the findings that this settles.

    Without a placement, or with other errors, nothing is written.
    """
    findings = tuple(one for one in made.findings if one.code not in REPLACED)
    if made.placement is None or errors(findings):
        return None, made
    file = placement_file(stack_file)
    try:
        file.write_text(write(made.placement), encoding="utf-8")
    except OSError as error:
        raise InputError(
            [Finding(code="unwritable-file", message=f"cannot write {file}: {error.strerror}", file=str(file))]
        ) from None
    return file, made.model_copy(update={"findings": findings})
