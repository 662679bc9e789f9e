"""A user's own history, resampled in blocks: the stationary bootstrap.

**Source**: Politis and Romano, "The stationary bootstrap", Journal of the American Statistical Association 89 (1994):
blocks that begin anywhere in the history, alike, and last geometrically, the history closed to a circle.
**Models**: returns with the distribution of those recorded, and within a block with their order: clusters of volatility
and trends survive as far as blocks reach. Each price holds until the next one is due, as in a recorded file.
**Leaves out**: returns larger than any recorded; memory beyond a block; what happened between two rows.
**Units**: times in seconds, equally far apart; `mean_block_seconds` is the mean length of a block. Log returns are
resampled from `start`, the history's last price unless given. With `drift_per_year` they are all moved by the same, so
that the expected price of a single return grows at it; without it the history's own growth stays.
**Invariants**: every return is one of the history's, each as likely; the one after it follows it with probability
1 - p, p = spacing / mean_block_seconds, and otherwise is any. With p = 1 returns are independent. A single return has
the mean, variance and every other moment of the history's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.prices import table
from models.prices.events import check_events
from models.prices.file import Recorded
from models.prices.gbm import SECONDS_PER_YEAR, grow
from models.refusals import Refusal
from models.types import FloatArray, IntArray


class TooShortHistory(Refusal):
    """The history has too few rows to be resampled."""


class BlocksTooShort(Refusal):
    """A block would be shorter than the history's spacing."""


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """Log returns of shape (rows - 1,), each over `spacing_seconds`, resampled in blocks of `mean_block_rows`."""

    start_price: float
    returns: FloatArray
    spacing_seconds: float
    mean_block_rows: float

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """At every step the last resampled price that is due; all draws are from `rng`.

        Raises `PriceOutOfRange` or `TooManyEvents`.
        """
        rows = 2 + int(steps * step_seconds / self.spacing_seconds)
        check_events(rows, "resampled returns")
        moves = np.zeros(rows)
        moves[1:] = self.returns[self.picks(rows - 1, rng)]
        prices = grow(self.start_price, moves)
        return Recorded(self.spacing_seconds * np.arange(rows, dtype=np.float64), prices).path(
            steps, step_seconds, normals, rng
        )

    def picks(self, count: int, rng: np.random.Generator) -> IntArray:
        """Which of the returns are taken, one after another, shape (count,)."""
        draws = rng.random((count, 2))
        begins = draws[:, 0] * self.mean_block_rows < 1.0
        begins[:1] = True
        begun = np.maximum.accumulate(np.where(begins, np.arange(count), 0))
        first = (draws[:, 1] * len(self.returns)).astype(np.int64)
        picks: IntArray = (first[begun] + np.arange(count) - begun) % len(self.returns)
        return picks


class BlockBootstrapPrice(Parameters):
    """A column of prices and one of times in a file, resampled; the file is read by whoever loads the scenario."""

    needs_table: ClassVar[bool] = True
    diffuses: ClassVar[bool] = False

    kind: Literal["block_bootstrap"] = "block_bootstrap"
    file: str = Field(min_length=1)
    time: str = "time"
    price: str = "price"
    mean_block_seconds: float = Field(gt=0)
    start: float | None = Field(default=None, gt=0)
    drift_per_year: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `with_table` wants."""
        return (self.time, self.price)

    def with_table(self, columns: Mapping[str, FloatArray]) -> Resampled:
        """The price that resamples the columns, times in seconds.

        Raises `MissingColumn`, `RaggedTable`, `EmptyTable`, `UnusableTime`, `UnusablePrice`, `UnevenTimes`,
        `TooShortHistory`, or `BlocksTooShort` where a block would not last from one row to the next.
        """
        times_seconds, prices = table.pick(columns, self.columns, self.file)
        table.check_prices(prices, self.price, self.file)
        if len(prices) < 2:
            raise TooShortHistory(f"{self.file} has {len(prices)} row, which makes no return: give two rows or more")
        spacing = table.even_spacing(times_seconds, self.file)
        if self.mean_block_seconds < spacing * (1.0 - 1e-9):
            raise BlocksTooShort(
                f"mean_block_seconds = {self.mean_block_seconds:.15g} is shorter than the {spacing:.15g} s from row to"
                f" row in {self.file}: give that or more"
            )
        returns = np.diff(np.log(prices))
        if self.drift_per_year is not None:
            returns += self.drift_per_year * spacing / SECONDS_PER_YEAR - np.log(np.mean(np.exp(returns)))
        start = float(prices[-1]) if self.start is None else self.start
        return Resampled(start, returns, spacing, self.mean_block_seconds / spacing)
