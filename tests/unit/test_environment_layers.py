"""`extends`: what merges, where values come from, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kindo_models.environment import Environment, load_environment
from kindo_models.environment.layers import Layers, read_layers
from kindo_models.environment.load import read_stack_file
from kindo_models.findings import InputError
from kindo_models.source import parse


class Files:
    """A folder with stack files and bases, read as `Pulumi.x.yaml`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "base").mkdir()

    def base(self, name: str, text: str) -> None:
        (self.folder / "base" / f"{name}.yaml").write_text(text)

    def stack(self, text: str) -> Path:
        file = self.folder / "Pulumi.x.yaml"
        lines = "".join(f"    {line}\n" for line in text.splitlines())
        file.write_text(f"config:\n  kindo-models:environment:\n{lines}")
        return file

    def load(self, text: str) -> Environment:
        return load_environment(self.stack(text), variables={})

    def refusal(self, text: str) -> str:
        """What a user reads, with the folder left out."""
        with pytest.raises(InputError) as caught:
            self.load(text)
        return str(caught.value).replace(f"{self.folder}/", "")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_maps_merge_and_the_stack_goes_before_its_base(files: Files) -> None:
    files.base("b", "gateway: {replicas: 3, startupSeconds: 60}\ncluster: {namespace: models}\n")
    made = files.load("extends: b\ngateway: {replicas: 5}")
    assert (made.gateway.replicas, made.gateway.startup_seconds, made.cluster.namespace) == (5, 60, "models")


def test_lists_replace(files: Files) -> None:
    files.base("b", "images: {pullSecrets: [one, two], pullPolicy: Always}\n")
    made = files.load("extends: b\nimages: {pullSecrets: [three]}")
    assert (made.images.pull_secrets, made.images.pull_policy) == (("three",), "Always")


def test_null_takes_away_what_a_base_says(files: Files) -> None:
    files.base("b", "flags: {preset: '2026.09'}\n")
    assert files.load("extends: b\nflags: null").flags is None


def test_a_section_whose_keys_are_all_commented_out_says_nothing(files: Files) -> None:
    assert files.load("gateway:\n#  replicas: 3\nregistration:\n  kindo:") == Environment()


def test_a_base_may_extend_another_one(files: Files) -> None:
    files.base("low", "gateway: {replicas: 1, version: 1.110.0}\n")
    files.base("high", "extends: low\ngateway: {replicas: 2}\n")
    made = files.load("extends: high")
    assert (made.gateway.replicas, made.gateway.version) == (2, "1.110.0")


def test_an_empty_base_is_one_that_says_nothing(files: Files) -> None:
    files.base("b", "# nothing yet\n")
    assert files.load("extends: b") == Environment()


def test_a_finding_names_file_and_line_of_the_base_that_the_value_came_from(files: Files) -> None:
    files.base("b", "gateway:\n  replicas: 2\n  replcas: 3\n")
    assert files.refusal("extends: b\ngateway: {startupSeconds: 1}") == (
        "error[wrong-type] Pulumi.x.yaml:4 config.kindo-models:environment.gateway.startupSeconds: startupSeconds: "
        "must be at least 30 (found 1)\n    fix: write a number within the bounds\n"
        "error[unknown-key] base/b.yaml:3 gateway.replcas: unknown key 'replcas'\n"
        "    fix: did you mean 'replicas'?"
    )


def test_a_missing_key_is_named_where_its_map_is_written_last(files: Files) -> None:
    files.base("b", "registration:\n  kindo: {mapping: assumed-2026.09}\n")
    assert files.refusal("extends: b\nregistration:\n  kindo: {}") == (
        "error[missing-key] Pulumi.x.yaml:5 config.kindo-models:environment.registration.kindo.url: required key 'url' "
        "is missing\n    fix: add `url: …`"
    )


def test_a_variable_in_a_base_is_filled_in_and_missed_there(files: Files) -> None:
    files.base("b", "gateway:\n  url: ${GATEWAY}\n")
    file = files.stack("extends: b")
    assert load_environment(file, variables={"GATEWAY": "http://x"}).gateway.url == "http://x"
    assert files.refusal("extends: b") == (
        "error[missing-variable] base/b.yaml:2 gateway.url: the environment variable GATEWAY is not set\n"
        '    fix: set GATEWAY; for the stack local: eval "$(make env)"'
    )


def test_a_base_that_is_not_there_is_named_with_the_nearest_one(files: Files) -> None:
    files.base("production", "")
    assert files.refusal("gateway: {replicas: 1}\nextends: prodction") == (
        "error[base-not-found] Pulumi.x.yaml:4 config.kindo-models:environment.extends: no base is called 'prodction' "
        "in base\n    fix: did you mean 'production'?"
    )


def test_without_any_base_the_file_to_write_is_named(files: Files) -> None:
    assert files.refusal("extends: production") == (
        "error[base-not-found] Pulumi.x.yaml:3 config.kindo-models:environment.extends: no base is called 'production' "
        "in base\n    fix: write base/NAME.yaml"
    )


@pytest.mark.parametrize("name", ["../secrets", "/etc/passwd", "a/b", "", "3"])
def test_a_base_is_a_name_and_no_path(files: Files, name: str) -> None:
    (files.folder / "secrets.yaml").write_text("gateway: {replicas: 9}\n")
    assert files.refusal(f"extends: '{name}'").startswith("error[base-not-found] Pulumi.x.yaml:3")


def test_bases_that_extend_each_other_in_a_circle_are_refused_where_it_closes(files: Files) -> None:
    files.base("a", "extends: b\n")
    files.base("b", "gateway: {replicas: 1}\nextends: a\n")
    assert files.refusal("extends: a") == (
        "error[extends-cycle] base/b.yaml:2 extends: bases extend each other in a circle: a → b → a\n"
        "    fix: take `extends` out of one of them"
    )


def test_a_base_with_pulumis_config_around_it_says_unknown_key(files: Files) -> None:
    files.base("b", "config:\n  kindo-models:environment: {}\n")
    assert files.refusal("extends: b").startswith("error[unknown-key] base/b.yaml:1 config: unknown key 'config'")


def test_a_base_that_is_a_list_is_refused(files: Files) -> None:
    files.base("b", "- gateway\n")
    assert files.refusal("extends: b") == (
        "error[not-a-map] base/b.yaml:1: a base is a map of the environment's keys\n"
        "    fix: write the keys at the top level, without `config:`"
    )


def test_a_base_that_is_no_yaml_is_refused_with_its_line(files: Files) -> None:
    files.base("b", "gateway:\n  replicas: [\n")
    assert files.refusal("extends: b").startswith("error[invalid-yaml] base/b.yaml:3")


def test_off_is_a_word_with_and_without_quotes(files: Files) -> None:
    for written in ("off", "'off'"):
        made = files.load(f"verification: {{onFailure: {written}}}\nfindings: {{image-without-digest: {written}}}")
        assert made.verification.on_failure == "off"
        assert made.findings == {"image-without-digest": "off"}


def test_every_value_has_the_place_where_it_is_written(files: Files) -> None:
    files.base("b", "gateway:\n  replicas: 3\n  url: http://x\nimages: {pullSecrets: [one]}\n")
    layers = read_stack_file(files.stack("extends: b\ngateway:\n  replicas: 5"))
    assert place(layers, "gateway", "replicas") == "Pulumi.x.yaml:5"
    assert place(layers, "gateway", "url") == "b.yaml:3"
    assert place(layers, "images", "pullSecrets", 0) == "b.yaml:4"


def place(layers: Layers, *path: str | int) -> str:
    source, there = layers.origin(path)
    return f"{Path(source.file).name}:{source.line(there)}"


SCALARS = st.one_of(st.integers(), st.text(max_size=3), st.none(), st.lists(st.integers(), max_size=2))
TREES = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(SCALARS, lambda inner: st.dictionaries(st.sampled_from("xyz"), inner)),
    max_size=3,
)


def merged(below: Any, above: Any) -> Any:
    """The rule in one line."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {key: merged(below.get(key), above[key]) if key in above else below[key] for key in {**below, **above}}


@settings(max_examples=60, derandomize=True, deadline=None)
@given(below=TREES, above=TREES)
def test_merging_follows_the_rule_and_every_leaf_is_where_its_origin_says(
    tmp_path_factory: pytest.TempPathFactory, below: dict[str, Any], above: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("bases")
    (folder / "b.yaml").write_text(yaml.safe_dump(below))
    layers = read_layers(parse(yaml.safe_dump({**above, "extends": "b"}), file="top.yaml"), (), folder)
    assert layers.data == merged(below, above)
    for path in leaves(layers.data):
        source, there = layers.origin(path)
        value = source.data
        for part in there:
            value = value[part]
        found = layers.data
        for part in path:
            found = found[part]
        assert value == found


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    return [path] if path else []
