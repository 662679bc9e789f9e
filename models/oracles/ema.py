"""A mean of the price in which the past fades exponentially.

**Source**: Curve's crvUSD markets, the moving average of the pools' price oracles: p = cur (1 - a) + last a with
a = exp(-dt / T); T was 600 s at deployment, about 866 s in other pools (a half-life of ten minutes).
**Models**: that rule in every block, with dt the seconds since the block before. A source without a price keeps its
last one, and before its first price it is taken to have had that one all along.
**Leaves out**: in the pools `cur` is the last price before this block, one block later than here; the weighting of
several pools, the bounds by another feed (see `bounded`), the price of crvUSD itself.
**Units**: quote per unit, in and out; seconds.
**Invariants**: the report lies between the report before and the source. With T towards 0 it is the source; what
remains of a step after t seconds is exp(-t / T) of it, however many blocks they were.
"""

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from models.parameters import Parameters


class EmaOracle:
    """Reports the exponential moving average."""

    __slots__ = ("_average", "_last", "_now_seconds", "_of_venue", "_seen", "_time_seconds", "updated_seconds")

    def __init__(self, price: float, time_seconds: float, of_venue: bool) -> None:
        self._time_seconds = time_seconds
        self._of_venue = of_venue
        self.updated_seconds = 0.0
        self._average = price
        self._last = price
        self._seen = False
        self._now_seconds = 0.0

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The average, this block's price included."""
        price = venue if self._of_venue else reference
        if 0.0 < price < math.inf:
            if not self._seen:
                self._seen = True
                self._average = price
            self._last = price
            self.updated_seconds = time_seconds
        keep = math.exp((self._now_seconds - time_seconds) / self._time_seconds)
        self._now_seconds = time_seconds
        # The rule, written so that a price that stands still is reported to the last digit.
        self._average = self._last + keep * (self._average - self._last)
        return self._average


class EmaTerms(Parameters):
    """The moving average of the venue's or of the reference price.

    Its memory is `time_seconds` T, after which 1/e of a step remains, or `half_life_seconds`, after which half does.
    """

    kind: Literal["ema"] = "ema"
    time_seconds: float | None = Field(None, gt=0)
    half_life_seconds: float | None = Field(None, gt=0)
    source: Literal["venue", "reference"] = "venue"

    @model_validator(mode="after")
    def _one_memory(self) -> Self:
        if (self.time_seconds is None) == (self.half_life_seconds is None):
            given = "nothing says" if self.time_seconds is None else "time_seconds and half_life_seconds both say"
            raise ValueError(f"{given} how long its memory is; give either time_seconds or half_life_seconds")
        return self

    @property
    def reads_venue(self) -> bool:
        """Whether it is the venue's price that is averaged."""
        return self.source == "venue"

    def start(self, price: float) -> EmaOracle:
        """The oracle at time 0, which reports `price` until its source has one."""
        seconds = self.time_seconds or (self.half_life_seconds or 0.0) / math.log(2.0)  # one of the two is given
        return EmaOracle(price, seconds, self.source == "venue")
