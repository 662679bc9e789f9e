"""A mean of the price over a window of time.

**Source**: Uniswap v2, UniswapV2Pair.sol, cumulative price (arithmetic); Uniswap v3, Oracle.sol and OracleLibrary.sol,
cumulative tick (geometric). Both take two readings of a running total, a window apart.
**Models**: the price, or its logarithm, weighted with the seconds for which it stood, over exactly the last
`window_seconds`; of a block only partly in the window that part counts. A source without a price keeps its last one,
and before its first price it is taken to have had that one all along, for a pool does not begin with the path.
**Leaves out**: the price that a block shows counts for the seconds since the block before; the contracts count the
price that it ends with, for the seconds after it, so that they are one block later and blind to trades within one. The
rounding to ticks of 0.01 %, and the limited number of readings that a pool keeps.
**Units**: quote per unit, in and out; seconds.
**Invariants**: the report is within the smallest and the largest price of the window, and the geometric mean is not
above the arithmetic one. A window no longer than a block is the source itself.
"""

from math import exp, inf, log
from typing import Literal

from pydantic import Field

from models.parameters import Parameters


class TwapOracle:
    """Reports the mean over the window that ends now.

    The stretches of the window are summed as a queue of two stacks: `_old` has the sum of what came after each stretch
    up to the last turn, `_new` what has come since. Nothing is ever subtracted, so that no rounding is left behind
    however long the path and however far the fall, and a report costs the same whatever the window.
    """

    __slots__ = (
        "_first",
        "_geometric",
        "_new",
        "_new_sum",
        "_now_seconds",
        "_of_venue",
        "_old",
        "_price",
        "_seen",
        "_value",
        "_window_seconds",
        "updated_seconds",
    )

    def __init__(self, price: float, window_seconds: float, geometric: bool, of_venue: bool) -> None:
        self._window_seconds = window_seconds
        self._geometric = geometric
        self._of_venue = of_venue
        self.updated_seconds = 0.0
        self._now_seconds = 0.0
        self._old: list[tuple[float, float, float]] = []  # (end, value, sum of the later ones), the oldest last
        self._new: list[tuple[float, float, float]] = []  # (end, value, value times its seconds), the oldest first
        self._new_sum = 0.0
        self._seen = False
        self._first = price
        self._price = price
        self._value = 0.0 if geometric else price

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The mean over the window, this block's price included."""
        price = venue if self._of_venue else reference
        if 0.0 < price < inf:
            if not self._seen:
                self._seen = True
                self._begin(price)
            elif price != self._price:
                self._price = price
                self._value = log(price / self._first) if self._geometric else price
            self.updated_seconds = time_seconds
        value = self._value
        share = value * (time_seconds - self._now_seconds)
        self._now_seconds = time_seconds
        self._new.append((time_seconds, value, share))
        self._new_sum += share
        start = time_seconds - self._window_seconds
        old = self._old
        if not old:
            self._turn()
        end, value, later = old[-1]
        while end <= start:
            old.pop()
            if not old:
                self._turn()
            end, value, later = old[-1]
        if end == time_seconds:
            return self._price  # the whole window is this block's
        # The stretch at the start counts from there on; the first of all counts for the time before it too.
        mean = (value * (end - start) + later + self._new_sum) / (time_seconds - start)
        return self._first * exp(mean) if self._geometric else mean

    def _begin(self, price: float) -> None:
        """Let `price` be what the source has had until now; logarithms are taken relative to it."""
        self._first = self._price = price
        self._value = 0.0 if self._geometric else price
        self._old.clear()
        self._new.clear()
        self._new_sum = 0.0

    def _turn(self) -> None:
        """Make the new stretches the old ones; each is turned once."""
        later = 0.0
        while self._new:
            end, value, share = self._new.pop()
            self._old.append((end, value, later))
            later += share
        self._new_sum = 0.0


class TwapTerms(Parameters):
    """The mean of the venue's or of the reference price over a window."""

    kind: Literal["twap"] = "twap"
    window_seconds: float = Field(ge=1)
    mean: Literal["geometric", "arithmetic"] = "geometric"
    source: Literal["venue", "reference"] = "venue"

    @property
    def reads_venue(self) -> bool:
        """Whether it is the venue's price that is averaged."""
        return self.source == "venue"

    def start(self, price: float) -> TwapOracle:
        """The oracle at time 0, which reports `price` until its source has one."""
        return TwapOracle(price, self.window_seconds, self.mean == "geometric", self.source == "venue")
