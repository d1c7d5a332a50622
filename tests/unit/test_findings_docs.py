"""Every finding that can be printed has a code that can be explained and a row in the docs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.planning.rules import RULES
from kindo_models.verification.checks import CAUSES
from tools.docs import contract as pages

PACKAGE = Path(__file__).parents[2] / "components" / "kindo_models"
# Rows of the table "Common pitfalls" of Kindo's page.
PITFALLS = {
    "contextWindow too small",
    "Missing --tool-call-parser",
    "--served-model-name ≠ litellmModelName",
    "DNS not reachable from cluster",
    "Bedrock model not enabled in AWS",
    "Azure missing apiVersion",
    "Skipped verification",
}


def test_every_row_of_the_pages_pitfalls_is_a_check() -> None:
    table = pages.findings_page().split("## Errors")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE))
    assert set(rows) >= PITFALLS
    for pitfall in PITFALLS:
        codes = re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+|forbidden)`", rows[pitfall])
        assert codes, pitfall
        assert set(codes) <= set(RULES) | set(CAUSES)


def written_codes() -> set[str]:
    """Codes in `Finding(code="…")`, `source.finding(path, "…")`, `_refusal(code="…")`, `_Said("…")` and
    `Refusal(code="…")` (which findings prefix with `vllm-`) anywhere in the package.
    """
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            prefix = "vllm-" if called == "Refusal" else ""
            found |= {
                f"{prefix}{word.value.value}"
                for word in node.keywords
                if word.arg == "code" and isinstance(word.value, ast.Constant) and word.value.value
            }
            place = {"finding": 1, "_Said": 0, "_problem": 0}.get(called)
            if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                found.add(node.args[place].value)
    return found - {""}


def test_every_code_in_the_source_is_in_the_registry() -> None:
    assert len(written_codes()) > 15
    assert written_codes() <= set(RULES)


def test_codes_are_kebab_case_and_every_rule_says_what_why_and_fix() -> None:
    for code, rule in RULES.items():
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", code)
        assert all(text.endswith((".", "?", "`")) for text in (rule.what, rule.why, rule.fix)), code


def test_explain_prints_what_why_and_fix() -> None:
    done = CliRunner().invoke(app, ["explain", "served-name-mismatch"])
    assert done.exit_code == 0
    assert done.stdout.startswith("served-name-mismatch (error)\n\nwhat: ")
    assert "\nwhy:  " in done.stdout
    assert "\nfix:  " in done.stdout
    assert "--served-model-name ≠ litellmModelName" in done.stdout


def test_explain_knows_the_gates_causes_and_every_code_and_refuses_others_with_a_guess() -> None:
    assert "cause of a failed check" in CliRunner().invoke(app, ["explain", "forbidden"]).stdout
    listed = CliRunner().invoke(app, ["explain"]).stdout
    assert set(RULES) <= {line.split()[0] for line in listed.splitlines()}
    done = CliRunner().invoke(app, ["explain", "azure-field-mising"])
    assert (done.exit_code, "did you mean 'azure-field-missing'" in done.output) == (2, True)
