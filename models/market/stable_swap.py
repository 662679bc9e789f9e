"""A pool of two coins that trade near par.

**Source**: Egorov, *StableSwap*, 2019; Curve's first pools (curve-contract, StableSwap3Pool.vy), here for two coins.
**Models**: a (x + y) + D = a D + D³/(4xy) with a = 2A and x = rate · base, y = quote; the fee on what is got, which
stays in the pool; shares in it, D at the start, added and removed in proportion to the reserves only.
**Leaves out**: integer rounding, the administrator's share of the fee, ramps of A, fees of unbalanced deposits.
**Units**: reserves in units of base and quote; prices quote per base, fee included; A as the contracts and their pages
state it (A·n multiplies the sum; the A of the paper is half of it for two coins).
**Invariants**: D never falls in a trade; a quote changes nothing; neither reserve reaches zero.

The fee is taken from what is got, as in Curve, so `amount_in` trades in full and the taker gets 1 - fee of it. A fill
states its fee in what is given: the share `fee` of it, which is what the part withheld is worth at the trade's own
average price before fees.
"""

from decimal import Decimal, localcontext
from math import fsum, inf
from typing import Literal

import numpy as np
from pydantic import Field

from models.market import stable_curve
from models.market.fill import (
    Fill,
    InvalidAmount,
    InvalidPrice,
    MakerTrade,
    sale_of,
    sale_to,
    selling,
)
from models.market.ladder import GIVE
from models.market.near import products
from models.market.reserves import ReservePool, ReserveTerms
from models.market.shares import Shares
from models.types import FloatArray, Side

CURVE_FEE = 0.0004
"""Curve's first pools of two and three coins: 0.04 % of what is got."""

DIGITS = 50
"""Decimal digits in which a trade to a price is finished: enough to keep a float64's after a difference."""


class StableSwap(ReservePool):
    """A pool of `base` and `quote` on Curve's invariant, with a `fee` on what is got, kept in the pool.

    Attributes:
        amplification: A as Curve states it; 0 is a constant product.
        fee: fraction of what is got.
        rate: quote value of one base at balance.
        invariant: D, in quote: the value of the pool when it is in balance.
        base, quote, shares, state: see `ReservePool`.

    Raises:
        InvalidAmount: a reserve that is not positive and finite, a negative amplification, a fee outside [0, 1).
        InvalidPrice: a rate that is not positive and finite.
    """

    __slots__ = ("_curvature", "_points", "amplification", "invariant", "rate")

    def __init__(
        self, base: float, quote: float, amplification: float, fee: float = CURVE_FEE, rate: float = 1.0
    ) -> None:
        super().__init__(base, quote, fee)
        if not 0.0 <= amplification < inf:
            raise InvalidAmount("amplification", amplification, "give a finite one of zero or more")
        if not 0.0 < rate < inf:
            raise InvalidPrice(rate, "give a positive, finite rate")
        self.amplification = float(amplification)
        self.rate = float(rate)
        self._hold(self.base, self.quote)
        self.shares = Shares(self.invariant)

    @property
    def bid(self) -> float:
        """Marginal price of a sale, fee included."""
        return self._price("sell", stable_curve.marginal_rate(*self._curve(True)))

    @property
    def ask(self) -> float:
        """Marginal price of a purchase, fee included."""
        return self._price("buy", stable_curve.marginal_rate(*self._curve(False)))

    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount`.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        unit_in, unit_out, keep = self._units(sells)
        got, after = stable_curve.trade_in(*self._curve(sells), unit_in * amount)
        return self._fill(side, sells, amount, keep * got / unit_out, after)

    def quote_out(self, side: Side, amount: float) -> Fill:
        """The taker gets exactly `amount`; for all there is to get, or more, the fill is endless and incomplete.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        unit_in, unit_out, keep = self._units(sells)
        held = self.quote if sells else self.base
        # Exact products: the difference is all that is left of a pool that is drained.
        left = fsum((held, *products(-self.fee, held), -amount))
        if left <= 0.0:
            return self._drained(side, sells)
        worth = unit_out / keep
        given, after = stable_curve.trade_out(*self._curve(sells), worth * amount, worth * left)
        return self._fill(side, sells, given / unit_in, amount, after)

    def quote_to(self, side: Side, price: float) -> Fill:
        """Trade until the marginal price is `price`, to the last digits; see the module.

        A sale to 0 and a purchase to infinity are endless and incomplete.

        Raises:
            InvalidSide, InvalidPrice: the request makes no sense.
        """
        sells, price = sale_to(side, price), float(price)
        if price == (0.0 if sells else inf):
            return self._drained(side, sells)
        if price >= self.bid * (1.0 + 1e-9) if sells else price <= self.ask * (1.0 - 1e-9):
            return self.quote_in(side, 0.0)
        with localcontext(prec=DIGITS):
            rate, keep, target = Decimal(self.rate), 1 - Decimal(self.fee), Decimal(price)
            x, y, a = rate * Decimal(self.base), Decimal(self.quote), 2 * Decimal(self.amplification)
            if sells:
                grown, left = stable_curve.reserves_at(x, y, a, self.invariant, target / (rate * keep))
                given, got = float((grown - x) / rate), float(keep * (y - left))
            else:
                grown, left = stable_curve.reserves_at(y, x, a, self.invariant, rate / (target * keep))
                given, got = float(grown - y), float(keep * (x - left) / rate)
        if given <= 0.0:
            return self.quote_in(side, 0.0)
        return self._fill(side, sells, given, got, 1.0)._replace(price_after=price)

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Apply a fill as it was quoted; what the pool would give by now on top of it stays in the pool.

        Returns:
            An empty list: the liquidity belongs to the pool as a whole.

        Raises:
            StaleFill: the pool no longer gives as much. EndlessFill: nothing would be left in it.
        """
        self.check(fill)
        # The fee is withheld from what is got: that is the asset in which the owners have it.
        kept = fill.amount_out * self.fee / (1.0 - self.fee) / self.shares.total
        if fill.side == "sell":
            self._hold(self.base + fill.amount_in, self.quote - fill.amount_out)
            self.shares.quote_fees += kept
        else:
            self._hold(self.base - fill.amount_out, self.quote + fill.amount_in)
            self.shares.base_fees += kept
        return []

    def segments(self, side: Side) -> FloatArray:
        """The curve as arcs between a few dozen of its points, shape (4, arcs): see `arcs`."""
        return self.arcs(side, GIVE, np.empty(0))

    def arcs(self, side: Side, row: int, amounts: FloatArray) -> FloatArray:
        """Arcs that meet the curve at its start and at amounts given or got: see `models.market.ladder.Curved`.

        Args:
            side: what the taker does with the base.
            row: GIVE or GET, what the amounts are.
            amounts: ascending; those that are not positive, or more than there is, are passed over.

        Returns:
            Shape (4, arcs); the last arc has no end.
        """
        sells = selling(side)
        curve, units = self._curve(sells), self._units(sells)
        points = self._points.get(side)
        if points is None:
            points = self._points[side] = np.sort(stable_curve.points_along(*curve, self.invariant, *units))
        arcs: FloatArray = stable_curve.arcs_along(*curve, points, row, amounts, *units)
        return arcs

    def reach(self, side: Side, row: int, rates: FloatArray) -> FloatArray:
        """Amounts given or got until the rate is down to each of `rates`: see `models.market.ladder.Curved`.

        In compiled floats: right to a rounding of the reserves, where `quote_to` is to one of the amount.
        """
        sells = selling(side)
        amounts: FloatArray = stable_curve.amounts_to(
            *self._curve(sells), self.invariant, row, rates, *self._units(sells)
        )
        return amounts

    def _hold(self, base: float, quote: float) -> None:
        """Take new reserves and find their invariant."""
        self.base, self.quote = base, quote
        x, y, a = self.rate * base, quote, 2.0 * self.amplification
        self.invariant = stable_curve.invariant(x, y, a)
        self._curvature = self.invariant * (self.invariant / (2.0 * x)) * (self.invariant / (2.0 * y))
        self._points: dict[Side, FloatArray] = {}
        self.state = object()

    def _curve(self, sells: bool) -> tuple[float, float, float, float]:
        """(reserve given to, reserve got from, a, D³/(4xy)), in quote."""
        x, y = self.rate * self.base, self.quote
        return (
            (x, y, 2.0 * self.amplification, self._curvature)
            if sells
            else (y, x, 2.0 * self.amplification, self._curvature)
        )

    def _units(self, sells: bool) -> tuple[float, float, float]:
        """(worth in quote of a unit given, of a unit got, part of what is got that the taker keeps)."""
        return (self.rate, 1.0, 1.0 - self.fee) if sells else (1.0, self.rate, 1.0 - self.fee)

    def _price(self, side: Side, marginal: float) -> float:
        """The taker's price of a marginal amount got for one given, both in quote and before the fee."""
        kept = (1.0 - self.fee) * marginal
        if side == "sell":
            return self.rate * kept
        return self.rate / kept if kept > 0.0 else inf

    def _fill(self, side: Side, sells: bool, given: float, got: float, after: float) -> Fill:
        before = self.bid if sells else self.ask
        after = self._price(side, after) if given > 0.0 else before
        return Fill(side, given, got, self.fee * given, before, after, True, (), self.state)

    def _drained(self, side: Side, sells: bool) -> Fill:
        before, after, held = (self.bid, 0.0, self.quote) if sells else (self.ask, inf, self.base)
        got = (1.0 - self.fee) * held
        return Fill(side, inf, got, inf if self.fee else 0.0, before, after, False, (), self.state)


class StableSwapTerms(ReserveTerms):
    """A stable-swap pool in a scenario; without a `rate` that is the reference price at the start."""

    kind: Literal["stable_swap"] = "stable_swap"
    amplification: float = Field(ge=0)
    fee: float = Field(default=CURVE_FEE, ge=0, lt=1)
    rate: float | None = Field(default=None, gt=0)

    def build(self, reference_price: float) -> StableSwap:
        """The pool; sides that are not given are worth the same at `reference_price`."""
        rate = reference_price if self.rate is None else self.rate
        return StableSwap(*self.reserves(reference_price), self.amplification, self.fee, rate)
