"""`findings: {CODE: LEVEL}`: what may be raised, lowered and switched off."""

from __future__ import annotations

import pytest

from kindo_models.environment import Environment
from kindo_models.findings import Finding
from kindo_models.planning.review import review
from kindo_models.planning.severity import leveled
from kindo_models.source import parse

WARNING = Finding(code="image-without-digest", severity="warning", message="a tag", field="images.vllm")
ERROR = Finding(code="litellm-below-floor", message="too old", field="gateway.version")


def levels(**codes: str) -> Environment:
    return Environment.model_validate({"findings": {code.replace("_", "-"): level for code, level in codes.items()}})


def test_without_settings_findings_stay_as_they_are() -> None:
    assert leveled([WARNING, ERROR], Environment()) == [WARNING, ERROR]


def test_a_warning_may_become_an_error_or_go_off() -> None:
    assert [one.severity for one in leveled([WARNING], levels(image_without_digest="error"))] == ["error"]
    assert leveled([WARNING, ERROR], levels(image_without_digest="off")) == [ERROR]


def test_an_error_that_is_lowered_says_so() -> None:
    (found,) = leveled([ERROR], levels(litellm_below_floor="warning"))
    assert (found.severity, found.message) == ("warning", "too old (an error, lowered by findings.litellm-below-floor)")


def test_an_error_cannot_be_switched_off() -> None:
    found = leveled([ERROR, ERROR], levels(litellm_below_floor="off"))
    assert found[1:] == [ERROR, ERROR]
    assert str(found[0]) == (
        "error[finding-not-switchable] findings.litellm-below-floor: litellm-below-floor is an error here and cannot "
        "be switched off\n    fix: mend what it says, or write `findings: {litellm-below-floor: warning}`: it is then "
        "shown and does not stop the run"
    )


def test_a_code_that_does_not_exist_is_an_error_with_the_nearest_one() -> None:
    found = leveled([WARNING], levels(image_without_digst="off"))
    assert str(found[0]) == (
        "error[unknown-finding] findings.image-without-digst: no finding has the code 'image-without-digst'\n"
        "    fix: did you mean 'image-without-digest'?"
    )
    assert found[1] == WARNING


@pytest.mark.parametrize("level", ["info", "ERROR", "true"])
def test_other_levels_are_refused(level: str) -> None:
    with pytest.raises(ValueError, match="error"):
        levels(image_without_digest=level)


def test_levels_count_where_the_contract_allows_no_plan() -> None:
    """`validate --stack` shows a contract's other findings at the environment's levels."""
    source = parse("models: [{litellmModelName: a}]\n", file="c.yaml")
    settings = Environment.model_validate(
        {"gateway": {"version": "1.106.0"}, "findings": {"litellm-below-preferred-floor": "error"}}
    )
    found = {finding.code: finding.severity for finding in review(source, settings).findings}
    assert found["litellm-below-preferred-floor"] == "error"
