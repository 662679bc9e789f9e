"""Pools whose liquidity is what they hold of two assets: what they share, whatever their curve.

**Source**: Uniswap v2 (Adams, Zinsmeister, Robinson, *Uniswap v2 Core*, 2020); Curve's first pools.
**Models**: reserves of base and quote, shares in them, and what makes a quote stale.
**Leaves out**: the curve, and where its fee is taken: a pool's own module.
**Units**: reserves in units of base and quote.
**Invariants**: neither reserve reaches zero; a quote is settled while the pool still gives as much.
"""

from abc import ABC, abstractmethod
from math import inf
from typing import Self

from pydantic import Field, model_validator

from models.market.fill import EndlessFill, Fill, InvalidAmount, StaleFill, gives_at_least
from models.market.shares import Shares
from models.parameters import Parameters
from models.types import Side


class ReservePool(ABC):
    """A pool of `base` and `quote`.

    Attributes:
        base, quote: reserves in units. Read them; they change through `settle`, `add` and `remove`.
        fee: the fraction that is taken of a trade.
        shares: who has added liquidity owns some of these, and the fees kept for them.
        state: replaced at every change; a quote remembers it.

    Raises:
        InvalidAmount: a reserve that is not positive and finite, a fee outside [0, 1).
    """

    __slots__ = ("base", "fee", "quote", "shares", "state")

    shares: Shares
    state: object

    def __init__(self, base: float, quote: float, fee: float) -> None:
        for name, reserve in (("base", base), ("quote", quote)):
            if not 0.0 < reserve < inf:
                raise InvalidAmount(name, reserve, "a pool needs a positive, finite reserve of each")
        if not 0.0 <= fee < 1.0:
            raise InvalidAmount("fee", fee, "give a fraction from 0 to below 1")
        self.base, self.quote, self.fee = float(base), float(quote), float(fee)

    @abstractmethod
    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount`."""

    @abstractmethod
    def _hold(self, base: float, quote: float) -> None:
        """Have these reserves from now on, in a new state."""

    def check(self, fill: Fill) -> None:
        """Refuse what `settle` would refuse.

        Raises:
            StaleFill: the pool no longer gives as much. EndlessFill: nothing would be left in it.
        """
        fresh = fill.state is self.state
        if fill.amount_in == inf or (fresh and fill.amount_out >= (self.quote if fill.side == "sell" else self.base)):
            raise EndlessFill(fill)
        if not fresh and not gives_at_least(self.quote_in(fill.side, fill.amount_in), fill):
            raise StaleFill(fill)

    def add(self, base: float, quote: float) -> float:
        """Add liquidity at the pool's own ratio; returns the shares minted for it.

        Raises:
            InvalidAmount: amounts that are not positive, or whose ratio is off the pool's by more than 1e-9.
        """
        minted = self.shares.mint((self.base, self.quote), (base, quote))
        self._hold(self.base + base, self.quote + quote)
        return minted

    def remove(self, shares: float) -> tuple[float, float]:
        """Take out what shares are by now; returns the (base, quote) taken.

        Raises:
            InvalidAmount: more shares than were added: what a pool starts with never leaves it.
        """
        part = self.shares.burn(shares)
        base, quote = part * self.base, part * self.quote
        self._hold(self.base - base, self.quote - quote)
        return base, quote


class ReserveTerms(Parameters):
    """The size of such a pool in a scenario.

    Give `value`, the value of both sides together in quote, or the reserves in units; a missing reserve follows from
    the other one and the reference price at the start.
    """

    kind: str
    base: float | None = Field(default=None, gt=0)
    quote: float | None = Field(default=None, gt=0)
    value: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_way_to_size(self) -> Self:
        if (self.value is None) == (self.base is None and self.quote is None):
            raise ValueError("give either `value` (both sides, in quote) or `base` and/or `quote` (units)")
        return self

    def reserves(self, reference_price: float) -> tuple[float, float]:
        """(base, quote) in units; sides that are not given are worth the same at `reference_price`."""
        base, quote = self.base, self.quote
        if self.value is not None:
            return self.value / 2.0 / reference_price, self.value / 2.0
        if base is None:
            assert quote is not None
            base = quote / reference_price
        return base, base * reference_price if quote is None else quote
