"""`kindo-models size` as a user sees it: verdict, bar, machines, terms, JSON, and what it says to wrong input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.text import Text
from typer.testing import CliRunner, Result

from kindo_models.cli import app
from kindo_models.commands.size_table import bar
from kindo_models.planning.sizing_result import SizingResult

QWEN = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "80")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["size", *arguments])


def refused(*arguments: str) -> str:
    """What is printed for input that cannot be used."""
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.output
    return done.stderr


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_answer_fits_its_terminal_and_has_no_colours_in_a_log(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = run("Qwen/Qwen3-8B", "--context", "4096", "--explain", "--cloud", "eks")
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("warning", "    fix"))]
    assert max(len(line) for line in lines) <= int(columns)
    assert "\x1b" not in done.stdout
    (drawn,) = (line for line in lines if line.startswith("█"))
    assert len(drawn) == int(columns)
    for word in ("1× L4: fits", "weights", "overhead", "KV cache of one request", "free", "g6.xlarge ←", "0.80"):
        assert word in done.stdout
    for source in ("counted from the configuration", "request_memory", "determine_available_memory", "CUDA graphs"):
        assert source in " ".join(done.stdout.split())


@pytest.mark.parametrize("width", [20, 80, 200])
@pytest.mark.parametrize(
    "amounts", [(15.0, 2.0, 4.5, 20.0, 3.5), (60.0, 5.0, 0.001, 0.0, 6.0), (1.0, 1.0, 1.0, 1.0, 1.0)]
)
def test_a_bar_has_its_width_and_shows_everything_that_is_there(width: int, amounts: tuple[float, ...]) -> None:
    drawn = bar([(char, "", amount) for char, amount in zip("abcde", amounts, strict=True)], width)
    assert isinstance(drawn, Text)
    counts = [drawn.plain.count(char) for char in "abcde"]
    assert sum(counts) == len(drawn.plain) == width
    for count, amount in zip(counts, amounts, strict=True):
        assert (count > 0) == (amount > 0)
        assert abs(count - amount / sum(amounts) * width) <= 2


def test_what_does_not_fit_says_what_is_missing_and_what_to_change() -> None:
    done = run("meta-llama/Llama-3.3-70B-Instruct", "--context", "32768", "--gpu", "H100", "--tp", "2")
    assert done.exit_code == 1
    assert "2× H100: does not fit" in done.stdout
    assert "missing for one request" in done.stdout
    assert "To serve at least one request" in done.stdout
    assert "fix: --max-model-len" in done.stdout


def test_too_close_to_call_is_not_a_fit() -> None:
    done = run("meta-llama/Llama-3.1-8B", "--context", "32768", "--gpu", "L4", "--tp", "1")
    assert done.exit_code == 1
    assert "1× L4: too close to call" in done.stdout


def test_json_is_the_whole_result() -> None:
    done = run("Qwen/Qwen3-8B", "--context", "32768", "--cloud", "eks", "--format", "json")
    assert done.exit_code == 0
    result = SizingResult.model_validate_json(done.stdout)
    assert (result.shape, result.verdict, result.cell, result.raised) == ("1× L40S", "fits", "1× 24GB", "1× L4")
    assert result.chosen is not None
    assert result.chosen.instance == "g6e.xlarge"
    assert result.prediction is not None
    assert {term.source for term in result.prediction.terms}


def test_a_config_json_is_sized_like_the_model_that_it_is_of(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    of_file, of_folder, of_name = (
        json.loads(run(model, "--context", "32768", "--format", "json").stdout)
        for model in (str(tmp_path / "config.json"), str(tmp_path), "Qwen/Qwen3-8B")
    )
    assert of_file["prediction"]["kv_tokens"] == of_folder["prediction"]["kv_tokens"]
    assert of_file["gpu"] == of_name["gpu"] == "L40S"
    assert of_file["cell"] == of_name["cell"] == "1× 24GB"
    assert of_file["prediction"]["kv_tokens"] == pytest.approx(of_name["prediction"]["kv_tokens"], rel=0.01)


def test_the_models_own_limit_is_the_default_context() -> None:
    assert "Qwen/Qwen3-8B · 40,960 tokens" in run("Qwen/Qwen3-8B").stdout


def test_a_model_that_is_not_known_is_sized_from_the_table_only_and_told() -> None:
    done = run("my-org/foo", "--parameters", "13", "--context", "4096")
    assert done.exit_code == 0
    assert "1× L40S: not checked" in done.stdout
    assert "the memory model cannot check" in done.stdout
    assert "13B parameters" in run("my-org/foo-13b", "--context", "4096").stdout


def test_less_hardware_than_the_page_asks_for_does_not_fit() -> None:
    deephat = ["DeepHat/DeepHat-V2-ext", "--gpu", "H100", "--tp"]
    assert run(*deephat, "1", "--context", "90000").exit_code == 0
    assert run(*deephat, "2", "--context", "250000").exit_code == 0
    done = run(*deephat, "1", "--context", "250000")
    assert done.exit_code == 1
    assert "Kindo's page gives 1× H100 up to 90,000 tokens" in done.stdout
    assert run(*deephat, "2", "--context", "300000").exit_code == 1


def test_a_fine_tune_is_sized_as_its_base_and_the_answer_says_so() -> None:
    done = run("my-org/llama-3.1-8b-support", "--context", "4096", "--gpu", "H100", "--tp", "1")
    assert done.exit_code == 0
    assert "my-org/llama-3.1-8b-support is sized as a fine-tune of meta-llama/Llama-3.1-8B" in " ".join(
        done.stdout.split()
    )


def test_nemotrons_long_context_is_taken_as_the_page_serves_it() -> None:
    model = "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16"
    done = run(model, "--context", "1000000", "--kv-cache-dtype", "fp8", "--cloud", "eks")
    assert done.exit_code == 0
    assert "4× H100: fits" in done.stdout
    assert "p5.48xlarge are used, 4 idle" in done.stdout
    assert (
        run(model, "--context", "1000000", "--kv-cache-dtype", "fp8", "--cloud", "eks", "--forbid-idle-gpus").exit_code
        == 1
    )
    assert "262,144" in refused(model, "--context", "1000000")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Qwen/Qwen3-8X", "-c", "4096"], ["unknown-architecture", "nearest: Qwen/Qwen3-8B"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--gpu", "H1000"], ["unknown-gpu", "nearest: H100"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--tp", "3"], ["--tp", "1, 2, 4, 8"]),
        (["Qwen/Qwen3-8B", "-c", "50000"], ["context-beyond-model", "1 to 40,960"]),
        (["Qwen/Qwen3-8B", "-c", "-1"], ["--context", "1 to 40,960"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--concurrency", "0"], ["--concurrency", "1 to 100,000"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--gpu-memory-utilization", "1.5"], ["--gpu-memory-utilization", "0.01 to 1"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--kv-cache-dtype", "fp9"], ["did you mean 'fp8'", "allowed: auto"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--quantization", "fp12"], ["unknown-quantization", "known: "]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--vllm-version", "new"], ["--vllm-version", "0.33.0"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--cloud", "ekss"], ["did you mean 'eks'", "aks, gke, existing"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--cloud", "aks", "--gpu", "L40S"], ["contradicting-options", "it sells A10"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--cloud", "aks", "--gpu", "H100-NVL", "--tp", "4"], ["at most 2"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--region", "us-east-1"], ["contradicting-options", "a region needs a cloud"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--cloud", "eks", "--region", "eastus"], ["--region", "us-east-1"]),
        (
            ["deepseek-ai/DeepSeek-R1", "-c", "4096", "--quantization", "awq"],
            ["contradicting-options", "published in fp8"],
        ),
        (["Qwen/Qwen3-8B", "--concurrency", "9", "--max-num-seqs", "8"], ["contradicting-options", "--max-num-seqs 9"]),
        (["DeepHat/DeepHat-V2-ext"], ["--context", "not known"]),
        (["DeepHat/DeepHat-V2-ext", "-c", "300000"], ["unknown-architecture"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--gpu-memory-utilization", "nan"], ["nan is not possible"]),
        (["Qwen/Qwen3-8B", "-c", "999999999999"], ["--context", "1 to 40,960"]),
        (["nowhere/config.json", "-c", "4096"], ["unusable-config", "nowhere/config.json"]),
        ([], ["name the model"]),
        (["--output", "out.csv"], ["--batch is missing"]),
        (["Qwen/Qwen3-8B", "--batch", "in.csv"], ["beside --batch", "--output is missing"]),
        (["--batch", "in.csv", "--output", "out.csv", "--gpu", "H100"], ["gpu", "beside --batch"]),
        (["Qwen/Qwen3-8B", "-c", "4096", "--parameters", "70"], ["contradicting-options", "known to have 8.19"]),
        (["Qwen/Qwen3-8B", "-c", "many"], ["--context"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_input_is_refused_with_what_is_allowed(arguments: list[str], words: list[str]) -> None:
    said = refused(*arguments)
    for word in words:
        assert word in said


def test_everything_that_is_wrong_comes_at_once() -> None:
    said = refused(
        "no-such", "-c", "0", "--gpu", "X", "--tp", "3", "--cloud", "moon", "--dtype", "int1", "--concurrency", "-4"
    )
    assert said.count("error[") == 7


def test_a_region_without_prices_is_named() -> None:
    done = run("Qwen/Qwen3-8B", "-c", "4096", "--cloud", "eks", "--region", "eu-west-1")
    assert done.exit_code == 0
    assert "prices are of us-east-1" in done.stdout


def test_batch_mode_answers_every_row(tmp_path: Path) -> None:
    rows = tmp_path / "in.csv"
    rows.write_text("record_id,model,gpu,n_gpus,tp,max_model_len\n1,Qwen/Qwen3-8B,H100,1,1,4096\n2,,,,,\n")
    done = run("--batch", str(rows), "--output", str(tmp_path / "out.csv"))
    assert done.exit_code == 0
    assert [line.split(",")[:2] for line in (tmp_path / "out.csv").read_text().splitlines()[1:]] == [
        ["1", "true"],
        ["2", "unknown"],
    ]
