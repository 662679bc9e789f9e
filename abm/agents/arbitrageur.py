"""Arbitrageurs: pull the venue to the reference price, as far as their capital reaches.

Models: buy where it is cheap, sell where it is dear, hedge on the rest of the market at the reference price less a
cost; what a round trip pays comes back after `settlement_seconds` and cannot be used before, so that a fast fall leaves
the venue adrift from the reference. Where the rest of the market takes only so much at a time, what is not hedged yet
is inventory, long or short, whose price they bear and whose worth limits what they can do next. All arbitrageurs of a
market compete: they act in one random order.
Leaves out: prices shaded by inventory, margin calls on a short, competition in fees.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

import mesa
import numpy as np
from pydantic import Field

from abm.reading.distributions import Members, PositiveInfOrDrawn, PositiveOrInf, draw
from abm.streams import Turns
from models.parameters import Parameters
from models.types import Side

if TYPE_CHECKING:
    from abm.view import View
    from models.market import Fill


class Arbitrageurs(Parameters):
    """One cohort of arbitrageurs.

    `hedge_cost` is the fraction lost on the outside leg: the venue is pulled to within it of the reference.
    `capital_usd` may be `inf`. `hedge_usd_per_hour` is what the rest of the market takes from one member, block by
    block; what is left over is inventory, hedged later at the reference price of then.
    """

    count: Members = 1
    market: str | None = None
    capital_usd: PositiveInfOrDrawn
    hedge_cost: float = Field(0.0005, ge=0, lt=1)
    hedge_usd_per_hour: PositiveOrInf = np.inf
    settlement_seconds: float = Field(0.0, ge=0)


@dataclass(slots=True)
class RoundTrip:
    """One round trip: the quoted leg on the venue and the price per base of the leg outside.

    Of the base traded on the venue, `covered` comes out of inventory (or closes a short), `hedged` is traded outside at
    once; the rest stays open: held where it was bought, borrowed from outside where it was sold.
    """

    exchange: int
    owner: int
    fill: "Fill"
    hedge_price: float
    covered: float
    hedged: float


@dataclass(slots=True)
class Hedge:
    """Base bought outside to give back what was borrowed (positive), or sold outside (negative), at a price."""

    exchange: int
    owner: int
    units: float
    price: float


class ArbitrageurCohort(mesa.Agent):
    """A cohort of arbitrageurs on one exchange; member k acts for ledger account `first_account + k`.

    `inventory[k]` is the base that member k holds unhedged, negative where it is borrowed; `earned_usd` is what the
    cohort has been paid less what it has paid so far, inventory not counted.
    """

    def __init__(
        self, model: mesa.Model, terms: Arbitrageurs, exchange: int, first_account: int, rng: np.random.Generator
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.exchange = exchange
        self.first_account = first_account
        self.capital_usd = draw(terms.capital_usd, terms.count, rng)
        self.unlimited = bool(np.isinf(self.capital_usd).any())
        self.inventory = [0.0] * terms.count
        self.earned_usd = 0.0
        self._room = [np.inf] * terms.count
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

    def all_tied_up(self, now: float) -> list[float]:
        """Return the quote units that are still on their way back, of every member."""
        for member, queue in enumerate(self._tied):
            if queue and queue[0][0] <= now:
                self.tied_up(member, now)
        return self._tied_sum

    def settled(self, view: "View", trip: RoundTrip, proceeds: float) -> None:
        """Take note of a round trip and that `proceeds` quote units come back after the settlement time."""
        member, fill, hedged = trip.owner - self.first_account, trip.fill, trip.hedged
        self._room[member] -= hedged
        if fill.side == "buy":
            self.inventory[member] += fill.amount_out - hedged
            self._note(view, member, proceeds, fill.amount_in)
        else:
            self.inventory[member] -= fill.amount_in - hedged
            self._note(view, member, proceeds, hedged * trip.hedge_price)

    def hedged(self, view: "View", hedge: Hedge) -> None:
        """Take note of inventory that was hedged."""
        member, quote = hedge.owner - self.first_account, abs(hedge.units) * hedge.price
        self.inventory[member] += hedge.units
        self._room[member] -= abs(hedge.units)
        self._note(view, member, *((0.0, quote) if hedge.units > 0.0 else (quote, 0.0)))

    def _note(self, view: "View", member: int, received: float, paid: float) -> None:
        self.earned_usd += (received - paid) * view.quote_usd(self.exchange)
        if self.terms.settlement_seconds > 0.0 and received > 0.0:
            self._tied[member].append((view.now + self.terms.settlement_seconds, received))
            self._tied_sum[member] += received

    def hedges(self, view: "View") -> Iterator[Hedge]:
        """Yield what members trade outside, at the start of a block, to come out of their inventory."""
        if self.terms.hedge_usd_per_hour == np.inf:
            return
        reference, cost = view.pair_reference(self.exchange), self.terms.hedge_cost
        room = self.terms.hedge_usd_per_hour / 3600.0 * view.step_seconds / view.base_usd(self.exchange)
        for member, held in enumerate(self.inventory):
            self._room[member] = room
            owner = self.first_account + member
            if held > 0.0:
                yield Hedge(self.exchange, owner, -min(held, room), reference * (1.0 - cost))
            elif held < 0.0:
                price = reference * (1.0 + cost)
                units = min(-held, room, max(self._own(view, member), 0.0) / price)
                if units > 0.0:
                    yield Hedge(self.exchange, owner, units, price)

    def way(self, reference: float, bid: float, ask: float) -> tuple[Side, float] | None:
        """Return which way a round trip pays and the price of its outside leg; None where neither does.

        One pays where the venue is further from the reference than the outside leg costs, for all members alike.
        """
        cost = self.terms.hedge_cost
        dear = reference * (1.0 + cost)
        if bid > dear:
            return "sell", dear
        cheap = reference * (1.0 - cost)
        return ("buy", cheap) if ask < cheap else None

    def decide(self, view: "View", member: int, way: tuple[Side, float]) -> RoundTrip | None:
        """Return the round trip that pays best for this member, or None where it has nothing to trade with."""
        side, hedge_price = way
        sells = side == "sell"
        fill = view.quote_to(self.exchange, side, hedge_price)
        held = self.inventory[member]
        own = self._own(view, member)
        money = most = max(own, 0.0)
        if sells:
            # A short is worth no more than what backs it; what is sold out of inventory needs nothing behind it.
            free = max(own + held * view.pair_reference(self.exchange), 0.0)
            most = max(free / hedge_price + held, 0.0)
        if fill.amount_in > most:
            fill = view.quote_in(self.exchange, side, most)
        given = fill.amount_in
        if not 0.0 < given < np.inf:
            return None
        base = given if sells else fill.amount_out
        covered = min(max(held if sells else -held, 0.0), base)
        hedged = min(base - covered, self._room[member])
        if sells:
            hedged = min(hedged, money / hedge_price)
        return RoundTrip(self.exchange, self.first_account + member, fill, hedge_price, covered, hedged)

    def profit_usd(self, view: "View") -> float:
        """Return what the cohort has gained so far, inventory at the reference price."""
        return self.earned_usd + fsum(self.inventory) * view.base_usd(self.exchange)

    def _own(self, view: "View", member: int) -> float:
        """Return the quote units that a member owns and that are not under way; below 0 where it owes them."""
        if self.unlimited:
            return np.inf
        return view.money(self.exchange, self.first_account + member) - self.tied_up(member, view.now)


class Rivals:
    """All arbitrageurs of one market, of whatever cohort: they act in one random order."""

    def __init__(self, cohorts: list[ArbitrageurCohort], rng: np.random.Generator) -> None:
        self._cohorts = cohorts
        self._exchange = cohorts[0].exchange
        self._members = [(k, member) for k, cohort in enumerate(cohorts) for member in range(cohort.terms.count)]
        self._turns = Turns(len(self._members), rng)

    def turns(self, view: "View") -> Iterator[tuple[ArbitrageurCohort, RoundTrip]]:
        """Yield who trades what, in the random order of this block; carry out each before asking for the next.

        Which way pays is found again after a trade only: nothing else moves the venue.
        """
        ways = self._ways(view)
        if not any(ways):
            return
        for k in self._turns.next():
            number, member = self._members[k]
            way, cohort = ways[number], self._cohorts[number]
            trip = cohort.decide(view, member, way) if way is not None else None
            if trip is not None:
                yield cohort, trip
                ways = self._ways(view)
                if not any(ways):
                    return

    def _ways(self, view: "View") -> list[tuple[Side, float] | None]:
        reference = view.pair_reference(self._exchange)
        bid, ask = view.best(self._exchange)
        return [cohort.way(reference, bid, ask) for cohort in self._cohorts]
