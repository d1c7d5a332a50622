from __future__ import annotations

import pytest

from kindo_models.findings import InputError
from kindo_models.source import dotted, nearest, parse


def test_every_key_and_item_has_its_line() -> None:
    source = parse("a:\n  b: 1\n  c:\n    - x\n    - y: 2\n", file="f.yaml")
    assert source.line(("a", "b")) == 2
    assert source.line(("a", "c", 1, "y")) == 5


def test_a_path_without_a_line_takes_its_parents() -> None:
    source = parse("a:\n  b: 1\n", file="f.yaml")
    assert source.line(("a", "missing", "deeper")) == 1


def test_a_key_written_twice_is_refused_with_both_lines() -> None:
    with pytest.raises(InputError) as caught:
        parse("a: 1\nb: 2\na: 3\n", file="f.yaml")
    assert str(caught.value).startswith("error[duplicate-key] f.yaml:3 a: key 'a' is written twice (first on line 1)")


def test_broken_yaml_names_file_and_line() -> None:
    with pytest.raises(InputError, match=r"invalid-yaml\] f\.yaml:2"):
        parse("a: 1\n b: : 2\n", file="f.yaml")


def test_a_tag_constructs_no_object() -> None:
    with pytest.raises(InputError, match="invalid-yaml"):
        parse("a: !!python/object/apply:os.getcwd []\n", file="f.yaml")


def test_dotted_writes_indices_in_brackets() -> None:
    assert dotted(("models", 3, "apiVersion")) == "models[3].apiVersion"


def test_nearest_ignores_case_and_gives_up_on_strangers() -> None:
    assert nearest("displayname", ["displayName", "provider"]) == "displayName"
    assert nearest("zzz", ["displayName", "provider"]) is None
