"""The contract for Kindo's installer: `deploy:` is gone, addresses are there, every other character stays."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.contract import load_contract
from kindo_models.contract.convert.edit import changed
from kindo_models.contract.convert.entry_text import scalar
from kindo_models.findings import InputError
from kindo_models.source import scan

BASE = "http://x.inference.svc.cluster.local:8000/v1"
FIELDS = """\
    displayName: A   # shown
    provider: Self-Hosted
    type: CHAT
    metadataType: Text Generation
    contextWindow: 1000
"""


def rendered(path: Path, *options: str) -> str:
    result = CliRunner().invoke(app, ["render", str(path), "--target", "kindo", *options])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_a_contract_without_deploy_is_printed_as_it_is(tmp_path: Path) -> None:
    head = "# top\nadminUser: {email: a@b.c}\n\nmodels: # all\n"
    text = f"{head}  - litellmModelName: 'a'\n    litellmModel: openai/a\n{FIELDS}"
    file = tmp_path / "contract.yaml"
    file.write_text(text + "    apiBase: http://a:1/v1\nsecretsStore: {authMode: irsa}\n")
    assert rendered(file) == file.read_text()


def test_the_local_contract_keeps_comments_order_and_quotes(repository: Path, tmp_path: Path) -> None:
    source = repository / "stacks" / "local.contract.yaml"
    once = rendered(source)
    assert "deploy:" not in once
    assert {line for line in once.splitlines() if "apiBase: http://" not in line} <= set(
        source.read_text().splitlines()
    )
    assert '    apiVersion: "2024-10-21"\n' in once
    file = tmp_path / "once.yaml"
    file.write_text(once)
    assert rendered(file) == once
    before, after = load_contract(source).models, load_contract(file).models
    for old, new in zip(before, after, strict=True):
        changed_fields = {"deploy": None, "api_base": new.api_base} if old.deploy else {}
        assert old.model_copy(update=changed_fields) == new
        assert new.deploy is None


def test_what_we_serve_gets_its_address_in_the_place_of_deploy(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    head = f"models:\n  - litellmModelName: a\n    litellmModel: openai/a\n{FIELDS}"
    file.write_text(
        f"{head}    deploy:\n      model: org/a  # weights\n      gpu: {{type: H100, count: 1}}\n"
        "    # last\n    apiKey: ${K}\n"
    )
    assert (
        rendered(file)
        == f"{head}    apiBase: http://a.inference.svc.cluster.local:8000/v1\n    # last\n    apiKey: ${{K}}\n"
    )


def test_a_stack_decides_the_address(tmp_path: Path) -> None:
    file, stack = tmp_path / "contract.yaml", tmp_path / "Pulumi.x.yaml"
    file.write_text(
        f"models:\n  - litellmModelName: a\n    litellmModel: openai/a\n{FIELDS}"
        "    apiKey: ${K}\n    deploy: {model: org/a, gpu: {count: 1}}\n"
    )
    stack.write_text("config:\n  kindo-models:environment:\n    cluster: {namespace: elsewhere}\n")
    assert "apiBase: http://a.elsewhere.svc.cluster.local:8000/v1" in rendered(file, "--environment", str(stack))


def test_through_the_gateway_every_entry_has_its_name_its_address_and_its_key(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(
        dedent("""\
        models:
          # Bedrock
          - litellmModelName: claude  # name
            litellmModel: bedrock/us.anthropic.claude-sonnet-4-6
            displayName: Claude
            provider: AWS Bedrock
            type: CHAT
            metadataType: Text Generation
            contextWindow: 1000
            awsRegion: us-west-2
            awsAccessKeyId: AKIA0000000000000000
            awsSecretAccessKey: canary-secret-value
          - {litellmModelName: gpt, litellmModel: azure/d, displayName: G, provider: Azure OpenAI,
             type: CHAT, metadataType: Text Generation, contextWindow: 1000, apiVersion: '2024-10-21',
             apiBase: "https://r.openai.azure.com", apiKey: canary-secret-value}
        """)
    )
    text = rendered(file, "--via", "gateway")
    assert "canary" not in text
    assert "# Bedrock" in text
    assert "# name" in text
    for entry, name in zip(scan(text, file="x").data["models"], ("claude", "gpt"), strict=True):
        assert entry["litellmModelName"] == name
        assert entry["litellmModel"] == f"openai/{name}"
        assert entry["apiBase"] == "http://litellm.kindo-gateway.svc.cluster.local:4000/v1"
        assert entry["apiKey"] == "${LITELLM_MASTER_KEY}"
        assert not {"apiVersion", "awsRegion", "awsAccessKeyId", "awsSecretAccessKey", "deploy"} & set(entry)


def test_an_adapter_gets_the_address_and_the_key_of_its_base(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(
        f"models:\n  - litellmModelName: base\n    litellmModel: openai/base\n{FIELDS}    apiKey: ${{VLLM_API_KEY}}\n"
        "    deploy: {model: org/base, gpu: {count: 1}}\n"
        f"  - litellmModelName: lora\n    litellmModel: openai/lora\n{FIELDS}"
        "    deploy: {model: org/lora, adapterOf: base}\n"
    )
    base, lora = scan(rendered(file), file="x").data["models"]
    assert lora["apiBase"] == base["apiBase"]
    assert lora["apiKey"] == "${VLLM_API_KEY}"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("models:\n- deploy: {model: x}\n  a: 1\n", "models:\n- apiBase: BASE\n  a: 1\n"),
        (
            "models:\n- deploy: {model: x}  # d\n  # c\n  apiBase: old\n",
            "models:\n- # c\n  apiBase: BASE\n",
        ),
        ("models:\n- a: 1\n  deploy:\n    model: x", "models:\n- a: 1\n  apiBase: BASE"),
        ("models:\n- {a: 1, deploy: {model: x}}\n", "models:\n- {a: 1, apiBase: BASE}\n"),
        ("models: [{deploy: {model: x}, a: 1}]\n", "models: [{apiBase: BASE, a: 1}]\n"),
        (
            "models:\n- a: 1\n  apiBase: old  # here\n  deploy: {model: x}\n",
            "models:\n- a: 1\n  apiBase: BASE  # here\n",
        ),
        ("models:\n- a: 1\n  apiBase:\n  deploy: {model: x}\n", "models:\n- a: 1\n  apiBase: BASE\n"),
        (
            "models:\r\n- a: 1\r\n  deploy:\r\n    model: x\r\n    # in\r\n  b: 2\r\n",
            "models:\r\n- a: 1\r\n  apiBase: BASE\r\n  b: 2\r\n",
        ),
        (
            "models:\n- a: 1\n  deploy:\n    chatTemplate: |\n      x\n\n      y\n\n# end\nother: 1\n",
            "models:\n- a: 1\n  apiBase: BASE\n\n# end\nother: 1\n",
        ),
        ("models:\n- &one {a: 1, deploy: {model: x}}\nother: 2\n", "models:\n- &one {a: 1, apiBase: BASE}\nother: 2\n"),
        ("x: &d {model: x}\nmodels:\n- a: ü\n  deploy: *d\n", "x: &d {model: x}\nmodels:\n- a: ü\n  apiBase: BASE\n"),
    ],
)
def test_deploy_is_replaced_in_every_style_of_writing(text: str, wanted: str) -> None:
    assert changed(text, {0: {"deploy": None, "apiBase": BASE}}, file="x") == wanted.replace("BASE", BASE)


@pytest.mark.parametrize(
    "text",
    [
        "d: &d {deploy: {model: x}}\nmodels:\n- <<: *d\n  a: 1\n",
        "e: &e {a: 1, deploy: {model: x}}\nmodels:\n- *e\n",
        "models:\n- {a: 1, deploy: &d {model: x}}\nother: *d\n",
    ],
)
def test_an_entry_that_shares_its_keys_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InputError) as caught:
        changed(text, {0: {"deploy": None, "apiBase": BASE}}, file="x.yaml")
    assert "x.yaml" in str(caught.value)
    assert "models[0]" in str(caught.value)


words = st.text(st.sampled_from("abcXYZ09-_. :/#'\"{}[]&*|>%@`üß€"), min_size=1, max_size=12)
values = st.one_of(words, st.integers(), st.booleans(), st.none(), st.lists(words, max_size=2))
deploys = st.dictionaries(
    st.sampled_from(["model", "gpu", "env", "image", "extraArgs"]),
    st.one_of(values, st.dictionaries(words, words, max_size=2)),
    min_size=1,
)
comments = st.sampled_from(["", "# a comment", "# deploy: not this one", "   # far"])


@st.composite
def contracts(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A file in block and flow style with comments, and what it says."""
    lines, entries = ["# top", "models:"], []
    for number in range(draw(st.integers(1, 4))):
        names = st.sampled_from(["litellmModelName", "displayName", "creator", "awsRegion", "apiVersion"])
        entry: dict[str, Any] = {"number": number, **draw(st.dictionaries(names, values, min_size=1))}
        if draw(st.booleans()):
            entry["deploy"] = draw(deploys)
        if draw(st.booleans()):
            entry["apiBase"] = draw(words)
        entry = {key: entry[key] for key in draw(st.permutations(list(entry)))}
        entries.append(entry)
        if draw(st.integers(0, 3)) == 0:
            lines.append(f"  - {scalar(entry)}  # a comment")
            continue
        for index, key in enumerate(entry):
            if comment := draw(comments):
                lines.append(f"    {comment}")
            body = f"{key}: {scalar(entry[key])}"
            if draw(st.booleans()):
                body = yaml.safe_dump({key: entry[key]}, allow_unicode=True, width=10**6, default_flow_style=False)
            for line_number, line in enumerate(body.rstrip("\n").split("\n")):
                lines.append(("  - " if index == line_number == 0 else "    ") + line)
    return "\n".join([*lines, "# end", "other: {a: 1}", ""]), entries


KEYS = ["deploy", "apiBase", "awsRegion", "apiVersion", "displayName", "apiKey"]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(contracts(), st.data())
def test_any_keys_can_be_set_and_removed_and_no_comment_is_lost(made: Any, data: st.DataObject) -> None:
    text, entries = made
    wanted = st.dictionaries(
        st.sampled_from(KEYS), st.sampled_from([None, None, BASE, "${K}", "no", "ü: #"]), max_size=6
    )
    changes = {index: data.draw(wanted) for index in range(len(entries)) if data.draw(st.booleans())}
    result = changed(text, changes, file="x")
    expected = scan(text, file="x").data["models"]
    for index, keys in changes.items():
        for key, value in keys.items():
            expected[index].pop(key, None)
            if value is not None:
                expected[index][key] = value
    assert scan(result, file="x").data == {"models": expected, "other": {"a": 1}}
    assert result.count("# a comment") == text.count("# a comment")
    assert changed(result, {}, file="x") == result
    if not any(changes.values()):
        assert result == text
