"""A source that never runs out.

**Source**: the price-taker's market of textbook liquidation models.
**Models**: any size at the reference price, less `spread` when selling and plus `spread` when buying.
**Leaves out**: depth, impact, inventory; for tests and for studies that want no market impact.
**Units**: prices quote per base, spread a fraction of the price.
**Invariants**: the price does not move by trading.
"""

from math import inf
from typing import Literal

import numpy as np
from pydantic import Field

from models.market.fill import (
    SAME_PRICE,
    EndlessFill,
    Fill,
    InvalidAmount,
    InvalidPrice,
    MakerTrade,
    StaleFill,
    gives_at_least,
    sale_of,
    sale_to,
    selling,
)
from models.parameters import Parameters
from models.types import FloatArray, Side


class Infinite:
    """Fills any size at `price` (1 - spread) for sales and `price` (1 + spread) for purchases; no fee beside it.

    Attributes:
        price: the reference price; `set_reference` moves it.
        spread: fraction of the price.
        bid, ask: marginal taker prices.
        state: replaced when the price moves; a quote remembers it.

    Raises:
        InvalidPrice: a price that is not positive and finite. InvalidAmount: a spread outside [0, 1).
    """

    __slots__ = ("ask", "bid", "price", "spread", "state")

    def __init__(self, price: float, spread: float = 0.0) -> None:
        if not 0.0 <= spread < 1.0:
            raise InvalidAmount("spread", spread, "give a fraction from 0 to below 1")
        self.spread = float(spread)
        self.set_reference(price)

    def set_reference(self, price: float) -> None:
        """Move the price.

        Raises:
            InvalidPrice: not positive and finite.
        """
        if not 0.0 < price < inf:
            raise InvalidPrice(price, "give a positive, finite reference price")
        self.price = float(price)
        self.bid = self.price * (1.0 - self.spread)
        self.ask = self.price * (1.0 + self.spread)
        self.state: object = object()

    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount`.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        return self._fill(side, amount, amount * self.bid if sells else amount / self.ask)

    def quote_out(self, side: Side, amount: float) -> Fill:
        """The taker gets exactly `amount`.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        return self._fill(side, amount / self.bid if sells else amount * self.ask, amount)

    def quote_to(self, side: Side, price: float) -> Fill:
        """Trade until the price is `price`: nothing, or without end (infinite amounts) beyond the source's own price.

        Raises:
            InvalidSide, InvalidPrice: the request makes no sense.
        """
        sells, price = sale_to(side, price), float(price)
        if price >= self.bid * (1.0 - SAME_PRICE) if sells else price <= self.ask * (1.0 + SAME_PRICE):
            return self._fill(side, 0.0, 0.0)
        return self._fill(side, inf, inf)

    def check(self, fill: Fill) -> None:
        """Refuse what `settle` would refuse.

        Raises:
            StaleFill: the price has moved against it. EndlessFill: the amount is infinite.
        """
        if fill.amount_in == inf:
            raise EndlessFill(fill)
        if fill.state is not self.state and not gives_at_least(self.quote_in(fill.side, fill.amount_in), fill):
            raise StaleFill(fill)

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Accept a fill; nothing changes, the rest of the market takes the other side.

        Returns:
            An empty list.

        Raises:
            StaleFill: the price has moved against it. EndlessFill: the amount is infinite.
        """
        self.check(fill)
        return []

    def segments(self, side: Side) -> FloatArray:
        """One level without an end, shape (4, 1): see `models.market.ladder`."""
        rate = self.bid if selling(side) else 1.0 / self.ask
        return np.array([[rate], [rate], [inf], [inf]])

    def _fill(self, side: Side, given: float, got: float) -> Fill:
        price = self.bid if side == "sell" else self.ask
        return Fill(side, given, got, 0.0, price, price, given < inf, (), self.state)


class InfiniteTerms(Parameters):
    """A source without end in a scenario; it follows the reference price."""

    kind: Literal["infinite"] = "infinite"
    spread: float = Field(default=0.0, ge=0, lt=1)

    def build(self, reference_price: float) -> Infinite:
        """The source at its first reference price."""
        return Infinite(reference_price, self.spread)
