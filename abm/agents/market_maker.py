"""Market makers: quote a ladder around the reference price, lean against their inventory, step back from danger.

Models: several levels a side; quotes skewed by inventory (Avellaneda and Stoikov 2008 in its linear form); the half
spread widens with realised volatility; above a volatility of their own they withdraw, and return below it.
Leaves out: queue position, adverse-selection learning, competition between makers beyond price-time priority.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mesa
import numpy as np
from numba import njit
from pydantic import Field, model_validator

from abm.distributions import Members, PositiveOrDrawn, draw
from models.parameters import Parameters
from models.types import FloatArray

if TYPE_CHECKING:
    from abm.view import View


class MarketMakers(Parameters):
    """One cohort of market makers.

    `capital_usd` is held half in base and half in quote at the start. Level k (from 0) is quoted at a distance
    `half_spread + k * level_step` from the skewed reference, `size_usd` a level, as far as the inventory reaches.
    `skew` shifts the centre by this fraction of the price when the inventory is all base (down) or all quote (up).
    The half spread is at least `volatility_multiple` times the volatility over one block. Above
    `withdraw_volatility_per_year` no quotes are left standing; below `return_volatility_per_year` they return.
    """

    count: Members = 1
    market: str | None = None
    capital_usd: PositiveOrDrawn
    levels: int = Field(5, ge=1, le=200)
    half_spread: float = Field(0.001, gt=0, lt=1)
    level_step: float = Field(0.001, gt=0, lt=1)
    size_usd: PositiveOrDrawn
    skew: float = Field(0.002, ge=0, lt=1)
    volatility_multiple: float = Field(1.0, ge=0)
    withdraw_volatility_per_year: float = Field(10.0, gt=0)
    return_volatility_per_year: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _ladder_stays_above_zero(self) -> "MarketMakers":
        if self.half_spread + self.levels * self.level_step + self.skew >= 1.0:
            raise ValueError(
                f"the lowest of {self.levels} levels, {self.level_step} apart, would be quoted below zero; "
                "use fewer levels or smaller steps"
            )
        back = self.return_volatility_per_year
        if back is not None and back > self.withdraw_volatility_per_year:
            raise ValueError(
                f"return_volatility_per_year = {back} is above withdraw_volatility_per_year = "
                f"{self.withdraw_volatility_per_year}; makers would return where they had just left"
            )
        return self


@dataclass(slots=True)
class Quotes:
    """The quotes one maker wants to stand: rows of (price per base, size in base), none when it withdraws."""

    exchange: int
    owner: int
    bids: FloatArray
    asks: FloatArray


_NOTHING = np.empty((0, 2))


class MarketMakerCohort(mesa.Agent):
    """A cohort of market makers on one exchange; member k acts for ledger account `first_account + k`."""

    def __init__(
        self, model: mesa.Model, terms: MarketMakers, exchange: int, first_account: int, rng: np.random.Generator
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.exchange = exchange
        self.first_account = first_account
        self.capital_usd = draw(terms.capital_usd, terms.count, rng)
        self.size_usd = draw(terms.size_usd, terms.count, rng)
        self._withdrawn = False
        self._quoted_at = [(-1.0, -1.0)] * terms.count

    def decide(self, view: "View") -> list[Quotes]:
        """Return the quotes that should replace the standing ones; nothing for a maker with no reason to move."""
        terms = self.terms
        volatility = view.volatility_per_year(self.exchange)
        back = terms.return_volatility_per_year or terms.withdraw_volatility_per_year
        self._withdrawn = volatility > (back if self._withdrawn else terms.withdraw_volatility_per_year)
        swing = volatility * view.root_years_per_block
        wanted: list[Quotes] = []
        for member in range(terms.count):
            owner = self.first_account + member
            if self._withdrawn:
                if self._quoted_at[member][0] >= 0.0:
                    self._quoted_at[member] = (-1.0, -1.0)
                    wanted.append(Quotes(self.exchange, owner, _NOTHING, _NOTHING))
                continue
            base, quote = view.inventory(self.exchange, owner)
            price = view.pair_reference(self.exchange)
            if self._quoted_at[member] == (price, base):
                continue
            self._quoted_at[member] = (price, base)
            wanted.append(self._ladder(member, owner, price, view.base_usd(self.exchange), base, quote, swing))
        return wanted

    def _ladder(
        self, member: int, owner: int, price: float, price_usd: float, base: float, quote: float, swing: float
    ) -> Quotes:
        terms = self.terms
        worth = base * price + quote
        lean = terms.skew * (2.0 * base * price / worth - 1.0) if worth > 0.0 else 0.0
        half = max(terms.half_spread, terms.volatility_multiple * swing)
        size = self.size_usd.item(member) / price_usd
        bids, asks = _rungs(price * (1.0 - lean), half, terms.level_step, terms.levels, size, base, quote)
        return Quotes(self.exchange, owner, bids, asks)


@njit(cache=True)
def _rungs(
    centre: float, half: float, step: float, levels: int, size: float, base: float, quote: float
) -> tuple[FloatArray, FloatArray]:  # pragma: no cover - compiled
    """Return bids and asks as rows of (price, size). What an inventory cannot carry is cut on all levels alike."""
    bids, asks = np.empty((levels, 2)), np.empty((levels, 2))
    outlay = 0.0
    for level in range(levels):
        distance = min(half + level * step, 0.99)
        bids[level, 0] = centre * (1.0 - distance)
        asks[level, 0] = centre * (1.0 + distance)
        outlay += bids[level, 0]
    bids[:, 1] = min(size, quote / outlay)
    asks[:, 1] = min(size, base / levels)
    return bids, asks
