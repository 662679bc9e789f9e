"""Market makers: quote a ladder around the reference price, lean against their inventory, step back from danger.

Models: several levels a side; quotes skewed by inventory (Avellaneda and Stoikov 2008 in its linear form); the half
spread widens with realised volatility, the size shrinks with it; no more is quoted on the side of which a maker has too
much; above a volatility of their own they withdraw, and return below it. What was withdrawn or eaten comes back level
by level at an exponential rate, the resilience of Obizhaeva and Wang ("Optimal trading strategy and supply/demand
dynamics", 2013).
Leaves out: queue position, adverse-selection learning, competition between makers beyond price-time priority.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mesa
import numpy as np
from pydantic import Field, model_validator

from abm.reading.distributions import Members, PositiveInfOrDrawn, PositiveOrDrawn, draw
from models.compiled import compiled
from models.market.fill import DUST
from models.parameters import Parameters
from models.types import FloatArray

if TYPE_CHECKING:
    from abm.view import View


class MarketMakers(Parameters):
    """One cohort of market makers.

    `capital_usd` is held half in base and half in quote at the start. Level k (from 0) is quoted at a distance
    `half_spread + k * level_step` from the skewed reference, `size_usd` a level, as far as the inventory reaches.
    `skew` shifts the centre by this fraction of the price when the inventory is all base (down) or all quote (up).
    The half spread is at least `volatility_multiple` times the volatility over one block. The size is divided by
    1 + `size_volatility_multiple` times that volatility over `half_spread`: the risk of holding what is quoted for a
    block, against what it earns. Where the base, or the quote, is more than the fraction `inventory_limit` of all a
    maker owns, the side that would add to it is not quoted.

    Above `withdraw_volatility_per_year` no quotes are left standing; below `return_volatility_per_year` they return
    (by default the same line, and never above it). With `stays` nobody ever withdraws. After an absence the size of
    every level returns as 1 - 2^(-t / `recovery_half_life_seconds`), and what others have taken from a level is
    replaced at that pace too, the best levels being taken first; 0 is at once.
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
    size_volatility_multiple: float = Field(0.0, ge=0)
    inventory_limit: float = Field(1.0, ge=0.5, le=1)
    withdraw_volatility_per_year: PositiveInfOrDrawn = 10.0
    return_volatility_per_year: PositiveInfOrDrawn | None = None
    recovery_half_life_seconds: float = Field(0.0, ge=0)
    stays: bool = False

    @model_validator(mode="after")
    def _ladder_stays_above_zero(self) -> "MarketMakers":
        if self.half_spread + self.levels * self.level_step + self.skew >= 1.0:
            raise ValueError(
                f"the lowest of {self.levels} levels, {self.level_step} apart, would be quoted below zero; "
                "use fewer levels or smaller steps"
            )
        back, leave = self.return_volatility_per_year, self.withdraw_volatility_per_year
        if isinstance(back, float) and isinstance(leave, float) and back > leave:
            raise ValueError(
                f"return_volatility_per_year = {back} is above withdraw_volatility_per_year = {leave}; "
                "makers would return where they had just left"
            )
        return self


@dataclass(slots=True)
class Quotes:
    """The quotes one maker wants to stand: rows of (price per base, size in base), best first; none when it leaves."""

    exchange: int
    owner: int
    bids: FloatArray
    asks: FloatArray


BACK = 1e-6
"""Part of a level below which what is missing of it counts as back: an exponential would take for ever."""

_NOTHING = np.empty((0, 2))
_NOT_QUOTED = (-1.0, -1.0, -1.0, -1.0, -1.0)


class MarketMakerCohort(mesa.Agent):
    """A cohort of market makers on one exchange; member k acts for ledger account `first_account + k`."""

    def __init__(
        self,
        model: mesa.Model,
        terms: MarketMakers,
        exchange: int,
        first_account: int,
        rng: np.random.Generator,
        stream: Callable[[str], np.random.Generator],
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.exchange = exchange
        self.first_account = first_account
        self.capital_usd = draw(terms.capital_usd, terms.count, rng)
        self.size_usd = draw(terms.size_usd, terms.count, rng)
        leave = draw(terms.withdraw_volatility_per_year, terms.count, stream("withdraw volatility"))
        back = terms.return_volatility_per_year
        line = leave if back is None else np.minimum(leave, draw(back, terms.count, stream("return volatility")))
        self._leave: list[float] = np.full(terms.count, np.inf).tolist() if terms.stays else leave.tolist()
        self._return: list[float] = line.tolist()
        self._first_return = max(self._return)
        self._withdrawn = [False] * terms.count
        self._quoted_at = [_NOT_QUOTED] * terms.count
        recovers = terms.recovery_half_life_seconds > 0.0
        self._recovering = [Recovery(terms) for _ in range(terms.count)] if recovers else []

    def decide(self, view: "View") -> list[Quotes]:
        """Return the quotes that should replace the standing ones; nothing for a maker with no reason to move."""
        terms = self.terms
        volatility = view.volatility_per_year(self.exchange)
        if volatility > self._first_return and all(self._withdrawn):
            return []  # everybody is away, and it is too wild even for the first to come back
        swing = volatility * view.root_years_per_block
        half = max(terms.half_spread, terms.volatility_multiple * swing)
        shrunk = 1.0 + terms.size_volatility_multiple * swing / terms.half_spread
        wanted: list[Quotes] = []
        for member in range(terms.count):
            owner = self.first_account + member
            withdrawn = volatility > (self._return if self._withdrawn[member] else self._leave)[member]
            self._withdrawn[member] = withdrawn
            if withdrawn:
                if self._quoted_at[member] is not _NOT_QUOTED:
                    self._quoted_at[member] = _NOT_QUOTED
                    wanted.append(Quotes(self.exchange, owner, _NOTHING, _NOTHING))
                continue
            base, quote = view.inventory(self.exchange, owner)
            price = view.pair_reference(self.exchange)
            recovering = bool(self._recovering) and self._recover(view, member, owner)
            size = self.size_usd.item(member) / shrunk / view.base_usd(self.exchange)
            at, before = (price, size, half, base, quote), self._quoted_at[member]
            # Who has bought back what it sold has its base, but no order left, and a little more quote.
            if before[:4] == at[:4] and abs(quote - before[4]) <= DUST * quote and not recovering:
                continue
            self._quoted_at[member] = at
            wanted.append(self._ladder(member, owner, price, size, half, base, quote))
        return wanted

    def stand(self, owner: int, base: float, quote: float) -> None:
        """Take note of what the quotes of an owner have committed."""
        if self._recovering:
            self._recovering[owner - self.first_account].committed = quote, base

    def _recover(self, view: "View", member: int, owner: int) -> bool:
        """Take note of what was taken from a member's quotes, and of the time since; whether anything was missing."""
        recovery = self._recovering[member]
        if self._quoted_at[member] is _NOT_QUOTED:
            # At the start of the path nobody has been away: everything is there at once.
            if view.now > 0.0:
                recovery.return_from_absence(view.now)
            return True
        return recovery.look(view.now, *view.resting(self.exchange, owner))

    def _ladder(
        self, member: int, owner: int, price: float, size: float, half: float, base: float, quote: float
    ) -> Quotes:
        terms = self.terms
        worth = base * price + quote
        lean = terms.skew * (2.0 * base * price / worth - 1.0) if worth > 0.0 else 0.0
        bids, asks = _rungs(price * (1.0 - lean), half, terms.level_step, terms.levels, size, base, quote)
        limit = terms.inventory_limit * worth * (1.0 + DUST)
        if base * price > limit:
            bids = _NOTHING
        if quote > limit:
            asks = _NOTHING
        if self._recovering:
            self._recovering[member].thin(bids, asks)
        return Quotes(self.exchange, owner, bids, asks)


class Recovery:
    """How much of one maker's levels is missing, because it was away or because others took it.

    `missing` is a fraction of the full size by side (bids, asks) and level, shape (2, levels). `committed` is what the
    quotes, once they stood, had to give: quote on the bids and base on the asks.
    """

    def __init__(self, terms: MarketMakers) -> None:
        self._half_life_seconds = terms.recovery_half_life_seconds
        self._seen_at = 0.0
        self._full = np.zeros((2, terms.levels))  # what each level commits when nothing is missing
        self.missing = np.zeros((2, terms.levels))
        self.committed = 0.0, 0.0

    def return_from_absence(self, now: float) -> None:
        """Begin again with nothing at any level."""
        self.missing[:] = 1.0
        self._seen_at = now

    def look(self, now: float, base_left: float, quote_left: float) -> bool:
        """Count what others took from the bids (quote) and the asks (base), then let time pass.

        Returns whether anything was missing.
        """
        for side, left in enumerate((quote_left, base_left)):
            gone = self.committed[side] - left
            if gone > DUST * self.committed[side]:
                self._take(side, gone)
        if not self.missing.any():
            self._seen_at = now
            return False
        self.missing *= 0.5 ** ((now - self._seen_at) / self._half_life_seconds)
        self.missing[self.missing < BACK] = 0.0
        self._seen_at = now
        return True

    def _take(self, side: int, gone: float) -> None:
        """Take an amount from the levels of a side, the best first."""
        full, missing = self._full[side], self.missing[side]
        stood = full * (1.0 - missing)
        taken = np.clip(gone - (np.cumsum(stood) - stood), 0.0, stood)
        missing += np.divide(taken, full, out=np.zeros_like(taken), where=full > 0.0)
        np.minimum(missing, 1.0, out=missing)

    def thin(self, bids: FloatArray, asks: FloatArray) -> None:
        """Take what is missing off full ladders of (price, size) rows; a side that is not quoted has no rows."""
        self._full[0] = bids[:, 0] * bids[:, 1] if len(bids) else 0.0
        self._full[1] = asks[:, 1] if len(asks) else 0.0
        for ladder, missing in zip((bids, asks), self.missing, strict=True):
            if len(ladder):
                ladder[:, 1] *= 1.0 - missing


@compiled()
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
