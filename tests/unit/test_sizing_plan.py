"""GPUs of `deploy:` entries in the plan: found where the entry names none, checked where it does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kindo_models.contract import parse_contract
from kindo_models.environment import Environment
from kindo_models.findings import Finding, InputError
from kindo_models.planning import Plan, plan


def planned(environment: dict[str, Any] | None = None, /, **deploy: Any) -> Plan:
    entry = {
        "litellmModelName": "m",
        "litellmModel": "openai/m",
        "displayName": "M",
        "provider": "Self-Hosted",
        "type": "CHAT",
        "metadataType": deploy.pop("metadataType", "Text Generation"),
        "contextWindow": deploy.pop("contextWindow", 32768),
        "apiKey": "${KEY}",
        "deploy": deploy,
    }
    settings = Environment.model_validate(environment or {})
    return plan(parse_contract(yaml.safe_dump({"models": [entry]})), settings)


def about_sizing(made: Plan) -> list[Finding]:
    return [one for one in made.findings if one.code.startswith(("sizing", "vllm-", "gpu-", "statement"))]


def test_an_entry_without_gpus_gets_them_from_the_table_and_the_plan_records_why() -> None:
    made = planned(model="Qwen/Qwen3-32B")
    (server,) = made.servers
    assert server.sizing is not None
    assert (server.gpus, server.values["gpus"]) == (2, 2)
    assert (server.sizing.gpu, server.sizing.basis, server.sizing.verdict) == ("H100", "table", "fits")
    assert server.sizing.reasons[0].startswith("the table says 2× 80GB")
    assert "--tensor-parallel-size" in server.values["args"]
    assert Plan.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize("sizing", ["model", {"models": {"m": "model"}}, {"mode": "table", "models": {"m": "model"}}])
def test_the_sizing_mode_comes_from_the_environment_and_may_differ_by_model(sizing: Any) -> None:
    made = planned({"sizing": sizing}, model="Qwen/Qwen3-32B")
    assert made.servers[0].sizing is not None
    assert (made.servers[0].sizing.gpu, made.servers[0].gpus) == ("L40S", 2)
    assert made.servers[0].sizing.basis == "memory model"


def test_a_mode_for_a_model_that_the_contract_does_not_have_is_an_error() -> None:
    made = planned({"sizing": {"models": {"mm": "model"}}}, model="Qwen/Qwen3-32B")
    assert [(one.code, one.hint) for one in made.findings if one.field == "sizing.models.mm"] == [
        ("sizing-unknown-model", "did you mean 'm'?")
    ]


def test_replicas_multiply_what_one_server_gets() -> None:
    assert planned(model="Qwen/Qwen3-32B", replicas=3).gpus == 6


def test_given_gpus_that_would_not_start_are_an_error_with_vllms_words() -> None:
    made = planned(model="meta-llama/Llama-3.3-70B-Instruct", gpu={"type": "H100", "count": 2})
    (found,) = about_sizing(made)
    assert (found.code, found.severity, found.field) == ("vllm-kv-cache-too-small", "error", "models[0].deploy.gpu")
    assert "--max-model-len" in found.hint
    assert made.servers[0].gpus == 2


def test_given_gpus_that_are_too_close_to_call_are_a_warning() -> None:
    made = planned(model="meta-llama/Llama-3.1-8B", gpu={"type": "L4", "count": 1})
    assert [(one.code, one.severity) for one in about_sizing(made)] == [("sizing-too-close", "warning")]


def test_given_gpus_that_fit_are_taken_as_they_are_without_a_word() -> None:
    made = planned(model="Qwen/Qwen3-8B", gpu={"type": "H100", "count": 1})
    assert about_sizing(made) == []
    assert made.servers[0].sizing is not None
    assert (made.servers[0].sizing.basis, made.servers[0].sizing.verdict) == ("given", "fits")


def test_a_type_without_a_count_gets_the_count_and_a_count_without_a_type_the_type() -> None:
    counted = planned(model="meta-llama/Llama-3.3-70B-Instruct", gpu={"type": "H100"}).servers[0]
    assert counted.gpus == 4
    typed = planned(model="Qwen/Qwen3-32B", gpu={"count": 2}).servers[0].sizing
    assert typed is not None
    assert (typed.gpu, typed.gpus) == ("L40S", 2)


@pytest.mark.parametrize("count", [3, 16])
def test_a_count_that_no_model_splits_over_is_refused_in_vllms_words(count: int) -> None:
    made = planned(model="Qwen/Qwen3-14B", gpu={"count": count})
    (found,) = about_sizing(made)
    assert found.code == "vllm-tensor-parallel"
    assert found.hint.startswith("--tensor-parallel-size one of 1, 2, 4, 8")


def test_pipeline_stages_are_counted() -> None:
    made = planned(model="meta-llama/Llama-3.1-8B", gpu={"type": "L4", "tensorParallel": 1, "pipelineParallel": 2})
    assert made.servers[0].gpus == 2
    assert about_sizing(made) == []


def test_flags_of_the_entry_count() -> None:
    fp8 = planned(model="Qwen/Qwen3-8B", gpu={"type": "L4", "count": 1}, kvCacheDtype="fp8")
    assert about_sizing(fp8) == []
    tight = planned(model="Qwen/Qwen3-8B", gpu={"type": "L4", "count": 1})
    assert [one.code for one in about_sizing(tight)] == ["vllm-kv-cache-too-small"]
    for extra in (["--kv-cache-dtype", "fp8"], ["--kv_cache_dtype=fp8"]):
        assert about_sizing(planned(model="Qwen/Qwen3-8B", gpu={"type": "L4", "count": 1}, extraArgs=extra)) == []
    low = planned(
        model="Qwen/Qwen3-8B", gpu={"type": "L40S", "count": 1}, extraArgs=["--gpu-memory-utilization", "0.4"]
    )
    assert [one.severity for one in about_sizing(low)] == ["error"]
    unreadable = planned(model="Qwen/Qwen3-8B", gpu={"type": "H100", "count": 1}, extraArgs=["--max-num-seqs", "many"])
    assert about_sizing(unreadable) == []


def test_a_flag_that_changes_memory_in_ways_not_modelled_leaves_it_unchecked() -> None:
    made = planned(model="Qwen/Qwen3-8B", gpu={"type": "L4", "count": 1}, extraArgs=["--cpu-offload-gb", "10"])
    (found,) = about_sizing(made)
    assert (found.code, found.severity) == ("sizing-unchecked", "warning")
    assert "--cpu-offload-gb is not modelled" in found.message


def test_a_context_beyond_the_model_is_an_error_unless_vllm_is_told() -> None:
    gpu = {"type": "H100", "count": 2}
    refused = planned(model="Qwen/Qwen3-8B", contextWindow=50_000, gpu=gpu)
    assert [one.code for one in about_sizing(refused)] == ["vllm-context-beyond-model"]
    told = planned(model="Qwen/Qwen3-8B", contextWindow=50_000, gpu=gpu, env={"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"})
    assert about_sizing(told) == []


def test_the_release_of_the_image_counts() -> None:
    """Before 0.17 vLLM needed about three GiB more beside weights and cache."""
    verdicts = []
    for tag in ("v0.33.0", "v0.14.1"):
        made = planned(
            model="Qwen/Qwen3-30B-A3B",
            contextWindow=100_000,
            gpu={"type": "H100", "count": 1},
            image=f"docker.io/vllm/vllm-openai:{tag}@sha256:{'0' * 64}",
            env={"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"},
        )
        assert made.servers[0].sizing is not None
        verdicts.append(made.servers[0].sizing.verdict)
    assert verdicts == ["fits", "refused"]


def test_a_model_that_nothing_can_size_asks_for_its_gpus() -> None:
    (found,) = about_sizing(planned(model="org/unheard-of"))
    assert (found.code, found.severity) == ("gpu-count-missing", "error")
    assert "not in the catalog of architectures" in found.message
    assert about_sizing(planned(model="org/unheard-of-13b", contextWindow=4096))[0].code == "sizing-unchecked"


def test_a_gpu_type_that_is_not_known_is_a_warning_with_the_nearest_where_the_count_is_given() -> None:
    given = about_sizing(planned(model="Qwen/Qwen3-8B", gpu={"type": "H1000", "count": 1}))
    assert [(one.code, one.severity) for one in given] == [("sizing-unchecked", "warning")]
    assert "nearest: H100" in given[0].message
    asked = about_sizing(planned(model="Qwen/Qwen3-8B", gpu={"type": "H1000"}))
    assert "gpu-count-missing" in {one.code for one in asked}


def test_embedding_and_transcription_entries_are_sized_by_the_memory_model() -> None:
    made = planned(model="BAAI/bge-m3", metadataType="Embeddings", contextWindow=8192)
    assert made.servers[0].sizing is not None
    assert (made.servers[0].gpus, made.servers[0].sizing.basis) == (1, "memory model")


def test_gpus_that_the_engine_does_not_use_do_not_count() -> None:
    """Llama-3.3-70B starts on four H100, not on two."""
    gpu = {"type": "H100", "count": 4, "tensorParallel": 2}
    made = planned(model="meta-llama/Llama-3.3-70B-Instruct", gpu=gpu)
    assert "vllm-kv-cache-too-small" in {one.code for one in about_sizing(made)}
    assert made.servers[0].gpus == 4


def test_an_entry_without_replicas_asks_for_nothing() -> None:
    made = planned(model="org/unheard-of", replicas=0)
    assert (made.gpus, about_sizing(made)) == (0, [])


def test_ollama_stays_on_the_cpu() -> None:
    made = planned(engine="ollama", model="smollm2:135m")
    assert (made.servers[0].gpus, made.servers[0].sizing) == (0, None)


@pytest.mark.parametrize("sizing", ["tabel", {"mode": "tabel"}])
def test_an_unknown_mode_is_refused_with_the_nearest(sizing: Any, tmp_path: Any) -> None:
    from kindo_models.environment import load_environment

    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(yaml.safe_dump({"config": {"kindo-models:environment": {"sizing": sizing}}}))
    with pytest.raises(InputError, match="did you mean 'table'") as caught:
        load_environment(file, variables={})
    assert caught.value.findings[0].line is not None
