"""A file of prices as the models are fitted to it: log returns over equal times."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abm import ScenarioError
from abm.reading.inputs import read_columns
from models.prices import table
from models.prices.gbm import SECONDS_PER_YEAR
from models.refusals import Refusal
from models.types import FloatArray

LEAST_RETURNS = 100
"""With fewer, the rarer of two regimes or a jump that comes once in a hundred returns is seen once or not at all."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Prices of shape (rows,) and their log returns, shape (rows - 1,), each over `spacing_seconds`."""

    source: str
    prices: FloatArray
    returns: FloatArray
    spacing_seconds: float

    @property
    def years(self) -> float:
        """How long one return takes, in years."""
        return self.spacing_seconds / SECONDS_PER_YEAR

    @property
    def last_price(self) -> float:
        """The price that a simulation goes on from."""
        return float(self.prices[-1])


def read_history(file: Path, time: str, price: str) -> History:
    """Read the columns of times and prices of a CSV or Parquet file.

    Raises `ScenarioError`, one sentence with the remedy, for a file that cannot be read or lacks a column, too few
    rows, a price that is not positive, times that are not equally far apart, and prices that never move.
    """
    if not file.exists():
        raise ScenarioError(
            f"{file} does not exist; give a CSV or Parquet file with a column of times and one of prices"
        )
    columns = read_columns("fit", str(file), (time, price), time)
    times_seconds, prices = columns[time], columns[price]
    if len(prices) <= LEAST_RETURNS:
        raise ScenarioError(
            f"{file} has {len(prices):,} rows, too few to fit anything to; give {LEAST_RETURNS + 1} or more"
        )
    try:
        table.check_prices(prices, price, str(file))
        spacing_seconds = table.even_spacing(times_seconds, str(file))
    except Refusal as refusal:
        raise ScenarioError(str(refusal)) from None
    returns = np.diff(np.log(prices))
    if np.ptp(returns) == 0.0:
        raise ScenarioError(
            f"{file} has a column {price!r} that never changes its growth; give prices that move at random"
        )
    return History(str(file), prices, returns, spacing_seconds)
