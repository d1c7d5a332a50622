"""Verdicts, refusals and properties of the memory model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from kindo_models.catalog.architectures import architectures, find_architecture
from kindo_models.catalog.gpus import find_gpu, gpus
from kindo_models.planning.memory import BadSetup, Prediction, Setup, predict


def setup(model: str, gpu: str, **values: Any) -> Setup:
    return Setup(architecture=find_architecture(model), gpu=find_gpu(gpu), **{"vllm_version": "0.19.0", **values})


def refusal(made: Prediction, code: str) -> str:
    messages = [one.message for one in made.refusals if one.code == code]
    assert messages, [one.code for one in made.refusals]
    assert all(one.fix for one in made.refusals)
    return messages[0]


# Single starts that public logs report: model, GPU, flags, GiB of the KV pool.
STARTS = [
    ("meta-llama/Llama-3.1-8B-Instruct", "A100-80GB", {"vllm_version": "0.31.0"}, 56.21),
    ("meta-llama/Llama-3.1-8B-Instruct", "A100-40GB", {"vllm_version": "0.15.1", "enforce_eager": True}, 19.28),
    (
        "Qwen/Qwen3-Next-80B-A3B-Instruct",
        "H200",
        {"vllm_version": "0.10.2", "tensor_parallel": 2, "gpu_memory_utilization": 0.9},
        44.59,
    ),
]


@pytest.mark.parametrize(("model", "gpu", "flags", "pool"), STARTS)
def test_the_pool_of_known_starts_is_met_within_a_gigabyte(
    model: str, gpu: str, flags: dict[str, Any], pool: float
) -> None:
    made = predict(setup(model, gpu, **flags))
    assert made.verdict == "fits"
    assert made.kv_pool_gib.likely == pytest.approx(pool, abs=1.0)


def test_a_context_that_one_request_cannot_have_is_refused_in_vllms_words() -> None:
    made = predict(setup("Qwen/Qwen3-32B", "H100", vllm_version="0.11.0", max_model_len=32000))
    assert made.verdict == "refused"
    message = refusal(made, "kv-cache-too-small")
    assert message.startswith("To serve at least one request with the models's max seq len (32000), (7.8")
    assert "the estimated maximum model length is" in message
    assert made.longest_max_model_len is not None
    assert predict(setup("Qwen/Qwen3-32B", "H100", vllm_version="0.11.0", max_model_len=made.longest_max_model_len))


def test_weights_beyond_the_budget_leave_no_memory() -> None:
    made = predict(setup("meta-llama/Llama-3.3-70B-Instruct", "L4", max_model_len=2048))
    assert "No available memory for the cache blocks" in refusal(made, "no-kv-cache-memory")
    assert made.longest_max_model_len == 0


def test_a_hybrid_needs_a_state_block_for_each_sequence() -> None:
    asked = setup("Qwen/Qwen3.6-27B", "H100", quantization="fp8", vllm_version="0.25.1", max_model_len=8192)
    made = predict(replace(asked, max_num_seqs=1024))
    assert refusal(made, "mamba-blocks").startswith("max_num_seqs (1024) exceeds available Mamba cache blocks (")
    assert predict(replace(asked, max_num_seqs=256)).verdict == "fits"
    assert predict(replace(asked, max_num_seqs=1024, enforce_eager=True)).verdict == "fits"


def test_what_the_budget_leaves_must_hold_the_graphs_and_then_the_sampler() -> None:
    tight = setup("google/gemma-2-9b-it", "RTX-5090", gpu_memory_utilization=0.99, max_model_len=4096)
    assert "warming up sampler with 256 dummy requests" in refusal(predict(tight), "sampler-warm-up")
    few = replace(tight, max_num_seqs=8, max_num_batched_tokens=64, gpu_memory_utilization=0.9925)
    assert "while graphs are captured" in refusal(predict(few), "cuda-graph-capture")
    assert predict(replace(tight, enforce_eager=True)).verdict != "refused"
    assert predict(replace(tight, gpu_memory_utilization=0.9)).verdict == "fits"
    inside = {one.code for one in predict(replace(tight, vllm_version="0.33.0")).refusals}
    assert not inside & {"sampler-warm-up", "cuda-graph-capture"}


def test_a_budget_beyond_what_is_free_at_the_start_is_refused() -> None:
    made = predict(setup("Qwen/Qwen3-4B", "L4", gpu_memory_utilization=0.995, max_model_len=2048))
    assert "on startup is less than desired GPU memory utilization (0.995" in refusal(made, "free-memory")


def test_a_context_beyond_the_model_needs_the_explicit_override() -> None:
    asked = setup("microsoft/phi-2", "H100", max_model_len=8192)
    message = refusal(predict(asked), "context-beyond-model")
    assert "(8192) is greater than the derived max_model_len (max_position_embeddings=2048" in message
    assert predict(replace(asked, allow_long_max_model_len=True)).verdict == "fits"


@pytest.mark.parametrize(
    ("model", "tp", "words"),
    [
        ("Qwen/Qwen3-14B", 5, "151936 is not divisible by 5"),
        ("Qwen/Qwen3-8B", 3, "attention heads (32) must be divisible by tensor parallel size (3)"),
        ("Qwen/Qwen3.5-27B", 6, "is not divisible by"),
    ],
)
def test_a_split_that_vllm_cannot_make_is_refused_with_the_sizes_it_can(model: str, tp: int, words: str) -> None:
    made = predict(setup(model, "H100", tensor_parallel=tp, max_model_len=4096))
    assert words in refusal(made, "tensor-parallel")
    assert "1, 2, 4" in next(one.fix for one in made.refusals if one.code == "tensor-parallel")


def test_more_pipeline_stages_than_layers_are_refused() -> None:
    made = predict(setup("Qwen/Qwen3-0.6B", "H100", pipeline_parallel=29, max_model_len=4096))
    assert "exceeds the model's 28 layers" in refusal(made, "tensor-parallel")


def test_experts_are_not_cut_below_a_block_of_fp8() -> None:
    # MiniMax-M2: width 1536 over TP 8 is 192.
    asked = setup("MiniMaxAI/MiniMax-M2.5", "H200", tensor_parallel=8, vllm_version="0.13.0", max_model_len=8192)
    made = predict(asked)
    assert "= 192 is not divisible by weight quantization block_n = 128" in refusal(made, "tensor-parallel")
    assert "--enable-expert-parallel" in made.refusals[0].fix
    assert predict(replace(asked, expert_parallel=True)).verdict == "fits"
    assert predict(replace(asked, tensor_parallel=4)).verdict == "fits"


def test_more_tensor_parallel_than_the_node_has_gpus_is_refused() -> None:
    made = predict(setup("Qwen/Qwen3-32B", "H100", tensor_parallel=8, gpus_per_node=4, max_model_len=8192))
    assert "World size (8) is larger than the number of available GPUs (4)" in refusal(made, "gpus-of-the-node")


def test_what_the_gpu_cannot_compute_is_refused_or_said() -> None:
    bf16 = predict(setup("Qwen/Qwen3-4B", "T4", dtype="bfloat16", max_model_len=2048))
    assert "at least 8.0" in refusal(bf16, "hardware-support")
    volta = predict(setup("Qwen/Qwen3-4B", "V100-32GB", quantization="fp8", max_model_len=2048))
    assert "Minimum capability: 75. Current capability: 70" in refusal(volta, "hardware-support")
    ampere = predict(setup("Qwen/Qwen3-4B", "A10G", quantization="fp8", max_model_len=2048))
    assert ampere.verdict == "fits"
    assert any("computes no fp8" in warning for warning in ampere.warnings)


def test_between_fitting_and_refused_it_is_too_close_to_call() -> None:
    asked = setup("Qwen/Qwen3-32B", "H100", vllm_version="0.11.0")
    made = predict(asked)
    assert made.kv_pool_gib.low < made.kv_pool_gib.likely < made.kv_pool_gib.high
    between = predict(replace(asked, max_model_len=int((made.longest_max_model_len or 0) * 1.05)))
    assert between.verdict == "too-close"
    assert between.margin_gib is not None
    assert predict(replace(asked, max_model_len=made.longest_max_model_len)).verdict == "fits"


def test_a_given_size_of_the_weights_is_taken() -> None:
    made = predict(setup("Qwen/Qwen3-8B", "H100", weights_gib=20.0, max_model_len=8192))
    assert made.weights_gib.likely == pytest.approx(20.0, rel=0.01)
    assert made.terms[0].source == "given"


def test_an_unknown_version_spans_what_it_may_be() -> None:
    known = predict(setup("Qwen/Qwen3-8B", "H100", max_model_len=8192))
    unknown = predict(setup("Qwen/Qwen3-8B", "H100", vllm_version=None, max_model_len=8192))
    assert unknown.kv_pool_gib.low < known.kv_pool_gib.low
    assert unknown.kv_pool_gib.likely < known.kv_pool_gib.likely


def test_versions_have_their_own_defaults() -> None:
    old, new = (predict(setup("Qwen/Qwen3-8B", "H100", vllm_version=v)) for v in ("0.19.1", "0.20.0"))
    assert (old.gpu_memory_utilization, new.gpu_memory_utilization) == (0.90, 0.92)
    assert "CUDA graphs" in [term.name for term in new.terms]
    assert "CUDA graphs" not in [term.name for term in old.terms]
    assert (new.max_num_batched_tokens, new.max_num_seqs) == (8192, 1024)
    small = predict(setup("Qwen/Qwen3-8B", "A100-80GB"))
    assert (small.max_num_batched_tokens, small.max_num_seqs) == (2048, 256)


def test_a_total_that_nvidia_smi_shows_is_not_taken_for_torchs() -> None:
    for given_gib in (44.99, 44.42, None):
        made = predict(setup("Qwen/Qwen3-8B", "L40S", gpu_total_gib=given_gib, max_model_len=8192))
        assert made.total_gib == pytest.approx(44.42)


def test_every_term_has_formula_and_source_and_the_terms_make_the_pool() -> None:
    made = predict(setup("deepseek-ai/DeepSeek-R1", "H200", tensor_parallel=8, vllm_version="0.20.0"))
    assert all(term.formula and term.source for term in made.terms)
    assert made.budget_gib - sum(term.gib.likely for term in made.terms) == pytest.approx(made.kv_pool_gib.likely)
    assert Prediction.model_validate_json(made.model_dump_json()) == made


def test_what_cannot_be_sized_is_not_called_fitting() -> None:
    for name in ("deepseek-ai/DeepSeek-V4-Pro", "DeepHat/DeepHat-V2-ext"):
        made = predict(setup(name, "B200", tensor_parallel=8, max_model_len=8192))
        assert made.verdict == "too-close"
        assert made.reason
        assert made.longest_max_model_len is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tensor_parallel": 0}, "tensor_parallel is 0"),
        ({"max_model_len": -1}, "max_model_len is -1"),
        ({"gpu_memory_utilization": 1.5}, "gpu_memory_utilization is 1.5"),
        ({"gpu_total_gib": -3.0}, "gpu_total_gib is -3.0"),
        ({"dtype": "int7"}, "dtype is 'int7': allowed are auto, bfloat16"),
        ({"kv_cache_dtype": "fp3"}, "kv_cache_dtype is 'fp3': allowed are auto"),
        ({"tensor_parallel": 0, "max_num_seqs": 0}, "max_num_seqs is 0"),
    ],
)
def test_absurd_values_are_refused_by_name(values: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSetup) as raised:
        predict(setup("Qwen/Qwen3-8B", "H100", **values))
    assert words in str(raised.value)


# Properties over the catalog.

SIZED = sorted(name for name, a in architectures().items() if a.layers and not a.unsupported and not a.encoder_only)
RANK = {"refused": 0, "too-close": 1, "fits": 2}
fast = bounded(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
models = st.sampled_from(SIZED)
cards = st.sampled_from(sorted(gpus()))
versions = st.sampled_from(["0.11.2", "0.14.1", "0.16.0", "0.19.0", "0.20.2", "0.33.0", None])
contexts = st.integers(min_value=1, max_value=300_000)


def memory_verdict(asked: Setup) -> int:
    return RANK[predict(replace(asked, allow_long_max_model_len=True)).verdict]


@fast
@given(models, cards, versions, contexts, st.integers(min_value=1, max_value=300_000))
def test_a_shorter_context_never_makes_a_fit_worse(
    model: str, gpu: str, version: str | None, one: int, other: int
) -> None:
    # The batch is fixed: vLLM shrinks its default for very short contexts.
    asked = setup(model, gpu, vllm_version=version, max_num_batched_tokens=2048)
    shorter, longer = sorted((one, other))
    assert memory_verdict(replace(asked, max_model_len=shorter)) >= memory_verdict(replace(asked, max_model_len=longer))


@fast
@given(models, cards, versions, contexts)
def test_a_smaller_kv_type_never_makes_a_fit_worse(model: str, gpu: str, version: str | None, context: int) -> None:
    asked = setup(model, gpu, vllm_version=version, max_model_len=context, max_num_seqs=64)
    assert memory_verdict(replace(asked, kv_cache_dtype="fp8")) >= memory_verdict(asked)


@fast
@given(models, cards, versions, contexts, st.sampled_from([1, 2, 4]))
def test_twice_the_gpus_never_make_a_fit_worse(
    model: str, gpu: str, version: str | None, context: int, tp: int
) -> None:
    """As long as the model can be split so, and weights weigh more than what a second GPU costs in buffers."""
    asked = setup(model, gpu, vllm_version=version, max_model_len=context, tensor_parallel=tp, max_num_seqs=64)
    wider = replace(asked, tensor_parallel=2 * tp)
    if any(one.code == "tensor-parallel" for one in predict(wider).refusals):
        return
    saved = predict(asked).weights_gib.likely - predict(wider).weights_gib.likely
    buffers = predict(wider).overhead_gib.high - predict(asked).overhead_gib.low
    if saved > buffers:
        assert memory_verdict(wider) >= memory_verdict(asked)


@fast
@given(models, cards, versions, contexts, st.sampled_from([1, 2, 4]))
def test_twice_the_pipeline_stages_never_make_a_fit_worse(
    model: str, gpu: str, version: str | None, context: int, pp: int
) -> None:
    asked = setup(model, gpu, vllm_version=version, max_model_len=context, pipeline_parallel=pp, max_num_seqs=64)
    assert memory_verdict(replace(asked, pipeline_parallel=2 * pp)) >= memory_verdict(asked)


@fast
@given(models, cards, versions, contexts)
def test_the_longest_context_and_the_verdict_agree(model: str, gpu: str, version: str | None, context: int) -> None:
    asked = setup(
        model, gpu, vllm_version=version, max_model_len=context, max_num_batched_tokens=2048, enforce_eager=True
    )
    made = predict(replace(asked, allow_long_max_model_len=True))
    longest = made.longest_max_model_len
    assert longest is not None
    if made.verdict == "fits" and find_architecture(model).layers.full:  # type: ignore[union-attr]
        assert context <= longest
    if version is not None and longest and context > longest and made.request_kv_gib is not None:
        assert made.verdict != "fits" or made.request_kv_gib <= made.kv_pool_gib.low


def test_the_old_engine_cuts_only_prompts_of_long_contexts() -> None:
    # Issue 10517: on one card 20k and 35k start, 29k does not.
    def made(length: int, **values: Any) -> Prediction:
        flags = {"vllm_version": "0.6.6", "max_model_len": length, **values}
        return predict(setup("meta-llama/Llama-3.1-8B-Instruct", "RTX-3090", **flags))

    assert (made(29000).max_num_batched_tokens, made(35000).max_num_batched_tokens) == (29000, 2048)
    assert made(35000).kv_pool_gib.likely > made(29000).kv_pool_gib.likely
    assert made(35000, vllm_version="0.5.3").max_num_batched_tokens == 35000
    assert made(35000, max_num_seqs=300).max_num_seqs == 300
    sliding = predict(setup("mistralai/Mistral-7B-v0.1", "A100-80GB", vllm_version="0.6.6", max_model_len=32768))
    assert sliding.max_num_batched_tokens == 32768


@pytest.mark.parametrize(
    ("gpu", "tp", "context", "pool"),
    [("A100-80GB", 1, 262144, 8.04), ("RTX-3090", 4, 65536, 2.31)],
)
def test_encoding_the_largest_image_may_take_more_than_the_sampler(
    gpu: str, tp: int, context: int, pool: float
) -> None:
    # Logged with vLLM 0.11.0 (Sipeed's NanoKVM documentation; a guide for one A100).
    flags = {"vllm_version": "0.11.0", "max_model_len": context, "gpu_memory_utilization": 0.9, "tensor_parallel": tp}
    made = predict(setup("Qwen/Qwen3-VL-30B-A3B-Instruct", gpu, **flags))
    assert made.kv_pool_gib.likely == pytest.approx(pool, abs=0.3)
    assert "vision encoder" in {term.name for term in made.terms}


def test_without_flash_attention_an_image_may_take_more() -> None:
    # Logged with 0.27.1 on two Quadro RTX 6000: 2.67 GiB.
    flags = {"vllm_version": "0.27.1", "max_num_seqs": 1, "enforce_eager": True, "dtype": "half", "tensor_parallel": 2}
    flags |= {"gpu_memory_utilization": 0.9, "max_model_len": 16384}
    made = predict(setup("Qwen/Qwen3.8-27B-FP8", "Quadro-RTX-6000", **flags))
    assert made.kv_pool_gib.low < 2.67 < made.kv_pool_gib.high


def test_of_sampler_and_vision_encoder_the_larger_counts() -> None:
    def names(model: str, version: str, sequences: int) -> set[str]:
        made = predict(
            setup(model, "H200", vllm_version=version, max_num_seqs=sequences, max_model_len=8192, tensor_parallel=2)
        )
        return {term.name for term in made.terms}

    assert "vision encoder" in names("Qwen/Qwen3.5-27B", "0.17.0", 32)
    assert "sampler" in names("Qwen/Qwen3.5-27B", "0.17.0", 1024)
    assert "vision encoder" not in names("Qwen/Qwen3-32B", "0.17.0", 32)


def test_gpus_before_ampere_run_the_old_engine_for_longer() -> None:
    lengths = {
        (gpu, version): predict(
            setup("Qwen/Qwen2.5-1.5B-Instruct", gpu, vllm_version=version, dtype="half", max_model_len=16384)
        ).max_num_batched_tokens
        for gpu in ("T4", "L4")
        for version in ("0.7.3", "0.10.0", "0.11.0")
    }
    assert [gpu for gpu, version in lengths if version == "0.10.0" and lengths[gpu, version] == 16384] == ["T4"]
    assert {lengths[gpu, "0.7.3"] for gpu in ("T4", "L4")} == {16384}
    assert {lengths[gpu, "0.11.0"] for gpu in ("T4", "L4")} == {2048}


def test_buffers_over_nvlink_are_not_charged_where_there_is_none() -> None:
    def outside(gpu: str) -> float:
        made = predict(setup("Qwen/Qwen3-8B", gpu, vllm_version="0.26.0", tensor_parallel=2))
        return next(term.gib.likely for term in made.terms if term.name == "outside torch")

    assert outside("RTX-5090") == outside("RTX-4090") < outside("H100") == outside("B200")


def test_data_centre_cards_kept_more_outside_torch_in_some_versions() -> None:
    # Docs of LMCache: 33.66 GiB per GPU for Qwen3-32B on two H100, 32.06 for Llama-3.1-70B on four.
    for model, tp, pool in (("Qwen/Qwen3-32B", 2, 33.66), ("meta-llama/Llama-3.1-70B", 4, 32.06)):
        made = predict(setup(model, "H100", vllm_version="0.10.2", tensor_parallel=tp))
        assert made.kv_pool_gib.likely == pytest.approx(pool, abs=0.3)


def test_experts_see_the_tokens_of_all_data_parallel_ranks() -> None:
    def pool(dp: int) -> float:
        made = predict(setup("Qwen/Qwen3-30B-A3B", "H100", data_parallel=dp, weights_gib=30.0))
        return next(term.gib.likely for term in made.terms if term.name == "expert workspaces")

    assert pool(2) == pytest.approx(2 * pool(1))
    assert pool(4) == pool(16) == pytest.approx(4 * pool(1))


def test_marlin_padding_of_mxfp4_on_hopper_was_usual_before_its_other_kernel_came_with_vllm() -> None:
    # Issue 27508: 0.11.0 on one H100 leaves 1.71 GiB with 1024 batched tokens.
    flags = {"gpu_memory_utilization": 0.95, "max_num_batched_tokens": 1024, "max_model_len": 131072}
    made = predict(setup("openai/gpt-oss-120b", "H100", vllm_version="0.11.0", **flags))
    assert made.kv_pool_gib.likely == pytest.approx(1.71, abs=0.3)
    assert made.verdict != "fits"


def test_what_is_not_established_on_workstation_blackwell_is_within_the_interval() -> None:
    # recipes pull 831: 939 state blocks on one RTX PRO 6000 with the default of 1024 sequences.
    made = predict(setup("Qwen/Qwen3.8-27B-FP8", "RTX-PRO-6000", vllm_version="0.26.0", max_model_len=262144))
    assert made.verdict != "fits"
    assert (
        predict(
            setup("Qwen/Qwen3.8-27B-FP8", "RTX-PRO-6000", vllm_version="0.26.0", max_model_len=262144, max_num_seqs=256)
        ).verdict
        == "fits"
    )
