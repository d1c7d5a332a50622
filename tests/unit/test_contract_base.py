from __future__ import annotations

from pathlib import Path

import pytest

from kindo_models.contract import load_contract, parse_contract
from kindo_models.findings import InputError

ENTRY = """
- litellmModelName: {name}
  litellmModel: {model}
  displayName: A
  provider: OpenAI
  type: CHAT
  metadataType: Text Generation
  contextWindow: 1000
"""


def contract(*entries: tuple[str, str], more: str = "") -> str:
    return "models:" + "".join(ENTRY.format(name=name, model=model) for name, model in entries) + more


def test_the_local_contract_holds_every_example_of_the_page(repository: Path) -> None:
    names = {entry.litellm_model_name for entry in load_contract(repository / "stacks" / "local.contract.yaml").models}
    assert names >= {"gpt-4o", "claude-sonnet-4-20250514", "gemini-2.5-pro", "claude-sonnet-4-bedrock", "azure-gpt-4o"}
    assert names >= {"qwen3-coder-30b", "nemotron", "deephat-v2"}


def test_other_top_level_keys_are_kindos_and_are_left_alone() -> None:
    assert len(parse_contract("adminUser: {email: a@b}\n" + contract(("a", "openai/a"))).models) == 1


def test_a_routing_key_used_twice_names_both_places() -> None:
    with pytest.raises(
        InputError, match=r"duplicate-routing-key\] c\.yaml:10 .*already used by models\[0\] \(line 2\)"
    ):
        parse_contract(contract(("a", "openai/a"), ("a", "openai/a")), file="c.yaml")


def test_a_served_name_that_differs_from_the_suffix_is_refused() -> None:
    with pytest.raises(InputError, match="write `litellmModel: openai/a`"):
        parse_contract(contract(("a", "openai/b"), more="  deploy: {model: org/a}\n"))


def test_a_wrong_secret_is_never_shown() -> None:
    with pytest.raises(InputError) as caught:
        parse_contract(contract(("a", "openai/a"), more="  apiKey: [sk-canary]\n  awsSecretAccessKey: 12345\n"))
    assert "canary" not in str(caught.value)
    assert "12345" not in str(caught.value)


def test_an_unknown_key_names_the_entry_and_the_nearest_key() -> None:
    with pytest.raises(InputError) as caught:
        parse_contract(contract(("a", "openai/a"), more="  maxToken: 5\n"), file="c.yaml")
    finding = caught.value.findings[0]
    assert (finding.code, finding.model, finding.line, finding.hint) == (
        "unknown-key",
        "a",
        9,
        "did you mean 'maxTokens'?",
    )
