"""From the paths of every point to the answer: estimates with intervals, and paired differences to the baseline.

Every estimate is over the paths of its point that finished and define it; a difference is over the paths that both
points have. So a path that failed costs its seed in paired figures, and is counted beside the point.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from experiments.asking.answers import ROWS_AT_ONCE
from experiments.asking.estimands import Estimand
from experiments.asking.factors import Point
from experiments.asking.inquiry import Inquiry
from experiments.inference.sample import Sample
from experiments.inference.statistics import holm
from experiments.inference.weighted import gain, paired
from experiments.running.cells import FINISHED, Cell
from experiments.running.shards import Cells
from models.types import FloatArray

SMALL_SHARE = 0.1
"""A point's interval need not be narrower than it is for one with this share of the largest estimate."""

_Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one point as far as they are there: their numbers, and columns of what became of them."""

    numbers: "np.ndarray[Any, np.dtype[np.int64]]"
    table: pa.Table
    strata: int

    @classmethod
    def of(cls, cells: Cells, wanted: Sequence[Cell], strata: int) -> "Paths":
        """Gather the paths of a point, `strata` of which are a block of one draw."""
        places, table = cells.rows(wanted)
        numbers = np.array([wanted[place].path for place in places], dtype=np.int64)
        plain = all(cell.scenario.sampling is None for cell in wanted)
        others = [name for name in table.column_names if name == "cell" or (plain and name == "weight")]
        return cls(numbers, table.drop_columns(others), strata)

    @property
    def finished(self) -> _Flags:
        """Which of them finished."""
        return np.array([status == FINISHED for status in self.table["status"].to_pylist()], dtype=np.bool_)

    def values(self, estimand: Estimand) -> FloatArray:
        """The values of an estimand, nan where a path failed or does not define it."""
        wanted = [name for name in (estimand.metric, estimand.per) if name is not None]
        if any(name not in self.table.column_names for name in wanted):
            return np.full(len(self.numbers), np.nan)
        found = estimand.values({name: self._column(name) for name in wanted})
        return np.where(self.finished, found, np.nan)

    def sample(self, estimand: Estimand, among: _Flags | None = None) -> Sample:
        """The values of an estimand over all paths that have one, or over some of them."""
        values = self.values(estimand)
        if among is not None:
            values = np.where(among, values, np.nan)
        weights = self._column("weight") if "weight" in self.table.column_names else None
        return Sample.of(values, weights, self.strata)

    def _column(self, name: str) -> FloatArray:
        return np.asarray(self.table[name].to_numpy(zero_copy_only=False), dtype=np.float64)


Gather = Callable[[int], Paths]
"""Gathers the paths of a point by its number."""


def answer_rows(inquiry: Inquiry, gather: Gather) -> list[dict[str, Any]]:
    """The rows of the answer: for each point and estimand what was found, and how far it is from the baseline.

    Holm's correction is over all points and estimands that were tested.
    """
    base = None if inquiry.baseline is None else gather(inquiry.baseline)
    rows: list[dict[str, Any]] = []
    for point in inquiry.points:
        paths = gather(point.number)
        for estimand in inquiry.estimands:
            row = _named(point) | _estimated(paths, estimand)
            if base is not None:
                row |= _differing(paths, base, estimand, itself=point.number == inquiry.baseline)
            rows.append(row)
    if base is not None:
        for row, p_value in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
            row["p_value_holm"] = p_value
    return rows if any(row["paths"] for row in rows) else []


def run_tables(inquiry: Inquiry, gather: Gather, points: pa.Table) -> Iterator[pa.Table]:
    """The rows of `runs.parquet`, point after point and path after path, in tables of about `ROWS_AT_ONCE`.

    `points` is the table of the points, whose columns come first.
    """
    waiting: list[pa.Table] = []
    for point in inquiry.points:
        paths = gather(point.number)
        rows = points.take(pa.array(np.full(len(paths.numbers), point.number)))
        rows = rows.append_column("path", pa.array(paths.numbers))
        rows = rows.append_column("seed", pa.array(paths.numbers + inquiry.experiment.seed))
        for name in paths.table.column_names:
            rows = rows.append_column(paths.table.schema.field(name), paths.table[name])
        waiting.append(rows)
        if sum(map(len, waiting)) >= ROWS_AT_ONCE:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if sum(map(len, waiting)):
        yield pa.concat_tables(waiting).combine_chunks()


def imprecision(inquiry: Inquiry, gather: Gather) -> float:
    """The largest half width of a point's interval of the main estimand, as a share of its estimate.

    Where that estimate is small, the share is of a tenth of the largest one; inf where an interval has no end yet, or
    where it is of what happened on no path; nan where no path finished, and more of them would not help.
    """
    main = inquiry.estimands[0]
    samples = [gather(point.number).sample(main) for point in inquiry.points]
    found = [(main.estimate(sample), main.interval(sample)) for sample in samples if sample.values.size]
    if not found:
        return math.nan
    least = SMALL_SHARE * max(abs(value) for value, _ in found)
    return max(_share(of.half_width, max(abs(value), least)) for value, of in found)


def _share(half_width: float, estimate: float) -> float:
    if half_width == 0.0:
        return 0.0
    return math.inf if math.isnan(half_width) or estimate == 0.0 else half_width / estimate


def _named(point: Point) -> dict[str, Any]:
    """The columns that say which point a row is of."""
    design = {} if point.design is None else {"design": point.design}
    return {"point": point.number, **design, **point.values}


def _estimated(paths: Paths, estimand: Estimand) -> dict[str, Any]:
    sample = paths.sample(estimand)
    interval = estimand.interval(sample)
    return {
        "metric": estimand.text,
        "value": estimand.estimate(sample),
        "low": interval.low,
        "high": interval.high,
        "method": interval.method,
        "paths": int(sample.values.size),
        "failed": int(np.count_nonzero(~paths.finished)),
        "effective_paths": sample.effective,
        "gain": gain(sample, estimand.kind, estimand.level),
    }


def _differing(ours: Paths, base: Paths, estimand: Estimand, itself: bool) -> dict[str, Any]:
    """The difference to the baseline on the paths that both have; the baseline has none to itself."""
    here, there = (one.numbers[np.isfinite(one.values(estimand))] for one in (ours, base))
    common = np.intersect1d(here, there)
    if itself:
        nothing = dict.fromkeys(("difference", "difference_low", "difference_high", "p_value"), math.nan)
        return {**nothing, "common_paths": common.size}
    one, other = (paths.sample(estimand, np.isin(paths.numbers, common)) for paths in (ours, base))
    found = paired(one, other, estimand.kind, estimand.level)
    return {
        "difference": found.value,
        "difference_low": found.interval.low,
        "difference_high": found.interval.high,
        "p_value": found.p_value,
        "common_paths": common.size,
    }
