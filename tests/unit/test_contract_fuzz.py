"""No input gives a traceback: files, mutated contracts and single values, through the command line's entry point.

`make soak` looks longer; KINDO_MODELS_FUZZ_EXAMPLES=5000 longer still, and elsewhere each time.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.contract.model import Deploy, ModelEntry
from tests.support.contracts import AZURE, BEDROCK, CLOUD, OLLAMA, SERVED, changed
from tests.support.soak import soak_cases

pytestmark = pytest.mark.soak

EXAMPLES = os.environ.get("KINDO_MODELS_FUZZ_EXAMPLES")
BOUNDED = settings(
    derandomize=EXAMPLES is None,
    max_examples=int(EXAMPLES or len(soak_cases(full=1000, sample=20))),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
ENTRY_KEYS = [info.alias for info in ModelEntry.model_fields.values()]
DEPLOY_KEYS = [info.alias for info in Deploy.model_fields.values()]

WORDS = """${ ${A} ${A:-b} } openai/ / bedrock/arn:aws:bedrock:a:1:b/c http:// http://[ // % http://a:b@c/v1
    http://localhost:99999/v1 --api-key --max-model-len= - -- -O --= a.b [0] CHAT Embeddings vllm ollama Self-Hosted
    Qwen/Qwen3-32B \ud7ff ſ"""
words = st.sampled_from(["", "\n", "Text Generation", "Azure OpenAI", *WORDS.split()])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | words | st.dates()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6) | words, inner, max_size=4),
    max_leaves=8,
)
bases = st.sampled_from([CLOUD, AZURE, BEDROCK, SERVED, OLLAMA])


@st.composite
def entries(draw: st.DrawFn) -> Any:
    """A good entry with a few keys replaced by anything, or anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    entry = changed(draw(bases))
    for key in draw(st.lists(st.sampled_from(ENTRY_KEYS) | st.text(max_size=5), max_size=4)):
        entry[key] = draw(values)
    if isinstance(entry.get("deploy"), dict) or draw(st.booleans()):
        deploy = dict(entry["deploy"]) if isinstance(entry.get("deploy"), dict) else {}
        for key in draw(st.lists(st.sampled_from(DEPLOY_KEYS), max_size=4)):
            deploy[key] = draw(values)
        entry["deploy"] = deploy
    return entry


def check(content: bytes, folder: Path, environment: Path | None = None) -> None:
    file = folder / "c.yaml"
    file.write_bytes(content)
    # JSON always, one of the others in turn.
    for form in ("json", ("text", "github")[len(content) % 2]):
        more = ["--environment", str(environment)] if environment else []
        done = CliRunner().invoke(app, ["validate", str(file), "--format", form, *more])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert done.exit_code in (0, 1, 2)
        if form == "json":
            found = json.loads(done.stdout)
            assert (done.exit_code == 0) == (not found["errors"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def environment(folder: Path) -> Path:
    file = folder / "Pulumi.x.yaml"
    file.write_text("config: {'kindo-models:environment': {gateway: {replicas: 1}}}\n")
    return file


@BOUNDED
@given(content=st.binary(max_size=300))
def test_any_bytes(content: bytes, folder: Path) -> None:
    check(content, folder)


@BOUNDED
@given(text=st.text(alphabet="models:-[]{}&*!|>'\"#?,%@`\n\t ab01${}", max_size=120))
def test_any_text_of_yaml_characters(text: str, folder: Path) -> None:
    check(f"models:\n{text}".encode(), folder)


@BOUNDED
@given(items=st.lists(entries(), max_size=4))
def test_any_values_in_any_key(items: list[Any], folder: Path) -> None:
    check(yaml.safe_dump({"models": items}, allow_unicode=True, sort_keys=False).encode("utf-8", "replace"), folder)


@BOUNDED
@given(items=st.lists(entries(), max_size=4))
def test_any_values_in_an_environment(items: list[Any], folder: Path, environment: Path) -> None:
    content = yaml.safe_dump({"models": items}, allow_unicode=True, sort_keys=False).encode("utf-8", "replace")
    check(content, folder, environment)


@BOUNDED
@given(data=st.data())
def test_a_contract_with_a_piece_cut_out_or_put_in(data: st.DataObject, folder: Path, repository: Path) -> None:
    text = (repository / "stacks" / "local.contract.yaml").read_bytes()[:4000]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    check(text[:start] + data.draw(st.binary(max_size=6)) + text[end:], folder)
