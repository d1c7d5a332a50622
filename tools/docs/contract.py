"""docs/findings.md, and the key tables of docs/contract.md, from the rules and the contract's model.

`python -m tools.docs` after a change of a rule or of the contract's keys; a test holds them equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from tools.paths import REPOSITORY

CONTRACT = REPOSITORY / "docs" / "contract.md"
_MARKED = re.compile(r"(<!-- keys of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# Rows of the table "Common pitfalls" that no file can show: the checks of the gate find them in the cluster.
_GATE_PITFALLS = {
    "DNS not reachable from cluster": "`dns-not-found` of the gate, before registration",
    "Bedrock model not enabled in AWS": "`forbidden` (403) of the gate's call, before registration",
    "Skipped verification": "the gate runs in every `pulumi up`",
}


def findings_page() -> str:
    from kindo_models.planning.rules import RULES

    rules = sorted(RULES.values(), key=lambda rule: (rule.severity, rule.code))
    pitfalls: dict[str, list[str]] = {row: [] for row in _pitfall_rows(rule.pitfall for rule in rules)}
    for rule in rules:
        if rule.pitfall:
            pitfalls[rule.pitfall].append(f"`{rule.code}`")
    lines = [
        "# Findings",
        "",
        "Written by `python -m tools.docs` from `planning/rules`. `kindo-models explain CODE` prints one of them.",
        "",
        "An error is what Kindo, LiteLLM, vLLM or Kubernetes would refuse or silently break; nothing is created while",
        "there is one. A warning is doubtful. **P**: a row of the table *Common pitfalls* of Kindo's page.",
        "",
        '## Common pitfalls of the page "Prepare AI Models"',
        "",
        "| Pitfall | Checked by |",
        "|---|---|",
    ]
    for pitfall, codes in pitfalls.items():
        gate = [_GATE_PITFALLS[pitfall]] if pitfall in _GATE_PITFALLS else []
        lines.append(f"| {pitfall} | {'; '.join([*dict.fromkeys(codes), *gate])} |")
    for severity in ("error", "warning"):
        lines += ["", f"## {severity.capitalize()}s", "", "| Code | What | Why | Fix |", "|---|---|---|---|"]
        for rule in rules:
            if rule.severity == severity:
                mark = " **P**" if rule.pitfall else ""
                lines.append(f"| `{rule.code}`{mark} | {_cell(rule.what)} | {_cell(rule.why)} | {_cell(rule.fix)} |")
    return "\n".join(lines) + "\n"


def contract_page() -> str:
    """The page as it is, with its key tables written anew."""

    def table(found: re.Match[str]) -> str:
        return f"{found.group(1)}{_keys(_models()[found.group(2)])}{found.group(3)}"

    return _MARKED.sub(table, CONTRACT.read_text(encoding="utf-8"))


def _models() -> dict[str, type[BaseModel]]:
    from kindo_models.contract import model

    return {name: getattr(model, name) for name in ("ModelEntry", "Deploy", "Gpu", "Autoscaling", "Weights")}


def _keys(model: type[BaseModel]) -> str:
    from kindo_models.contract.model import RECOMMENDED

    rows = ["| Key | Need | Type | Meaning |", "|---|---|---|---|"]
    for info in model.model_fields.values():
        need = "required" if info.is_required() else "recommended" if info.alias in RECOMMENDED else ""
        rows.append(f"| `{info.alias}` | {need} | {_type(info.annotation)} | {_cell(info.description or '')} |")
    return "\n".join(rows) + "\n"


def _type(annotation: Any) -> str:
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if get_origin(annotation) is tuple:
        return "list of text"
    if get_origin(annotation) is dict:
        return "map of text"
    if parts and not isinstance(annotation, type):
        return _type(parts[0])
    words = {str: "text", int: "whole number", float: "number", bool: "true, false"}
    return words.get(annotation, "map")


def _pitfall_rows(rows: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys([*(row for row in rows if row), *_GATE_PITFALLS]))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
