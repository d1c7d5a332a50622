from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.contract import Contract, load_contract, parse_contract
from kindo_models.environment import Environment, ProviderSettings, load_environment
from kindo_models.findings import InputError, errors
from kindo_models.planning import Plan, plan
from kindo_models.planning.keys import locate_keys
from kindo_models.planning.names import object_name, object_names
from tests.support.contracts import AZURE, BEDROCK, ENDPOINT, SERVED, changed, document


@pytest.fixture(scope="module")
def contract(repository: Path) -> Contract:
    return load_contract(repository / "stacks" / "local.contract.yaml")


@pytest.fixture(scope="module")
def environment(repository: Path, local_variables: dict[str, str]) -> Environment:
    return load_environment(repository / "stacks" / "Pulumi.local.yaml", variables=local_variables)


@pytest.fixture(scope="module")
def made(contract: Contract, environment: Environment) -> Plan:
    return plan(contract, environment, stack="local")


def server_arguments(made: Plan, model: str) -> list[str]:
    found: list[str] = next(server.values["args"] for server in made.servers if server.model == model)
    return found


def test_the_local_plan_has_no_finding_of_level_error(made: Plan) -> None:
    assert errors(made.findings) == ()


def test_a_plan_survives_json(made: Plan) -> None:
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_gpus_are_those_of_the_pages_statements(made: Plan) -> None:
    assert {server.model: server.gpus for server in made.servers} == {
        "qwen3-coder-30b": 2,
        "nemotron": 4,
        "deephat-v2": 2,
        "bge-m3": 1,
        "whisper-large-v3": 1,
        "smollm2-135m": 0,
    }
    assert made.gpus == 10


def test_deephat_is_served_as_the_page_writes_it(made: Plan) -> None:
    assert server_arguments(made, "deephat-v2") == [
        "DeepHat/DeepHat-V2-ext",
        *("--served-model-name", "deephat-v2"),
        *("--port", "8000"),
        *("--max-model-len", "250000"),
        *("--dtype", "bfloat16"),
        *("--tensor-parallel-size", "2"),
        *("--tool-call-parser", "qwen3_coder", "--enable-auto-tool-choice"),
        "--enable-prefix-caching",
        "--enable-chunked-prefill",
    ]


def test_nemotron_is_served_as_the_page_writes_it(made: Plan) -> None:
    arguments = server_arguments(made, "nemotron")
    for pair in (
        ("--max-model-len", "1000000"),
        ("--kv-cache-dtype", "fp8"),
        ("--tensor-parallel-size", "4"),
        ("--reasoning-parser", "nemotron_v3"),
    ):
        position = arguments.index(pair[0])
        assert tuple(arguments[position : position + 2]) == pair
    assert "--trust-remote-code" in arguments


def test_the_full_window_is_served_when_nothing_else_is_said(made: Plan) -> None:
    arguments = server_arguments(made, "qwen3-coder-30b")
    assert arguments[arguments.index("--max-model-len") + 1] == "262144"


def test_served_name_contract_name_and_gateway_suffix_are_one_string(made: Plan) -> None:
    listed = {
        item["model_name"]: item["litellm_params"]["model"] for item in made.gateway.values["config"]["model_list"]
    }
    for server in made.servers:
        assert listed[server.model].partition("/")[2] == server.model
        if server.engine == "vllm":
            assert server_arguments(made, server.model)[2] == server.model


def test_the_plan_holds_no_secret(contract: Contract, environment: Environment) -> None:
    text = contract.model_dump_json().replace("${OPENAI_API_KEY}", "sk-canary-literal")
    made = plan(Contract.model_validate_json(text), environment)
    assert "sk-canary-literal" not in made.model_dump_json()
    assert next(key for key in made.keys if key.model == "gpt-4o").variable is None


def test_cloud_providers_are_redirected_in_their_own_shapes(made: Plan) -> None:
    listed = {item["model_name"]: item["litellm_params"] for item in made.gateway.values["config"]["model_list"]}
    mock = "http://aimock.kindo-peripherals.svc.cluster.local:8091"
    assert listed["gpt-4o"]["api_base"] == f"{mock}/v1"
    assert listed["claude-sonnet-4-20250514"]["api_base"] == mock
    assert listed["gemini-2.5-pro"]["api_base"] == f"{mock}/v1beta/models/gemini-2.5-pro"
    assert listed["claude-sonnet-4-bedrock"]["aws_bedrock_runtime_endpoint"] == mock
    assert listed["azure-gpt-4o"] | {"api_base": mock, "api_version": "2024-10-21"} == listed["azure-gpt-4o"]


def test_every_required_flag_has_candidates_in_contract_order(made: Plan, contract: Contract) -> None:
    order = [entry.litellm_model_name for entry in contract.models]
    assert len(made.flags) == 8
    for flag in made.flags:
        assert list(flag.candidates) == sorted(flag.candidates, key=order.index)


def test_a_model_that_calls_no_tools_serves_no_tool_flag(made: Plan) -> None:
    flags = {flag.feature: flag.candidates for flag in made.flags}
    assert "smollm2-135m" not in flags["TOOL_CALLING_MODELS"]
    assert "smollm2-135m" in flags["INGESTION_WORKERS"]


def test_a_provider_that_passes_no_tools_on_serves_no_tool_flag(contract: Contract, environment: Environment) -> None:
    sonar = contract.models[0].model_copy(
        update={"litellm_model_name": "sonar", "litellm_model": "perplexity/sonar", "provider": "Perplexity"}
    )
    planned = plan(Contract(models=(*contract.models, sonar)), environment)
    flags = {flag.feature: flag.candidates for flag in planned.flags}
    assert "sonar" not in flags["TOOL_CALLING_MODELS"]
    assert "sonar" in flags["INGESTION_WORKERS"]
    assert [check.check for check in planned.endpoints[-1].checks] == ["dns", "models", "chat"]


def test_a_required_flag_without_a_model_is_an_error(contract: Contract, environment: Environment) -> None:
    without = Contract(models=tuple(entry for entry in contract.models if entry.metadata_type != "Embeddings"))
    found = errors(plan(without, environment).findings)
    assert [finding.code for finding in found] == ["required-flag-without-model"]
    assert "EMBEDDING_MODELS" in found[0].message


def test_a_changed_display_name_changes_one_registration_and_nothing_else(
    contract: Contract, environment: Environment, made: Plan
) -> None:
    models = [
        entry.model_copy(update={"display_name": "New"}) if entry.litellm_model_name == "gpt-4o" else entry
        for entry in contract.models
    ]
    changed = plan(Contract(models=tuple(models)), environment, stack="local")
    differing = {name for name in type(made).model_fields if getattr(made, name) != getattr(changed, name)}
    assert differing == {"registrations"}


def test_a_denied_litellm_release_is_an_error(contract: Contract, environment: Environment) -> None:
    gateway = environment.gateway.model_copy(update={"version": "1.107.2"})
    found = errors(plan(contract, environment.model_copy(update={"gateway": gateway})).findings)
    assert [finding.code for finding in found] == ["litellm-release-denied"]


def test_vllm_without_gpus_or_key_is_an_error() -> None:
    text = """models:
- {litellmModelName: a, litellmModel: openai/a, displayName: A, provider: Self-Hosted, type: CHAT,
   metadataType: Text Generation, contextWindow: 1000, deploy: {model: org/a}}
"""
    found = errors(plan(parse_contract(text), Environment()).findings)
    assert {finding.code for finding in found} == {"gpu-count-missing", "server-key-missing"}


def test_all_missing_keys_are_named_at_once_with_who_wants_them(made: Plan, contract: Contract) -> None:
    with pytest.raises(InputError) as caught:
        locate_keys(made, contract, {"OPENAI_API_KEY": "sk-canary", "GEMINI_API_KEY": "  "})
    text = str(caught.value)
    assert "sk-canary" not in text
    assert "VLLM_API_KEY is not set; wanted by qwen3-coder-30b, nemotron, deephat-v2, bge-m3, whisper-large-v3" in text
    assert "GEMINI_API_KEY is not set" in text
    assert "OPENAI_API_KEY" not in text


def test_object_names_are_dns_labels_and_never_collide() -> None:
    assert object_name("Claude_3.5 Sonnet") == "claude-3-5-sonnet"
    assert object_name("4o") == "m-4o"
    assert len(object_name("x" * 80)) <= 53
    names = object_names(["a.b", "a-b", "c"])
    assert len(set(names.values())) == 3
    assert names["c"] == "c"
    assert object_names(["a-b", "a.b", "c"]) == names


def test_what_the_environment_says_about_a_provider_counts_for_entries_that_do_not_say_it() -> None:
    settings = {
        "azure": ProviderSettings(endpoint="https://ours.openai.azure.com", api_version="2025-04-01"),
        "bedrock": ProviderSettings(region="eu-west-1"),
        "openai": ProviderSettings(endpoint="http://proxy:8080"),
    }
    entries = [changed(AZURE, "apiBase", "apiVersion"), changed(BEDROCK, "awsRegion"), ENDPOINT]
    contract = parse_contract(document(*entries))
    assert {finding.code for finding in errors(plan(contract, Environment()).findings)} >= {
        "azure-field-missing",
        "bedrock-region-missing",
    }
    made = plan(contract, Environment(providers=settings))
    assert errors(made.findings) == ()
    azure, bedrock, endpoint = [item["litellm_params"] for item in made.gateway.values["config"]["model_list"]]
    assert (azure["api_base"], azure["api_version"]) == ("https://ours.openai.azure.com", "2025-04-01")
    assert bedrock["aws_region_name"] == "eu-west-1"
    # openai/ under Self-Hosted is not OpenAI, so OpenAI's redirection leaves it alone.
    assert endpoint["api_base"] == ENDPOINT["apiBase"]
    assert [one.endpoint for one in made.registrations] == [
        "https://ours.openai.azure.com",
        "bedrock",
        ENDPOINT["apiBase"],
    ]


def test_an_entrys_own_region_and_version_win_and_a_setting_of_another_provider_is_named() -> None:
    settings = {
        "bedrock": ProviderSettings(region="eu-west-1", api_version="x"),
        "azure": ProviderSettings(api_version="2020-01-01"),
    }
    made = plan(parse_contract(document(AZURE, BEDROCK)), Environment(providers=settings))
    azure, bedrock = [item["litellm_params"] for item in made.gateway.values["config"]["model_list"]]
    assert (azure["api_version"], bedrock["aws_region_name"]) == ("2024-10-21", "us-west-2")
    unused = [finding.field for finding in made.findings if finding.code == "provider-setting-unused"]
    assert unused == ["providers.bedrock.apiVersion"]


def test_the_printed_plan_holds_no_secret_of_the_contract(tmp_path: Path) -> None:
    deploy = {
        "extraArgs": ["--hf-token", "plainsecret-1", "--otlp-traces-endpoint", "http://u:plainsecret-2@h/x"],
        "env": {"HF_TOKEN": "short", "WORDS": "plainsecret-3"},
    }
    file, settings = tmp_path / "c.yaml", tmp_path / "e.yaml"
    file.write_text(document(changed(SERVED, apiKey="plainsecret-3", description="plainsecret-3", deploy=deploy)))
    settings.write_text("config: {'kindo-models:environment': {images: {vllm: 'vllm/vllm-openai:v0.33.0'}}}\n")
    done = CliRunner().invoke(app, ["plan", str(file), "--environment", str(settings), "--format", "json"])
    assert done.exit_code == 0
    assert "plainsecret" not in done.stdout
    assert "short" not in done.stdout
    assert Plan.model_validate_json(done.stdout).servers[0].values["env"] == {"HF_TOKEN": "***", "WORDS": "***"}
