"""Triangle arbitrageurs: close the gaps between three venues, without any market outside.

Models: one asset is traded over two others back into itself, the way round that brings more beyond `cost`, until one
unit more would bring no more than that beyond itself; all in one block, within the capital held in that asset.
Leaves out: gas, round trips over two venues of one pair or over more than three assets.
"""

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Annotated

import mesa
import numpy as np
from pydantic import Field

from abm.reading.distributions import Members, PositiveInfOrDrawn, draw
from abm.streams import Turns
from models.parameters import Parameters

if TYPE_CHECKING:
    from abm.view import View
    from models.market import Trip

Triangle = tuple[int, int, int]


class TriangleArbitrageurs(Parameters):
    """One cohort that trades around a triangle of assets, any two of which have a market; capital is in the first.

    `cost` is the fraction that the last unit must bring beyond itself. `capital_usd` may be `inf`.
    """

    count: Members = 1
    assets: Annotated[list[str], Field(min_length=3, max_length=3)]
    capital_usd: PositiveInfOrDrawn
    cost: float = Field(0.0, ge=0, lt=1)


@dataclass(slots=True)
class Round:
    """One way around, as it was quoted."""

    owner: int
    asset: int
    trip: "Trip"


class TriangleArbitrageurCohort(mesa.Agent):
    """A cohort on one triangle; member k acts for ledger account `first_account + k`."""

    def __init__(
        self,
        model: mesa.Model,
        terms: TriangleArbitrageurs,
        assets: Triangle,
        first_account: int,
        rng: np.random.Generator,
        order_rng: np.random.Generator,
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.assets = assets
        self.first_account = first_account
        self.capital_usd = draw(terms.capital_usd, terms.count, rng)
        self.unlimited = bool(np.isinf(self.capital_usd).any())
        self.earned_usd = 0.0
        self._turns = Turns(terms.count, order_rng)
        first, second, third = assets
        self._ways: tuple[Triangle, Triangle] = (assets, (first, third, second))

    def turns(self, view: "View") -> list[int]:
        """Return the members in the order of this block; nobody where neither way round pays."""
        if not any(view.round_rate(way) > 1.0 + self.terms.cost for way in self._ways):
            return []
        return self._turns.next()

    def decide(self, view: "View", member: int) -> Round | None:
        """Return the way round that pays more after its cost for this member, or None where neither does."""
        owner = self.first_account + member
        most = np.inf if self.unlimited else view.balance(owner, self.assets[0])
        asked = 1.0 + self.terms.cost
        trips = [view.quote_round(way, self.terms.cost, most) for way in self._ways]
        best = max(trips, key=lambda trip: trip.amount_out - asked * trip.amount_in)
        return Round(owner, self.assets[0], best) if best.amount_out > asked * best.amount_in else None

    def settled(self, view: "View", gained: float) -> None:
        """Take note of what a round has brought, in units of the first asset."""
        self.earned_usd += gained * view.price_usd(self.assets[0])

    def free_usd(self, view: "View") -> float:
        """Return the capital of all members in dollars; inf where it has no limit."""
        if self.unlimited:
            return np.inf
        held = fsum(view.balance(self.first_account + member, self.assets[0]) for member in range(self.terms.count))
        return held * view.price_usd(self.assets[0])
