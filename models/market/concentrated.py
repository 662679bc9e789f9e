"""A pool of concentrated liquidity.

**Source**: Uniswap v3 (Adams, Zinsmeister, Salem, Keefer, Robinson, *Uniswap v3 Core*, 2021; v3-core 1.0.0).
**Models**: any number of positions, each a constant product between two prices; trades across as many ranges as it
takes; fees on what is given, kept apart and owed to the positions in range in proportion to their liquidity.
**Leaves out**: integer rounding, the grid of ticks (bounds are any prices), the protocol's share, the price oracle.
**Units**: prices quote per base; liquidity is Δquote per Δ√price, so √(base · quote) of a position without bounds.
**Invariants**: a swap changes no position's liquidity; fees are paid once; every bound is crossed at its own price.

With g = 1 - fee and L the liquidity of a range, a sale gives Δ(1/√p) L/g base for Δ√p L quote; the next unit is worth
g p. Where no position is in range nothing trades: the price of the next unit is that of the next range.
"""

from collections.abc import Iterable
from math import fsum, inf, nan, sqrt
from typing import NamedTuple

import numpy as np

from models.market.fill import (
    Fill,
    InvalidAmount,
    InvalidPrice,
    MakerTrade,
    StaleFill,
    check_swaps,
    gives_at_least,
    sale_of,
    sale_to,
    selling,
)
from models.market.near import NEAR, products
from models.market.positions import Positions
from models.market.ranges import BUY, END, GET, GIVE, LIQUIDITY, SELL, START, TO, arcs, share_out, trade_all, walk
from models.types import BoolArray, FloatArray, Side

UNISWAP_V3_FEE = 0.003
"""Uniswap v3: the middle one of the first fee tiers."""


class Reached(NamedTuple):
    """What a fill of this pool remembers: the state that was quoted, and where in it the trade ends."""

    state: object
    row: int
    root: float


class Concentrated:
    """Positions (lower price, upper price, liquidity) around one price, with a `fee` on what is given, kept apart.

    Positions are numbered: see `models.market.positions`.

    Attributes:
        price: marginal price without the fee; where no position is in range it stays where the last unit traded.
        fee: fraction of what is given.
        base, quote: units that the pool holds: what the positions are worth and the fees not yet collected.
        state: replaced at every change; a quote remembers it.

    Raises:
        InvalidPrice: a price that is not positive and finite, or bounds that are none.
        InvalidAmount: a liquidity that is not positive and finite, a fee outside [0, 1).
    """

    __slots__ = (
        "_growth", "_positions", "_ranges", "_roots", "_row", "base", "fee", "price", "quote", "state",
    )  # fmt: skip

    def __init__(
        self, price: float, positions: Iterable[tuple[float, float, float]], fee: float = UNISWAP_V3_FEE
    ) -> None:
        if not 0.0 < price < inf:
            raise InvalidPrice(price, "give a positive, finite price")
        if not 0.0 <= fee < 1.0:
            raise InvalidAmount("fee", fee, "give a fraction from 0 to below 1")
        self.price = float(price)
        self.fee = float(fee)
        self._positions = Positions(positions)
        self._roots = (sqrt(self.price), 1.0 / sqrt(self.price))
        self._look()
        amounts = [self.amounts(number) for number in range(len(self._positions))]
        self.base = fsum(base for base, _ in amounts)
        self.quote = fsum(quote for _, quote in amounts)

    @property
    def bid(self) -> float:
        """Marginal price of a sale, fee included; nan when no position holds quote."""
        _, root = self._front(SELL)
        return (1.0 - self.fee) * root * root if root else nan

    @property
    def ask(self) -> float:
        """Marginal price of a purchase, fee included; nan when no position holds base."""
        _, root = self._front(BUY)
        return 1.0 / ((1.0 - self.fee) * root * root) if root else nan

    @property
    def positions(self) -> list[tuple[float, float, float]]:
        """(lower price, upper price, liquidity) of every position; the liquidity is 0 when it was removed."""
        return self._positions.listed

    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount`; incomplete when the positions run out.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        return self._quote(side, sells, GIVE, (1.0 - self.fee) * amount, given=amount)

    def quote_out(self, side: Side, amount: float) -> Fill:
        """The taker gets exactly `amount`; incomplete when the positions run out.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        return self._quote(side, sells, GET, amount, got=amount)

    def quote_to(self, side: Side, price: float) -> Fill:
        """Trade until the marginal price is `price`; incomplete when the positions run out before it.

        Raises:
            InvalidSide, InvalidPrice: the request makes no sense.
        """
        sells, price = sale_to(side, price), float(price)
        number, keep = (SELL if sells else BUY), 1.0 - self.fee
        row, root = self._front(number)
        rate = price if sells else (1.0 / price if price else inf)
        target = sqrt(rate / keep)
        if abs(keep * root * root - rate) < NEAR * rate < inf:
            gap = self._gap(number, row, price)
            growth = gap / (1.0 + sqrt(1.0 + gap)) if gap > 0.0 else 0.0
            if growth > 0.0 and self._ranges.item(number, END, row) * (1.0 + growth) < root:
                net = self._ranges.item(number, LIQUIDITY, row) / root * growth
                return self._quote(side, sells, GIVE, net)._replace(price_after=price)
            target = max(target, root) if gap <= 0.0 else target
        fill = self._quote(side, sells, TO, target)
        return fill._replace(price_after=price) if fill.amount_in > 0.0 and self._end(fill).root == target else fill

    def check(self, fill: Fill) -> None:
        """Refuse what `settle` would refuse.

        Raises:
            StaleFill: the pool no longer gives as much.
        """
        if not self._fresh(fill) and not gives_at_least(self.quote_in(fill.side, fill.amount_in), fill):
            raise StaleFill(fill)

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Apply a fill as it was quoted; what the pool would give by now on top of it is a fee of the last range.

        Returns:
            An empty list: positions are paid when they are removed or collect.

        Raises:
            StaleFill: the pool no longer gives as much.
        """
        self.check(fill)
        if fill.amount_in == 0.0:
            return []
        now = fill if self._fresh(fill) else self.quote_in(fill.side, fill.amount_in)
        number = SELL if fill.side == "sell" else BUY
        _, row, root = self._end(now)
        share_out(
            self._ranges, self._growth, number, self._row_of(number), self._roots[number], row,
            self.fee, self.fee * fill.amount_in,
        )  # fmt: skip
        surplus = now.amount_out - fill.amount_out
        if surplus > 0.0:
            self._growth[1 - number, -1 - row] += surplus / self._ranges[number, LIQUIDITY, row]
        if number == SELL:
            self.base += fill.amount_in
            self.quote = max(self.quote - fill.amount_out, 0.0)
            self._move(row, root, 1.0 / root)
        else:
            self.quote += fill.amount_in
            self.base = max(self.base - fill.amount_out, 0.0)
            self._move(self._growth.shape[1] - 1 - row, 1.0 / root, root)
        return []

    def swap_many(self, sells: BoolArray, amounts: FloatArray) -> FloatArray:
        """Quote an amount in and settle it, one after the other, in compiled code.

        Args:
            sells: shape (trades,), whether the taker gives base.
            amounts: shape (trades,), what the taker gives; less is taken where the positions run out.

        Returns:
            Shape (2, trades): given and got.

        Raises:
            InvalidAmount: an amount that is negative or not finite, or not one for each side.
        """
        check_swaps(sells, amounts)
        roots, held = np.array(self._roots), np.array((self.base, self.quote))
        trades: FloatArray
        trades, row = trade_all(self._ranges, self._growth, roots, held, self._row, sells, amounts, self.fee)
        if trades.any():
            self.base, self.quote = held.tolist()
            self._move(row, *roots.tolist())
        return trades

    def add(self, lower_price: float, upper_price: float, liquidity: float) -> int:
        """Open a position at the present price; returns its number. `amounts` says what it takes.

        Raises:
            InvalidPrice, InvalidAmount: bounds or a liquidity that are none.
        """
        return self.add_many([(lower_price, upper_price, liquidity)])[0]

    def add_many(self, positions: Iterable[tuple[float, float, float]]) -> range:
        """Open positions (lower price, upper price, liquidity) as `add` does, all or none; returns their numbers.

        Raises:
            InvalidPrice, InvalidAmount: bounds or a liquidity that are none.
        """
        numbers = self._positions.add(positions)
        self._look()
        amounts = [self.amounts(number) for number in numbers]
        self.base += fsum(base for base, _ in amounts)
        self.quote += fsum(quote for _, quote in amounts)
        return numbers

    def remove(self, position: int) -> tuple[float, float]:
        """Take out a position's liquidity; returns the (base, quote) taken. Its fees stay until it collects them.

        Raises:
            UnknownPosition: no such position.
        """
        return self.remove_many([position])[0]

    def remove_many(self, positions: Iterable[int]) -> list[tuple[float, float]]:
        """`remove` positions, each named once, all or none; returns the (base, quote) of each.

        Raises:
            UnknownPosition: no such position.
        """
        numbers = list(positions)
        amounts = [self.amounts(number) for number in numbers]
        self._positions.empty(numbers)
        self._look()
        self._pay_out(amounts)
        return amounts

    def collect(self, position: int) -> tuple[float, float]:
        """Pay out the fees that a position is owed; returns (base, quote).

        Raises:
            UnknownPosition: no such position.
        """
        return self.collect_many([position])[0]

    def collect_many(self, positions: Iterable[int]) -> list[tuple[float, float]]:
        """`collect` the fees of positions, each named once, all or none; returns the (base, quote) of each.

        Raises:
            UnknownPosition: no such position.
        """
        numbers = list(positions)
        fees = [self.fees(number) for number in numbers]
        self._positions.pay(numbers)
        self._pay_out(fees)
        self.state = object()
        return fees

    def amounts(self, position: int) -> tuple[float, float]:
        """(base, quote) that a position's liquidity is at the present price, without its fees.

        Raises:
            UnknownPosition: no such position.
        """
        return self._positions.amounts(position, self._roots[SELL])

    def fees(self, position: int) -> tuple[float, float]:
        """(base, quote) of fees that a position is owed.

        Raises:
            UnknownPosition: no such position.
        """
        return self._positions.fees(position)

    def segments(self, side: Side) -> FloatArray:
        """One arc of the ladder for each range that is left, shape (4, ranges): see `models.market.ladder`."""
        number = SELL if selling(side) else BUY
        listed: FloatArray = arcs(self._ranges, number, self._row_of(number), self._roots[number], 1.0 - self.fee)
        return listed

    def _quote(
        self, side: Side, sells: bool, measure: int, amount: float, given: float | None = None, got: float | None = None
    ) -> Fill:
        """The fill of a walk; `given` and `got` stand in for what it adds up to when it is complete."""
        keep = 1.0 - self.fee
        number = SELL if sells else BUY
        missing, net, out, first, root, row = walk(
            self._ranges, number, self._row_of(number), self._roots[number], measure, amount
        )
        complete = missing == 0.0
        if given is None or not complete:
            given = net / keep
        if got is None or not complete:
            got = min(out, self.quote if sells else self.base)
        if first == 0.0:
            before = after = nan
        else:
            last = root if net > 0.0 else first
            before, after = keep * first * first, keep * last * last
            if not sells:
                before, after = 1.0 / before, 1.0 / after
        return Fill(side, given, got, self.fee * given, before, after, complete, (), Reached(self.state, row, root))

    def _front(self, number: int) -> tuple[int, float]:
        """The range in which the next unit of a side trades and the root at which it does; 0 when nothing is left."""
        root = self._roots[number]
        ranges = self._ranges
        for row in range(self._row_of(number), ranges.shape[2]):
            top = min(root, ranges.item(number, START, row))
            if ranges.item(number, LIQUIDITY, row) > 0.0 and top > ranges.item(number, END, row):
                return row, top
        return 0, 0.0

    def _gap(self, number: int, row: int, price: float) -> float:
        """bid/price - 1 for a sale, price/ask - 1 for a purchase, of exact products since the difference cancels.

        The present price is that of the bound at which the range begins, or within it the square of the root.
        """
        root, fee = self._roots[SELL], self.fee
        beyond = self._roots[number] > self._ranges.item(number, START, row)
        bound = self._positions.bounds[row if number == SELL else -1 - row]
        present = (bound,) if beyond else products(root, root)
        if number == SELL:
            fees = [part for square in present for part in products(-fee, square)]
            return fsum((*present, *fees, -price)) / price
        return fsum((price, *products(-fee, price), *(-square for square in present))) / fsum(present)

    @staticmethod
    def _end(fill: Fill) -> Reached:
        assert isinstance(fill.state, Reached)
        return fill.state

    def _fresh(self, fill: Fill) -> bool:
        return isinstance(fill.state, Reached) and fill.state.state is self.state

    def _row_of(self, number: int) -> int:
        """The range of the price in the order of a side."""
        return self._row if number == SELL else max(self._growth.shape[1] - 1 - self._row, 0)

    def _move(self, row: int, root: float, inverse: float) -> None:
        self._row = row
        self._roots = (root, inverse)
        self.price = root * root
        self.state = object()

    def _pay_out(self, amounts: list[tuple[float, float]]) -> None:
        """Amounts (base, quote) have been taken out of positions."""
        self.base = max(self.base - fsum(base for base, _ in amounts), 0.0)
        self.quote = max(self.quote - fsum(quote for _, quote in amounts), 0.0)

    def _look(self) -> None:
        """Positions have changed: their ranges anew, and a new state."""
        self._ranges, self._growth = self._positions.ranges, self._positions.growth
        self._row = self._positions.row_at(self._roots[SELL])
        self.state = object()
