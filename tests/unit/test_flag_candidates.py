"""Which models a flag points at, and the payload that says so."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindo_models.planning.flags import FlagCandidate, payload_text, same_payload, select_candidates


def candidate(name: str, *, registered: bool = True, status: str = "pass", model_id: str | None = "") -> FlagCandidate:
    return FlagCandidate(name, f"id-{name}" if model_id == "" else model_id, registered, status)


def test_the_plans_order_is_kept() -> None:
    selection = select_candidates([candidate("z"), candidate("a"), candidate("m")])
    assert [one.name for one in selection.selected] == ["z", "a", "m"]
    assert selection.removed == selection.unverified == ()


def test_withheld_models_drop_out_with_the_reason() -> None:
    candidates = [candidate("a", registered=False, status="fail"), candidate("b"), candidate("c", registered=False)]
    selection = select_candidates(candidates)
    assert [one.name for one in selection.selected] == ["b"]
    assert selection.removed == (("a", "did not pass its gate"), ("c", "is not registered"))


def test_a_registered_model_that_fails_later_keeps_its_place() -> None:
    selection = select_candidates([candidate("a", status="fail"), candidate("b")])
    assert [one.name for one in selection.selected] == ["a", "b"]
    assert selection.unverified == ("a",)


@pytest.mark.parametrize("status", ["skipped", "warned"])
def test_a_model_that_was_let_through_is_in_and_named_as_unverified(status: str) -> None:
    selection = select_candidates([candidate("a", status=status)])
    assert [one.name for one in selection.selected] == ["a"]
    assert selection.unverified == ("a",)


def test_a_model_without_an_id_cannot_be_pointed_at() -> None:
    selection = select_candidates([candidate("a", model_id=None)])
    assert selection.selected == ()
    assert "no id" in selection.removed[0][1]


def test_candidates_of_properties() -> None:
    given_ = {"name": "a", "model_id": 7, "registered": True, "status": "pass"}
    assert FlagCandidate.of(given_) == FlagCandidate("a", "7", True, "pass")
    assert FlagCandidate.of({"name": "a", "model_id": "", "registered": None}) == FlagCandidate("a", None, False, "")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("json", "modelId", '["id-a","id-b"]'),
        ("json", "modelName", '["a","b"]'),
        ("csv", "modelId", "id-a,id-b"),
        ("csv", "modelName", "a,b"),
        ("string", "modelId", "id-a"),
        ("string", "modelName", "a"),
    ],
)
def test_payloads(kind: str, value: str, text: str) -> None:
    assert payload_text([candidate("a"), candidate("b")], payload_type=kind, payload_value=value) == text


def test_json_is_compared_by_value_and_other_payloads_by_text() -> None:
    assert same_payload("json", '["a","b"]', '[ "a", "b" ]')
    assert not same_payload("json", '["a","b"]', '["b","a"]')
    assert same_payload("json", "not json", "not json")
    assert not same_payload("json", "not json", "[]")
    assert not same_payload("csv", "a,b", "a, b")


CANDIDATES = st.lists(
    st.builds(
        FlagCandidate,
        name=st.text(min_size=1),
        model_id=st.none() | st.text(min_size=1),
        registered=st.booleans(),
        status=st.sampled_from(["pass", "fail", "warned", "skipped"]),
    ),
    unique_by=lambda one: one.name,
)


@given(CANDIDATES)
def test_every_candidate_is_selected_or_removed_and_the_order_never_changes(candidates: list[FlagCandidate]) -> None:
    selection = select_candidates(candidates)
    removed = {name for name, _ in selection.removed}
    assert [one for one in candidates if one.name not in removed] == list(selection.selected)
    assert all(one.registered for one in selection.selected)


@given(CANDIDATES)
def test_a_json_payload_gives_the_ids_back(candidates: list[FlagCandidate]) -> None:
    selected = select_candidates(candidates).selected
    text = payload_text(selected, payload_type="json", payload_value="modelId")
    assert json.loads(text) == [one.model_id for one in selected]
