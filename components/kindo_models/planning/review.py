"""All that can be said about a contract file, alone or in an environment, even when no plan can be made of it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from kindo_models.catalog.flag_presets import flag_presets
from kindo_models.contract.draft import read_draft
from kindo_models.contract.load import from_draft
from kindo_models.contract.model import Contract
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError
from kindo_models.planning.gateway import findings as gateway_findings
from kindo_models.planning.model import Plan
from kindo_models.planning.plan import plan
from kindo_models.planning.rules import Context, catalog_date, check
from kindo_models.source import Source


@dataclass(frozen=True)
class Review:
    """`findings` have file and line and hold no secret. contract and plan are None where the file allows none."""

    findings: tuple[Finding, ...]
    contract: Contract | None = None
    plan: Plan | None = None


def review(
    source: Source, environment: Environment | None, *, stack: str = "dev", today: datetime.date | None = None
) -> Review:
    """Without an environment the file alone is checked, its flags against the newest Kindo release of the catalog."""
    draft = read_draft(source)
    contract = None
    try:
        contract = from_draft(draft)
    except InputError:
        # The rules below say the same, and more.
        pass
    if environment is None:
        found = check(draft, Context(today or catalog_date(), preset=max(flag_presets().presets)))
        return Review(_readable(found, source), contract)
    if contract is None:
        found = check(draft, Context.of(environment, today)) + gateway_findings(environment)
        return Review(_readable(found, source))
    made = plan(contract, environment, stack=stack, today=today)
    made = made.model_copy(update={"findings": _readable(made.findings, source)})
    return Review(made.findings, contract, made)


def _readable(findings: tuple[Finding, ...] | list[Finding], source: Source) -> tuple[Finding, ...]:
    return tuple(source.redacted(source.located(finding)) for finding in findings)
