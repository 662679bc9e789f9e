"""The positions of a concentrated pool: what is in each at a price, and the fees that it is owed.

**Source**: Adams, Zinsmeister, Salem, Keefer, Robinson, *Uniswap v3 Core*, 2021, section 6.
**Models**: positions between two prices, numbered in the order in which they come; the ranges that their bounds cut the
prices into; fees that a range earns, owed to the positions over it in proportion to their liquidity.
**Leaves out**: trades, which are walks over the ranges: see `models.market.ranges`.
**Units**: prices quote per base; liquidity is Δquote per Δ√price; a root is √price.
**Invariants**: fees are owed once; a range's liquidity is the exact sum of the positions over it.
"""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from models.market.fill import InvalidAmount, InvalidPrice
from models.market.ranges import BUY, END, LIQUIDITY, SELL, START
from models.refusals import Refusal


class UnknownPosition(Refusal):
    """A position that the pool has not."""

    def __init__(self, position: int, count: int) -> None:
        super().__init__(f"position is {position!r}: the pool has numbered its positions from 0 to {count - 1}")


class Position(NamedTuple):
    """Liquidity between two prices, and the fees that it was owed when the ranges were last counted."""

    lower_price: float
    upper_price: float
    liquidity: float
    base_owed: float = 0.0
    quote_owed: float = 0.0


class Positions:
    """Positions by number; the number stays theirs, also when they are empty.

    Attributes:
        ranges: shape (2, 3, ranges), as `models.market.ranges` walks over them.
        growth: shape (2, ranges), fees per unit of liquidity since they were last counted, as there.
        bounds: the prices between which the ranges are, the highest first.

    Raises:
        InvalidPrice, InvalidAmount: bounds or a liquidity that are none.
    """

    __slots__ = ("_listed", "bounds", "growth", "ranges")

    def __init__(self, positions: Iterable[tuple[float, float, float]]) -> None:
        self._listed = [_position(*position) for position in positions]
        self._lay_out()

    def __len__(self) -> int:
        return len(self._listed)

    @property
    def listed(self) -> list[tuple[float, float, float]]:
        """(lower price, upper price, liquidity) of every position."""
        return [position[:3] for position in self._listed]

    def add(self, positions: Iterable[tuple[float, float, float]]) -> range:
        """Open positions (lower price, upper price, liquidity), all or none; returns their numbers.

        Raises:
            InvalidPrice, InvalidAmount: bounds or a liquidity that are none.
        """
        opened = [_position(*position) for position in positions]
        self._count_fees()
        self._listed += opened
        self._lay_out()
        return range(len(self._listed) - len(opened), len(self._listed))

    def empty(self, numbers: Iterable[int]) -> None:
        """Take the liquidity out of positions that there are; what they are owed stays."""
        self._count_fees()
        for number in numbers:
            self._listed[number] = self._listed[number]._replace(liquidity=0.0)
        self._lay_out()

    def pay(self, numbers: Iterable[int]) -> None:
        """Owe positions that there are nothing any more."""
        self._count_fees()
        for number in numbers:
            self._listed[number] = self._listed[number]._replace(base_owed=0.0, quote_owed=0.0)

    def amounts(self, number: int, root: float) -> tuple[float, float]:
        """(base, quote) that a position's liquidity is at a price with this root.

        Raises:
            UnknownPosition: no such position.
        """
        lower, upper, liquidity, *_ = self._known(number)
        low, high = sqrt(lower), sqrt(upper)
        root = min(max(root, low), high)
        return liquidity * (high - root) / (high * root), liquidity * (root - low)

    def fees(self, number: int) -> tuple[float, float]:
        """(base, quote) of fees that a position is owed.

        Raises:
            UnknownPosition: no such position.
        """
        lower, upper, liquidity, base, quote = self._known(number)
        if liquidity == 0.0:
            return base, quote
        first = int(np.searchsorted(-self.ranges[SELL, START], -sqrt(upper)))
        last = int(np.searchsorted(-self.ranges[SELL, END], -sqrt(lower))) + 1
        count = self.growth.shape[1]
        return (
            base + liquidity * float(self.growth[SELL, first:last].sum()),
            quote + liquidity * float(self.growth[BUY, count - last : count - first].sum()),
        )

    def row_at(self, root: float) -> int:
        """The range, in the order of sales, of a price with this root; the lowest one for all prices below."""
        above = int(np.count_nonzero(self.ranges[SELL, END] >= root))
        return min(above, max(self.growth.shape[1] - 1, 0))

    def _known(self, number: int) -> Position:
        if not 0 <= number < len(self._listed):
            raise UnknownPosition(number, len(self._listed))
        return self._listed[number]

    def _count_fees(self) -> None:
        """Credit to the positions what the ranges have earned, before the ranges or the positions change."""
        for number, position in enumerate(self._listed):
            base, quote = self.fees(number)
            self._listed[number] = position._replace(base_owed=base, quote_owed=quote)
        self.growth[:] = 0.0

    def _lay_out(self) -> None:
        """Cut the prices into ranges at every bound, anew."""
        changes: defaultdict[float, Fraction] = defaultdict(Fraction)
        for lower, upper, liquidity, *_ in self._listed:
            if liquidity > 0.0:
                changes[lower] += Fraction(liquidity)
                changes[upper] -= Fraction(liquidity)
        self.bounds = sorted(changes, reverse=True)
        roots = np.sqrt(np.array(self.bounds))
        count = max(len(self.bounds) - 1, 0)
        self.ranges = np.zeros((2, 3, count))
        self.growth = np.zeros((2, count))
        # An exact running sum: a thin range beside a deep one keeps its digits.
        inside = Fraction(0)
        for row, bound in enumerate(self.bounds[:count]):
            inside -= changes[bound]
            self.ranges[SELL, LIQUIDITY, row] = float(inside)
        self.ranges[SELL, START], self.ranges[SELL, END] = roots[:-1], roots[1:]
        self.ranges[BUY, START], self.ranges[BUY, END] = 1.0 / roots[:0:-1], 1.0 / roots[-2::-1]
        self.ranges[BUY, LIQUIDITY] = self.ranges[SELL, LIQUIDITY, ::-1]


def _position(lower_price: float, upper_price: float, liquidity: float) -> Position:
    """A position that can be one.

    Raises:
        InvalidPrice, InvalidAmount: bounds or a liquidity that are none.
    """
    if not 0.0 < lower_price < inf:
        raise InvalidPrice(lower_price, "give a positive, finite lower bound")
    if not lower_price < upper_price < inf:
        raise InvalidPrice(upper_price, f"give a finite upper bound above the lower one, {lower_price!r}")
    if not 0.0 < liquidity < inf:
        raise InvalidAmount("liquidity", liquidity, "give a positive, finite one")
    return Position(float(lower_price), float(upper_price), float(liquidity))
