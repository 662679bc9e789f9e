"""Arbitrageurs: pull the venue to the reference price, as far as their capital reaches.

Models: buy where it is cheap, sell where it is dear, hedge at once on the rest of the market at the reference price
less a cost; what a round trip pays comes back after `settlement_seconds` and cannot be used before, so that a fast
fall leaves the venue adrift from the reference.
Leaves out: inventory held unhedged, triangles over several pairs, competition in fees.
"""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mesa
import numpy as np
from pydantic import Field

from abm.distributions import Members, PositiveInfOrDrawn, draw
from abm.streams import Turns
from models.parameters import Parameters
from models.types import Side

if TYPE_CHECKING:
    from abm.view import View
    from models.market import Fill


class Arbitrageurs(Parameters):
    """One cohort of arbitrageurs.

    `hedge_cost` is the fraction lost on the outside leg: the venue is pulled to within it of the reference.
    `capital_usd` may be `inf`.
    """

    count: Members = 1
    market: str | None = None
    capital_usd: PositiveInfOrDrawn
    hedge_cost: float = Field(0.0005, ge=0, lt=1)
    settlement_seconds: float = Field(0.0, ge=0)


@dataclass(slots=True)
class RoundTrip:
    """One round trip: the quoted leg on the venue and the price per base of the leg outside."""

    exchange: int
    owner: int
    fill: "Fill"
    hedge_price: float


class ArbitrageurCohort(mesa.Agent):
    """A cohort of arbitrageurs on one exchange; member k acts for ledger account `first_account + k`."""

    def __init__(
        self,
        model: mesa.Model,
        terms: Arbitrageurs,
        exchange: int,
        first_account: int,
        rng: np.random.Generator,
        order_rng: np.random.Generator,
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.exchange = exchange
        self.first_account = first_account
        self.capital_usd = draw(terms.capital_usd, terms.count, rng)
        self.unlimited = bool(np.isinf(self.capital_usd).any())
        self.turns = Turns(terms.count, order_rng)
        self._tied = [deque[tuple[float, float]]() for _ in range(terms.count)]
        self._tied_sum = [0.0] * terms.count

    def tied_up(self, member: int, now: float) -> float:
        """Return the quote units of this member that are still on their way back."""
        queue = self._tied[member]
        while queue and queue[0][0] <= now:
            self._tied_sum[member] -= queue.popleft()[1]
        if not queue:
            self._tied_sum[member] = 0.0
        return self._tied_sum[member]

    def settled(self, member: int, now: float, proceeds: float) -> None:
        """Take note that `proceeds` quote units come back after the settlement time."""
        if self.terms.settlement_seconds > 0.0:
            self._tied[member].append((now + self.terms.settlement_seconds, proceeds))
            self._tied_sum[member] += proceeds

    def pays(self, view: "View") -> bool:
        """Return whether the venue is further from the reference than the outside leg costs."""
        return self._side(view) is not None

    def _side(self, view: "View") -> tuple[Side, float] | None:
        """Return which way a round trip pays and the price of its outside leg."""
        reference = view.pair_reference(self.exchange)
        bid, ask = view.best(self.exchange)
        if bid > reference * (1.0 + self.terms.hedge_cost):
            return "sell", reference * (1.0 + self.terms.hedge_cost)
        if ask < reference * (1.0 - self.terms.hedge_cost):
            return "buy", reference * (1.0 - self.terms.hedge_cost)
        return None

    def decide(self, view: "View", member: int) -> RoundTrip | None:
        """Return the round trip that pays best for this member, or None where nothing pays."""
        found = self._side(view)
        if found is None:
            return None
        side, hedge_price = found
        owner = self.first_account + member
        fill = view.quote_to(self.exchange, side, hedge_price)
        if not self.unlimited:
            _, quote = view.inventory(self.exchange, owner)
            means = max(quote - self.tied_up(member, view.now), 0.0)
            # To sell on the venue the base is first bought outside, so either way it is quote that limits.
            most = means / hedge_price if side == "sell" else means
            if fill.amount_in > most:
                fill = view.quote_in(self.exchange, side, most)
        if not 0.0 < fill.amount_in < np.inf:
            return None
        return RoundTrip(self.exchange, owner, fill, hedge_price)
