"""A mixed-integer program and HiGHS, which solves it. HiGHS is loaded when something is solved, not before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

INFINITY = float("inf")
_SLACK = 1e-5


@dataclass(frozen=True)
class Solved:
    """values: of each column; objective: theirs; bound: no solution is below it; optimal: proven to be least."""

    values: tuple[float, ...]
    objective: float
    bound: float
    optimal: bool


class Infeasible(Exception):
    """Nothing satisfies all rows."""


class OutOfTime(Exception):
    """No solution was found within the time limit; there may be one, and none is below `bound`."""

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.bound = bound


@dataclass
class Program:
    """Columns with bounds, rows of coefficients. Everything is minimised."""

    uppers: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[tuple[dict[int, float], float, float]] = field(default_factory=list)

    def column(self, upper: float, *, whole: bool = True) -> int:
        """A new column from 0 to `upper`; its number."""
        self.uppers.append(upper)
        self.whole.append(whole)
        return len(self.uppers) - 1

    def row(self, terms: Iterable[tuple[int, float]], *, low: float = -INFINITY, high: float = INFINITY) -> None:
        """low ≤ Σ coefficient × column ≤ high."""
        summed: dict[int, float] = {}
        for column, coefficient in terms:
            summed[column] = summed.get(column, 0.0) + coefficient
        self.rows.append((summed, low, high))

    def copy(self) -> Program:
        return Program(list(self.uppers), list(self.whole), list(self.rows))

    def allows(self, values: Sequence[float]) -> bool:
        """Whether values keep all bounds and rows."""
        within = all(0 <= value <= upper for value, upper in zip(values, self.uppers, strict=True))
        return within and all(
            low - _SLACK <= sum(factor * values[column] for column, factor in terms.items()) <= high + _SLACK
            for terms, low, high in self.rows
        )

    def minimise(self, costs: Mapping[int, float], *, seconds: float) -> Solved:
        """The least Σ cost × column. One thread and a fixed seed: the same program gives the same answer, unless time
        ends it. No solution is given to HiGHS to begin with: 1.16 may then return it as the best one.

        Raises: Infeasible, OutOfTime.
        """
        import highspy

        class Quiet(highspy.Highs):
            """Without callbacks: switching them on prints HiGHS's banner to standard output."""

            def enableCallbacks(self) -> None:
                pass

        solver: Any = Quiet()  # type: ignore[no-untyped-call]
        solver.silent()
        for option, value in (
            ("threads", 1),
            ("random_seed", 0),
            ("mip_rel_gap", 0.0),
            ("mip_abs_gap", 1e-6),
            ("time_limit", max(0.01, seconds)),
        ):
            solver.setOptionValue(option, value)
        solver.passModel(self._lp(highspy, costs))
        solver.run()
        status, info = solver.getModelStatus(), solver.getInfo()
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            raise Infeasible
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            raise OutOfTime(info.mip_dual_bound)
        values = tuple(
            float(round(value)) if whole else value
            for value, whole in zip(solver.getSolution().col_value, self.whole, strict=True)
        )
        objective = sum(cost * values[column] for column, cost in costs.items())
        as_said = abs(objective - info.objective_function_value) <= _SLACK * max(1.0, abs(objective))
        optimal = status == highspy.HighsModelStatus.kOptimal and as_said
        return Solved(values, objective, objective if optimal else min(info.mip_dual_bound, objective), optimal)

    def _lp(self, highspy: Any, costs: Mapping[int, float]) -> Any:
        lp = highspy.HighsLp()
        count = len(self.uppers)
        lp.num_col_, lp.num_row_ = count, len(self.rows)
        lp.col_cost_ = [costs.get(column, 0.0) for column in range(count)]
        lp.col_lower_ = [0.0] * count
        lp.col_upper_ = self.uppers
        lp.row_lower_ = [low for _, low, _ in self.rows]
        lp.row_upper_ = [high for _, _, high in self.rows]
        kinds = highspy.HighsVarType
        lp.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in self.whole]
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = list(accumulate((len(terms) for terms, _, _ in self.rows), initial=0))
        lp.a_matrix_.index_ = [column for terms, _, _ in self.rows for column in terms]
        lp.a_matrix_.value_ = [value for terms, _, _ in self.rows for value in terms.values()]
        return lp
