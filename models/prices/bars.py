"""Open-high-low-close bars, joined by a random bridge that touches every bar's four prices.

**Source**: the user's bars. Volatility inside a bar from its range: Parkinson, "The extreme value method for estimating
the variance of the rate of return", Journal of Business 53 (1980): variance = ln(high / low)² / (4 ln 2).
**Models**: a path that is at the open at a bar's first step and at the close at its last, that visits the high and the
low at distinct random steps between, in random order, and is a Brownian bridge of the log price from each to the next.
**Leaves out**: what the true path was; when in the bar its extremes were reached; volume.
**Units**: prices in quote per unit, times in seconds; n = bar_seconds / step_seconds points a bar.
**Invariants**: in every whole bar the path's first, largest, smallest and last price are exactly the bar's open, high,
low and close. Past the last bar its close holds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, PositiveFloat, model_validator

from models.parameters import Parameters
from models.prices import table
from models.refusals import Refusal
from models.types import FloatArray

_LEAST_POINTS = 4  # open, high, low and close each need a step of their own
_MOST_POINTS = 10_000_000  # as many steps as a path can have: each point of a bar is drawn, however few are run


class ImpossibleBar(Refusal):
    """A bar's high is below, or its low above, another of its prices."""


class UnevenBars(Refusal):
    """The bars do not follow one another at equal distances."""


class BarsDoNotFitSteps(Refusal):
    """A bar is not a whole number of steps, or of too few or too many."""


@dataclass(frozen=True, slots=True, eq=False)
class Bridged:
    """Bars of `bar_seconds` each, prices of shape (bars,); `source` is what messages call the table.

    Raises `UnusablePrice` or `ImpossibleBar` with the number of the row.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    bar_seconds: float
    source: str = "the table"

    def __post_init__(self) -> None:
        columns = {"open": self.open, "high": self.high, "low": self.low, "close": self.close}
        for name, column in columns.items():
            table.check_prices(column, name, self.source)
        top, bottom = np.maximum(self.open, self.close), np.minimum(self.open, self.close)
        row = table.first_row((self.high < top) | (self.low > bottom))
        if row is not None:
            given = ", ".join(f"{name} {column[row - 1]}" for name, column in columns.items())
            raise ImpossibleBar(
                f"{self.source} has an impossible bar in row {row} ({given}): the open and the close must lie between"
                " the low and the high; correct the row or the names of the columns"
            )

    @property
    def start_price(self) -> float:
        """Open of the first bar."""
        return float(self.open[0])

    def points_per_bar(self, step_seconds: float) -> int:
        """Steps in a bar. Raises `BarsDoNotFitSteps` unless that is a whole number from 4 to ten million."""
        ratio = self.bar_seconds / step_seconds
        points = round(ratio)
        if points < _LEAST_POINTS or abs(ratio - points) > 1e-9 * points:
            raise BarsDoNotFitSteps(
                f"bars of {self.bar_seconds:.15g} s in {self.source} do not fit steps of {step_seconds:.15g} s: choose"
                f" step_seconds so that a bar is a whole number of steps, {_LEAST_POINTS} or more"
                f" (at most {self.bar_seconds / _LEAST_POINTS:.15g} s)"
            )
        if points > _MOST_POINTS:
            raise BarsDoNotFitSteps(
                f"a bar of {self.bar_seconds:.15g} s in {self.source} has {points} steps of {step_seconds:.15g} s:"
                f" choose shorter bars or longer steps, so that it has {_MOST_POINTS} or fewer"
            )
        return points

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A bridge through the bars; `rng` places the extremes and draws the bridge. Raises `BarsDoNotFitSteps`."""
        points = self.points_per_bar(step_seconds)
        bars = min(len(self.open), -(-steps // points))
        draws = rng.standard_normal((bars, 2, points))
        path = np.full(steps, self.close[-1], dtype=np.float64)
        bridged = self._bridge(noise=draws[:, 0], scores=draws[:, 1])[:steps]
        path[: len(bridged)] = bridged
        return path

    def _bridge(self, noise: FloatArray, scores: FloatArray) -> FloatArray:
        """One flat path over the first bars, from independent standard normals of shape (bars, points) each."""
        bars, points = noise.shape
        open_, high, low, close = (column[:bars] for column in (self.open, self.high, self.low, self.close))
        anchors = np.full((bars, points), np.nan)
        anchors[:, 0], anchors[:, -1] = open_, close
        # Where independent scores are largest and smallest is a uniformly random pair of distinct inner points.
        inner = scores[:, 1:-1]
        for extreme, at in ((high, 1 + inner.argmax(axis=1)), (low, 1 + inner.argmin(axis=1))):
            unvisited = np.flatnonzero((extreme != open_) & (extreme != close))
            anchors[unvisited, at[unvisited]] = extreme[unvisited]

        # A random walk, plus the straight lines that take it through every anchor: between two, a Brownian bridge.
        log_range = np.log(high / low)
        sigma_per_step = log_range / math.sqrt(4.0 * math.log(2.0) * points)
        walk = np.cumsum(sigma_per_step[:, np.newaxis] * noise)
        at = np.flatnonzero(~np.isnan(anchors))
        anchored = anchors.ravel()[at]
        log_price = walk + np.interp(np.arange(walk.size), at, np.log(anchored) - walk[at])

        # What crosses an extreme is reflected there; what then still is outside is put on the extreme it has crossed.
        above_low = np.abs(log_price.reshape(bars, points) - np.log(low)[:, np.newaxis])
        below_high = np.abs(log_range[:, np.newaxis] - above_low)
        inside = np.clip(high[:, np.newaxis] * np.exp(-below_high), low[:, np.newaxis], high[:, np.newaxis])
        prices: FloatArray = inside.ravel()
        prices[at] = anchored
        return prices


class BarsPrice(Parameters):
    """Bars from a file, read by whoever loads the scenario, or written out as rows `[open, high, low, close]`.

    `bar_seconds` may be left out for a file of two rows or more, whose times then tell it.
    """

    diffuses: ClassVar[bool] = False

    kind: Literal["bars"] = "bars"
    file: str | None = Field(default=None, min_length=1)
    bars: list[Annotated[list[PositiveFloat], Field(min_length=4, max_length=4)]] | None = Field(
        default=None, min_length=1
    )
    bar_seconds: float | None = Field(default=None, gt=0)
    time: str = "time"
    open: str = "open"
    high: str = "high"
    low: str = "low"
    close: str = "close"

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.file is None) == (self.bars is None):
            given = "neither" if self.file is None else "both"
            raise ValueError(f"bars come from `file` or are written out in `bars`: {given} given, give one of them")
        if self.bars is not None and self.bar_seconds is None:
            raise ValueError("bars that are written out need `bar_seconds`, how long a bar lasts")
        return self

    @property
    def needs_table(self) -> bool:
        """Whether the bars are in a file."""
        return self.file is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `with_table` wants."""
        return (self.time, self.open, self.high, self.low, self.close) if self.needs_table else ()

    def with_table(self, columns: Mapping[str, FloatArray]) -> Bridged:
        """The price that runs through the bars of the table, times in seconds, or through those written out.

        Raises `MissingColumn`, `RaggedTable`, `EmptyTable`, `UnusableTime`, `UnusablePrice`, `ImpossibleBar`, or
        `UnevenBars` where a row does not follow the one before by `bar_seconds`.
        """
        if self.bars is not None and self.bar_seconds is not None:
            open_, high, low, close = np.array(self.bars, dtype=np.float64).T
            return Bridged(open_, high, low, close, self.bar_seconds, "the list of bars")
        assert self.file is not None  # or the validator had refused
        times_seconds, open_, high, low, close = table.pick(columns, self.columns, self.file)
        table.check_times(times_seconds, self.file)
        bar_seconds = _spacing(times_seconds, self.bar_seconds, self.file)
        return Bridged(open_, high, low, close, bar_seconds, self.file)


def _spacing(times_seconds: FloatArray, bar_seconds: float | None, source: str) -> float:
    """Seconds from each bar to the next, refused where they are not `bar_seconds` (by default those of the first)."""
    gaps = np.diff(times_seconds)
    if bar_seconds is None:
        if not gaps.size:
            raise UnevenBars(f"{source} has a single bar, which does not tell how long it lasts: give bar_seconds")
        bar_seconds = float(gaps[0])
    row = table.first_row(np.abs(gaps - bar_seconds) > 1e-6 * bar_seconds)
    if row is not None:
        raise UnevenBars(
            f"{source} is uneven: row {row + 1} is {gaps[row - 1]:.15g} s after row {row}, but bars last"
            f" {bar_seconds:.15g} s; fill the gap or correct bar_seconds"
        )
    return bar_seconds
