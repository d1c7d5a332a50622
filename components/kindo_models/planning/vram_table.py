"""What Kindo's VRAM table answers for a model: its cell, or the reason why none fits.

Edges: a model takes the smallest size row that holds its total parameters (a mixture of experts too: all of them lie in
memory), a context the smallest column that holds it; the last column has no end. Embedding and transcription models,
precisions without a row and sizes beyond the last row have no cell.
"""

from __future__ import annotations

from dataclasses import dataclass

from kindo_models.catalog.vram_table import Cell, Precision, Row, Statement, vram_table


@dataclass(frozen=True)
class CellAnswer:
    """The cell for a model, and how it was found."""

    cell: Cell
    row: Row
    column: str
    reason: str


@dataclass(frozen=True)
class NoCell:
    """The table has no cell for this model."""

    reason: str


def cell_for(billions: float | None, precision: str, context: int) -> CellAnswer | NoCell:
    """The table's cell.

    billions: total parameters in 10⁹; None: not known.
    precision: weight format as vllm_sizing.yaml names it (`none` for 16-bit, `fp8`, `int4` …).
    context: tokens that one request may have.
    """
    table = vram_table()
    words = table.precisions
    wanted = next((name for name, meant in words.items() if precision == meant), None)
    if wanted is None:
        return NoCell(f"the table has no row for {precision} weights (it has {', '.join(words)})")
    if billions is None:
        return NoCell("the model's number of parameters is not known")
    row = _row(wanted, billions)
    if row is None:
        sizes = ", ".join(row.size for row in table.rows if row.quantization == wanted)
        return NoCell(f"the table has no {wanted} row for {_size(billions)} parameters (it has {sizes})")
    column = next((n for n in range(2) if context <= table.context(n)), 2)
    label = table.columns[column]
    cell = row.cell(column)
    return CellAnswer(
        cell, row, label, f"{_size(billions)} parameters, {wanted}, {context:,} tokens: row {row.size}, column {label}"
    )


def _size(billions: float) -> str:
    return f"{billions:,.1f}B".replace(".0B", "B")


def _row(precision: Precision, billions: float) -> Row | None:
    """The smallest row that holds the model. AWQ/GPTQ has the 70B row only: a 13B model is not sized by it."""
    table = vram_table()
    fitting = [row for row in table.rows if billions <= row.billions * (1 + table.rounding)]
    smallest = min((row.billions for row in fitting), default=None)
    return next((row for row in fitting if row.billions == smallest and row.quantization == precision), None)


def statements_of(model: str) -> tuple[Statement, ...]:
    """What the page says about this model, the longest context last."""
    found = [one for one in vram_table().statements if one.model.lower() == model.lower()]
    return tuple(sorted(found, key=lambda one: one.context))


def statement_for(model: str, context: int, kv_cache_dtype: str | None) -> Statement | None:
    """The page's own statement about this model with room for `context` tokens: the least that is enough.

    A statement made with a KV cache type holds for that type only (an 8-bit cache is half the size of a 16-bit one).
    """
    return next(
        (
            one
            for one in statements_of(model)
            if context <= one.context and one.kv_cache_dtype in (None, kv_cache_dtype)
        ),
        None,
    )
