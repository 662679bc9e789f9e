"""The grid of prices that orders rest on.

**Source**: exchange practice; a price is a whole number of ticks.
**Models**: a tick as the ratio of the decimal it is written as, so that 199999 ticks of 0.01 are 1999.99 and no more.
**Leaves out**: tick sizes that change with the price.
**Units**: quote per base.
**Invariants**: ticks -> price -> ticks is the identity.
"""

from fractions import Fraction
from math import inf

import numpy as np

from models.market.fill import InvalidPrice
from models.refusals import Refusal
from models.types import FloatArray, IntArray

MOST_TICKS = 2.0**53
SLACK = 1e-9
"""How far from a tick, in ticks, a price may be and still be on it."""
ROUNDING = 4e-16
"""Twice the relative rounding of a float64, which at many ticks is more than `SLACK`."""


class OffTick(Refusal):
    """A price between two ticks."""

    def __init__(self, price: float, tick: float) -> None:
        super().__init__(f"price {price!r} is not a multiple of the tick {tick!r}: round it to one")


class Grid:
    """Multiples of a tick.

    Attributes:
        tick: the step.
        numerator, denominator: the tick as a ratio of whole numbers.

    Raises:
        InvalidPrice: a tick that is not positive and finite.
    """

    __slots__ = ("denominator", "numerator", "tick")

    def __init__(self, tick: float) -> None:
        if not 0.0 < tick < inf:
            raise InvalidPrice(tick, "give a positive, finite tick")
        self.tick = float(tick)
        ratio = Fraction(str(self.tick))
        self.numerator, self.denominator = float(ratio.numerator), float(ratio.denominator)

    def ticks(self, price: float) -> int:
        """A price as a whole number of ticks.

        Raises:
            InvalidPrice: not positive and finite. OffTick: between two ticks.
        """
        ticks = price * self.denominator / self.numerator
        if not 0.0 < ticks < MOST_TICKS:
            raise InvalidPrice(price, "give a positive, finite price")
        whole = round(ticks)
        if (whole != ticks and abs(ticks - whole) > SLACK + ROUNDING * ticks) or whole == 0:
            raise OffTick(price, self.tick)
        return whole

    def all_ticks(self, prices: FloatArray) -> IntArray:
        """Prices as whole numbers of ticks, same shape.

        Raises:
            InvalidPrice, OffTick: as `ticks`, for the first price that cannot be used.
        """
        ticks = prices * self.denominator / self.numerator
        whole = np.rint(ticks)
        usable = (whole > 0.0) & (ticks < MOST_TICKS) & (np.abs(ticks - whole) <= SLACK + ROUNDING * ticks)
        for price in prices[~usable][:1].tolist():
            self.ticks(price)
        return whole.astype(np.int64)

    def price(self, ticks: float) -> float:
        """The price of a number of ticks."""
        return ticks * self.numerator / self.denominator
