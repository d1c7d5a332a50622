"""render --target litellm, vllm, deephat-values, env and kdeps: what other tools read, without a secret in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from kindo_models.cli import app
from kindo_models.contract import load_contract
from kindo_models.environment import Environment
from kindo_models.planning import Plan, plan
from tests.support.contracts import CLOUD, document

TARGETS = ("kindo", "litellm", "kdeps", "vllm", "deephat-values", "env")
CANARY = "canary-0123456789"


def render(file: Path, target: str, *options: str) -> Any:
    return CliRunner().invoke(app, ["render", str(file), "--target", target, *options])


def arguments(script: str) -> list[list[str]]:
    """What a shell passes to `vllm serve` for each command of the script."""
    code = f"vllm() {{ printf '%s\\0' \"${{@:2}}\"; printf '\\n\\0'; }}\n{script}"
    environment = {"VLLM_API_KEY": "from-the-environment", "MY_PASSWORD": "x", "HF_TOKEN": "y"}
    done = subprocess.run(["bash", "-euc", code], capture_output=True, text=True, check=True, env=environment)
    return [command.split("\0")[:-1] for command in done.stdout.split("\n\0")[:-1]]


@pytest.fixture(scope="module")
def local(repository: Path) -> Path:
    return repository / "stacks" / "local.contract.yaml"


@pytest.fixture(scope="module")
def made(local: Path) -> Plan:
    return plan(load_contract(local), Environment())


def test_litellm_gets_the_plans_own_configuration_under_the_users_variables(local: Path, made: Plan) -> None:
    config = yaml.safe_load(render(local, "litellm").stdout)
    variables = {reference.secret_key: reference.variable for reference in made.keys}
    planned = made.gateway.values["config"]
    for item in planned["model_list"]:
        for name, value in item["litellm_params"].items():
            if str(value).startswith("os.environ/"):
                item["litellm_params"][name] = f"os.environ/{variables[value.removeprefix('os.environ/')]}"
    assert config == planned
    assert config["model_list"][0]["litellm_params"]["api_key"] == "os.environ/OPENAI_API_KEY"


def test_the_variables_are_those_that_the_litellm_file_reads(local: Path) -> None:
    lines = render(local, "env").stdout.splitlines()
    named = {line.removesuffix("=") for line in lines if not line.startswith("#")}
    read = {word.split("/")[1] for word in render(local, "litellm").stdout.split() if word.startswith("os.environ/")}
    assert named == read
    assert "# apiKey of qwen3-coder-30b, nemotron, deephat-v2, bge-m3, whisper-large-v3" in lines


def test_vllm_commands_hold_exactly_the_arguments_of_the_planned_servers(local: Path, made: Plan) -> None:
    servers = [server for server in made.servers if server.engine == "vllm"]
    assert arguments(render(local, "vllm").stdout) == [server.values["args"] for server in servers]


def test_the_deephat_command_is_the_one_of_kindos_page(local: Path) -> None:
    page = (
        "vllm serve DeepHat/DeepHat-V2-ext --served-model-name deephat-v2 --port 8000 --max-model-len 250000 "
        "--dtype bfloat16 --tensor-parallel-size 2 --tool-call-parser qwen3_coder --enable-prefix-caching "
        "--enable-chunked-prefill --enable-auto-tool-choice"
    )
    text = render(local, "vllm", "--model", "deephat-v2").stdout
    assert text.startswith(
        "# needs the variable VLLM_API_KEY\nvllm serve DeepHat/DeepHat-V2-ext \\\n  --served-model-name"
    )
    (words,) = arguments(text)
    assert sorted(words) == sorted(page.split()[2:])


def test_nemotrons_command_sets_the_variable_that_its_window_needs(local: Path) -> None:
    text = render(local, "vllm", "-m", "nemotron").stdout
    assert "\nexport VLLM_ALLOW_LONG_MAX_MODEL_LEN=1\nvllm serve nvidia/" in text


def test_deephat_values_are_the_pages_option_b(local: Path) -> None:
    assert (
        render(local, "deephat-values").stdout
        == """\
model: DeepHat/DeepHat-V2-ext
servedModelName: deephat-v2
maxModelLen: 250000
dtype: bfloat16
tensorParallelSize: '2'
enableChunkedPrefill: 'true'
enablePrefixCaching: 'true'
enableAutoToolChoice: 'true'
toolCallParser: 'qwen3_coder'

resources:
  limits:
    nvidia.com/gpu: 2
  requests:
    nvidia.com/gpu: 2

hfToken: '${HF_TOKEN}'
vllmApiKey: '${VLLM_API_KEY}'
"""
    )


def test_one_b200_changes_the_two_numbers_that_the_page_names(local: Path, tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    text = local.read_text()
    at = text.index("DeepHat/DeepHat-V2-ext")
    file.write_text(text[:at] + text[at:].replace("{type: H100, count: 2}", "{type: B200, count: 1}", 1))
    two, one = render(local, "deephat-values").stdout.splitlines(), render(file, "deephat-values").stdout.splitlines()
    assert [new for old, new in zip(two, one, strict=True) if old != new] == [
        "tensorParallelSize: '1'",
        "    nvidia.com/gpu: 1",
        "    nvidia.com/gpu: 1",
    ]


def test_kdeps_gets_a_resource_for_each_chat_model(local: Path) -> None:
    result = render(local, "kdeps")
    workflow, *resources = list(yaml.safe_load_all(result.stdout))
    assert workflow["settings"]["agentSettings"] == {"installOllama": True, "models": ["smollm2:135m"]}
    chats = {resource["metadata"]["name"]: resource["run"]["chat"] for resource in resources}
    assert chats["GPT-4o"]["backend"] == "openai"
    assert "baseUrl" not in chats["GPT-4o"]
    assert chats["Claude Sonnet 4"]["backend"] == "anthropic"
    assert chats["Gemini 2.5 Pro"] | {"backend": "google", "contextLength": 65536} == chats["Gemini 2.5 Pro"]
    # Largest allowed value that is not above maxTokens.
    assert chats["Nemotron 3 Super"]["contextLength"] == 32768
    gateway = "http://litellm.kindo-gateway.svc.cluster.local:4000"
    for name in ("Claude Sonnet 4 (Bedrock)", "GPT-4o (Azure)", "DeepHat V2"):
        assert (chats[name]["backend"], chats[name]["baseUrl"]) == ("openai", gateway)
    assert chats["SmolLM2 135M"]["model"] == "smollm2:135m"
    assert "baseUrl" not in chats["SmolLM2 135M"]
    for resource in resources:
        assert {"apiVersion": "kdeps.io/v1", "kind": "Resource"}.items() <= resource.items()
        assert set(resource["metadata"]) == {"actionId", "name"}
        assert "apiKey" not in resource["run"]["chat"]
    assert "bge-m3" in result.stderr
    assert "OPENAI_API_KEY" in result.stderr


def test_kdeps_base_urls_do_not_repeat_what_kdeps_appends(tmp_path: Path) -> None:
    rows = {
        "proxy": ("openai/m", "Self-Hosted", "https://proxy.example.com/v1", "openai", "https://proxy.example.com"),
        "groq": ("groq/m", "Groq", "https://p.example.com/openai/v1", "groq", "https://p.example.com"),
        "gemini": (
            "gemini/m",
            "Google",
            "https://p.example.com/v1beta/models/m",
            "google",
            "https://p.example.com/v1beta",
        ),
        "cohere": ("cohere_chat/m", "Cohere", "https://p.example.com/v2/chat", "cohere", "https://p.example.com"),
        "ollama": ("ollama_chat/m", "Self-Hosted", "http://ollama:11434", "ollama", "http://ollama:11434"),
    }
    entry = {"type": "CHAT", "metadataType": "Text Generation", "contextWindow": 1000}
    models = [
        {"litellmModelName": "m" if key == "proxy" else key, "litellmModel": model, "displayName": key}
        | {"provider": provider, "apiBase": base, "apiKey": "${K}", **entry}
        for key, (model, provider, base, _, _) in rows.items()
    ]
    file = tmp_path / "contract.yaml"
    file.write_text(yaml.safe_dump({"models": models}))
    for resource in yaml.safe_load_all(render(file, "kdeps").stdout):
        chat = resource["run"]["chat"]
        assert (chat["backend"], chat["baseUrl"]) == rows[resource["metadata"]["name"]][3:]


def literal_secrets(tmp_path: Path) -> Path:
    """A contract with a literal secret in every field that may hold one."""
    common = {"type": "CHAT", "metadataType": "Text Generation", "contextWindow": 32768, "maxTokens": 8192}
    deploy = {
        "model": "DeepHat/DeepHat-V2-ext",
        "gpu": {"type": "H100", "count": 2},
        "hfToken": CANARY,
        "env": {"MY_PASSWORD": CANARY, "HF_TOKEN": CANARY, "PLAIN": "shown"},
        "extraArgs": ["--api-key", CANARY, "--api-key=" + CANARY, "--hf-token", CANARY],
    }
    models = [
        {
            "litellmModelName": "gpt",
            "litellmModel": "openai/gpt",
            "displayName": "G",
            "provider": "OpenAI",
            "apiKey": CANARY,
        },
        {
            "litellmModelName": "b",
            "litellmModel": "bedrock/us.anthropic.x",
            "displayName": "B",
            "provider": "AWS Bedrock",
        }
        | {"awsRegion": "us-west-2", "awsAccessKeyId": CANARY, "awsSecretAccessKey": CANARY},
        {
            "litellmModelName": "d",
            "litellmModel": "openai/d",
            "displayName": "D",
            "provider": "Self-Hosted",
            "apiKey": CANARY,
        }
        | {"deploy": deploy},
    ]
    file = tmp_path / "contract.yaml"
    file.write_text(yaml.safe_dump({"models": [common | model for model in models]}, sort_keys=False))
    return file


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "kindo"])
def test_no_target_but_kindos_prints_a_secret(target: str, tmp_path: Path) -> None:
    result = render(literal_secrets(tmp_path), target)
    # A key among the engine's arguments is an error of the contract.
    assert result.exit_code == 1
    assert result.stdout
    assert CANARY not in result.stdout + result.stderr


def test_kindos_own_target_keeps_the_keys_that_it_needs(tmp_path: Path) -> None:
    file = literal_secrets(tmp_path)
    direct, fronted = render(file, "kindo").stdout, render(file, "kindo", "--via", "gateway").stdout
    assert direct.count(CANARY) == 4
    assert CANARY not in fronted


def test_literal_secrets_get_variables_in_their_place(tmp_path: Path) -> None:
    file = literal_secrets(tmp_path)
    command = render(file, "vllm").stdout
    (words,) = arguments(command)
    assert words[words.index("--api-key") + 1] == "from-the-environment"
    assert "--api-key=from-the-environment" in words
    assert 'export MY_PASSWORD="${MY_PASSWORD:?}"' in command
    assert "export PLAIN=shown" in command
    config = yaml.safe_load(render(file, "litellm").stdout)
    key = config["model_list"][0]["litellm_params"]["api_key"].removeprefix("os.environ/")
    assert (
        f"# apiKey of gpt: written in the contract itself; better named than written\n{key}=\n"
        in render(file, "env").stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml", "-t", "kindo"], "cannot read nowhere.yaml"),
        (["-t", "kindo"], "name the contract file"),
        (["CONTRACT", "-t", "vllm", "-m", "gpt-4o"], "'gpt-4o' is not served by vLLM here"),
        (["CONTRACT", "-t", "litellm", "-m", "gpt4o"], "no entry is called 'gpt4o'"),
        (["CONTRACT", "-t", "deephat-values", "-m", "gpt-4o"], "is called 'gpt-4o'"),
        (["CONTRACT", "-t", "kindo", "-e", "nowhere.yaml"], "cannot read nowhere.yaml"),
        (["CONTRACT", "-t", "kindo", "-o", "/nowhere/x"], "cannot write"),
        (["CONTRACT", "-t", "vllm", "--via", "gateway"], "--via is for --target kindo"),
        (["CONTRACT", "-t", "kindo", "-m", "gpt-4o"], "--model is not for --target kindo"),
        (["CONTRACT", "-t", "env", "-s", "local", "-e", "x.yaml"], "both name an environment"),
        (["CONTRACT", "-t", "helm"], "'helm' is not one of"),
    ],
)
def test_wrong_use_ends_with_status_2_and_says_what_is_wrong(local: Path, arguments: list[str], message: str) -> None:
    words = [str(local) if word == "CONTRACT" else word for word in arguments]
    result = CliRunner().invoke(app, ["render", *words])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_a_broken_contract_names_all_its_faults(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text("models:\n  - litellmModelName: a\n    litelmModel: openai/a\n    type: CHATT\n")
    result = render(file, "litellm")
    assert result.exit_code == 2
    assert "contract.yaml:3" in result.stderr
    assert "contract.yaml:4" in result.stderr


def test_a_contract_with_errors_is_rendered_and_the_errors_are_said(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    text = yaml.safe_dump(
        {
            "models": [
                {"litellmModelName": "q", "litellmModel": "openai/q", "displayName": "Q", "provider": "Self-Hosted"}
                | {"type": "CHAT", "metadataType": "Text Generation", "contextWindow": 1000, "apiKey": "${K}"}
            ]
        },
        sort_keys=False,
    )
    file.write_text(text)
    result = render(file, "kindo")
    assert (result.exit_code, result.stdout) == (1, text)
    assert f"{file}:2 models[0].apiBase" in result.stderr


def test_a_file_can_be_written(local: Path, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    result = render(local, "deephat-values", "--output", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "deephat-v2" in file.read_text()


def test_codes_in_a_file_reach_no_terminal(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(document(CLOUD).replace("apiKey:", '"\\e[31mapiKey":'))
    done = CliRunner().invoke(app, ["render", str(file), "--target", "litellm"])
    assert done.exit_code == 2
    assert "unknown-key" in done.stderr
    assert "\x1b" not in done.stderr
