"""Leave one family out: what is fitted in the memory profile is fitted again without a family, then tried on it.

That is, of catalog/data/vllm_sizing.yaml, the sampler's bytes (per regime) and the rest, by median. What was read in
vLLM's source stays.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from kindo_models.catalog.vllm_sizing import Bounds, VllmSizing, at_version, vllm_sizing
from kindo_models.planning.memory import Prediction, predict
from kindo_models.planning.memory.kv_cache import GIB
from kindo_models.planning.memory.settings import settings
from tools.bench.sizing_rows import Measured, distinct


def left_out(rows: Iterable[Measured]) -> Callable[[Measured], Prediction | None]:
    """A predictor that has not seen the row's family."""
    usable = [row for row in distinct(rows) if row.setup is not None and row.pool_gib is not None]
    refitted: dict[str, VllmSizing] = {}

    def prediction(row: Measured) -> Prediction | None:
        if row.setup is None:
            return None
        if row.family not in refitted:
            refitted[row.family] = refit([other for other in usable if other.family != row.family])
        return predict(row.setup, data=refitted[row.family])

    return prediction


def refit(rows: Sequence[Measured]) -> VllmSizing:
    """The catalog's constants with sampler and rest fitted to these rows."""
    data = _sampler(rows, vllm_sizing())
    residuals = [
        made.kv_pool_gib.likely - row.pool_gib
        for row in rows
        if row.setup is not None and row.pool_gib is not None and (made := _usable(row, data)) is not None
    ]
    shift = statistics.median(residuals) if residuals else 0.0
    rest = data.rest_gib
    return data.model_copy(
        update={
            "rest_gib": Bounds(
                low=min(rest.low, rest.likely + shift), likely=rest.likely + shift, high=rest.high + max(0.0, shift)
            )
        }
    )


def _sampler(rows: Sequence[Measured], data: VllmSizing) -> VllmSizing:
    entries = []
    for entry in data.sampler_bytes:
        slopes = []
        for row in rows:
            made = _usable(row, data)
            if made is None or row.setup is None or row.pool_gib is None:
                continue
            chosen, vocabulary = settings(row.setup), row.setup.architecture.vocab_size
            sampler = next((term for term in made.terms if term.name == "sampler"), None)
            if sampler is None or not vocabulary or at_version(data.sampler_bytes, chosen.version).since != entry.since:
                continue
            entries_sampled = chosen.max_num_seqs * vocabulary / GIB
            slopes.append(entry.likely + (made.kv_pool_gib.likely - row.pool_gib) / entries_sampled)
        likely = statistics.median(slopes) if slopes else entry.likely
        change = likely - entry.likely
        entries.append(
            entry.model_copy(update={"low": entry.low + change, "likely": likely, "high": entry.high + change})
        )
    return data.model_copy(update={"sampler_bytes": tuple(entries)})


def _usable(row: Measured, data: VllmSizing) -> Prediction | None:
    """Rows on NVIDIA GPUs with a version, of models that can be sized: others would not be fitted to."""
    setup = row.setup
    if setup is None or setup.gpu.vendor != "nvidia" or setup.architecture.unsupported or not setup.vllm_version:
        return None
    made = predict(setup, data=data)
    return made if made.kv_pool_gib.likely == made.kv_pool_gib.likely else None
