"""All that can be said about a contract file, alone or in an environment, even when no plan can be made of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from kindo_models.catalog.flag_presets import flag_presets
from kindo_models.catalog.price_file import PriceFile
from kindo_models.catalog.versions import ordinal
from kindo_models.contract.draft import read_draft
from kindo_models.contract.load import from_draft
from kindo_models.contract.model import Contract
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError
from kindo_models.planning.gateway import findings as gateway_findings
from kindo_models.planning.model import Plan
from kindo_models.planning.packing.saved import Saved
from kindo_models.planning.plan import plan
from kindo_models.planning.rules import Context, catalog_date, check
from kindo_models.planning.severity import leveled
from kindo_models.source import Source


@dataclass(frozen=True)
class Review:
    """`findings` have file and line and hold no secret. contract and plan are None where the file allows none."""

    findings: tuple[Finding, ...]
    contract: Contract | None = None
    plan: Plan | None = None


def review(
    source: Source,
    environment: Environment | None,
    *,
    settings: Source | None = None,
    stack: str = "dev",
    today: datetime.date | None = None,
    prices: PriceFile | None = None,
    previous: Saved | None = None,
) -> Review:
    """Without an environment the file alone is checked, its flags against the newest Kindo release of the catalog.

    settings: the environment's files (`environment.load.Loaded.layers`), for the lines of findings about it.
    """
    draft = read_draft(source)
    contract = None
    try:
        contract = from_draft(draft)
    except InputError:
        # The rules below say the same, and more.
        pass
    if environment is None:
        found = check(draft, Context(today or catalog_date(), preset=max(flag_presets().presets, key=ordinal)))
        return Review(_readable(found, source, None), contract)
    if contract is None:
        found = leveled(check(draft, Context.of(environment, today)) + gateway_findings(environment), environment)
        return Review(_readable(found, source, settings))
    made = plan(contract, environment, stack=stack, today=today, prices=prices, previous=previous)
    made = made.model_copy(update={"findings": _readable(made.findings, source, settings)})
    return Review(made.findings, contract, made)


def _readable(findings: Iterable[Finding], source: Source, settings: Source | None) -> tuple[Finding, ...]:
    """With file and line, without secrets, in the order of the contract; what is about the environment comes last."""
    found = [source.redacted(_located(finding, source, settings)) for finding in findings]
    return tuple(sorted(found, key=lambda finding: (finding.file != source.file, finding.line or 0)))


def _located(finding: Finding, source: Source, settings: Source | None) -> Finding:
    if (finding.field or "").startswith("models"):
        return source.located(finding)
    return settings.located(finding) if settings else finding
