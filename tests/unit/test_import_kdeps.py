"""import kdeps: resources and workflows of both generations as contract entries, with everything left behind named."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kindo_models.catalog.kdeps import kdeps_backends
from kindo_models.cli import app
from kindo_models.contract import parse_contract
from kindo_models.contract.convert.kdeps.documents import documents
from kindo_models.contract.convert.kdeps.importing import Imported, imported
from kindo_models.contract.convert.kdeps.writing import resource_files
from kindo_models.contract.draft import read_draft
from kindo_models.environment import Environment
from kindo_models.findings import InputError, errors
from kindo_models.planning import plan
from kindo_models.planning.rules import check
from kindo_models.source import scan

ASK = "prompt: \"{{ get('q') }}\""


def chat(**fields: Any) -> str:
    """A resource as KDeps's page writes it: no metadata, only the action."""
    return yaml.safe_dump({"run": {"chat": {"prompt": "{{ get('q') }}", **fields}}})


def made(*texts: str, **options: Any) -> Imported:
    return imported([d for n, text in enumerate(texts) for d in documents(text, file=f"r{n}.yaml")], **options)


def entry(*texts: str, **options: Any) -> dict[str, Any]:
    (only,) = made(*texts, **options).entries
    return dict(only)


def codes(result: Imported) -> set[str]:
    return {finding.code for finding in result.findings}


@pytest.mark.parametrize(
    ("backend", "model", "litellm_model", "provider", "variable"),
    [
        ("openai", "gpt-4o", "openai/gpt-4o", "OpenAI", "OPENAI_API_KEY"),
        ("anthropic", "claude-3-5-sonnet-20241022", "anthropic/", "Anthropic", "ANTHROPIC_API_KEY"),
        ("google", "gemini-1.5-pro", "gemini/", "Google", "GOOGLE_API_KEY"),
        ("mistral", "mistral-large-latest", "mistral/", "Mistral", "MISTRAL_API_KEY"),
        ("together", "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo", "together_ai/", "Together AI", "TOGETHER_API_KEY"),
        ("groq", "llama-3.1-70b-versatile", "groq/", "Groq", "GROQ_API_KEY"),
        ("perplexity", "llama-3.1-sonar-large-128k-online", "perplexity/", "Perplexity", "PERPLEXITY_API_KEY"),
        ("cohere", "command-r-plus", "cohere_chat/", "Cohere", "COHERE_API_KEY"),
        ("deepseek", "deepseek-chat", "deepseek/", "DeepSeek", "DEEPSEEK_API_KEY"),
    ],
)
def test_each_cloud_backend_becomes_its_provider_with_the_key_that_kdeps_reads(
    backend: str, model: str, litellm_model: str, provider: str, variable: str
) -> None:
    found = entry(chat(backend=backend, model=model))
    assert found["litellmModelName"] == model
    assert found["litellmModel"] == f"{litellm_model.removesuffix(model)}{model}"
    assert (found["provider"], found["apiKey"]) == (provider, f"${{{variable}}}")
    assert (found["type"], found["metadataType"]) == ("CHAT", "Text Generation")
    assert found["contextWindow"] >= 4096
    assert "apiBase" not in found


def test_the_list_of_backends_is_complete() -> None:
    assert set(kdeps_backends().backends) == {
        *("ollama", "openai", "anthropic", "google", "cohere", "mistral", "together", "perplexity", "groq", "deepseek")
    }


@pytest.mark.parametrize("text", [chat(model="llama3.2:1b"), chat(backend="ollama", model="llama3.2:1b")])
def test_ollama_is_the_default_and_is_served_here(text: str) -> None:
    found = entry(text)
    assert found["creator"] == "Meta"
    assert found["deploy"] == {"engine": "ollama", "model": "llama3.2:1b"}
    assert found["litellmModel"] == "ollama_chat/llama3.2:1b"
    assert "apiBase" not in found
    assert "apiKey" not in found


def test_an_ollama_elsewhere_is_an_address() -> None:
    found = entry(chat(backend="ollama", baseUrl="http://custom-ollama:11434", model="llama3.2:1b"))
    assert found["apiBase"] == "http://custom-ollama:11434"
    assert "deploy" not in found


def workflow(**agent: Any) -> str:
    return yaml.safe_dump({"settings": {"agentSettings": agent}})


@pytest.mark.parametrize(
    ("agent", "served"),
    [
        ({}, True),
        ({"models": ["llama3.2:1b"]}, True),
        ({"installOllama": True}, True),
        ({"ollamaUrl": "http://localhost:11434"}, True),
        ({"ollamaUrl": "http://ollama:11434", "installOllama": True}, True),
        ({"ollamaUrl": "http://ollama.example.com:11434"}, False),
        ({"ollamaUrl": "http://ollama.example.com:11434", "installOllama": False}, False),
    ],
)
def test_where_ollama_is_follows_kdeps_own_rules(agent: dict[str, Any], served: bool) -> None:
    found = entry(workflow(**agent), chat(model="llama3.2:1b"))
    assert ("deploy" in found, "apiBase" in found) == (served, not served)


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/api"])
def test_an_ollama_address_leads_to_its_own_api(suffix: str) -> None:
    found = entry(chat(model="qwen3", baseUrl=f"http://ollama.example.com:11434{suffix}"))
    assert found["apiBase"] == "http://ollama.example.com:11434"


def test_an_unusable_address_of_a_workflow_is_said() -> None:
    result = made(workflow(ollamaUrl="http://[::"), chat(model="qwen3"))
    assert result.entries == ()
    assert "kdeps-address-unusable" in codes(result)


def test_installing_no_ollama_without_an_address_is_said() -> None:
    assert "kdeps-ollama-elsewhere" in codes(made(workflow(installOllama=False), chat(model="llama3.2:1b")))


def test_installing_ollama_without_any_model_is_said() -> None:
    result = made(workflow(installOllama=True), chat(backend="openai", model="gpt-4o"))
    assert "kdeps-ollama-without-model" in codes(result)


def test_models_of_a_workflow_are_entries_and_embedding_models_are_recognised() -> None:
    result = made(
        workflow(models=["llama3.2:1b", "nomic-embed-text"], ollamaUrl="http://ollama:11434", installOllama=True)
    )
    llama, nomic = result.entries
    assert (llama["type"], llama["metadataType"]) == ("CHAT", "Text Generation")
    assert (nomic["type"], nomic["metadataType"]) == ("INTERNAL", "Embeddings")
    assert nomic["litellmModel"] == "ollama/nomic-embed-text"
    assert nomic["deploy"] == {"engine": "ollama", "model": "nomic-embed-text"}


@pytest.mark.parametrize("model", ["nomic-embed-text", "mxbai-embed-large:335m", "bge-large", "jina-embeddings-v3"])
def test_embedding_models_are_told_by_their_names(model: str) -> None:
    assert entry(workflow(models=[model]))["metadataType"] == "Embeddings"


def test_a_resource_belongs_to_the_nearest_workflow_above_it() -> None:
    read = [
        *documents(workflow(ollamaUrl="http://a:11434"), file="one/workflow.yaml"),
        *documents(workflow(ollamaUrl="http://b:11434"), file="two/workflow.yaml"),
        *documents(chat(model="x"), file="two/resources/chat.yaml"),
    ]
    assert [found.get("apiBase") for found in imported(read).entries] == ["http://b:11434"]


@pytest.mark.parametrize(
    ("written", "variable", "code"),
    [
        ("{{ get('MY_KEY', 'env') }}", "MY_KEY", None),
        ('{{ get("MY_KEY", "env") }}', "MY_KEY", None),
        ("{{get('MY_KEY','env')}}", "MY_KEY", None),
        (None, "OPENAI_API_KEY", None),
        ("{{ get('apiKey', 'session') }}", "OPENAI_API_KEY", "kdeps-key-not-carried"),
        ("sk-canary-0123456789", "OPENAI_API_KEY", "kdeps-key-not-carried"),
    ],
)
def test_a_key_becomes_a_variable_and_a_literal_one_is_never_copied(
    written: str | None, variable: str, code: str | None
) -> None:
    fields = {} if written is None else {"apiKey": written}
    result = made(chat(backend="openai", model="gpt-4o", **fields))
    assert result.entries[0]["apiKey"] == f"${{{variable}}}"
    assert "canary" not in result.text + "".join(map(str, result.findings))
    assert ("kdeps-key-not-carried" in codes(result)) == (code is not None)


def test_two_literal_keys_of_one_provider_get_two_variables() -> None:
    result = made(
        chat(backend="openai", model="gpt-4o", apiKey="sk-one-0123456789"),
        chat(backend="openai", model="gpt-4o-mini", apiKey="sk-two-0123456789"),
        chat(backend="openai", model="gpt-4.1", apiKey="sk-one-0123456789"),
    )
    assert [found["apiKey"] for found in result.entries] == [
        "${OPENAI_API_KEY}",
        "${OPENAI_API_KEY_2}",
        "${OPENAI_API_KEY}",
    ]


def test_a_literal_key_does_not_take_a_variable_that_others_read() -> None:
    result = made(
        chat(backend="openai", model="gpt-4o", apiKey="sk-one-0123456789"),
        chat(backend="openai", model="gpt-4.1"),
        chat(backend="groq", model="openai/gpt-oss-120b", apiKey="sk-one-0123456789"),
    )
    assert [found["apiKey"] for found in result.entries] == [
        "${OPENAI_API_KEY_2}",
        "${OPENAI_API_KEY}",
        "${GROQ_API_KEY}",
    ]


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_a_base_url_gets_the_v1_that_kdeps_appends_once(suffix: str) -> None:
    found = entry(chat(backend="openai", baseUrl=f"https://my-proxy.example.com{suffix}", model="gpt-4o"))
    assert found["apiBase"] == "https://my-proxy.example.com/v1"
    assert (found["litellmModel"], found["provider"]) == ("openai/gpt-4o", "Self-Hosted")


@pytest.mark.parametrize(
    ("backend", "base_url", "api_base"),
    [
        ("openai", "https://api.openai.com/v1", None),
        ("groq", "https://p.example.com/openai/v1", "https://p.example.com/openai/v1"),
        ("groq", "https://p.example.com", "https://p.example.com/openai/v1"),
        ("google", "https://p.example.com/v1beta", "https://p.example.com/v1beta/models/m"),
        ("cohere", "https://p.example.com", "https://p.example.com/v2/chat"),
        ("anthropic", "https://p.example.com/v1", "https://p.example.com"),
    ],
)
def test_another_address_takes_the_form_that_litellm_wants(backend: str, base_url: str, api_base: str | None) -> None:
    assert entry(chat(backend=backend, model="m", baseUrl=base_url)).get("apiBase") == api_base


AZURE = "https://my-resource.openai.azure.com/openai/deployments/my-deployment"


def test_an_azure_address_becomes_a_deployment_and_asks_for_the_version() -> None:
    text = chat(backend="openai", baseUrl=AZURE, model="gpt-4o", apiKey="{{ get('AZURE_OPENAI_KEY', 'env') }}")
    result = made(text)
    found = result.entries[0]
    assert (found["litellmModel"], found["baseModel"]) == ("azure/my-deployment", "gpt-4o")
    assert (found["provider"], found["apiBase"]) == ("Azure OpenAI", "https://my-resource.openai.azure.com")
    assert found["apiKey"] == "${AZURE_OPENAI_KEY}"
    assert [fact.key for fact in result.missing] == ["apiVersion"]
    finding = result.to_fill_in("contract.yaml")[0]
    line = result.text.splitlines()[finding.line - 1]  # type: ignore[operator]
    assert line.strip().startswith("# apiVersion:")
    assert made(text, azure_api_version="2024-10-21").missing == ()


@pytest.mark.parametrize("host", ["r.cognitiveservices.azure.com", "r.services.ai.azure.com", "r.openai.azure.us"])
def test_every_address_of_an_azure_resource_is_one(host: str) -> None:
    url = f"https://{host}/openai/deployments/d1/chat/completions?api-version=2024-10-21"
    found = entry(chat(backend="openai", model="gpt-4o", baseUrl=url))
    assert (found["litellmModel"], found["apiBase"]) == ("azure/d1", f"https://{host}")


def test_an_empty_name_makes_no_entry_and_moves_no_line() -> None:
    blank = made(chat(backend="openai", model=" "))
    assert (blank.entries, "kdeps-model-unknown" in codes(blank)) == ((), True)
    listed = made("kind: Workflow\nsettings:\n  agentSettings:\n    models:\n    - ''\n    - 5\n    - llama3.2:1b\n")
    assert ([one["litellmModelName"] for one in listed.entries], "kdeps-wrong-type" in codes(listed)) == (
        ["llama3.2:1b"],
        True,
    )
    config = "llm: {backend: openai, models: ['', ' ', gpt-4o]}"
    assert [one["litellmModelName"] for one in made(config).entries] == ["gpt-4o"]


def test_a_version_in_the_azure_address_is_taken() -> None:
    found = entry(chat(backend="openai", baseUrl=f"{AZURE}?api-version=2024-10-21", model="gpt-4o"))
    assert found["apiVersion"] == "2024-10-21"
    assert found["apiKey"] == "${AZURE_API_KEY}"


def test_context_length_is_the_answers_limit_and_never_the_window() -> None:
    found = entry(chat(backend="openai", model="gpt-4o", contextLength=4096))
    assert (found["maxTokens"], found["contextWindow"]) == (4096, 128000)


def test_a_context_length_above_the_window_is_cut_and_said() -> None:
    result = made(chat(backend="cohere", model="command", contextLength=8192))
    assert result.entries[0]["maxTokens"] == 4096
    assert "kdeps-answer-longer-than-window" in codes(result)


def test_many_resources_of_one_model_are_one_entry() -> None:
    result = made(
        *(chat(backend="groq", model="llama-3.1-8b-instant", contextLength=length) for length in (4096, 8192, 4096))
    )
    (found,) = result.entries
    assert found["maxTokens"] == 8192
    assert "kdeps-values-differ" in codes(result)


def test_one_model_at_two_places_is_two_entries_with_names_of_their_own() -> None:
    result = made(
        chat(backend="openai", model="gpt-4o"),
        chat(backend="openai", model="gpt-4o", baseUrl=AZURE),
        chat(model="llama3.2:1b"),
        chat(model="llama3.2:1b", baseUrl="http://a:11434"),
        chat(model="llama3.2:1b", baseUrl="http://a:11435"),
        azure_api_version="2024-10-21",
    )
    names = [found["litellmModelName"] for found in result.entries]
    assert names == ["gpt-4o", "gpt-4o-azure", "llama3.2:1b", "llama3.2:1b-a", "llama3.2:1b-a-2"]
    assert len(parse_contract(result.text).models) == 5


def test_a_retry_block_becomes_the_gateways_retries() -> None:
    retry = {"maxAttempts": 3, "initialDelay": "1s", "maxDelay": "30s", "backoffMultiplier": 2}
    result = made(chat(backend="openai", model="gpt-4o", retry=retry))
    # Three attempts are two further ones.
    assert result.environment == {"gateway": {"retries": {"afterSeconds": 1, "models": {"gpt-4o": 2}}}}


def test_the_environment_takes_the_retries_to_litellm(tmp_path: Path) -> None:
    result = made(chat(backend="openai", model="gpt-4o", retry={"maxAttempts": 3, "initialDelay": "1s"}))
    planned = plan(parse_contract(result.text), Environment.model_validate(result.environment))
    router = planned.gateway.values["config"]["router_settings"]
    assert (router["num_retries"], router["retry_after"]) == (2, 1)
    assert router["model_group_retry_policy"]["gpt-4o"]["RateLimitErrorRetries"] == 2


def test_retries_of_a_model_that_is_not_there_are_a_finding() -> None:
    contract = parse_contract(made(chat(backend="openai", model="gpt-4o")).text)
    environment = Environment.model_validate({"gateway": {"retries": {"models": {"gpt4o": 3}}}})
    found = [finding for finding in plan(contract, environment).findings if finding.code == "retries-of-unknown-model"]
    assert [finding.hint for finding in found] == ["did you mean 'gpt-4o'?"]


@pytest.mark.parametrize(
    "text",
    [
        "run:\n  chat: {model: llama3.2:1b}\n  onError: {action: retry, maxRetries: 4, retryDelay: 500ms}\n",
        "actionId: a\nchat: {model: llama3.2:1b}\nonError: {action: retry, maxRetries: 4, retryDelay: 500ms}\n",
        "actionId: a\nchat: {model: llama3.2:1b, onError: {action: retry, maxRetries: 4, retryDelay: 500ms}}\n",
    ],
)
def test_retries_on_errors_are_carried_in_both_generations(text: str) -> None:
    result = made(text)
    assert list(result.retries.values()) == [3]
    assert result.after_seconds == 1


def test_what_belongs_to_the_request_is_named_with_its_place() -> None:
    text = chat(
        backend="openai", model="gpt-4o", jsonResponse=True, jsonResponseKeys=["a"], scenario=[], somethingNew=1
    )
    (finding,) = [finding for finding in made(text).findings if finding.code == "kdeps-no-counterpart"]
    for key in ("prompt", "jsonResponse", "jsonResponseKeys", "scenario", "somethingNew"):
        assert key in finding.message
    assert (finding.file, finding.line is not None) == ("r0.yaml", True)


LATER = "actionId: llm\nname: LLM\nchat:\n  model: MODEL\n  prompt: x\n  timeout: 60s\n"


def test_a_later_resource_without_configuration_is_served_by_ollama_and_says_so() -> None:
    result = made(LATER.replace("MODEL", "llama3.2:1b"))
    assert result.entries[0]["deploy"] == {"engine": "ollama", "model": "llama3.2:1b"}
    assert "kdeps-served-otherwise" in codes(result)


def test_the_later_configuration_file_says_what_a_model_means() -> None:
    config = (
        "llm:\n  backend: openai\n  base_url: https://proxy.example.com/v1\n  openai_api_key: sk-canary-0123456789\n"
    )
    result = made(config, LATER.replace("MODEL", "gpt-4o"))
    (found,) = result.entries
    assert (found["litellmModel"], found["apiBase"]) == ("openai/gpt-4o", "https://proxy.example.com/v1")
    assert found["apiKey"] == "${OPENAI_API_KEY}"
    assert "canary" not in result.text + "".join(map(str, result.findings))


def test_a_general_address_is_not_that_of_another_backend() -> None:
    config = (
        "llm:\n  backend: ollama\n  base_url: http://ollama.example.com:11434/v1\n"
        "  models:\n  - qwen3\n  - {model: gpt-4o, backend: openai}\n"
    )
    qwen, gpt = made(config).entries
    assert qwen["apiBase"] == "http://ollama.example.com:11434"
    assert "apiBase" not in gpt


def test_the_routers_models_are_entries_and_its_strategy_is_said() -> None:
    config = (
        "llm:\n  strategy: fallback\n  models:\n  - {model: gpt-4o, backend: openai, priority: 1}\n"
        "  - {model: claude-sonnet-4-6, backend: anthropic}\n"
    )
    result = made(config, LATER.replace("MODEL", "router"))
    assert [found["litellmModel"] for found in result.entries] == ["openai/gpt-4o", "anthropic/claude-sonnet-4-6"]
    assert any("fallback" in finding.message for finding in result.findings)


def test_later_embedding_and_transcription_actions_are_internal_models() -> None:
    embedding = "actionId: e\nembedding: {operation: vectorize, backend: openai, model: text-embedding-3-small}\n"
    transcribe = "actionId: t\ntranscribe: {backend: groq, model: whisper-large-v3, file: a.wav}\n"
    first, second = made(embedding, transcribe).entries
    assert (first["metadataType"], first["litellmModel"]) == ("Embeddings", "openai/text-embedding-3-small")
    assert (second["metadataType"], second["type"]) == ("Transcription", "INTERNAL")


def test_inline_resources_of_a_workflow_are_read() -> None:
    text = yaml.safe_dump(
        {
            "kind": "Workflow",
            "settings": {"agentSettings": {"ollamaUrl": "http://o.example.com:1"}},
            "resources": [{"run": {"chat": {"model": "qwen3"}}}, {"actionId": "x", "chat": {"model": "gemma2"}}],
        }
    )
    assert [found["litellmModelName"] for found in made(text).entries] == ["qwen3", "gemma2"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"backend": "openay", "model": "x"}, "kdeps-unknown-backend"),
        ({"backend": "watsonx", "model": "x"}, "kdeps-no-counterpart"),
        ({"backend": "openai", "model": "{{ get('model') }}"}, "kdeps-model-unknown"),
        ({"backend": "openai"}, "kdeps-model-unknown"),
        ({"backend": "openai", "model": 4}, "kdeps-wrong-type"),
        ({"backend": "openai", "model": "x", "baseUrl": "proxy.example.com"}, "kdeps-address-unusable"),
        ({"backend": "openai", "model": "x", "baseUrl": "https://u:canary@h.example.com"}, "kdeps-address-unusable"),
        ({"backend": "openai", "model": "x", "baseUrl": "http://[canary"}, "kdeps-address-unusable"),
        ({"backend": "openai", "model": "x", "baseUrl": "https://h.example.com?k=canary"}, "kdeps-address-unusable"),
        ({"model": "x", "baseUrl": "http://host:canary"}, "kdeps-address-unusable"),
        ({"model": "https://example.com/model.llamafile"}, "kdeps-no-counterpart"),
        ({"model": "./model.gguf"}, "kdeps-no-counterpart"),
    ],
)
def test_what_can_make_no_entry_is_said_and_never_dropped_in_silence(fields: dict[str, Any], code: str) -> None:
    result = made(chat(**fields))
    assert result.entries == ()
    assert code in codes(result)
    assert "canary" not in "".join(map(str, result.findings))


def test_an_unknown_model_asks_for_its_window_where_it_is_missing() -> None:
    result = made(chat(model="my-own-model"))
    (finding,) = result.to_fill_in("c.yaml")
    assert finding.field == "models[0].contextWindow"
    assert "contextWindow" in result.text.splitlines()[finding.line - 1]  # type: ignore[operator]


def test_several_documents_keep_the_line_numbers_of_their_file() -> None:
    first = "# first\nrun:\n  chat:\n    backend: groq\n    model: a\n"
    second = f"# second\nrun:\n  chat:\n    backend: nowhere\n    model: b\n    {ASK}\n"
    text = f"{first}---\n{second}"
    lines = {finding.code: finding.line for finding in made(text).findings}
    assert lines["kdeps-unknown-backend"] == 10


# In the shape of the examples of KDeps's page "LLM backends", as one file.
PAGE = [
    chat(backend="ollama", model="llama3.2:1b"),
    chat(backend="ollama", baseUrl="http://custom-ollama:11434", model="llama3.2:1b"),
    workflow(models=["llama3.2:1b", "nomic-embed-text"], ollamaUrl="http://ollama:11434", installOllama=True),
    chat(backend="openai", apiKey="{{ get('OPENAI_API_KEY', 'env') }}", model="gpt-4o"),
    chat(backend="anthropic", model="claude-3-5-sonnet-20241022", contextLength=4096),
    chat(backend="google", model="gemini-1.5-pro"),
    chat(backend="mistral", model="mistral-large-latest"),
    chat(backend="together", model="meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"),
    chat(backend="groq", model="llama-3.1-70b-versatile"),
    chat(backend="perplexity", model="llama-3.1-sonar-large-128k-online"),
    chat(backend="cohere", model="command-r-plus"),
    chat(backend="deepseek", model="deepseek-chat"),
    chat(backend="openai", baseUrl=AZURE, apiKey="{{ get('AZURE_OPENAI_KEY', 'env') }}", model="gpt-4o"),
    chat(backend="openai", baseUrl="https://my-proxy.example.com", model="gpt-4o"),
    chat(backend="openai", apiKey="{{ get('apiKey', 'session') }}", model="gpt-4o"),
    chat(backend="openai", model="gpt-4o", jsonResponse=True, jsonResponseKeys=["answer", "confidence"]),
    "metadata: {actionId: deepAnalysis, requires: [fastSummary]}\n"
    + chat(backend="groq", model="llama-3.1-8b-instant"),
    "run: {httpClient: {url: 'http://localhost:11434/api/tags', method: GET}}\n",
    "run: {expr: [\"set('hasKey', get('OPENAI_API_KEY', 'env') != nil)\"]}\n",
    chat(backend="openai", model="gpt-4o", retry={"maxAttempts": 3, "initialDelay": "1s", "maxDelay": "30s"}),
]


def test_the_examples_of_kdeps_page_become_a_contract_without_an_error() -> None:
    result = made("---\n".join(PAGE), azure_api_version="2024-10-21")
    assert result.missing == ()
    assert len(result.entries) == 15
    found = check(read_draft(scan(result.text, file="contract.yaml")))
    assert [str(finding) for finding in errors(found)] == []
    assert result.retries == {"gpt-4o-openai": 2}


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["import", "kdeps", *arguments])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "resources").mkdir()
    (tmp_path / "workflow.yaml").write_text(workflow(models=["llama3.2:1b"], installOllama=True))
    (tmp_path / "resources" / "summary.yaml").write_text(chat(backend="groq", model="llama-3.1-8b-instant"))
    (tmp_path / "resources" / "analysis.yml").write_text(chat(backend="anthropic", model="claude-sonnet-4-6"))
    (tmp_path / "docker-compose.yaml").write_text("services: {}\n")
    return tmp_path


def test_a_folder_becomes_a_contract_that_loads(project: Path) -> None:
    result = run(str(project))
    assert result.exit_code == 0, result.stderr
    models = parse_contract(result.stdout).models
    assert {model.litellm_model_name for model in models} == {
        "llama3.2:1b",
        "llama-3.1-8b-instant",
        "claude-sonnet-4-6",
    }
    assert "warning[" in result.stderr


def test_json_holds_contract_report_environment_and_what_is_missing(project: Path) -> None:
    (project / "resources" / "azure.yaml").write_text(chat(backend="openai", baseUrl=AZURE, model="gpt-4o"))
    result = run(str(project), "--format", "json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert set(answer) == {"contract", "environment", "missing", "report"}
    assert len(answer["contract"]["models"]) == 4
    assert answer["missing"][0]["field"].endswith(".apiVersion")
    assert {"code", "message", "file", "line"} <= set(answer["report"][0])


def test_the_contract_can_be_written_and_what_is_missing_names_its_line(project: Path) -> None:
    (project / "resources" / "azure.yaml").write_text(chat(backend="openai", baseUrl=AZURE, model="gpt-4o"))
    file = project / "contract.out"
    result = run(str(project), "--output", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{file}:" in result.stderr
    assert run(str(project), "--output", str(file), "--azure-api-version", "2024-10-21").exit_code == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        ("run: {chat: [\n", "not valid YAML"),
        ("a: 1\n", "no KDeps resource or workflow"),
        ("", "no KDeps resource or workflow"),
        ("\x00", "control character"),
        ("run: &a {chat: *a}\n", "stands inside of what it refers to"),
        ("run: {chat: !!python/object:os.system {model: x}}\n", "tag"),
        ("a: 1\na: 2\n", "written twice"),
        ("[" * 10000, "nested"),
        ("---\n" * 2000, "documents"),
    ],
)
@pytest.mark.parametrize("format", ["text", "json"])
def test_unusable_input_ends_with_status_2_and_one_clear_message(
    content: str | None, message: str, format: str, tmp_path: Path
) -> None:
    file = tmp_path / "resource.yaml"
    if content is not None:
        file.write_text(content)
    result = run(str(file), "--format", format)
    assert result.exit_code == 2
    assert message in (result.stdout if format == "json" else result.stderr)
    if format == "json":
        assert json.loads(result.stdout)["contract"] is None
    assert result.exception is None or isinstance(result.exception, SystemExit)


BACK = [
    ("ollama", "llama3.2:1b", None),
    ("ollama", "qwen3", "http://ollama.example.com:11434"),
    ("openai", "gpt-4o", None),
    ("openai", "my-model", "https://proxy.example.com"),
    ("anthropic", "claude-sonnet-4-6", None),
    ("google", "gemini-3.8-flash", "https://p.example.com/v1beta"),
    ("cohere", "command-a-03-2025", "https://p.example.com"),
    ("mistral", "mistral-large-latest", None),
    ("together", "openai/gpt-oss-120b", None),
    ("perplexity", "sonar", "https://p.example.com"),
    ("groq", "openai/gpt-oss-20b", "https://p.example.com"),
    ("deepseek", "deepseek-flash", None),
]


@settings(max_examples=25, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(BACK), unique=True, min_size=1), st.data())
def test_resources_survive_the_way_through_a_contract(rows: list[Any], data: st.DataObject) -> None:
    lengths = [data.draw(st.sampled_from(kdeps_backends().context_lengths[:1])) for _ in rows]
    texts = [
        chat(backend=backend, model=model, contextLength=length, **({"baseUrl": url} if url else {}))
        for (backend, model, url), length in zip(rows, lengths, strict=True)
    ]
    result = made(*texts)
    contract = parse_contract(result.text.replace("# contextWindow:", "contextWindow: 100000 #"))
    back = [
        document["run"]["chat"]
        for document in yaml.safe_load_all(resource_files(contract, gateway="http://gateway:4000").text)
        if document["kind"] == "Resource"
    ]
    assert {(found["backend"], found["model"], found.get("baseUrl"), found["contextLength"]) for found in back} == {
        (*row, length) for row, length in zip(rows, lengths, strict=True)
    }


KEYS = (
    *("run", "chat", "model", "models", "settings", "agentSettings", "resources", "llm", "backend", "retry"),
    *("baseUrl", "apiKey", "onError", "action", "contextLength", "metadata", "maxAttempts", "strategy"),
)


TEXTS = (
    "http://[",
    "https://a:b",
    "http://a//",
    AZURE,
    "{{ x }}",
    "openai",
    "google",
    "ollama",
    "router",
    "1s",
    "retry",
)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.sampled_from(TEXTS)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=12,
    )
)
def test_no_shape_of_document_gives_a_traceback(data: Any) -> None:
    try:
        result = made(yaml.safe_dump(data))
    except InputError:
        return
    assert isinstance(result.text, str)
    assert len(result.to_fill_in("x")) == len(result.missing)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.text(st.sampled_from("run:chat\n -{}[]&*!|>'\"%@#?,\t0ab"), max_size=60))
def test_no_text_gives_a_traceback(text: str) -> None:
    with contextlib.suppress(InputError):
        made(text)
