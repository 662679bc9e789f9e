"""One side of an order book as a taker without a name meets it.

**Source**: walking the book: levels are taken whole, best first, the last one in part.
**Models**: the book's answer to an amount given, an amount got, or a price, by bisection of running sums.
**Leaves out**: whose orders they are and in which order they stand, which only settling needs.
**Units**: base and quote; prices net of the taker's fee.
**Invariants**: a side is a picture of one state of the book and never changes.
"""

from bisect import bisect_left
from math import inf, nan
from typing import NamedTuple

from models.market.fill import DUST, SAME_PRICE, Fill
from models.types import FloatArray, Side


class BookSide(NamedTuple):
    """The levels, best first; running sums are lists, because a quote is then two bisections and no call.

    Attributes:
        side: what the taker does.
        segments: shape (4, levels), as the ladder takes them.
        given, got: what the taker has given and got with each level taken whole.
        prices: marginal taker prices.
        fee: fraction of what the taker gives.
        state: the state of the book that this is a picture of.
    """

    side: Side
    segments: FloatArray
    given: list[float]
    got: list[float]
    prices: list[float]
    fee: float
    state: object

    def quote_in(self, amount: float) -> Fill:
        """The taker gives exactly `amount`."""
        given, got = self.given, self.got
        level, whole = _end(given, amount)
        if level == len(given):
            return self._whole(level, False)
        price = self.prices[level]
        taken = got[level]
        if not whole:
            rest = amount - given[level - 1] if level else amount
            part = rest * price if self.side == "sell" else rest / price
            taken = got[level - 1] + part if level else part
        return Fill(self.side, amount, taken, self.fee * amount, self.prices[0], price, True, (), self.state)

    def quote_out(self, amount: float) -> Fill:
        """The taker gets exactly `amount`."""
        given, got = self.given, self.got
        level, whole = _end(got, amount)
        if level == len(got):
            return self._whole(level, False)
        price = self.prices[level]
        paid = given[level]
        if not whole:
            rest = amount - got[level - 1] if level else amount
            part = rest / price if self.side == "sell" else rest * price
            paid = given[level - 1] + part if level else part
        return Fill(self.side, paid, amount, self.fee * paid, self.prices[0], price, True, (), self.state)

    def quote_to(self, price: float) -> Fill:
        """Every level strictly better than `price`; incomplete when none is left at it or beyond."""
        prices = self.prices
        if self.side == "sell":
            better = bisect_left(prices, -price * (1.0 + SAME_PRICE), key=float.__neg__)
        else:
            better = bisect_left(prices, price * (1.0 - SAME_PRICE))
        return self._whole(better, better < len(prices))

    def parted(self, base: float) -> tuple[int, float]:
        """The levels that an amount of base takes whole, and what it takes of the next one."""
        sums = self.given if self.side == "sell" else self.got
        level, whole = _end(sums, base)
        if whole or level == len(sums):
            return min(level + 1, len(sums)), 0.0
        return level, base - sums[level - 1] if level else base

    def _whole(self, levels: int, complete: bool) -> Fill:
        """The first `levels` levels, and nothing of the next."""
        prices = self.prices
        if levels == 0:
            best = prices[0] if prices else nan
            return Fill(self.side, 0.0, 0.0, 0.0, best, best, complete, (), self.state)
        given = self.given[levels - 1]
        fee = self.fee * given
        return Fill(
            self.side, given, self.got[levels - 1], fee, prices[0], prices[levels - 1], complete, (), self.state
        )


def _end(sums: list[float], amount: float) -> tuple[int, bool]:
    """The level in which an amount of a running sum ends, and whether it takes that level whole.

    An amount that misses the end of a level by no more than a rounding means that end; of two such ends, the nearer.
    """
    level = bisect_left(sums, amount)
    dust = DUST * amount
    above = sums[level] - amount if level < len(sums) else inf
    below = amount - sums[level - 1] if level else inf
    if below <= dust and below < above:
        return level - 1, True
    return level, above <= dust
