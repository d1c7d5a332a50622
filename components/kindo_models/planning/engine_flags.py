"""Which options of `vllm serve` the plan writes, and from which key of the contract. One table for plan and rules."""

from __future__ import annotations

from typing import NamedTuple

VLLM_PORT = 8000


class ManagedFlag(NamedTuple):
    """`key` of `deploy` in the file, `attribute` of Deploy, and the flag's name without dashes."""

    key: str
    attribute: str
    flag: str


TEXTS = (
    ManagedFlag("revision", "revision", "revision"),
    ManagedFlag("dtype", "dtype", "dtype"),
    ManagedFlag("quantization", "quantization", "quantization"),
    ManagedFlag("kvCacheDtype", "kv_cache_dtype", "kv-cache-dtype"),
    ManagedFlag("gpuMemoryUtilization", "gpu_memory_utilization", "gpu-memory-utilization"),
    ManagedFlag("maxNumSeqs", "max_num_seqs", "max-num-seqs"),
    ManagedFlag("maxNumBatchedTokens", "max_num_batched_tokens", "max-num-batched-tokens"),
    ManagedFlag("chatTemplate", "chat_template", "chat-template"),
)
"""Options with a value, written as it stands in the contract."""

PARSERS = (
    ManagedFlag("toolCallParser", "tool_call_parser", "tool-call-parser"),
    ManagedFlag("reasoningParser", "reasoning_parser", "reasoning-parser"),
)
SWITCHES = (
    ManagedFlag("prefixCaching", "prefix_caching", "enable-prefix-caching"),
    ManagedFlag("chunkedPrefill", "chunked_prefill", "enable-chunked-prefill"),
)
"""Written bare when true, as `--no-…` when false, not at all when the contract says nothing."""

TRUST = ManagedFlag("trustRemoteCode", "trust_remote_code", "trust-remote-code")
FIELDS = (*TEXTS, *PARSERS, *SWITCHES, TRUST)

CHART = "the chart"
DERIVED = {
    "model": "deploy.model",
    "served-model-name": "litellmModelName",
    "max-model-len": "deploy.maxModelLen",
    "tensor-parallel-size": "deploy.gpu",
    "pipeline-parallel-size": "deploy.gpu",
    "enable-auto-tool-choice": "deploy.toolCallParser",
    "api-key": "apiKey",
    "port": CHART,
    "host": CHART,
    "runner": "metadataType",
    "enable-lora": "adapterOf of the adapters",
    "lora-modules": "adapterOf of the adapters",
}
"""Options that follow from something else in the contract → from what."""
