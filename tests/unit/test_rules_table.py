"""Every rule has a contract that it finds something in, and a neighbour that it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from kindo_models.planning.rules import RULES
from tests.support.contracts import (
    AZURE,
    BEDROCK,
    CLOUD,
    EMBEDDINGS,
    ENDPOINT,
    GOOD,
    OLLAMA,
    OPENAI,
    SERVED,
    changed,
    codes,
    findings,
)


def served(**deploy: Any) -> dict[str, Any]:
    return changed(SERVED, deploy=deploy)


def arguments(*items: str) -> dict[str, Any]:
    return served(extraArgs=list(items))


NEMOTRON = "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16"
COMMIT = "2dc98e2afe4face0e4ce40972a915c45368bd34a"
nemotron = {"model": NEMOTRON, "reasoningParser": "nemotron_v3", "trustRemoteCode": True, "revision": COMMIT}
ADAPTER = changed(
    SERVED,
    litellmModelName="qwen-lora",
    litellmModel="openai/qwen-lora",
    deploy={"model": "org/adapter", "adapterOf": "qwen"},
)

LONE_ADAPTER = ADAPTER | {"deploy": {"model": "org/adapter", "adapterOf": "qwen"}}
B = {"litellmModelName": "b", "litellmModel": "openai/b"}

# code → (what has the fault, field it is reported at, what is right and near it)
CASES: list[tuple[str, list[Any], str, list[Any]]] = [
    ("duplicate-routing-key", [CLOUD, CLOUD], "models[1].litellmModelName", [CLOUD, OPENAI]),
    ("served-name-mismatch", [changed(ENDPOINT, litellmModel="openai/other")], "models[0].litellmModel", [OPENAI]),
    ("served-name-mismatch", [changed(SERVED, litellmModelName="other")], "models[0].litellmModel", [AZURE, BEDROCK]),
    ("routing-key-unusable", [changed(CLOUD, litellmModelName="claude-*")], "models[0].litellmModelName", [CLOUD]),
    ("routing-key-unusable", [changed(CLOUD, litellmModelName=" a")], "models[0].litellmModelName", [CLOUD]),
    ("prefix-missing", [changed(OPENAI, litellmModel="gpt-5.4")], "models[0].litellmModel", [OPENAI]),
    ("prefix-missing", [changed(OPENAI, litellmModel="openai/")], "models[0].litellmModel", [OPENAI]),
    ("prefix-unknown", [changed(CLOUD, litellmModel="antropic/x")], "models[0].litellmModel", [CLOUD]),
    ("provider-name-unknown", [changed(CLOUD, provider="anthropic")], "models[0].provider", [CLOUD]),
    ("provider-prefix-mismatch", [changed(CLOUD, provider="OpenAI")], "models[0].provider", [ENDPOINT]),
    ("recommended-missing", [changed(CLOUD, "creator")], "models[0].creator", [EMBEDDINGS]),
    ("recommended-missing", [changed(CLOUD, "maxTokens")], "models[0].maxTokens", [CLOUD]),
    ("chat-metadata-mismatch", [changed(EMBEDDINGS, type="CHAT")], "models[0].metadataType", [EMBEDDINGS]),
    ("internal-text-generation", [changed(CLOUD, type="INTERNAL")], "models[0].type", [EMBEDDINGS]),
    (
        "metadata-type-contradicts-model",
        [changed(OPENAI, litellmModel="openai/text-embedding-3-large")],
        "models[0].metadataType",
        [OPENAI],
    ),
    ("api-base-missing", [changed(ENDPOINT, "apiBase")], "models[0].apiBase", [SERVED]),
    ("api-base-missing", [changed(OLLAMA, "apiBase")], "models[0].apiBase", [OLLAMA]),
    ("api-base-malformed", [changed(ENDPOINT, apiBase="qwen:8000/v1")], "models[0].apiBase", [ENDPOINT]),
    ("api-base-malformed", [changed(ENDPOINT, apiBase="http://a b/v1")], "models[0].apiBase", [ENDPOINT]),
    ("api-base-malformed", [changed(ENDPOINT, apiBase="http://[::1/v1")], "models[0].apiBase", [ENDPOINT]),
    ("api-base-malformed", [changed(ENDPOINT, apiBase="http://x.y:99999/v1")], "models[0].apiBase", [ENDPOINT]),
    ("api-base-malformed", [changed(ENDPOINT, apiBase="https:///v1")], "models[0].apiBase", [ENDPOINT]),
    ("api-base-malformed", [changed(ENDPOINT, apiBase="https://u:p@x.y/v1")], "models[0].apiBase", [ENDPOINT]),
    (
        "api-base-without-v1",
        [changed(ENDPOINT, apiBase="http://qwen.inference.svc:8000")],
        "models[0].apiBase",
        [changed(ENDPOINT, apiBase="http://qwen.inference.svc:8000/v1/")],
    ),
    (
        "api-base-without-v1",
        [changed(ENDPOINT, apiBase="http://p.example.com", provider="Groq", apiKey="${GROQ_API_KEY}")],
        "models[0].apiBase",
        [changed(OPENAI, apiBase="https://proxy.example.com")],
    ),
    ("api-base-with-path", [changed(OLLAMA, apiBase="http://o.x:11434/v1")], "models[0].apiBase", [OLLAMA]),
    *(
        ("api-base-localhost", [changed(ENDPOINT, apiBase=f"http://{host}:8000/v1")], "models[0].apiBase", [ENDPOINT])
        for host in ("localhost", "127.0.0.1", "[::1]", "0.0.0.0", "127.9.9.9", "a.localhost")
    ),
    (
        "api-base-short-host",
        [changed(ENDPOINT, apiBase="http://vllm:8000/v1")],
        "models[0].apiBase",
        [changed(ENDPOINT, apiBase="http://10.0.0.7:8000/v1")],
    ),
    (
        "api-base-foreign",
        [changed(OPENAI, apiBase="https://proxy.example.com/v1")],
        "models[0].apiBase",
        [changed(OPENAI, apiBase="https://eu.api.openai.com/v1")],
    ),
    (
        "azure-base-with-path",
        [changed(AZURE, apiBase="https://r.openai.azure.com/openai")],
        "models[0].apiBase",
        [AZURE],
    ),
    ("api-base-ignored", [changed(SERVED, apiBase=ENDPOINT["apiBase"])], "models[0].apiBase", [SERVED]),
    *(
        ("azure-field-missing", [changed(AZURE, key)], f"models[0].{key}", [AZURE])
        for key in ("apiBase", "apiVersion", "apiKey")
    ),
    ("bedrock-region-missing", [changed(BEDROCK, "awsRegion")], "models[0].awsRegion", [BEDROCK]),
    *(
        (
            "aws-region-malformed",
            [changed(BEDROCK, awsRegion=wrong)],
            "models[0].awsRegion",
            [changed(BEDROCK, awsRegion=right)],
        )
        for wrong, right in (
            ("us west 2", "us-gov-west-1"),
            ("us-west-2a", "ap-southeast-2"),
            ("Oregon", "us-iso-east-1"),
        )
    ),
    (
        "aws-key-pair-incomplete",
        [changed(BEDROCK, awsSecretAccessKey="${AWS_SECRET_ACCESS_KEY}")],
        "models[0].awsSecretAccessKey",
        [changed(BEDROCK, awsAccessKeyId="${AWS_ACCESS_KEY_ID}", awsSecretAccessKey="${AWS_SECRET_ACCESS_KEY}")],
    ),
    ("base-model-missing", [changed(AZURE, "baseModel")], "models[0].baseModel", [AZURE]),
    ("variable-unclosed", [changed(CLOUD, apiKey="${ANTHROPIC_API_KEY")], "models[0].apiKey", [CLOUD]),
    (
        "variable-unclosed",
        [changed(AZURE, apiBase="https://${NAME.openai.azure.com")],
        "models[0].apiBase",
        [changed(CLOUD, description="costs ${ 5"), served(env={"A": "${B"})],
    ),
    ("variable-malformed", [changed(CLOUD, apiKey="${A:-b}")], "models[0].apiKey", [CLOUD]),
    ("variable-malformed", [changed(CLOUD, apiKey="Bearer ${A}")], "models[0].apiKey", [CLOUD]),
    ("variable-malformed", [changed(CLOUD, apiKey="$ANTHROPIC_API_KEY")], "models[0].apiKey", [CLOUD]),
    ("variable-malformed", [changed(CLOUD, apiKey="os.environ/A")], "models[0].apiKey", [changed(CLOUD, apiKey="a$b")]),
    (
        "variable-not-expanded",
        [changed(ENDPOINT, apiBase="${VLLM_URL}")],
        "models[0].apiBase",
        [changed(CLOUD, description="write ${NAME} there")],
    ),
    ("inline-secret", [changed(CLOUD, apiKey="sk-ant-1234567890")], "models[0].apiKey", [CLOUD]),
    ("inline-secret", [served(hfToken="hf_abcdefghijkl")], "models[0].deploy.hfToken", [served(hfToken="${HF_TOKEN}")]),
    ("inline-secret", [served(env={"HF_TOKEN": "abc"})], "models[0].deploy.env.HF_TOKEN", [served(env={"A": "b"})]),
    (
        "foreign-variable",
        [changed(CLOUD, apiKey="${OPENAI_API_KEY}")],
        "models[0].apiKey",
        [changed(CLOUD, apiKey="${MY}")],
    ),
    ("foreign-variable", [changed(ENDPOINT, apiKey="${OPENAI_API_KEY}")], "models[0].apiKey", [ENDPOINT]),
    (
        "server-key-conflict",
        [ENDPOINT, changed(ENDPOINT, litellmModelName="b", litellmModel="openai/b", apiKey="${OTHER}")],
        "models[1].apiKey",
        [ENDPOINT, changed(ENDPOINT, litellmModelName="b", litellmModel="openai/b")],
    ),
    ("server-key-conflict", [SERVED, changed(ADAPTER, apiKey="${OTHER}")], "models[1].apiKey", [SERVED, ADAPTER]),
    ("server-key-conflict", [arguments("--api-key", "x")], "models[0].deploy.extraArgs[0]", [SERVED]),
    ("server-key-conflict", [served(env={"VLLM_API_KEY": "x"})], "models[0].deploy.env.VLLM_API_KEY", [SERVED]),
    (
        "model-retired",
        [changed(CLOUD, litellmModel="anthropic/claude-sonnet-4-20250514")],
        "models[0].litellmModel",
        [CLOUD],
    ),
    ("model-retiring", [changed(OPENAI, litellmModel="openai/gpt-5")], "models[0].litellmModel", [OPENAI]),
    ("model-unknown", [changed(OPENAI, litellmModel="openai/gpt-5.44")], "models[0].litellmModel", [OPENAI]),
    ("model-unknown", [changed(AZURE, baseModel="gpt-five")], "models[0].baseModel", [AZURE]),
    (
        "model-alias-undated",
        [changed(CLOUD, litellmModel="anthropic/claude-haiku-4-5")],
        "models[0].litellmModel",
        [CLOUD],
    ),
    (
        "bedrock-regional-id",
        [changed(BEDROCK, litellmModel="bedrock/anthropic.claude-haiku-4-5-20251001-v1:0")],
        "models[0].litellmModel",
        [BEDROCK],
    ),
    (
        "bedrock-regional-id",
        [
            changed(
                BEDROCK,
                litellmModel="bedrock/arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
            )
        ],
        "models[0].litellmModel",
        [changed(BEDROCK, litellmModel="bedrock/arn:aws:bedrock:us-east-1:123:provisioned-model/abc")],
    ),
    ("max-tokens-above-window", [changed(CLOUD, maxTokens=200001)], "models[0].maxTokens", [CLOUD]),
    ("context-window-low", [changed(CLOUD, contextWindow=100000)], "models[0].contextWindow", [CLOUD]),
    ("context-window-low", [changed(SERVED, contextWindow=65536)], "models[0].contextWindow", [SERVED]),
    (
        "context-window-above-served",
        [served(maxModelLen=131072)],
        "models[0].contextWindow",
        [served(maxModelLen=262144)],
    ),
    (
        "engine-below-minimum",
        [served(model="DeepHat/DeepHat-V2-ext", image="vllm/vllm-openai:v0.14.0")],
        "models[0].deploy.image",
        [served(model="DeepHat/DeepHat-V2-ext", image="vllm/vllm-openai:v0.14.1")],
    ),
    (
        "engine-release-unstated",
        [served(image="r/vllm:mine")],
        "models[0].deploy.image",
        [served(image="r:5000/vllm:v0.33.0-cu")],
    ),
    (
        "engine-release-unknown",
        [served(image="r/vllm:v0.30.1")],
        "models[0].deploy.image",
        [served(image="r/vllm:0.33.0")],
    ),
    ("remote-code-needed", [served(model=NEMOTRON)], "models[0].deploy.trustRemoteCode", [served(**nemotron)]),
    (
        "remote-code-unpinned",
        [served(model=NEMOTRON, trustRemoteCode=True)],
        "models[0].deploy.trustRemoteCode",
        [served(**nemotron)],
    ),
    (
        "revision-moves",
        [served(**nemotron | {"revision": "main"})],
        "models[0].deploy.revision",
        [served(revision="main")],
    ),
    ("parser-unknown", [served(toolCallParser="qwen3coder")], "models[0].deploy.toolCallParser", [SERVED]),
    ("parser-unknown", [served(reasoningParser="qwen4")], "models[0].deploy.reasoningParser", [SERVED]),
    (
        "parser-wrong-for-family",
        [served(toolCallParser="hermes")],
        "models[0].deploy.toolCallParser",
        [served(toolCallParser="qwen3_xml")],
    ),
    ("tool-parser-missing", [served(toolCallParser=None)], "models[0].deploy.toolCallParser", [EMBEDDINGS]),
    (
        "reasoning-parser-missing",
        [served(model="Qwen/Qwen3-32B", toolCallParser="hermes")],
        "models[0].deploy.reasoningParser",
        [served(model="openai/gpt-oss-120b", toolCallParser="openai")],
    ),
    (
        "chat-template-missing",
        [served(model="meta-llama/Llama-3.3-70B-Instruct", toolCallParser="llama3_json")],
        "models[0].deploy.chatTemplate",
        [served(model="meta-llama/Llama-3.3-70B-Instruct", toolCallParser="llama3_json", chatTemplate="/t.jinja")],
    ),
    (
        "deploy-key-ignored",
        [
            changed(
                OLLAMA,
                "apiBase",
                litellmModel="ollama_chat/llama",
                deploy={"engine": "ollama", "model": "llama3.2:1b", "dtype": "auto"},
            )
        ],
        "models[0].deploy.dtype",
        [SERVED],
    ),
    ("deploy-prefix-mismatch", [changed(SERVED, litellmModel="anthropic/qwen")], "models[0].litellmModel", [SERVED]),
    (
        "replicas-twice",
        [served(replicas=2, autoscaling={"min": 1, "max": 2})],
        "models[0].deploy.replicas",
        [served(replicas=2)],
    ),
    (
        "autoscaling-bounds",
        [served(autoscaling={"min": 3, "max": 2})],
        "models[0].deploy.autoscaling",
        [served(autoscaling={"min": 1, "max": 1})],
    ),
    (
        "gpu-count-contradicts-parallel",
        [served(gpu={"count": 3, "tensorParallel": 2})],
        "models[0].deploy.gpu.count",
        [served(gpu={"count": 4, "tensorParallel": 2, "pipelineParallel": 2})],
    ),
    (
        "gpu-count-not-divisible",
        [served(gpu={"count": 3, "pipelineParallel": 2})],
        "models[0].deploy.gpu",
        [served(gpu={"count": 4, "pipelineParallel": 2})],
    ),
    (
        "adapter-base-unknown",
        [SERVED, changed(ADAPTER, deploy={"adapterOf": "qwem"})],
        "models[1].deploy.adapterOf",
        [SERVED, ADAPTER],
    ),
    ("adapter-base-unknown", [ENDPOINT, ADAPTER], "models[1].deploy.adapterOf", [SERVED, ADAPTER]),
    ("flag-unknown", [arguments("--no-such-flag")], "models[0].deploy.extraArgs[0]", [arguments("--seed", "1")]),
    ("flag-unknown", [arguments("--seed 1")], "models[0].deploy.extraArgs[0]", [arguments("--seed=1")]),
    ("flag-unknown", [arguments("--seed", "1", "stray")], "models[0].deploy.extraArgs[2]", [arguments("-tp", "2")]),
    ("flag-removed", [arguments("--swap-space", "4")], "models[0].deploy.extraArgs[0]", [arguments("--seed", "1")]),
    ("flag-removed", [arguments("--enable_reasoning")], "models[0].deploy.extraArgs[0]", [SERVED]),
    (
        "boolean-flag-with-value",
        [arguments("--enforce-eager", "true")],
        "models[0].deploy.extraArgs[0]",
        [arguments("--enforce-eager")],
    ),
    (
        "boolean-flag-with-value",
        [arguments("--enforce-eager=true")],
        "models[0].deploy.extraArgs[0]",
        [arguments("--no-enforce-eager")],
    ),
    ("flag-value-refused", [arguments("--seed", "many")], "models[0].deploy.extraArgs[0]", [arguments("--seed", "-1")]),
    ("flag-value-refused", [arguments("--seed")], "models[0].deploy.extraArgs[0]", [arguments("--seed", "1")]),
    ("flag-value-refused", [served(dtype="bf16")], "models[0].deploy.dtype", [served(dtype="bfloat16")]),
    (
        "managed-flag",
        [arguments("--max-model-len", "1000")],
        "models[0].deploy.extraArgs[0]",
        [arguments("--max-model-len", "262144")],
    ),
    (
        "managed-flag",
        [arguments("--max-model", "1k")],
        "models[0].deploy.extraArgs[0]",
        [arguments("--max-model-len", "256K")],
    ),
    (
        "managed-flag",
        [arguments("--tensor-parallel-size", "4")],
        "models[0].deploy.extraArgs[0]",
        [arguments("-tp", "2")],
    ),
    (
        "managed-flag",
        [arguments("--no-enable-auto-tool-choice")],
        "models[0].deploy.extraArgs[0]",
        [arguments("--enable-auto-tool-choice")],
    ),
    ("managed-flag", [arguments("--trust-remote-code")], "models[0].deploy.extraArgs[0]", [SERVED]),
    (
        "managed-flag",
        [arguments("--served-model-name", "x")],
        "models[0].deploy.extraArgs[0]",
        [arguments("--port=8000")],
    ),
    (
        "managed-flag",
        [changed(served(prefixCaching=True, extraArgs=["--no-enable-prefix-caching"]))],
        "models[0].deploy.extraArgs[0]",
        [changed(served(prefixCaching=True, extraArgs=["--enable-prefix-caching"]))],
    ),
    ("flag-has-key", [arguments("--max-num-seqs", "64")], "models[0].deploy.extraArgs[0]", [served(maxNumSeqs=64)]),
    (
        "unknown-gpu-type",
        [served(gpu={"type": "H1000", "count": 2})],
        "models[0].deploy.gpu.type",
        [served(gpu={"type": "h100", "count": 2})],
    ),
    ("server-key-missing", [changed(SERVED, "apiKey")], "models[0].apiKey", [SERVED, changed(ADAPTER, "apiKey")]),
    *(
        ("image-malformed", [served(image=image)], "models[0].deploy.image", [served(image=f"{right}:v0.33.0")])
        for image, right in (
            ("a b:v0.33.0", "vllm/vllm-openai"),
            ("ghcr.io/Org/vllm:v0.33.0", "ghcr.io/org/vllm"),
            ("vllm/vllm-openai:", "localhost:5000/a/b__c-d.e"),
            ("vllm@sha256:abc", "123456789012.dkr.ecr.us-east-1.amazonaws.com/vllm"),
        )
    ),
    *(
        ("env-name-malformed", [served(env={name: "x"})], f"models[0].deploy.env.{name}", [served(env={right: "x"})])
        for name, right in (("A B", "A_B"), ("A=B", "a.b-c"), ("1A", "_A1"), ("", "A"))
    ),
    ("inline-secret", [arguments("--hf-token", "abc")], "models[0].deploy.extraArgs[0]", [arguments("--hf-token")]),
    (
        "inline-secret",
        [arguments("--seed", "1", "--hf-tok=abc")],
        "models[0].deploy.extraArgs[2]",
        [arguments("--dbo-decode-token-threshold", "32"), changed(arguments("--hf-token", "$(HF_TOKEN)"), **B)],
    ),
    (
        "server-key-conflict",
        [ENDPOINT, changed(ENDPOINT, "apiKey", litellmModelName="b", litellmModel="openai/b")],
        "models[1].apiKey",
        [changed(ENDPOINT, "apiKey"), changed(ENDPOINT, **B, apiKey="${HOSTED_VLLM_API_KEY}")],
    ),
    (
        "context-window-above-served",
        [served(maxModelLen=131072), changed(ADAPTER, contextWindow=131073)],
        "models[1].contextWindow",
        [SERVED, changed(ADAPTER, contextWindow=262144)],
    ),
    (
        "context-window-above-served",
        [changed(SERVED, contextWindow=131072), ADAPTER],
        "models[1].contextWindow",
        [SERVED, ADAPTER],
    ),
    (
        "bedrock-regional-id",
        [changed(BEDROCK, litellmModel="bedrock/us-east-1/anthropic.claude-haiku-4-5-20251001-v1:0")],
        "models[0].litellmModel",
        [BEDROCK],
    ),
    (
        "metadata-type-contradicts-model",
        [changed(OLLAMA, litellmModel="ollama/nomic-embed-text")],
        "models[0].metadataType",
        [OLLAMA],
    ),
    (
        "api-base-localhost",
        [changed(ENDPOINT, apiBase="http://[::ffff:127.0.0.1]/v1")],
        "models[0].apiBase",
        [ENDPOINT],
    ),
    ("api-base-foreign", [changed(SERVED, provider="OpenAI")], "models[0].provider", [SERVED]),
    (
        "foreign-variable",
        [served(hfToken="${OPENAI_API_KEY}")],
        "models[0].deploy.hfToken",
        [served(hfToken="${HF_TOKEN}"), changed(served(hfToken="${MINE}"), **B)],
    ),
    (
        "deploy-key-ignored",
        [SERVED, changed(ADAPTER, deploy={"image": "vllm/vllm-openai:v0.33.0"})],
        "models[1].deploy.image",
        [SERVED, LONE_ADAPTER],
    ),
    ("missing-key", [changed(CLOUD, displayName="  ")], "models[0].displayName", [CLOUD]),
]


@pytest.mark.parametrize(
    ("code", "wrong", "field", "right"), CASES, ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)]
)
def test_the_rule_finds_its_fault_at_its_place_and_nothing_beside_it(
    code: str, wrong: list[Any], field: str, right: list[Any]
) -> None:
    found = [finding for finding in findings(*wrong) if finding.code == code]
    assert field in [finding.field for finding in found]
    assert {finding.severity for finding in found} == {RULES[code].severity}
    assert all(finding.message and finding.hint and finding.line for finding in found)
    assert code not in codes(*right)


def test_every_rule_of_a_contract_has_a_case() -> None:
    checked = {code for code, rule in RULES.items() if rule.check} - {"required-flag-without-model"}
    assert checked == {case[0] for case in CASES} - {"missing-key"}


@pytest.mark.parametrize("entry", [*GOOD, OLLAMA, EMBEDDINGS, SERVED], ids=lambda entry: str(entry["litellmModelName"]))
def test_a_good_entry_has_no_finding(entry: dict[str, Any]) -> None:
    assert findings(entry) == []


def test_a_required_flag_that_no_model_can_fill_is_a_warning_in_the_file_alone() -> None:
    found = [
        finding for finding in findings(CLOUD, EMBEDDINGS, preset="2026.09") if finding.code.startswith("required")
    ]
    assert [finding.severity for finding in found] == ["warning"]
    assert "AUDIO_TRANSCRIPTION" in found[0].message
    assert codes(CLOUD, EMBEDDINGS) == []


@pytest.mark.parametrize(
    "alias", ["claude-sonnet-4-5", "claude-haiku-4-5", "claude-3-5-sonnet-latest", "claude-sonnet-4"]
)
def test_aliases_of_anthropic_are_told_from_dated_and_undated_ids(alias: str) -> None:
    assert "model-alias-undated" in codes(changed(CLOUD, litellmModel=f"anthropic/{alias}"))
    assert "model-alias-undated" not in codes(changed(CLOUD, litellmModel="anthropic/claude-sonnet-4-6"))


def test_the_model_behind_an_arn_has_its_lifecycle() -> None:
    arn = "bedrock/arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0"
    assert codes(changed(BEDROCK, litellmModel=arn)) == ["model-retired", "bedrock-regional-id"]


def test_an_image_of_the_environment_with_an_unknown_release_is_named_once() -> None:
    found = findings(
        SERVED, changed(SERVED, litellmModelName="b", litellmModel="openai/b"), vllm_image="r/vllm:v0.30.0"
    )
    assert [(finding.code, finding.field) for finding in found] == [("engine-release-unknown", "images.vllm")]


def test_the_environments_image_counts_for_the_models_minimum() -> None:
    entry = served(model="DeepHat/DeepHat-V2-ext")
    assert "engine-below-minimum" in codes(entry, vllm_image="vllm/vllm-openai:v0.13.0@sha256:" + "0" * 64)
    assert "engine-below-minimum" not in codes(entry, vllm_image="vllm/vllm-openai:v0.33.0")


def test_a_window_that_the_gpus_limit_is_no_finding_and_the_number_is_given_below_it() -> None:
    entry = changed(SERVED, contextWindow=90000)
    assert codes(entry, held_tokens={"qwen": 90000}) == []
    (finding,) = findings(changed(SERVED, contextWindow=40000, maxTokens=1000), held_tokens={"qwen": 90000})
    assert finding.message == "contextWindow 40,000 is lower than the advertised 262,144; the chosen GPUs hold 90,000"
    assert finding.hint == "write `contextWindow: 90000`"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("vllm", "openai"),
        ("together", "together_ai"),
        ("google", "gemini"),
        ("Cohere", "cohere_chat"),
        ("azur", "azure"),
    ],
)
def test_the_prefix_that_another_name_of_the_provider_means_is_proposed(written: str, meant: str) -> None:
    (found,) = [one for one in findings(changed(CLOUD, litellmModel=f"{written}/x")) if one.code == "prefix-unknown"]
    assert found.hint == f"did you mean `{meant}/x`?"


def test_a_model_whose_bedrock_region_is_in_its_path_has_its_lifecycle() -> None:
    path = "bedrock/converse/us-gov-west-1/anthropic.claude-sonnet-4-20250514-v1:0"
    assert "model-retired" in codes(changed(BEDROCK, litellmModel=path))


@pytest.mark.parametrize(
    ("items", "hint"),
    [
        (("--no-enforce-eager", "false"), "write --enforce-eager alone"),
        (("--no-enforce-eager", "true"), "write --no-enforce-eager alone"),
        (("--enforce-eager", "false"), "write --no-enforce-eager alone"),
        (("--host", "127.0.0.1"), "remove --host from extraArgs"),
    ],
)
def test_the_hint_about_an_option_says_what_to_write(items: tuple[str, ...], hint: str) -> None:
    assert [finding.hint for finding in findings(arguments(*items))] == [hint]


@pytest.mark.parametrize(
    ("value", "hint"), [(128000.0, "write `contextWindow: 128000`"), (1.5, "write a whole number, in digits")]
)
def test_a_number_that_is_not_whole_has_a_hint(value: float, hint: str) -> None:
    assert [one.hint for one in findings(changed(CLOUD, contextWindow=value)) if one.code == "wrong-type"] == [hint]
