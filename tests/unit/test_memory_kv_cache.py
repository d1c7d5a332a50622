"""KV cache arithmetic against figures that vLLM logged or documents."""

from __future__ import annotations

import pytest

from kindo_models.catalog.architectures import Architecture, LayerCounts, architectures, find_architecture
from kindo_models.planning.memory.kv_cache import (
    GIB,
    CachePlan,
    cache_plan,
    gated_delta_state_bytes,
    mamba2_state_bytes,
    token_bytes,
)


def plan(
    name: str, *, tp: int = 1, pp: int = 1, kv_bytes: float = 2, batched: int = 8192, block: int = 16
) -> CachePlan:
    made = cache_plan(
        find_architecture(name),
        tensor_parallel=tp,
        pipeline_parallel=pp,
        kv_bytes=kv_bytes,
        max_num_batched_tokens=batched,
        block_tokens=block,
    )
    assert made is not None
    return made


# Published vLLM logs: model, TP, bytes per element, pool in GiB, context, "Maximum concurrency".
LOGGED = [
    ("meta-llama/Llama-3.1-8B-Instruct", 1, 2, 58.11, 8192, 58.11),
    ("meta-llama/Llama-3.1-8B-Instruct", 1, 1, 58.11, 8192, 116.21),
    ("meta-llama/Llama-3.1-8B-Instruct", 4, 2, 67.44, 8192, 269.75),
    ("meta-llama/Llama-3.1-8B-Instruct", 1, 2, 56.21, 131072, 3.51),
    ("deepseek-ai/DeepSeek-V2-Lite-Chat", 1, 2, 43.61, 8192, 183.78),
    ("google/gemma-2-9b-it", 1, 2, 54.12, 8192, 20.6),
    ("Qwen/Qwen3-Next-80B-A3B-Instruct", 2, 2, 44.59, 262144, 14.77),
    ("Qwen/Qwen1.5-MoE-A2.7B", 1, 2, 45.83, 8192, 30.55),
    ("mistralai/Mixtral-8x7B-v0.1", 2, 2, 28.44, 8192, 56.88),
]


@pytest.mark.parametrize(("name", "tp", "kv_bytes", "pool", "context", "logged"), LOGGED)
def test_concurrency_given_the_pool_is_what_vllm_logged(
    name: str, tp: int, kv_bytes: float, pool: float, context: int, logged: float
) -> None:
    # Both logged values are rounded to two places.
    made = plan(name, tp=tp, kv_bytes=kv_bytes).max_concurrency(pool * GIB, context)
    assert made == pytest.approx(logged, abs=0.006 + logged * 0.006 / pool)


def test_prefix_caching_keeps_a_second_state_per_sequence() -> None:
    # Qwen3.6-35B-A3B on an RTX 5090, 5.98 GiB, FP8 KV cache, 131,072 tokens: 4.33 logged with prefix caching.
    qwen = find_architecture("Qwen/Qwen3.6-35B-A3B")
    made = {
        aligned: cache_plan(
            qwen,
            tensor_parallel=1,
            pipeline_parallel=1,
            kv_bytes=1,
            max_num_batched_tokens=8192,
            align_states=aligned,
        )
        for aligned in (True, False)
    }
    assert made[True] is not None
    assert made[False] is not None
    assert made[True].max_concurrency(5.98 * GIB, 131072) == pytest.approx(4.33, abs=0.01)
    assert made[False].max_concurrency(5.98 * GIB, 131072) == pytest.approx(4.53, abs=0.01)


def test_sliding_windows_keep_the_chunk_in_flight() -> None:
    # vLLM's refusals for gemma-4-31B, 8192 batched tokens: 6.89, 9.54 and 12.04 GiB needed.
    made = plan("google/gemma-4-31B-it")
    assert [round(made.request_bytes(n) / GIB, 2) for n in (8192, 32768, 65536)] == [6.89, 9.54, 12.04]
    assert plan("google/gemma-4-31B-it", batched=2048).request_bytes(8192) / GIB == pytest.approx(2.98, abs=0.01)


def test_the_page_of_a_hybrid_holds_a_whole_state() -> None:
    for name in ("Qwen/Qwen3.5-35B-A3B", "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"):
        made = plan(name)
        states = [layers.bytes for layers in made.layers if layers.is_state]
        assert states
        assert made.page_bytes >= max(states)


def test_a_state_costs_nothing_more_for_a_longer_context() -> None:
    only_states = Architecture(
        name="x",
        source="test",
        hidden_size=64,
        num_layers=2,
        layers=LayerCounts(mamba2=2),
        mamba2=find_architecture("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16").mamba2,
    )
    made = cache_plan(only_states, tensor_parallel=1, pipeline_parallel=1, kv_bytes=2, max_num_batched_tokens=2048)
    assert made is not None
    assert made.blocks_per_request(1) == made.blocks_per_request(1_000_000)
    assert not made.grows


def test_state_sizes_follow_the_state_type() -> None:
    nano = find_architecture("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16")
    # 64 heads × 64 × 128 in float32, and 3 columns of 64 × 64 + 2 × 8 × 128 in 16 bit.
    assert mamba2_state_bytes(nano, 1) == 64 * 64 * 128 * 4 + (64 * 64 + 2 * 8 * 128) * 3 * 2
    qwen = find_architecture("Qwen/Qwen3.5-35B-A3B")
    assert gated_delta_state_bytes(qwen, 1) == 32 * 128 * 128 * 4 + (2 * 16 * 128 + 32 * 128) * 3 * 2
    sixteen = qwen.model_copy(update={"gated_delta": qwen.gated_delta.model_copy(update={"state_dtype": None})})
    assert gated_delta_state_bytes(sixteen, 1) < gated_delta_state_bytes(qwen, 1)


def test_kv_heads_are_replicated_once_tp_exceeds_them() -> None:
    assert token_bytes(8, 128, None, 1, 2) == 4096
    assert token_bytes(8, 128, None, 8, 2) == token_bytes(8, 128, None, 16, 2) == 512
    # Nemotron-3 has two KV heads: TP 4 stores per GPU what TP 2 stores.
    nano = "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16"
    attention = {tp: max(x.bytes for x in plan(nano, tp=tp).layers if x.kind == "full") for tp in (2, 4)}
    assert attention[2] == attention[4]


def test_latent_attention_is_divided_by_pipeline_stages_only() -> None:
    one = plan("deepseek-ai/DeepSeek-R1")
    assert plan("deepseek-ai/DeepSeek-R1", tp=8).request_bytes(8192) == one.request_bytes(8192)
    assert plan("deepseek-ai/DeepSeek-R1", pp=2).request_bytes(8192) < 0.52 * one.request_bytes(8192)


def test_the_indexer_of_sparse_attention_keeps_keys_of_its_own() -> None:
    # DeepSeek-V3.2 measured 78,325 bytes per token, 43,189 with FP8 KV.
    for kv_bytes, measured in ((2, 78_325), (1, 43_189)):
        made = plan("deepseek-ai/DeepSeek-V3.2", kv_bytes=kv_bytes)
        assert made.request_bytes(1_600_000) / 1_600_000 == pytest.approx(measured, rel=1e-3)


def test_layers_that_read_other_layers_caches_keep_none() -> None:
    # Gemma 4 E2B on an L4: 9.92 GiB, 129.66 requests of 8192 tokens at 2048 batched tokens.
    made = plan("google/gemma-4-E2B-it", batched=2048)
    assert made.max_concurrency(9.92 * GIB, 8192) == pytest.approx(129.66, rel=2e-3)


def test_whisper_keeps_cross_attention_for_its_encoder() -> None:
    made = plan("openai/whisper-large-v3")
    per_token = 2 * 20 * 64 * 2 * 32
    tokens = 448 + 1504  # the encoder's 1500 in whole blocks
    assert made.request_bytes(448) == tokens * per_token


def test_encoder_only_models_have_no_kv_cache() -> None:
    none = cache_plan(
        architectures()["BAAI/bge-m3"],
        tensor_parallel=1,
        pipeline_parallel=1,
        kv_bytes=2,
        max_num_batched_tokens=2048,
    )
    assert none is None


@pytest.mark.parametrize("name", ["Qwen/Qwen3-8B", "google/gemma-4-31B-it", "Qwen/Qwen3.5-27B", "openai/gpt-oss-120b"])
def test_the_longest_context_is_the_last_that_fits(name: str) -> None:
    made = plan(name)
    pool = 20 * GIB
    longest = made.longest(pool)
    assert made.blocks_per_request(longest) <= made.blocks(pool) < made.blocks_per_request(longest + made.page_bytes)
    assert made.longest(0) == 0
