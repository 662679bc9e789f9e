"""A recorded price, row by row, each holding until the next.

**Source**: the user's file.
**Models**: a history of prices at any times, even uneven ones; also of anything else that is positive, such as gas.
**Leaves out**: what the price did between two rows (see the bars for a path that moves between them).
**Units**: times in seconds, of which only differences count: the first row is step 0. Prices in quote per unit.
**Invariants**: a path takes recorded values only, none of them before its time; past the end the last one holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.prices import table
from models.types import FloatArray

# A row is due although rounding puts its time a hair after its step: times since 1970 have 2e-7 s of it.
_SLACK_STEPS = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Prices in force from `times_seconds` on, both of shape (rows,); `source` is what messages call the table.

    Raises `UnusableTime` or `UnusablePrice` with the number of the row.
    """

    times_seconds: FloatArray
    prices: FloatArray
    source: str = "the table"

    def __post_init__(self) -> None:
        table.check_times(self.times_seconds, self.source)
        table.check_prices(self.prices, "price", self.source)

    @property
    def start_price(self) -> float:
        """Price of the first row."""
        return float(self.prices[0])

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """At every step the price of the last row that is due."""
        due = self.times_seconds - self.times_seconds[0]
        clock = (np.arange(steps) + _SLACK_STEPS) * step_seconds
        return self.prices[np.searchsorted(due, clock, side="right") - 1]


class FilePrice(Parameters):
    """A column of prices and one of times in a file; the file is read by whoever loads the scenario."""

    needs_table: ClassVar[bool] = True
    diffuses: ClassVar[bool] = False

    kind: Literal["file"] = "file"
    file: str = Field(min_length=1)
    time: str = "time"
    price: str = "price"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `with_table` wants."""
        return (self.time, self.price)

    def with_table(self, columns: Mapping[str, FloatArray]) -> Recorded:
        """The price that the columns record, times in seconds.

        Raises `MissingColumn`, `RaggedTable`, `EmptyTable`, `UnusableTime` or `UnusablePrice`.
        """
        times_seconds, prices = table.pick(columns, self.columns, self.file)
        return Recorded(times_seconds, prices, self.file)
