"""Codes of the sizing: made by `planning.server_sizing` and `kindo-models size`, registered here to be explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kindo_models.planning.rules.registry import made_elsewhere

if TYPE_CHECKING:
    from kindo_models.findings import Severity

_SIZING = "the sizing"
_COMMAND = "kindo-models size"

# code, level, what, why, fix
_SHAPES: tuple[tuple[str, Severity, str, str, str], ...] = (
    (
        "sizing-unchecked",
        "warning",
        "The memory model cannot check the GPUs of this model.",
        "Its architecture is not known, or a flag is used that the memory model does not know.",
        "Check the model's name; else vLLM's log of the first start tells its KV cache.",
    ),
    (
        "sizing-unknown-model",
        "error",
        "`sizing.models` names a model that the contract does not have.",
        "The setting would have no effect.",
        "Correct the name, or remove it.",
    ),
    (
        "sizing-cell-raised",
        "warning",
        "Kindo's VRAM table names less than this model needs.",
        "The cell is for an average model of this size; this one would not start on it.",
        "Nothing to do: the larger shape is taken. Both numbers are shown.",
    ),
    (
        "sizing-cell-wastes",
        "warning",
        "Kindo's VRAM table names more than this model needs.",
        "The cell is for an average model of this size.",
        "Write `sizing: model` to take the smaller shape.",
    ),
    (
        "sizing-too-close",
        "warning",
        "Whether vLLM starts on these GPUs is too close to call.",
        "One request needs about as much KV cache as is left, within the uncertainty of the overhead.",
        "A shorter context, `kvCacheDtype: fp8` or more GPUs give room.",
    ),
    (
        "sizing-concurrency",
        "warning",
        "The KV cache holds fewer requests at once than `concurrency` asks for.",
        "Further requests wait in vLLM's queue.",
        "More GPUs, a shorter context or an fp8 cache hold more.",
    ),
    (
        "statement-contradicted",
        "error",
        "Kindo's page says that these GPUs are not enough for this context.",
        "The vendor of the model states its hardware.",
        "Take what the page names for this context, or a shorter context.",
    ),
    (
        "gpu-class-not-sold",
        "warning",
        "The cloud sells no machine with the GPUs that the table names.",
        "48 GB cards are not sold on Azure, two and four 80 GB cards not on EC2.",
        "Nothing to do: the next larger class is taken.",
    ),
    (
        "gpus-idle",
        "warning",
        "The cheapest machine has more GPUs than the model uses.",
        "H100s are sold on EC2 as 1 or 8.",
        "Let other models share the machine, or take a shape that is sold whole.",
    ),
    (
        "cheaper-shape",
        "warning",
        "Another shape that holds the same costs less.",
        "The table names GPU classes, not prices.",
        "Name that GPU in `deploy.gpu.type`.",
    ),
    (
        "price-of-another-region",
        "warning",
        "Prices are of another region than the one asked for.",
        "The catalog has one region's prices for each cloud.",
        "Look the price up for your region.",
    ),
)

# What vLLM itself would refuse at start, as `planning.memory` predicts it.
_STARTS: tuple[tuple[str, str, str], ...] = (
    ("free-memory", "Less GPU memory is free than the utilisation asks for.", "Lower gpuMemoryUtilization."),
    (
        "no-kv-cache-memory",
        "Weights and overhead leave no memory for the KV cache.",
        "More GPUs, or quantised weights.",
    ),
    (
        "kv-cache-too-small",
        "The KV cache does not hold one request of full length.",
        "A shorter maxModelLen, kvCacheDtype fp8, or more GPUs.",
    ),
    ("mamba-blocks", "A hybrid model has fewer state blocks than max_num_seqs.", "Write a smaller maxNumSeqs."),
    ("sampler-warm-up", "The sampler's warm-up does not fit beside the KV cache.", "Lower gpuMemoryUtilization."),
    ("cuda-graph-capture", "CUDA graphs do not fit beside the KV cache.", "Lower gpuMemoryUtilization."),
    (
        "context-beyond-model",
        "maxModelLen is beyond the model's own limit.",
        "A shorter maxModelLen, or VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 in deploy.env where the model really can.",
    ),
    (
        "tensor-parallel",
        "The model cannot be split over this many GPUs.",
        "A tensorParallel that divides heads, vocabulary and hidden sizes.",
    ),
    (
        "gpus-of-the-node",
        "More GPUs are asked for than one machine has.",
        "Fewer GPUs, or pipelineParallel over nodes.",
    ),
    ("hardware-support", "The GPU cannot compute in this format.", "Another format, or a newer GPU."),
)

_OPTIONS: tuple[tuple[str, str], ...] = (
    ("no-model", "No model is named."),
    ("missing-option", "An option is missing that another one needs."),
    ("invalid-option", "The value of an option is none that is allowed."),
    ("contradicting-options", "Two options contradict each other."),
    ("context-beyond-model", "The context is beyond the model's own limit."),
    ("unknown-architecture", "No architecture of this name is known."),
    ("unknown-gpu", "No GPU type of this name is known."),
    ("unknown-quantization", "No weight format of this name is known."),
    ("unusable-config", "The config.json cannot be used."),
    ("cannot-be-sized", "No shape holds the model."),
    ("unreadable-batch", "The CSV file cannot be read."),
    ("batch-columns", "The CSV file lacks columns."),
    ("unwritable-output", "The CSV file cannot be written."),
)

for _code, _level, _what, _why, _fix in _SHAPES:
    made_elsewhere(_SIZING, _code, _what, _why, _fix, severity=_level)
for _code, _what, _fix in _STARTS:
    made_elsewhere(_SIZING, f"vllm-{_code}", _what, "vLLM would end at start; its own words are in the message.", _fix)
for _code, _what in _OPTIONS:
    made_elsewhere(_COMMAND, _code, _what, "Nothing can be computed from it.", "The message names what is allowed.")
