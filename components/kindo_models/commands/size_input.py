"""What `kindo-models size` was asked, checked: everything that is wrong at once, with what is allowed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from kindo_models.catalog.gpus import GpuType, UnknownGpu, find_gpu
from kindo_models.catalog.hugging_face import UnusableConfig, architecture_from_file, architecture_from_hub
from kindo_models.catalog.instances import Cloud, is_region
from kindo_models.catalog.vllm_sizing import UnknownQuantization, parse_version
from kindo_models.environment import Images, SizingMode
from kindo_models.findings import Finding, InputError
from kindo_models.planning.memory.settings import DTYPE_BYTES, KV_DTYPE_BYTES, published_quantization
from kindo_models.planning.shapes import COUNTS, sold, usable
from kindo_models.planning.sizing import Wish
from kindo_models.planning.trials import Workload
from kindo_models.planning.vram_table import statement_for
from kindo_models.planning.workloads import KnownModel, known_model, of_architecture, vllm_release, weight_format
from kindo_models.source import nearest

CLOUDS = (*get_args(Cloud), "existing")
MOST_TOKENS = 100_000_000
MOST_REQUESTS = 100_000
MOST_BILLIONS = 10_000
SAME_SIZE = 0.1
"""Names and counts of parameters differ by less."""


@dataclass(frozen=True)
class Asked:
    """The options as given; None = not given."""

    model: str | None = None
    context: int | None = None
    concurrency: int = 1
    parameters: float | None = None
    quantization: str | None = None
    dtype: str | None = None
    kv_cache_dtype: str | None = None
    gpu: str | None = None
    tensor_parallel: int | None = None
    vllm_version: str | None = None
    gpu_memory_utilization: float | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool = False
    allow_long_context: bool = False
    cloud: str | None = None
    region: str | None = None
    mode: SizingMode = "table"


def read(asked: Asked) -> tuple[Workload, Wish]:
    """Raises InputError with every finding."""
    return _Reader(asked).read()


class _Reader:
    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.wrong: list[Finding] = []

    def read(self) -> tuple[Workload, Wish]:
        asked = self.asked
        model = self._model()
        precision = self._precision(model)
        self._parameters(model)
        context = self._context(model)
        self._numbers()
        self._words()
        cloud = self._cloud()
        gpu = self._gpu(cloud)
        self._tensor_parallel(model, gpu, cloud)
        if self.wrong or model is None:
            raise InputError(self.wrong)
        workload = Workload(
            model=model.name,
            context=context,
            architecture=model.architecture,
            why_unchecked=model.why,
            note=model.note,
            billions=asked.parameters or model.billions,
            precision=precision,
            concurrency=asked.concurrency,
            generates=model.generates,
            vllm_version=asked.vllm_version or vllm_release(Images().vllm),
            dtype=asked.dtype,
            quantization=asked.quantization,
            kv_cache_dtype=asked.kv_cache_dtype,
            gpu_memory_utilization=asked.gpu_memory_utilization,
            enforce_eager=asked.enforce_eager or None,
            max_num_seqs=asked.max_num_seqs,
            max_num_batched_tokens=asked.max_num_batched_tokens,
            allow_long_max_model_len=model.limit is not None and context > model.limit,
        )
        return workload, Wish(asked.mode, cloud, gpu, asked.tensor_parallel)

    def _refuse(self, option: str, message: str, hint: str = "", *, code: str = "invalid-option") -> None:
        self.wrong.append(Finding(code=code, field=option, message=message, hint=hint))

    def _model(self) -> KnownModel | None:
        name = (self.asked.model or "").strip()
        if not name:
            self._refuse(
                "MODEL", "name the model", "a Hugging Face id, or the path of its config.json", code="no-model"
            )
            return None
        path = Path(name)
        if path.is_dir() or path.suffix == ".json":
            try:
                return of_architecture(architecture_from_file(path / "config.json" if path.is_dir() else path))
            except UnusableConfig as error:
                self._refuse("MODEL", str(error), "give the path of a model's config.json", code="unusable-config")
                return None
        found = known_model(name)
        if found.record is None:
            found = _from_hub(name) or found
        if not self._sizable(found):
            self._refuse(
                "MODEL",
                f"{name}: {found.why}, and its name does not tell its size",
                "check the name, or give the path of its config.json, or its size: --parameters 13",
                code="unknown-architecture",
            )
        return found

    def _sizable(self, model: KnownModel) -> bool:
        """Whether anything can answer: memory model, table by size, Kindo's page; given hardware needs a known name."""
        asked = self.asked
        return bool(
            model.architecture
            or model.billions
            or asked.parameters
            or (model.record and asked.gpu and asked.tensor_parallel)
            or statement_for(model.name, asked.context or 1, asked.kv_cache_dtype)
        )

    def _precision(self, model: KnownModel | None) -> str:
        asked = self.asked
        record = model.record if model else None
        try:
            given = weight_format(asked.model or "", record, asked.quantization, asked.dtype)
        except UnknownQuantization as error:
            self._refuse("--quantization", str(error), code="unknown-quantization")
            return "none"
        stored = published_quantization(record).name if record else "none"
        if record and asked.quantization and stored not in ("none", given):
            self._refuse(
                "--quantization",
                f"{record.name} is published in {stored}, not in {given}: vLLM refuses the two together",
                f"leave --quantization out, or name a {given} checkpoint",
                code="contradicting-options",
            )
        return given

    def _parameters(self, model: KnownModel | None) -> None:
        given, known = self.asked.parameters, model.billions if model and model.record else None
        self._range("--parameters", given, 0.001, MOST_BILLIONS)
        if model and given and known and abs(given / known - 1) > SAME_SIZE:
            self._refuse(
                "--parameters",
                f"{given:g} billion, but {model.name} is known to have {known:.4g}",
                "leave --parameters out",
                code="contradicting-options",
            )

    def _context(self, model: KnownModel | None) -> int:
        asked, limit = self.asked, model.limit if model else None
        if asked.context is None:
            if model is not None and limit is None:
                self._refuse("--context", f"the context limit of {model.name} is not known", "--context TOKENS")
            return limit or 1
        if not 0 < asked.context <= MOST_TOKENS:
            self._refuse("--context", f"{asked.context} tokens", f"a whole number from 1 to {limit or MOST_TOKENS:,}")
        elif model and limit and asked.context > limit and not self._may_be_longer(model, asked.context):
            self._refuse(
                "--context",
                f"{asked.context:,} tokens are more than the {limit:,} of {model.name}: vLLM refuses them",
                f"1 to {limit:,}; --allow-long-context sizes it with VLLM_ALLOW_LONG_MAX_MODEL_LEN=1",
                code="context-beyond-model",
            )
        return asked.context

    def _may_be_longer(self, model: KnownModel, context: int) -> bool:
        """Kindo's page serves Nemotron with more than its configuration's limit."""
        return self.asked.allow_long_context or bool(statement_for(model.name, context, self.asked.kv_cache_dtype))

    def _numbers(self) -> None:
        asked = self.asked
        self._range("--concurrency", asked.concurrency, 1, MOST_REQUESTS)
        self._range("--max-num-seqs", asked.max_num_seqs, 1, MOST_REQUESTS)
        self._range("--max-num-batched-tokens", asked.max_num_batched_tokens, 1, MOST_TOKENS)
        self._range("--gpu-memory-utilization", asked.gpu_memory_utilization, 0.01, 1.0)
        if asked.max_num_seqs and asked.concurrency > asked.max_num_seqs > 0:
            self._refuse(
                "--concurrency",
                f"{asked.concurrency} requests at once, but --max-num-seqs {asked.max_num_seqs} runs fewer",
                f"--max-num-seqs {asked.concurrency} or more",
                code="contradicting-options",
            )

    def _range(self, option: str, value: float | None, low: float, high: float) -> None:
        if value is not None and not low <= value <= high:
            self._refuse(option, f"{value:g} is not possible", f"{low:g} to {high:,g}")

    def _words(self) -> None:
        asked = self.asked
        self._word("--dtype", asked.dtype, ("auto", *DTYPE_BYTES))
        self._word("--kv-cache-dtype", asked.kv_cache_dtype, tuple(KV_DTYPE_BYTES))
        if asked.vllm_version and parse_version(asked.vllm_version) is None:
            self._refuse("--vllm-version", f"{asked.vllm_version!r} is not a release", "for example 0.33.0")

    def _word(self, option: str, value: str | None, allowed: Iterable[str]) -> None:
        if value is not None and value.lower() not in allowed:
            guess = nearest(value, allowed)
            self._refuse(
                option,
                f"unknown value {value!r}",
                (f"did you mean {guess!r}? " if guess else "") + f"allowed: {', '.join(allowed)}",
            )

    def _cloud(self) -> Cloud | None:
        asked = self.asked
        self._word("--cloud", asked.cloud, CLOUDS)
        cloud = next((one for one in get_args(Cloud) if one == (asked.cloud or "").lower()), None)
        if asked.region and cloud is None:
            self._refuse("--region", "a region needs a cloud", "--cloud eks, aks or gke", code="contradicting-options")
        elif asked.region and cloud and not is_region(asked.region, cloud):
            self._refuse(
                "--region", f"{asked.region!r} is not how {cloud} writes a region", "for example us-east-1, eastus"
            )
        return cloud

    def _gpu(self, cloud: Cloud | None) -> GpuType | None:
        if self.asked.gpu is None:
            return None
        try:
            gpu = find_gpu(self.asked.gpu)
        except UnknownGpu as error:
            self._refuse("--gpu", str(error), code="unknown-gpu")
            return None
        if cloud and not sold(gpu, cloud):
            names = ", ".join(dict.fromkeys(one.gpu for one in usable(cloud)))
            self._refuse("--gpu", f"{cloud} sells no {gpu.name}", f"it sells {names}", code="contradicting-options")
        return gpu

    def _tensor_parallel(self, model: KnownModel | None, gpu: GpuType | None, cloud: Cloud | None) -> None:
        count = self.asked.tensor_parallel
        if count is None:
            return
        if count not in COUNTS:
            allowed = ", ".join(str(one) for one in COUNTS)
            self._refuse(
                "--tp", f"{count} GPUs: vLLM splits heads and vocabulary evenly, machines have up to 8", allowed
            )
        elif gpu and cloud and sold(gpu, cloud) and count > max(sold(gpu, cloud)):
            most = max(sold(gpu, cloud))
            self._refuse("--tp", f"{cloud} sells at most {most} {gpu.name} in one machine", f"1 to {most}")


def _from_hub(name: str) -> KnownModel | None:
    """From huggingface.co, where it is reachable and not switched off (HF_HUB_OFFLINE, as its own tools have it)."""
    if "/" not in name or os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return None
    try:
        return of_architecture(architecture_from_hub(name, timeout=5.0))
    except UnusableConfig:
        return None
