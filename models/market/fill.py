"""What every source of liquidity speaks: the fill, and the refusals they share.

**Source**: the water-fill view of order routing (Angeris, Chitra, Evans, Boyd, *Optimal Routing for Constant Function
Market Makers*, 2021): a source is its curve of amounts against the taker's marginal price.
**Models**: a trade as its taker sees it: what is given, what is got, and the marginal price at both ends.
**Leaves out**: time, identity of the taker, gas.
**Units**: human units of base and quote; prices are quote per base with the taker's fee in them.
**Invariants**: a fill never changes; a source applies it only while it still gives at least as much.
"""

from collections.abc import Hashable
from math import inf
from typing import NamedTuple

import numpy as np

from models.refusals import Refusal
from models.types import BoolArray, FloatArray, Side

DUST = 1e-12
"""Share of an amount below which a remainder is rounding and not trade: floats leave no dust orders behind."""

SAME_PRICE = 1e-14
"""Relative distance within which two prices are one that was worked out in two ways: 69 * 0.01 is 0.69."""

MakerTrade = tuple[Hashable, float, float]
"""(owner, base, quote): what one maker exchanged, both positive; the maker gives base where the taker buys it."""


class InvalidSide(Refusal):
    """A side that is neither "sell" nor "buy"."""

    def __init__(self, side: object) -> None:
        super().__init__(f'side is {side!r}: use "sell" or "buy"')


class InvalidAmount(Refusal):
    """An amount that cannot be traded."""

    def __init__(self, name: str, amount: float, remedy: str = "give a finite amount of zero or more") -> None:
        super().__init__(f"{name} is {amount!r}: {remedy}")


class InvalidPrice(Refusal):
    """A price that cannot be one."""

    def __init__(self, price: float, remedy: str = "give a price of zero or more") -> None:
        super().__init__(f"price is {price!r}: {remedy}")


class StaleFill(Refusal):
    """A fill that the source's present state no longer gives."""

    def __init__(self, fill: "Fill") -> None:
        super().__init__(
            f"the {fill.side} of {fill.amount_in!r} for {fill.amount_out!r} is no longer available: quote it again"
        )


class EndlessFill(Refusal):
    """A fill that no finite amount completes, such as the last unit of a pool."""

    def __init__(self, fill: "Fill") -> None:
        super().__init__(
            f"the {fill.side} of {fill.amount_in!r} for {fill.amount_out!r} has no end: "
            "quote a finite amount that leaves something in the source"
        )


class Fill(NamedTuple):
    """A trade quoted by a source; `source.settle(fill)` applies it.

    A named tuple because routing makes several for each order, and it is the fastest immutable record there is.

    Attributes:
        side: what the taker does with the base.
        amount_in: what the taker gives, fee included: base when selling, quote when buying.
        amount_out: what the taker gets: quote when selling, base when buying.
        fee: the part of `amount_in` that is fee, in its units.
        price_before: marginal taker price before the trade, fee included; nan when the source is empty.
        price_after: marginal taker price of the last unit traded; `price_before` when nothing is traded.
        complete: False when the liquidity ran out before the amount or the price asked for was reached.
        parts: a venue's fills, one for each of its sources in their order; empty for any other source.
        state: the source's state that was quoted, by identity; only the source itself reads it.
    """

    side: Side
    amount_in: float
    amount_out: float
    fee: float
    price_before: float
    price_after: float
    complete: bool
    parts: tuple["Fill", ...] = ()
    state: object = None

    @property
    def base(self) -> float:
        """Base exchanged, whichever way."""
        return self.amount_in if self.side == "sell" else self.amount_out

    @property
    def quote(self) -> float:
        """Quote exchanged, whichever way."""
        return self.amount_out if self.side == "sell" else self.amount_in


def selling(side: Side) -> bool:
    """Whether the taker gives base.

    Raises:
        InvalidSide: `side` is neither "sell" nor "buy".
    """
    if side == "sell":
        return True
    if side == "buy":
        return False
    raise InvalidSide(side)


def sale_of(side: Side, amount: float) -> bool:
    """Whether the taker gives base, for an amount that can be traded.

    Raises:
        InvalidSide: as `selling`. InvalidAmount: an amount that is negative, endless or not a number.
    """
    if not 0.0 <= amount < inf:
        raise InvalidAmount("amount", amount)
    return side == "sell" or selling(side)


def check_swaps(sells: BoolArray, amounts: FloatArray) -> None:
    """Refuse a batch of which one trade makes no sense.

    Args:
        sells: shape (trades,), whether the taker gives base.
        amounts: shape (trades,), what the taker gives.

    Raises:
        InvalidAmount: an amount that is negative, endless or not a number, or not one for each side.
    """
    if sells.shape != amounts.shape:
        raise InvalidAmount("number of amounts", amounts.size, f"give one for each of {sells.size} sides")
    for amount in amounts[~(np.isfinite(amounts) & (amounts >= 0.0))][:1].tolist():
        raise InvalidAmount("amount", amount)


def sale_to(side: Side, price: float) -> bool:
    """Whether the taker gives base, for a target price; zero and infinity mean "to the end".

    Raises:
        InvalidSide: as `selling`. InvalidPrice: a price that is negative or not a number.
    """
    if not price >= 0.0:
        raise InvalidPrice(price)
    return side == "sell" or selling(side)


def gives_at_least(quoted_now: Fill, fill: Fill) -> bool:
    """Whether a new quote for the same amount in still gives what `fill` promises, up to rounding."""
    return quoted_now.complete and quoted_now.amount_out >= fill.amount_out * (1.0 - DUST)
