"""What sizing reads: architectures, names, GPU types, vLLM's defaults by version, config.json files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kindo_models.catalog.architectures import architectures, find_architecture
from kindo_models.catalog.config_json import architecture_from_config
from kindo_models.catalog.gpus import UnknownGpu, find_gpu, gpus
from kindo_models.catalog.hugging_face import (
    UnusableConfig,
    architecture_from_file,
    architecture_from_hub,
)
from kindo_models.catalog.model_names import UnknownModel, find_model, parameters_in_name, split_draft
from kindo_models.catalog.vllm_sizing import (
    UnknownQuantization,
    find_quantization,
    parse_version,
    quantization_in_name,
    vllm_sizing,
)
from kindo_models.planning.memory.parameters import count

DATA = Path(__file__).parents[2] / "components" / "kindo_models" / "catalog" / "data"


def test_the_architectures_name_source_date_and_licence() -> None:
    head = json.loads((DATA / "architectures.json").read_text())["head"]
    assert head["source"]
    assert head["licence"]
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", head["date"])
    assert all(a.source for a in architectures().values())


def test_counted_parameters_agree_with_the_published_numbers() -> None:
    # Rounded numbers of the vendors; counting leaves out vision towers.
    checked = 0
    for name, a in architectures().items():
        parts = count(a)
        if parts is None or a.parameters_billion is None:
            continue
        total = sum(part.count for part in parts if part.kind != "absorbed") / 1e9
        assert total == pytest.approx(a.parameters_billion, rel=0.06), name
        checked += 1
    assert checked > 60


@pytest.mark.parametrize("name", sorted(architectures()))
def test_every_known_model_is_found_by_its_id_in_any_case_and_without_publisher(name: str) -> None:
    assert find_model(name).how == "exact"
    assert find_model(name.upper()).architecture is find_model(name.lower()).architecture
    assert find_model(name.split("/")[-1]).architecture.name.split("/")[-1].lower() == name.split("/")[-1].lower()


@pytest.mark.parametrize(
    ("asked", "base", "quantization"),
    [
        ("RedHatAI/Qwen3.5-397B-A17B-FP8-dynamic", "Qwen/Qwen3.5-397B-A17B", "fp8"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "meta-llama/Llama-3.1-8B-Instruct", "int4"),
        ("nvidia/DeepSeek-R1-0528-NVFP4-v2", "deepseek-ai/DeepSeek-R1", "nvfp4"),
        ("qwen3.6-27b-autoround-int4", "Qwen/Qwen3.6-27B", "int4"),
        ("unsloth/Llama-3.3-70B-Instruct-Q4_K_M.gguf", "meta-llama/Llama-3.3-70B-Instruct", "gguf-q4"),
        ("gemma4-26b-a4b-it", "google/gemma-4-26B-A4B", None),
        ("google-gemma-2-9b-it", "google/gemma-2-9b-it", None),
        ("meta-llama-llama-3-3-70b-instruct", "meta-llama/Llama-3.3-70B-Instruct", None),
        ("qwen-qwen2-5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct", None),
        ("Llama 2 7B Chat", "meta-llama/Llama-2-7b-hf", None),
        ("NousResearch/Hermes-3-Llama-3.1-8B", "meta-llama/Llama-3.1-8B", None),
        ("casperhansen/llama-3-70b-instruct-awq", "meta-llama/Meta-Llama-3-70B", "int4"),
    ],
)
def test_other_spellings_and_quantised_checkpoints_are_found(asked: str, base: str, quantization: str | None) -> None:
    match = find_model(asked)
    assert match.base == base
    assert match.architecture.name == (base if match.how == "exact" else asked)
    named = quantization_in_name(asked)
    assert (named.name if named else None) == quantization


@pytest.mark.parametrize(
    "other", ["Qwen/Qwen3-ASR-1.7B", "Qwen/Qwen3Guard-Gen-8B", "google/translategemma-27b-it", "acme/Wunder-8B"]
)
def test_another_kind_of_model_is_not_taken_for_its_namesake(other: str) -> None:
    with pytest.raises(UnknownModel):
        find_model(other)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownModel) as raised:
        find_architecture("Qwen/Qwen3-9B")
    assert "Qwen/Qwen3-8B" in str(raised.value)


def test_the_context_of_a_relative_is_not_certain() -> None:
    assert not find_model("deepseek-ai/DeepSeek-R1-0528").architecture.limit_certain
    assert find_model("meta-llama/Llama-3.1-70B-Instruct").architecture.limit_certain


def test_sizes_and_drafts_are_read_from_names() -> None:
    sizes = {"Wunder-70B": 70, "Mixtral-8x7B": 56, "x-30B-A3B": 30, "tiny-350M": 0.35, "Ring-1T": 1000}
    assert parameters_in_name("gpt") is None
    assert {name: parameters_in_name(name) for name in sizes} == pytest.approx(sizes)
    assert split_draft("a/b + MTP draft") == ("a/b", True)
    assert split_draft("a/b+c") == ("a/b+c", False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("H100-NVL-94GB x2", "H100-NVL"),
        ("A100-40GB (GCP a2-highgpu-1g)", "A100-40GB"),
        ("Tesla T4", "T4"),
        ("rtx 3090", "RTX-3090"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000"),
        ("RTX5070Ti+RTX5090D", "RTX-5070-Ti"),
    ],
)
def test_gpu_types_are_found_as_people_and_logs_write_them(text: str, name: str) -> None:
    assert find_gpu(text).name == name


def test_an_unknown_gpu_names_the_nearest() -> None:
    with pytest.raises(UnknownGpu, match="nearest: L40, L40S"):
        find_gpu("L40X")


def test_torch_sees_less_than_nvidia_smi() -> None:
    for gpu in gpus().values():
        if gpu.nvidia_smi_mib is not None:
            assert gpu.memory_gib < gpu.nvidia_smi_mib / 1024, gpu.name


@pytest.mark.parametrize(
    ("text", "model", "name"),
    [
        ("none", "RedHatAI/X-FP8", "fp8"),
        ("compressed-tensors", "RedHatAI/X-quantized.w4a16", "int4"),
        ("gptq_marlin", "X", "int4"),
        ("modelopt", "nvidia/X-NVFP4", "nvfp4"),
        ("modelopt", "nvidia/X", "fp8"),
        ("modelopt nvfp4", "X", "nvfp4"),
        ("fp8 block", "X", "fp8"),
        ("", "openai/gpt-oss-mxfp4", "mxfp4"),
    ],
)
def test_quantisation_is_understood_from_flag_and_name(text: str, model: str, name: str) -> None:
    found = find_quantization(text, model)
    assert found is not None
    assert found.name == name


def test_an_unknown_quantisation_lists_the_known() -> None:
    with pytest.raises(UnknownQuantization, match="known: bitsandbytes, fp8"):
        find_quantization("wishful")


def test_versions_are_read_from_builds() -> None:
    assert parse_version("v0.19.1.dev6+g6d4a8e6d2") == (0, 19, 1)
    assert parse_version("0.23") == (0, 23, 0)
    assert parse_version("0.1.dev20051+g487ecf187") is None
    assert parse_version("nightly") is None


def test_constants_lie_within_their_intervals() -> None:
    data = vllm_sizing()
    bounds = [*data.sampler_bytes, *data.non_torch_gib, data.rest_gib, data.load_gib, data.vision_tower_billion]
    assert all(each.low <= each.likely <= each.high for each in bounds)


LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}


def test_a_config_json_gives_the_same_as_the_catalog(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(LLAMA))
    made, known = architecture_from_file(file), find_architecture("meta-llama/Llama-3.1-8B")
    for field in ("num_kv_heads", "head_dim", "layers", "vocab_size", "max_position_embeddings", "tie_word_embeddings"):
        assert getattr(made, field) == getattr(known, field), field


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}},
         "max_position_embeddings", 131072),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "max_position_embeddings", 131072),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "max_position_embeddings", 262144),
        ({"model_type": "gemma2"}, "tie_word_embeddings", True),
        ({"vision_config": {"hidden_size": 1}}, "vision", True),
    ],
)  # fmt: skip
def test_a_config_is_read_as_vllm_reads_it(changes: dict[str, Any], field: str, expected: object) -> None:
    made = architecture_from_config({**LLAMA, **changes}, name="x", source="test")
    assert getattr(made, field) == expected


def test_nested_text_configurations_windows_and_experts_are_read() -> None:
    text = {
        **LLAMA,
        "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
        "num_hidden_layers": 4,
        "sliding_window": 512,
        "num_local_experts": 16,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 1024,
    }
    made = architecture_from_config({"text_config": text, "vision_config": {"a": 1}}, name="x", source="test")
    assert made.layers is not None
    assert made.experts is not None
    assert (made.layers.sliding, made.layers.full, made.experts.count, made.vision) == (3, 1, 16, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"num_hidden_layers": 3}',
        '{"num_hidden_layers": 3, "hidden_size": 8, "architectures": 5}',
        '{"num_hidden_layers": 3, "hidden_size": 8, "kv_lora_rank": 4, "quantization_config": {"config_groups": 7}}',
    ],
)
def test_a_file_that_is_no_model_configuration_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(UnusableConfig, match=re.escape(str(file))):
        architecture_from_file(file)


def test_the_hub_gives_configuration_and_file_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    def hub(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("config.json"):
            return httpx.Response(200, json=LLAMA)
        files = [
            {"rfilename": "model-1.safetensors", "size": 10 * 1024**3},
            {"rfilename": "original/consolidated.safetensors", "size": 99 * 1024**3},
            {"rfilename": "README.md", "size": 5},
        ]
        return httpx.Response(200, json={"siblings": files})

    client = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **kw: client(transport=httpx.MockTransport(hub), **kw))
    made = architecture_from_hub("acme/Wunder")
    assert made.checkpoint is not None
    assert made.checkpoint.gib == 10
    monkeypatch.setattr(
        httpx, "Client", lambda **kw: client(transport=httpx.MockTransport(lambda _: httpx.Response(404)), **kw)
    )
    with pytest.raises(UnusableConfig, match="gives no configuration of acme/Wunder"):
        architecture_from_hub("acme/Wunder")


@pytest.mark.parametrize(
    "name",
    ["tiiuae/falcon-mamba-7b", "tiiuae/Falcon-H1-7B-Instruct", "allenai/Olmo-9-7B-Instruct", "ibm/Llama-3.1-8B-h"],
)
def test_a_next_version_or_another_kind_is_no_fine_tune(name: str) -> None:
    with pytest.raises(UnknownModel):
        find_model(name)


def test_an_underscore_between_version_and_size_keeps_them_apart() -> None:
    assert find_model("Medical_Qwen3_8B_Large_Language_Model").base == "Qwen/Qwen3-8B"
    assert find_model("Llama-3_1-8B-Instruct").base.startswith("meta-llama/Llama-3.1-8B")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NVIDIA H100-SXM5", "H100"),
        ("A100 80G", "A100-80GB"),
        ("Quadro RTX 6000", "Quadro-RTX-6000"),
        ("NVIDIA A100-40G", "A100-40GB"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX-PRO-6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX-PRO-6000"),
        ("NVIDIA H20-3e", "H20-141GB"),
        ("NVIDIA A800-SXM4-80GB", "A100-80GB"),
        ("NVIDIA GeForce RTX 4090 D", "RTX-4090"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX-6000-Ada"),
    ],
)
def test_what_nvidia_smi_calls_a_gpu_is_found(text: str, name: str) -> None:
    assert find_gpu(text).name == name


def test_chatglms_groups_and_stated_lengths_are_read() -> None:
    config = {
        "model_type": "chatglm", "hidden_size": 4096, "num_layers": 40, "num_attention_heads": 32,
        "multi_query_attention": True, "multi_query_group_num": 2, "ffn_hidden_size": 13696,
        "padded_vocab_size": 151552, "seq_length": 131072, "kv_channels": 128,
    }  # fmt: skip
    a = architecture_from_config(config, name="x", source="test")
    assert (a.num_kv_heads, a.max_position_embeddings) == (2, 131072)
    cohere = {
        "model_type": "cohere", "hidden_size": 8192, "num_hidden_layers": 40, "num_attention_heads": 64,
        "max_position_embeddings": 8192, "model_max_length": 131072,
    }  # fmt: skip
    assert architecture_from_config(cohere, name="x", source="test").max_position_embeddings == 131072


def test_an_encoder_has_no_output_head() -> None:
    config = {
        "model_type": "bert", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "intermediate_size": 4096, "vocab_size": 30522, "max_position_embeddings": 512,
    }  # fmt: skip
    parts = count(architecture_from_config(config, name="x", source="test"))
    assert parts is not None
    assert sum(part.count for part in parts) / 1e6 == pytest.approx(335, rel=0.01)


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("Qwen/Qwen2-7B-Instruct-AWQ", "Qwen/Qwen2-7B-Instruct"),
        ("Qwen/Qwen2-VL-7B-Instruct", "Qwen/Qwen2-VL-7B-Instruct"),
        ("CohereLabs/c4ai-command-r-plus-08-2024", "CohereForAI/c4ai-command-r-plus-08-2024"),
        ("RedHatAI/Mistral-Nemo-Instruct-2407-FP8", "mistralai/Mistral-Nemo-Instruct-2407"),
        ("RedHatAI/granite-3.1-8b-instruct-quantized.w4a16", "ibm-granite/granite-3.1-8b-instruct"),
        ("01-ai/Yi-34B-Chat", "01-ai/Yi-34B"),
        ("deepseek-ai/DeepSeek-V2.5", "deepseek-ai/DeepSeek-V2.5"),
        ("allenai/Olmo-3-7B-Think", "allenai/Olmo-3-7B-Instruct"),
    ],
)
def test_common_families_are_known(name: str, base: str) -> None:
    assert find_model(name).base == base
