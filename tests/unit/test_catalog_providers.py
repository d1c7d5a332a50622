"""The catalog's providers, KDeps backends and models: complete, consistent with each other, and read as documented."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from kindo_models.catalog.kdeps import kdeps_backends
from kindo_models.catalog.models import (
    cloud_models,
    cross_region_profiles,
    facts,
    lifecycle,
    lifecycles,
    model_families,
    status,
    supports,
)
from kindo_models.catalog.ollama_models import ollama_models
from kindo_models.catalog.providers import Provider, providers
from kindo_models.catalog.versions import ordinal
from kindo_models.catalog.vllm_releases import vllm_release
from tools import model_catalog

TODAY = datetime.date(2026, 11, 25)
NAMES = tuple(providers().providers)
CLOUD = tuple(name for name in NAMES if name not in ("ollama", "vllm"))

# Model IDs of Kindo's page "Prepare AI Models" and of KDeps's page "LLM backends".
DOCUMENTED = {
    "openai": ("gpt-4o", "gpt-4o-mini", "gpt-4-turbo", "gpt-3.5-turbo"),
    "anthropic": (
        "claude-sonnet-4-20250514",
        "claude-3-5-sonnet-20241022",
        "claude-3-opus-20240229",
        "claude-3-sonnet-20240229",
        "claude-3-haiku-20240307",
    ),
    "gemini": ("gemini-2.5-pro", "gemini-1.5-pro", "gemini-1.5-flash", "gemini-pro"),
    "bedrock": ("us.anthropic.claude-sonnet-4-20250514-v1:0",),
    "azure": ("gpt-4o",),
    "mistral": (
        "mistral-large-latest",
        "mistral-medium-latest",
        "mistral-small-latest",
        "open-mistral-7b",
        "open-mixtral-8x7b",
    ),
    "together": (
        "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
        "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
        "mistralai/Mixtral-8x7B-Instruct-v0.1",
        "Qwen/Qwen2-72B-Instruct",
    ),
    "groq": ("llama-3.1-70b-versatile", "llama-3.1-8b-instant", "mixtral-8x7b-32768", "gemma2-9b-it"),
    "perplexity": (
        "llama-3.1-sonar-large-128k-online",
        "llama-3.1-sonar-small-128k-online",
        "llama-3.1-sonar-large-128k-chat",
    ),
    "cohere": ("command-r-plus", "command-r", "command", "command-light"),
    "deepseek": ("deepseek-chat", "deepseek-coder"),
}


def test_there_are_thirteen_providers_and_eleven_of_them_are_clouds() -> None:
    assert (len(NAMES), len(CLOUD)) == (13, 11)


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_is_described_as_a_whole(name: str) -> None:
    provider = providers().providers[name]
    assert provider.prefixes
    assert provider.model_list.path.startswith("/")
    assert provider.capabilities.source
    assert provider.docs.startswith("https://")
    # A key is required where there is no way without one that the contract can express.
    assert ("apiKey" in provider.required) == (not provider.keyless)
    assert provider.keyless == any(option.contract for option in provider.keyless_options)
    if provider.default_base:
        assert urlsplit(provider.default_base).scheme in ("http", "https")


def test_prefixes_and_key_variables_belong_to_one_provider_each() -> None:
    prefixes = [prefix for provider in providers().providers.values() for prefix in provider.prefixes]
    variables = [variable for provider in providers().providers.values() for variable in provider.key_variables]
    assert len(prefixes) == len(set(prefixes))
    assert len(variables) == len(set(variables))


def test_openai_under_the_name_self_hosted_is_a_vllm_server() -> None:
    known = providers()
    assert known.of("openai", "Self-Hosted") == ("vllm", known.providers["vllm"])
    assert known.of("openai", "OpenAI") == ("openai", known.providers["openai"])
    assert known.of("nowhere", "OpenAI") is None


def test_display_names_are_each_once() -> None:
    names = providers().display_names
    assert len(names) == len(set(names)) == 12


@pytest.mark.parametrize("name", NAMES)
def test_redirecting_and_its_reverse_agree(name: str) -> None:
    provider: Provider = providers().providers[name]
    value = provider.redirected("https://proxy.example.com", "org/m")
    assert provider.endpoint_of(value, "org/m") == "https://proxy.example.com"
    assert provider.endpoint_of(value + "/", "org/m") == "https://proxy.example.com"


def test_a_route_is_no_part_of_a_bedrock_models_name() -> None:
    bedrock = providers().providers["bedrock"]
    assert bedrock.model_id("converse/us.anthropic.claude-sonnet-4-6") == "us.anthropic.claude-sonnet-4-6"


def test_kdeps_backends_are_providers_of_ours_with_a_variable_that_litellm_reads_too() -> None:
    catalog = kdeps_backends()
    assert len(catalog.backends) == 10
    for backend in catalog.backends.values():
        provider = providers().providers[backend.provider]
        assert backend.variable is None or backend.variable in provider.key_variables
    for target in catalog.later.backends.values():
        assert target is None or target in NAMES


def test_kdeps_own_feature_table_is_kept_with_its_footnotes() -> None:
    features = kdeps_backends().features
    assert features.columns == ("ollama", "openai", "anthropic", "google", "mistral", "groq")
    assert all(len(row) == 6 for row in features.rows.values())
    assert features.rows["JSON response"][2] == "partial"
    assert features.rows["tools"][2] == "no"
    marks = {cell.partition("(")[2].rstrip(")") for row in features.rows.values() for cell in row if "(" in cell}
    assert marks == set(features.footnotes)


@pytest.mark.parametrize(("provider", "model"), [(name, model) for name, ids in DOCUMENTED.items() for model in ids])
def test_every_id_of_both_documents_has_a_lifecycle_row_and_its_sizes(provider: str, model: str) -> None:
    row = lifecycle(provider, model)
    assert row is not None
    assert row.source
    known = facts(provider, model)
    assert known is not None
    assert known.window


@pytest.mark.parametrize(
    ("provider", "model", "wanted"),
    [
        ("anthropic", "claude-sonnet-4-20250514", "retired"),
        ("openai", "gpt-4o", "current"),
        ("groq", "gemma2-9b-it", "absent"),
        ("cohere", "command-r", "deprecated"),
        ("openai", "gpt-5.4", "current"),
        ("openai", "never-heard-of", "current"),
    ],
)
def test_status_of_an_id_on_a_day(provider: str, model: str, wanted: str) -> None:
    assert status(provider, model, TODAY) == wanted


def test_a_date_that_comes_makes_a_model_retired() -> None:
    row = lifecycle("openai", "gpt-4o")
    assert row is not None
    assert row.retires is not None
    assert status("openai", "gpt-4o", row.retires - datetime.timedelta(days=1)) == "current"
    assert status("openai", "gpt-4o", row.retires) == "retired"


def test_replacements_are_listed_and_not_retired_themselves() -> None:
    for provider, rows in lifecycles().providers.items():
        for model, row in rows.items():
            if row.replacement:
                assert cloud_models().find(provider, row.replacement) is not None, (provider, model)
                assert status(provider, row.replacement, TODAY) in ("current", "deprecated"), (provider, model)


def test_a_row_that_claims_absence_is_not_in_the_map() -> None:
    for provider, rows in lifecycles().providers.items():
        for model, row in rows.items():
            if row.absent and "old undated row" not in row.source:
                assert cloud_models().find(provider, model) is None, (provider, model)


@pytest.mark.parametrize(
    ("provider", "model", "capability", "wanted"),
    [
        ("openai", "gpt-4o", "tools", True),
        ("openai", "gpt-4o", "streaming", True),
        ("openai", "o1-pro", "streaming", False),
        ("openai", "never-heard-of", "vision", None),
        ("perplexity", "sonar-pro", "tools", False),
        ("cohere", "command-a-03-2025", "json", False),
        ("anthropic", "claude-sonnet-4-6", "vision", True),
        ("anthropic", "never-heard-of", "tools", True),
    ],
)
def test_what_a_model_can_do_is_its_providers_word_else_its_own_row(
    provider: str, model: str, capability: Any, wanted: bool | None
) -> None:
    assert supports(provider, model, capability) is wanted


@pytest.mark.parametrize("provider", CLOUD)
def test_each_cloud_provider_has_current_chat_models(provider: str) -> None:
    current = cloud_models().current(provider, TODAY, "chat")
    assert current
    assert all(facts(provider, model) for model in current)


def test_the_nearest_current_ids_are_offered_and_no_retired_one() -> None:
    near = cloud_models().closest("anthropic", "claude-sonnet-4.6", TODAY)
    assert near[0] == "claude-sonnet-4-6"
    assert all(status("anthropic", model, TODAY) == "current" for model in near)


def test_bedrock_models_with_cross_region_profiles_are_known() -> None:
    profiles = cross_region_profiles("anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert profiles[0].startswith("us.")
    assert any(profile.startswith("eu.") for profile in profiles)
    assert cross_region_profiles(profiles[0]) == []


@pytest.mark.parametrize(
    ("model", "family", "tool", "reasoning"),
    [
        ("DeepHat/DeepHat-V2-ext", "deephat-v2", "qwen3_coder", None),
        ("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16", "nemotron-3-super", "qwen3_coder", "nemotron_v3"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mistral", "mistral", None),
        ("deepseek-ai/DeepSeek-V3", "deepseek-v3", "deepseek_v3", "deepseek_v3"),
        ("deepseek-ai/DeepSeek-V3.1-Terminus", "deepseek-v3.1", "deepseek_v31", "deepseek_v3"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-r1", "deepseek_v3", "deepseek_r1"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "deepseek-r1-distill", None, "deepseek_r1"),
        ("Qwen/Qwen3-8B", "qwen3", "hermes", "qwen3"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507", "qwen3-instruct", "hermes", None),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3-coder", "qwen3_coder", None),
        ("nvidia/Qwen3.6-27B-NVFP4", "qwen3.5", "qwen3_coder", "qwen3"),
        ("openai/gpt-oss-120b", "gpt-oss", "openai", "openai_gptoss"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3", "llama3_json", None),
        ("/models/meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama-4-scout", "llama4_pythonic", None),
        ("zai-org/GLM-4.7", "glm-4.7", "glm47", "glm45"),
        ("moonshotai/Kimi-K2.6", "kimi-k2-thinking", "kimi_k2", "kimi_k2"),
        ("moonshotai/Kimi-K2-Instruct", "kimi-k2", "kimi_k2", None),
    ],
)
def test_families_and_their_parsers(model: str, family: str, tool: str | None, reasoning: str | None) -> None:
    found = model_families().find(model)
    assert found is not None
    assert (found[0], found[1].tool_parser("0.33.0"), found[1].reasoning_parser("0.33.0")) == (family, tool, reasoning)


def test_every_parser_of_a_family_is_one_of_the_pinned_vllm() -> None:
    release = vllm_release("0.33.0")
    assert release is not None
    for name, family in model_families().families.items():
        assert set(family.tool_parsers.values()) <= set(release.tool_parsers), name
        assert set(family.reasoning_parsers.values()) <= set(release.reasoning_parsers), name


def test_every_family_can_be_reached() -> None:
    families = model_families()
    for name, family in families.families.items():
        example = family.matches[0].replace("*", "x")
        example = example if "/" in example else f"org/{example}"
        found = families.find(example)
        assert found is not None
        assert found[0] == name, f"{example} is taken by {found[0]}"


@pytest.mark.parametrize(
    ("model", "mode"),
    [
        ("BAAI/bge-m3", "embedding"),
        ("intfloat/multilingual-e5-large", "embedding"),
        ("openai/whisper-large-v3", "transcription"),
        ("someone/unknown-13b", "chat"),
    ],
)
def test_what_a_model_does_is_told_by_family_or_name(model: str, mode: str) -> None:
    assert model_families().mode(model) == mode


def test_two_names_of_one_parser_are_both_right() -> None:
    assert model_families().same_parser("hermes", "qwen3_json")
    assert not model_families().same_parser("hermes", "qwen3_coder")


def test_an_ollama_tag_is_found_by_its_name() -> None:
    found = ollama_models().find("llama3.2:1b")
    assert found is not None
    assert found.window == 131072
    assert ollama_models().find("never-heard-of") is None


def test_rows_of_litellms_map_become_rows_of_the_catalog() -> None:
    chat = {"mode": "chat", "max_input_tokens": 1000, "supports_vision": True}
    text = model_catalog.document(
        {
            "sample_spec": {"mode": "one of chat, embedding", "litellm_provider": "one of"},
            "gpt-x": chat | {"litellm_provider": "openai", "deprecation_date": "2027-01-01"},
            "ft:gpt-x": chat | {"litellm_provider": "openai"},
            "openai/container": {"mode": "chat", "litellm_provider": "openai"},
            "gemini/gemini-x": chat | {"litellm_provider": "gemini"},
            "gemini-x": chat | {"litellm_provider": "vertex_ai-language-models"},
            "azure/eu/gpt-x": chat | {"litellm_provider": "azure"},
            "azure/gpt-x": chat | {"litellm_provider": "azure", "mode": "responses"},
            "bedrock/us-east-1/anthropic.x": chat | {"litellm_provider": "bedrock"},
            "anthropic.x-v1:0": chat | {"litellm_provider": "bedrock_converse"},
            "together_ai/org/M-1": chat | {"litellm_provider": "together_ai"},
            "deepseek/d": chat | {"litellm_provider": "deepseek", "max_output_tokens": 7},
            "d": chat | {"litellm_provider": "deepseek", "max_output_tokens": 1},
            "groq/w": {"mode": "audio_transcription", "litellm_provider": "groq"},
            "gpt-image": {"mode": "image_generation", "litellm_provider": "openai"},
        },
        version="1.0.0",
        date="2026-11-21",
    )
    rows = {name: found or {} for name, found in yaml.safe_load(text)["providers"].items()}
    assert {name: list(found) for name, found in rows.items() if found} == {
        "openai": ["gpt-x"],
        "gemini": ["gemini-x"],
        "azure": ["gpt-x"],
        "bedrock": ["anthropic.x-v1:0"],
        "together": ["org/M-1"],
        "groq": ["w"],
        "deepseek": ["d"],
    }
    assert rows["openai"]["gpt-x"] == {
        "mode": "chat",
        "window": 1000,
        "supports": ["vision"],
        "retires": datetime.date(2027, 1, 1),
    }
    assert rows["deepseek"]["d"]["output"] == 7


def test_release_numbers_are_ordered_as_numbers() -> None:
    assert ordinal("v0.9.2") < ordinal("0.14.1") < ordinal("0.33.0-rc1") < ordinal("1.0")
    assert ordinal("nightly") == ()
