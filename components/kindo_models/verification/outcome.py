"""Verdicts for people and for the next step: what a run ends with, and whether a model may be registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Literal

from kindo_models.verification.checks import Verdict, shorten

FailurePolicy = Literal["block", "warn", "off"]
POLICIES: tuple[FailurePolicy, ...] = ("block", "warn", "off")
_EVIDENCE = 200
_FIX = 300


def document(verdict: Verdict, policy: str) -> dict[str, Any]:
    """The verdict as resource output. `status` says what follows: pass, fail (withheld), warned (failed, but the policy
    lets it through) or skipped."""
    status = "warned" if verdict.status == "fail" and policy == "warn" else verdict.status
    return {
        **asdict(verdict),
        "status": status,
        "checks": [asdict(result) for result in verdict.checks],
        "policy": policy,
    }


def skipped(model: str) -> Verdict:
    """Policy `off`: nothing was asked."""
    return Verdict(model, "skipped")


def run_message(verdicts: Mapping[str, Mapping[str, Any]], withheld: Iterable[str] | None = None) -> str | None:
    """Why the run failed: each model, check, cause, evidence, fix. None: nothing blocks.

    `withheld` are the models without a registration; the other failed ones keep their last.
    """
    failed = {model: verdict for model, verdict in verdicts.items() if verdict.get("status") == "fail"}
    if not failed:
        return None
    unregistered = None if withheld is None else set(withheld)
    total = len(verdicts)
    lines = [f"{len(failed)} of {total} model{'s' if total != 1 else ''} did not pass verification."]
    if len(failed) < total:
        lines[0] += " The others are not affected."
    for model, verdict in sorted(failed.items()):
        lines += ["", f"  {model}{_state(model, unregistered)}"]
        for check in verdict.get("checks") or []:
            if check.get("status") == "fail":
                lines += _lines(check)
    lines += ["", "The next `pulumi up` checks them again."]
    return "\n".join(lines)


def _state(model: str, unregistered: set[str] | None) -> str:
    if unregistered is None:
        return ""
    return " (not registered)" if model in unregistered else " (keeps its last registration)"


def _lines(check: Mapping[str, Any]) -> list[str]:
    via = " through the gateway" if check.get("via") == "gateway" else ""
    lines = [f"    {check.get('check')}{via}: {check.get('cause')}"]
    if evidence := check.get("evidence"):
        lines.append(f"      seen: {shorten(str(evidence), _EVIDENCE)}")
    if fix := check.get("fix"):
        lines.append(f"      fix:  {shorten(str(fix), _FIX)}")
    return lines
