"""A constant-product pool.

**Source**: Uniswap v2 (Adams, Zinsmeister, Robinson, *Uniswap v2 Core*, 2020; UniswapV2Library, v2-periphery 1.1.0).
**Models**: x y = k with a fee on what is given, which stays in the pool; shares in it, √(xy) at the start.
**Leaves out**: integer rounding, the minimum liquidity that is locked for ever, the protocol's share of the fee.
**Units**: reserves in units of base and quote; prices quote per base, fee included.
**Invariants**: k never falls in a trade; a quote changes nothing; neither reserve reaches zero.

With g = 1 - fee, reserves (x, y) and a sale of d base: out = y gd / (x + gd), marginal price m = gxy / (x + gd)². In
both directions, with r the marginal amount out for one in, Δin = A Δ(1/√r) and Δout = -A Δ√r, where A = √(xy/g).
"""

from math import fsum, inf, nan, sqrt
from typing import Literal

import numpy as np
from pydantic import Field

from models.compiled import compiled
from models.market.fill import (
    EndlessFill,
    Fill,
    MakerTrade,
    check_swaps,
    sale_of,
    sale_to,
    selling,
)
from models.market.near import NEAR, products
from models.market.reserves import ReservePool, ReserveTerms
from models.market.shares import Shares
from models.types import BoolArray, FloatArray, Side

UNISWAP_V2_FEE = 0.003
"""Uniswap v2: 0.30 % of what is given."""


class ConstantProduct(ReservePool):
    """A pool of `base` and `quote` with x y = k and a `fee` on what is given, kept in the pool.

    Attributes:
        bid, ask: marginal prices of a sale, g y/x, and of a purchase, y/(g x).
        fee: fraction of what is given.
        base, quote, shares, state: see `ReservePool`.

    Raises:
        InvalidAmount: a reserve that is not positive and finite, a fee outside [0, 1).
    """

    __slots__ = ("ask", "bid")

    def __init__(self, base: float, quote: float, fee: float = UNISWAP_V2_FEE) -> None:
        super().__init__(base, quote, fee)
        self._hold(self.base, self.quote)
        self.shares = Shares(sqrt(self.base) * sqrt(self.quote))

    def _hold(self, base: float, quote: float) -> None:
        """Have these reserves from now on; prices are read far more often than they change."""
        self.base, self.quote = base, quote
        keep = 1.0 - self.fee
        self.bid = keep * quote / base
        self.ask = quote / (keep * base)
        self.state = object()

    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount`.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        reserve_in, reserve_out = (self.base, self.quote) if sells else (self.quote, self.base)
        net = (1.0 - self.fee) * amount
        grown = reserve_in + net
        shrink = reserve_in / grown
        return self._fill(side, sells, amount, reserve_out * (net / grown), shrink)

    def quote_out(self, side: Side, amount: float) -> Fill:
        """The taker gets exactly `amount`; for the whole reserve or more the fill is endless and incomplete.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        reserve_in, reserve_out = (self.base, self.quote) if sells else (self.quote, self.base)
        if amount >= reserve_out:
            return self._drained(side, sells)
        left = reserve_out - amount
        return self._fill(side, sells, reserve_in * (amount / left) / (1.0 - self.fee), amount, left / reserve_out)

    def quote_to(self, side: Side, price: float) -> Fill:
        """Trade until the marginal price is `price`: in = (√(gxy/price) - x)/g for a sale.

        A sale to 0 and a purchase to infinity are endless and incomplete.

        Raises:
            InvalidSide, InvalidPrice: the request makes no sense.
        """
        sells, price = sale_to(side, price), float(price)
        if price == (0.0 if sells else inf):
            return self._drained(side, sells)
        best = self.bid if sells else self.ask
        gap = best / price - 1.0 if sells else price / best - 1.0
        if abs(gap) < NEAR:
            gap = self._gap(sells, price)
        if gap <= 0.0:
            return self._fill(side, sells, 0.0, 0.0, 1.0)
        # With gap = r/r_target - 1 the reserve given grows by √(1 + gap) - 1, in the form that keeps small digits.
        growth = gap / (1.0 + sqrt(1.0 + gap))
        reserve_in, reserve_out = (self.base, self.quote) if sells else (self.quote, self.base)
        given = reserve_in * growth / (1.0 - self.fee)
        got = reserve_out * (growth / (1.0 + growth))
        return Fill(side, given, got, self.fee * given, best, price, True, (), self.state)

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Apply a fill as it was quoted; what the pool would give by now on top of it stays in the pool.

        Returns:
            An empty list: the liquidity belongs to the pool as a whole.

        Raises:
            StaleFill: the pool no longer gives as much. EndlessFill: nothing would be left in it.
        """
        self.check(fill)
        shares = self.shares
        if fill.side == "sell":
            shares.base_fees += fill.fee / shares.total
            self._hold(self.base + fill.amount_in, self.quote - fill.amount_out)
        else:
            shares.quote_fees += fill.fee / shares.total
            self._hold(self.base - fill.amount_out, self.quote + fill.amount_in)
        return []

    def swap_many(self, sells: BoolArray, amounts: FloatArray) -> FloatArray:
        """Quote an amount in and settle it, one after the other, in compiled code.

        Args:
            sells: shape (trades,), whether the taker gives base.
            amounts: shape (trades,), what the taker gives.

        Returns:
            Shape (2, trades): given and got.

        Raises:
            InvalidAmount: an amount that is negative or not finite, or not one for each side. EndlessFill: a trade so
                large that nothing would be left. Nothing is done in either case.
        """
        check_swaps(sells, amounts)
        held = np.array((self.base, self.quote))
        got, done = _swap_all(held, sells, amounts, self.fee)
        if done < len(got):
            side: Side = "sell" if sells[done] else "buy"
            given, last = float(amounts[done]), float(got[done])
            raise EndlessFill(Fill(side, given, last, self.fee * given, nan, nan, False))
        if len(got):
            self._hold(*held.tolist())
            self.shares.base_fees += self.fee * float(amounts[sells].sum()) / self.shares.total
            self.shares.quote_fees += self.fee * float(amounts[~sells].sum()) / self.shares.total
        trades: FloatArray = np.stack((amounts, got))
        return trades

    def segments(self, side: Side) -> FloatArray:
        """The pool as one arc of the ladder without an end, shape (4, 1): see `models.market.ladder`."""
        keep = 1.0 - self.fee
        rate = keep * self.quote / self.base if selling(side) else keep * self.base / self.quote
        weight = sqrt(self.base * self.quote / keep)
        return np.array((rate, 0.0, weight, weight)).reshape(4, 1)

    def _fill(self, side: Side, sells: bool, given: float, got: float, shrink: float) -> Fill:
        """A fill under which the ratio reserve before / reserve after, fee outside, is `shrink` on the given side."""
        if sells:
            before = self.bid
            after = before * shrink * shrink
        else:
            before, square = self.ask, shrink * shrink
            after = before / square if square > 0.0 else inf  # of a purchase with more than floats can square
        return Fill(side, given, got, self.fee * given, before, after, True, (), self.state)

    def _drained(self, side: Side, sells: bool) -> Fill:
        before, after, got = (self.bid, 0.0, self.quote) if sells else (self.ask, inf, self.base)
        return Fill(side, inf, got, inf if self.fee else 0.0, before, after, False, (), self.state)

    def _gap(self, sells: bool, price: float) -> float:
        """bid/price - 1 for a sale, price/ask - 1 for a purchase, right to the last digits however small it is.

        (gy - px)/(px) and (gpx - y)/y: the difference cancels when the target is near, hence exact products.
        """
        product = price * self.base
        error = fsum((-product, *products(price, self.base)))
        if sells:
            return fsum((self.quote, *products(-self.fee, self.quote), -product, -error)) / product
        return fsum((product, error, -self.quote, *products(-self.fee, product), -self.fee * error)) / self.quote


@compiled()
def _swap_all(held: FloatArray, sells: BoolArray, amounts: FloatArray, fee: float) -> tuple[FloatArray, int]:
    """What each amount given gets, one after the other, and how many trades left something in the pool.

    `held`, shape (2,), is base and quote; it is changed. A trade that takes all of a reserve ends the walk.
    """
    got = np.zeros(amounts.size)
    for k in range(amounts.size):
        given, taken = (0, 1) if sells[k] else (1, 0)
        net = (1.0 - fee) * amounts[k]
        got[k] = held[taken] * (net / (held[given] + net))
        if got[k] >= held[taken]:
            return got, k
        held[given] += amounts[k]
        held[taken] -= got[k]
    return got, amounts.size


class ConstantProductTerms(ReserveTerms):
    """A constant-product pool in a scenario."""

    kind: Literal["constant_product"] = "constant_product"
    fee: float = Field(default=UNISWAP_V2_FEE, ge=0, lt=1)

    def build(self, reference_price: float) -> ConstantProduct:
        """The pool; sides that are not given are balanced at `reference_price`."""
        return ConstantProduct(*self.reserves(reference_price), self.fee)
