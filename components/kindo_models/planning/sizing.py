"""How many GPUs of which type a model gets: Kindo's statement about it, its VRAM table, or the memory model.

`table` (the default): the table's cell, checked by the memory model. A cell that would not start is raised, one that
wastes is reported. `model`: the least shape that the memory model accepts. What the page says about one model comes
before both. A model whose architecture is not known has the table only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kindo_models.catalog.gpus import GpuType, gpus
from kindo_models.catalog.instances import Cloud
from kindo_models.catalog.vram_table import Cell, Statement, vram_table
from kindo_models.environment import SizingMode
from kindo_models.planning.memory import Prediction, Verdict
from kindo_models.planning.shapes import COUNTS, Shape, by_price, cheapest, shapes, shapes_of, sold
from kindo_models.planning.trials import Trials, Workload
from kindo_models.planning.vram_table import CellAnswer, NoCell, cell_for, statement_for, statements_of

Basis = Literal["given", "statement", "table", "memory model"]
SizingVerdict = Verdict | Literal["stated", "unchecked"]
"""stated, unchecked: the memory model cannot tell; Kindo's page says that it is enough, or nothing does."""


@dataclass(frozen=True)
class Wish:
    """What the user decides about the hardware: a GPU type, a count, both or neither; the rest is found."""

    mode: SizingMode = "table"
    cloud: Cloud | None = None
    gpu: GpuType | None = None
    count: int | None = None


@dataclass(frozen=True)
class Decision:
    """The shape and why. `prediction` is None where the memory model does not know the model.

    cell: text of the table's cell; raised: what the cell stands for where it would not start; smaller: the least shape
    that would do as well; not_sold: which class the cloud lacks; contradicted: what Kindo's page says against it;
    stated: that page says that it is enough.
    """

    shape: Shape
    basis: Basis
    reasons: tuple[str, ...]
    prediction: Prediction | None
    cell: str | None = None
    raised: Shape | None = None
    smaller: Shape | None = None
    not_sold: str | None = None
    contradicted: str | None = None
    stated: bool = False

    @property
    def verdict(self) -> SizingVerdict:
        if self.contradicted:
            return "refused"
        return self.prediction.verdict if self.prediction else "stated" if self.stated else "unchecked"


class Unsizable(ValueError):
    """Neither the table nor the memory model can answer; the message says why."""


def decide(workload: Workload, wish: Wish, trials: Trials) -> Decision:
    """The shape for a workload. Raises Unsizable where nothing can answer."""
    found = _decide(workload, wish, trials)
    return replace(found, reasons=(*found.reasons, workload.note)) if workload.note else found


def _decide(workload: Workload, wish: Wish, trials: Trials) -> Decision:
    if wish.gpu and wish.count:
        return _given(workload, Shape(wish.gpu, wish.count), trials)
    ladder = _ladder(wish)
    if not ladder:
        raise Unsizable(f"{_where(wish)} has no such GPUs in one machine")
    if statement := statement_for(workload.model, workload.context, workload.kv_cache_dtype):
        found = _from_statement(statement, wish, ladder, trials)
        if found:
            return found
    answer = _answer(workload)
    if workload.architecture is not None and (wish.mode == "model" or wish.count or isinstance(answer, NoCell)):
        return _least(answer, ladder, trials)
    if isinstance(answer, NoCell):
        raise Unsizable(f"{workload.model} cannot be sized: {workload.why_unchecked}, and {answer.reason}")
    return _from_cell(answer, ladder, trials, wish)


def _ladder(wish: Wish) -> tuple[Shape, ...]:
    """What may be chosen from, smallest first. A wish for a type or a count may leave GPUs of a machine idle."""
    if wish.count:
        return shapes_of(wish.count, wish.cloud)
    if wish.gpu is None:
        return shapes(wish.cloud)
    most = max(sold(wish.gpu, wish.cloud), default=0) if wish.cloud else COUNTS[-1]
    return tuple(Shape(wish.gpu, count) for count in COUNTS if count <= most)


def _answer(workload: Workload) -> CellAnswer | NoCell:
    if not workload.generates:
        return NoCell("the table sizes text generation, not embedding or transcription models")
    return cell_for(workload.billions, workload.precision, workload.context)


def _given(workload: Workload, shape: Shape, trials: Trials) -> Decision:
    """The user's own shape; what the page or the table says is named beside it."""
    reasons = [f"{shape} is given"]
    enough = statement_for(workload.model, workload.context, workload.kv_cache_dtype)
    stated = enough is not None and any(covers(shape, one) for one in options_of(enough))
    too_little = [] if stated or workload.architecture else _too_little(workload, shape)
    reasons += [_quoted(one) for one in (enough, *too_little) if one]
    contradicted = (
        f"Kindo's page gives {too_little[-1].hardware[-1]} up to {too_little[-1].context:,} tokens"
        if too_little
        else None
    )
    answer = _answer(workload)
    cell = answer.cell.text if isinstance(answer, CellAnswer) else None
    if isinstance(answer, CellAnswer):
        reasons.append(f"the table says {cell} ({answer.reason})")
    return Decision(shape, "given", tuple(reasons), trials(shape), cell, contradicted=contradicted, stated=stated)


def _too_little(workload: Workload, shape: Shape) -> list[Statement]:
    """What the page says about at least as much hardware with a shorter context."""
    shorter = [one for one in statements_of(workload.model) if one.context < workload.context]
    return [one for one in shorter if any(covers(option, shape) for option in options_of(one))]


def _from_statement(statement: Statement, wish: Wish, ladder: Sequence[Shape], trials: Trials) -> Decision | None:
    """One of the statement's options: sold without idle GPUs if possible, then the cheapest; else the next larger one.

    An H100 with more memory (H100-NVL, which is what Azure sells one and two of) is an H100 too.
    """
    options = [one for one in options_of(statement) if wish.gpu in (None, one.gpu) and wish.count in (None, one.count)]
    if not options:
        return None
    quoted = _quoted(statement)
    more = [] if wish.cloud is None else [one for one in shapes(wish.cloud) if _is_more(one, options)]
    rented = [
        ((one.gpus != option.count, *by_price(one)), option)
        for option in (*options, *more)
        if (one := cheapest(option, wish.cloud))
    ]
    if rented:
        shape = min(rented, key=lambda pair: pair[0])[1]
        return Decision(shape, "statement", (quoted,), trials(shape), stated=True)
    larger = _first(one for one in ladder if covers(one, options[0]))
    if larger is None:
        return None
    why = f"{_where(wish)} sells no {options[0]}; the next larger is {larger}"
    return Decision(larger, "statement", (quoted, why), trials(larger), not_sold=why, stated=True)


def options_of(statement: Statement) -> list[Shape]:
    """Shapes that the statement says are enough, in its order."""
    return [Shape(gpus()[name], count) for name, count in statement.options]


def _is_more(shape: Shape, options: Sequence[Shape]) -> bool:
    return any(
        shape.gpu.name.startswith(f"{one.gpu.name}-") and shape.count == one.count and covers(shape, one)
        for one in options
    )


def covers(shape: Shape, option: Shape) -> bool:
    """As many GPUs, each with as much memory."""
    return shape.count >= option.count and shape.gpu.nominal_gb >= option.gpu.nominal_gb


def _quoted(statement: Statement) -> str:
    return f'Kindo\'s page: "{statement.text}"'


def _from_cell(answer: CellAnswer, ladder: Sequence[Shape], trials: Trials, wish: Wish) -> Decision:
    """The cell on what is there: in a range the least count that is accepted, raised where it would not start."""
    cell = answer.cell
    reasons = [f"the table says {cell.text} ({answer.reason})"]
    low, high = (_at_least(count, cell.class_gb, ladder, wish) for count in (cell.low, cell.high))
    if low is None or high is None:
        raise Unsizable(f"the table says {cell.text}, and {_where(wish)} has nothing that large")
    not_sold = None
    if low.gpu.nominal_gb != cell.class_gb and not (wish.gpu or wish.count):
        not_sold = f"{_where(wish)} sells no {cell.low}× {cell.class_gb}GB; the next larger is {low}"
        reasons.append(not_sold)
    elif low.gpu.nominal_gb != cell.class_gb:
        reasons.append(f"{low} ({low.nominal_gb} GB) stands for {cell.low}× {cell.class_gb}GB")
    if trials.workload.architecture is None:
        if cell.low != cell.high:
            reasons.append("the upper end, as the memory model cannot check this model")
        return Decision(high, "table", tuple(reasons), None, cell.text, not_sold=not_sold)
    within = [one for one in ladder if one.gpu == low.gpu and low.count <= one.count <= high.count]
    found = _first(one for one in within if trials.accepts(one)) or _first(one for one in within if trials.likely(one))
    if found:
        least = _first(one for one in ladder if trials.accepts(one))
        smaller = least if least and least.nominal_gb < found.nominal_gb else None
        return Decision(found, "table", tuple(reasons), trials(found), cell.text, smaller=smaller, not_sold=not_sold)
    tried = within[-1]
    raised = _first(
        one for one in _above(cell, ladder, wish) if one.nominal_gb > tried.nominal_gb and trials.accepts(one)
    )
    if raised is None:
        reasons.append("and no larger shape would do either")
        return Decision(tried, "table", tuple(reasons), trials(tried), cell.text, not_sold=not_sold)
    reasons.append(f"raised from {tried} to {raised}: on {tried} {trials.shortfall(tried)}")
    return Decision(raised, "table", tuple(reasons), trials(raised), cell.text, raised=tried, not_sold=not_sold)


def _above(cell: Cell, ladder: Sequence[Shape], wish: Wish) -> Iterator[Shape]:
    """Where a cell is raised to: what stands for the table's own larger cells, then whatever is larger than those."""
    cells = {(one.class_gb, count) for row in vram_table().rows for one in row.all for count in (one.low, one.high)}
    for class_gb, count in sorted(cells, key=lambda pair: (pair[0] * pair[1], pair[1])):
        if class_gb * count > cell.high * cell.class_gb and (found := _at_least(count, class_gb, ladder, wish)):
            yield found
    largest = max(class_gb * count for class_gb, count in cells)
    yield from (one for one in ladder if one.nominal_gb > largest)


def _at_least(count: int, class_gb: int, ladder: Sequence[Shape], wish: Wish) -> Shape | None:
    """What stands for `count` GPUs of a class: as many of them, as large; by memory where type or count are wished."""
    if wish.gpu or wish.count:
        return _first(one for one in ladder if one.nominal_gb >= count * class_gb)
    return _first(one for one in ladder if one.gpu.nominal_gb >= class_gb and one.count >= count)


def _least(answer: CellAnswer | NoCell, ladder: Sequence[Shape], trials: Trials) -> Decision:
    """The least shape that the memory model accepts; the largest one where it accepts none."""
    cell = answer.cell.text if isinstance(answer, CellAnswer) else None
    reasons = [f"the table says {cell} ({answer.reason})" if cell else f"memory model: {answer.reason}"]
    found = _first(one for one in ladder if trials.accepts(one))
    if found:
        reasons.append(f"{found} is the least shape that the memory model accepts")
        return Decision(found, "memory model", tuple(reasons), trials(found), cell)
    found = _first(one for one in ladder if trials.likely(one)) or ladder[-1]
    reasons.append("the memory model surely accepts none of what there is")
    return Decision(found, "memory model", tuple(reasons), trials(found), cell)


def _where(wish: Wish) -> str:
    return wish.cloud or "the list of GPUs without a cloud"


def _first(found: Iterable[Shape]) -> Shape | None:
    return next(iter(found), None)
