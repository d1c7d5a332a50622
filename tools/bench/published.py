"""Published hardware for models beside the plan's own: `python -m tools.bench.published [--into docs/packing.md]`.

KINDO_MODELS_PUBLISHED names a CSV with the columns model, precision, gpu, gpu_mem_gb, n_gpus, tp, pp, nodes,
max_model_len, kv_dtype, source_kind, profile, note. The plan is asked for the same GPU type and the same context;
without one in the row, for the model's own limit, as vLLM does; where that is not known either, for 8,192 tokens.
"""

from __future__ import annotations

import csv
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kindo_models.catalog.gpus import GpuType, UnknownGpu, find_gpu
from kindo_models.catalog.vllm_sizing import UnknownQuantization
from kindo_models.environment import Images
from kindo_models.planning.shapes import Shape
from kindo_models.planning.sizing import Decision, Unsizable, Wish, decide
from kindo_models.planning.trials import Trials, Workload
from kindo_models.planning.vram_table import CellAnswer, cell_for
from kindo_models.planning.workloads import known_model, vllm_release, weight_format

VARIABLE = "KINDO_MODELS_PUBLISHED"
ASSUMED = 8192
BEGIN, END = "<!-- published: begin -->", "<!-- published: end -->"
CLASSES = {"7–8B (class)": 8.0, "30–34B (class)": 34.0, "70B (class)": 70.0}
STANDS_FOR = {
    "<=8B parameters (class)": "meta-llama/Llama-3.1-8B-Instruct",
    "Llama 2 7B Chat": "meta-llama/Llama-2-7b-chat-hf",
}
WORDS = {"fp16/bf16": None, "fp16": None, "bf16": None, "": None, "8-bit": "fp8", "fp8/int8 (8-bit)": "fp8"}
CELL_WORDS = {"FP16/BF16": "none", "FP8": "fp8", "AWQ/GPTQ": "int4"}


@dataclass(frozen=True)
class Compared:
    """One row: what is published, what the plan says, and why they differ.

    verdict: agrees, fewer or more GPUs, refused, not compared.
    """

    model: str
    asked: str
    published: str
    planned: str
    verdict: str
    reason: str


def main(arguments: list[str]) -> int:
    path = os.environ.get(VARIABLE)
    if not path or not Path(path).exists():
        print(f"{VARIABLE} names no file", file=sys.stderr)
        return 2
    with Path(path).open(encoding="utf-8", newline="") as file:
        text = markdown([compared(row) for row in csv.DictReader(file) if names_hardware(row)])
    if arguments[:1] == ["--into"] and len(arguments) == 2:
        page = Path(arguments[1])
        whole = page.read_text(encoding="utf-8")
        head, tail = whole.partition(BEGIN)[0], whole.partition(END)[2]
        page.write_text(f"{head}{BEGIN}\n{text}{END}{tail}", encoding="utf-8")
    else:
        print(text, end="")
    return 0


def names_hardware(row: Mapping[str, str]) -> bool:
    return bool(row["gpu"] or row["instance_type"] or (row["gpu_mem_gb"] and row["n_gpus"]))


def compared(row: Mapping[str, str]) -> Compared:
    if row["model"] in CLASSES:
        return _cell(row)
    asked = f"{row['precision'] or 'as published'}, {_context(row)}"
    published = _published(row)
    try:
        gpu = _gpu(row)
        workload = _workload(row)
        trials = Trials(workload)
        decision = decide(workload, Wish(gpu=gpu), trials)
    except (UnknownGpu, UnknownQuantization, Unsizable, _NotCompared) as error:
        return Compared(row["model"], asked, published, "–", "not compared", str(error))
    asked = f"{row['precision'] or workload.precision}, {workload.context:,}"
    verdict, reason = _judged(row, decision, trials, gpu)
    return Compared(row["model"], asked, published, str(decision.shape), verdict, reason)


class _NotCompared(ValueError):
    pass


def _cell(row: Mapping[str, str]) -> Compared:
    """A cell of Kindo's table against the catalog's."""
    answer = cell_for(CLASSES[row["model"]], CELL_WORDS[row["precision"]], int(row["max_model_len"]))
    published = f"{row['n_gpus']}× {row['gpu_mem_gb']} GB"
    asked = f"{row['precision']}, {int(row['max_model_len']):,}"
    if not isinstance(answer, CellAnswer):
        return Compared(row["model"], asked, published, "–", "not compared", answer.reason)
    same = answer.cell.text.replace("–", "-") == f"{row['n_gpus']}× {row['gpu_mem_gb']}GB"
    return Compared(
        row["model"],
        asked,
        published,
        answer.cell.text,
        "agrees" if same else "differs",
        f"cell of row {answer.row.size}",
    )


def _published(row: Mapping[str, str]) -> str:
    nodes = f" on {row['nodes']} nodes" if row["nodes"] not in ("", "1") else ""
    split = f" (TP {row['tp'] or 1}, PP {row['pp']})" if row["pp"] not in ("", "1") else ""
    return f"{row['n_gpus']}× {row['gpu']}{nodes}{split}"


def _context(row: Mapping[str, str]) -> str:
    return f"{int(row['max_model_len']):,}" if row["max_model_len"] else "own limit"


def _gpu(row: Mapping[str, str]) -> GpuType:
    """The first of several; an A100 is the 80 GB one unless the row says 40."""
    name = row["gpu"].partition("/")[0]
    if name in ("TPU", "Xeon"):
        raise _NotCompared(f"{name} is no GPU")
    if name == "A100":
        name = "A100-40GB" if row["gpu_mem_gb"] == "40" else "A100-80GB"
    return find_gpu(name)


def _workload(row: Mapping[str, str]) -> Workload:
    known = known_model(STANDS_FOR.get(row["model"], row["model"]))
    if known.architecture is None:
        known_by_page = row["source_kind"] == "reference_fact"
        if not known_by_page:
            raise _NotCompared(known.why)
    words = row["precision"].lower()
    quantization = WORDS.get(words, words)
    context = int(row["max_model_len"]) if row["max_model_len"] else known.limit or ASSUMED
    published = known.record.checkpoint if known.record else None
    return Workload(
        model=known.name,
        context=context,
        architecture=known.architecture,
        why_unchecked=known.why,
        billions=known.billions,
        precision=weight_format(known.name, known.record, quantization, None),
        generates=known.generates,
        vllm_version=vllm_release(Images().vllm),
        quantization=quantization if not (published and published.quantization) else None,
        kv_cache_dtype=row["kv_dtype"] or None,
        allow_long_max_model_len=True,
    )


def _judged(row: Mapping[str, str], decision: Decision, trials: Trials, gpu: GpuType) -> tuple[str, str]:
    count = decision.shape.count
    low, _, high = row["n_gpus"].partition("-")
    if decision.verdict not in ("fits", "stated") and decision.shape.count < int(low):
        return (
            "more",
            f"a server is placed on one node, and {decision.shape} do not hold it: {_first(trials, decision.shape)}",
        )
    if decision.verdict not in ("fits", "stated"):
        return "refused", _first(trials, decision.shape)
    if int(low) <= count <= int(high or low):
        return "agrees", ""
    if count < int(low):
        return "fewer", _why_more_is_published(row, count)
    shape = Shape(gpu, int(high or low))
    if trials.accepts(shape):
        return "more", f"{decision.reasons[0]}; `sizing: model` would take {shape} as well"
    return "more", _first(trials, shape)


def _first(trials: Trials, shape: Shape) -> str:
    """Why a shape is not accepted, in one sentence."""
    tried = trials(shape)
    return re.split(r"(?<=[.)]) (?=[A-Z(])", tried.reason)[0] if tried else "the memory model does not know the model"


def _why_more_is_published(row: Mapping[str, str], count: int) -> str:
    if row["profile"].startswith("Latency"):
        return "a profile for latency: more GPUs than memory asks for"
    if "not a minimum" in row["note"] or row["source_kind"] == "kaito_example":
        return "an example's default machine, not a minimum"
    if row["nodes"] not in ("", "1"):
        return "the example spans nodes"
    if row["profile"].startswith("TP"):
        return f"one of several profiles of this model; {count} hold it"
    return "published with room for more requests; the plan holds one of this length at least"


def markdown(rows: list[Compared]) -> str:
    counts = Counter(row.verdict for row in rows)
    said = ", ".join(
        f"{word} {counts[word]}"
        for word in ("agrees", "fewer", "more", "refused", "differs", "not compared")
        if counts[word]
    )
    return "\n".join([f"{len(rows)} rows: {said}.", "", *_lines(rows), ""])


def _lines(rows: list[Compared]) -> Iterator[str]:
    yield "| Model | Weights, context | Published | Plan | | Why |"
    yield "|---|---|---|---|---|---|"
    for row in dict.fromkeys(rows):
        cells = (row.model, row.asked, row.published, row.planned, row.verdict, row.reason)
        yield "| " + " | ".join(re.sub(r"\s+", " ", cell.replace("|", "/")) for cell in cells) + " |"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
