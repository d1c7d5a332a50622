"""Size and hostility: any input ends soon, with exit 2 and one clear message, and nothing in it is executed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.findings import InputError
from kindo_models.source import read, scan, yaml_reader
from tests.support.contracts import AZURE, BEDROCK, CLOUD, OPENAI, SERVED, changed, document, text_findings

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "5 MB of rubbish": "\x7f\x01" * 2_500_000,
    "5 MB of text": "rubbish " * 640_000,
    "4 MB of list": "- a\n" * 1_000_000,
    "4 MB of flow": "[" + "1," * 2_000_000,
    "4 MB of keys": "".join(f"key{number}: 1\n" for number in range(300_000)),
    "4 MB of one quote": "'" * 4_000_000,
    "alias bomb": BOMB + "models: *i\n",
    "aliases of one long name": f"models:\n- &e {{litellmModelName: {'a' * 1_000_000}}}\n" + "- *e\n" * 3000,
    "aliases of one long text": f"models: [&a '{'a' * 1_000_000}', {'*a, ' * 3000}]\n",
    "aliases of one long key": f"models: [&a {{? '{'a' * 1_000_000}' : 1}}, {'*a, ' * 3000}]\n",
    "cyclic list": "models: &m [*m]\n",
    "cyclic map": "models: &m\n  a: *m\n",
    "chain of merges": "a0: &a0 {k: v}\n"
    + "".join(f"a{number}: &a{number} {{<<: *a{number - 1}}}\n" for number in range(1, 3000)),
    "NUL": "models:\n- a: \x00\n",
    "tab": "models:\n\t- litellmModelName: a\n",
    "10,000 brackets": "models: " + "[" * 10_000,
    "10,000 maps": "models: " + "{a: " * 10_000,
    "10,000 dashes": "models: " + "- " * 10_000,
    "10,000 explicit keys": "? " * 10_000,
    "10,000 indented maps": "".join(f"{' ' * depth}a:\n" for depth in range(2_500)),
    "Python tag": "models: !!python/object/apply:os.system [touch /tmp/owned]\n",
    "unknown tag": "models: !include secrets.yaml\n",
    "binary tag": "models: !!binary aGVsbG8=\n",
    "set tag": "models: !!set {a, b}\n",
    "two documents": "models: []\n---\nmodels: []\n",
    "unknown alias": "models: *nobody\n",
    "unclosed quote": "models:\n- a: 'x\n" + "y\n" * 1000,
    "map as key": "models:\n- {{a: b}: c}\n",
    "merge of a word": "models:\n- <<: word\n",
    "nothing": "",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_ends_soon_with_exit_2_and_one_message(name: str, tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(HOSTILE[name], encoding="utf-8")
    start = time.process_time()
    done = CliRunner().invoke(app, ["validate", str(file), "--format", "json"])
    assert time.process_time() - start < 2
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    (error,) = json.loads(done.stdout)["errors"]
    assert 10 < len(error["message"]) < 200
    assert error["hint"]


@pytest.mark.parametrize("key", ["litellmModelName", "litellmModel", "provider", "apiBase", "type"])
def test_an_endless_value_makes_no_endless_report(key: str, tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(document(CLOUD | {key: "a" * 1_000_000, "extra": 1}), encoding="utf-8")
    for output in ("json", "text", "github"):
        done = CliRunner().invoke(app, ["validate", str(file), "--format", output])
        assert (done.exit_code, len(done.stdout) < 20_000) == (1, True)


def test_a_device_is_read_in_bounds() -> None:
    with pytest.raises(InputError, match=r"file-too-large|invalid-yaml"):
        read(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb:\n\t- c\n", 3),
        ("a: 'x\ny\nz\n", 1),
        ("a: 1\nb: \x07\n", 2),
        ("a: 1\n b: 2\n", 2),
    ],
)
def test_broken_text_is_reported_on_its_line(text: str, line: int) -> None:
    with pytest.raises(InputError) as caught:
        scan(text, file="c.yaml")
    assert [finding.line for finding in caught.value.findings] == [line]


def test_a_tag_is_refused_before_anything_is_made_of_it(tmp_path: Path) -> None:
    owned = tmp_path / "owned"
    with pytest.raises(InputError, match=r"the tag .* is refused"):
        scan(f"a: !!python/object/apply:pathlib.Path.touch [{owned}]\n", file="c.yaml")
    assert not owned.exists()


def test_tags_of_plain_data_are_plain_data() -> None:
    assert scan("a: !!str 5\nb: !!int '5'\n", file="c.yaml").data == {"a": "5", "b": 5}


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000, "1e999", "-.inf", "2024-13-45", "12:61:61", "0o9"])
def test_numbers_and_dates_that_are_none_are_findings(number: str) -> None:
    text = document(CLOUD).replace("contextWindow: 200000", f"contextWindow: {number}")
    assert [finding.code for finding in text_findings(text)] == ["wrong-type"]
    assert all(len(finding.message) < 300 for finding in text_findings(text))


def thousand() -> str:
    kinds = [CLOUD, AZURE, BEDROCK, OPENAI, SERVED]
    return document(*(changed(kinds[number % 5], **_named(number, kinds[number % 5])) for number in range(1000)))


def _named(number: int, entry: dict[str, object]) -> dict[str, str]:
    name = f"{entry['litellmModelName']}-{number}"
    return {"litellmModelName": name} | ({"litellmModel": f"openai/{name}"} if "deploy" in entry else {})


def test_1000_entries_take_well_under_a_second() -> None:
    text = thousand()
    text_findings(document(CLOUD, SERVED))  # the catalog is read once
    start = time.process_time()
    found = text_findings(text)
    spent = time.process_time() - start
    assert found == []
    # About 0.25 s where this was written; the bound leaves room for a loaded machine.
    assert spent < 1.0


def test_1000_entries_that_are_all_wrong_take_well_under_a_second_each_with_its_hint() -> None:
    wrong = thousand().replace("provider: OpenAI", "provider: OpenIA").replace("gpt-5.4", "gpt-5.44")
    wrong = wrong.replace("toolCallParser: qwen3_coder", "toolCallParser: qwen3_codr").replace(
        "maxTokens:", "maxToken:"
    )
    start = time.process_time()
    found = text_findings(wrong)
    assert time.process_time() - start < 2.0
    assert len(found) > 2000


def test_the_work_is_bounded_in_values() -> None:
    assert yaml_reader.MOST_VALUES <= 100_000
    assert yaml_reader.DEEPEST <= 64
