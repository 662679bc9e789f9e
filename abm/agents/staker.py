"""Stakers: capital behind a loss layer or an insurer, there for the yield and gone when it frightens them.

Models: members who stake at the start, or once the yield is worth it; who begin to leave when the hole of the pool, or
a fall of what they have staked, reaches their own line, or when the yield is no longer worth it; and who get out once
their cooldown is over, in its window, as far as the layer lets them. Until then they can be slashed.
Leaves out: leaving in parts, selling a stake that is locked.
"""

from typing import TYPE_CHECKING, NamedTuple

import mesa
import numpy as np
from pydantic import Field

from abm.reading.distributions import Members, NonNegativeOrDrawn, PositiveOrDrawn, draw
from models.parameters import Parameters
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Callable


class Stakers(Parameters):
    """One cohort of stakers.

    `layer` is the layer of `pool` as it is called in the table of write-offs: `staked_same_asset`, `backstop_vault.1`,
    `insurance`. Each member has `capital` units of what is staked there. It stakes at the start, or where
    `enter_at_yield_per_year` is given once the layer yields that; it begins to leave once the yield is below
    `leave_at_yield_per_year`, the hole of the pool, open shortfalls included, reaches the share `leave_at_hole` of all
    claims, or the price of what it staked has fallen by `leave_at_fall` since the start; a line that is not given moves
    nobody. It acts `reaction_seconds` later. Who has left stakes again once none of its lines is crossed any more.
    """

    pool: str | None = None
    layer: str = Field(min_length=1)
    count: Members = 1
    capital: PositiveOrDrawn
    enter_at_yield_per_year: NonNegativeOrDrawn | None = None
    leave_at_yield_per_year: NonNegativeOrDrawn | None = None
    leave_at_hole: PositiveOrDrawn | None = None
    leave_at_fall: PositiveOrDrawn | None = None
    reaction_seconds: NonNegativeOrDrawn = 0.0


class Sight(NamedTuple):
    """What stakers see: their layer's yield a year, the pool's hole as a share of claims, the fall of the price."""

    now: float
    yield_per_year: float
    hole: float
    fall: float


class Wishes(NamedTuple):
    """What members want in a block, each their numbers: to stake, to begin a cooldown, to get out."""

    enter: IntArray
    cool_down: IntArray
    leave: IntArray


OUT, IN, COOLING = range(3)


class StakerCohort(mesa.Agent):
    """A cohort of stakers. Member k has ledger account `first_account + k` and is holder `first_holder + k`.

    `where` says of each member whether it is out, in, or cooling down; `ready_seconds` when its window opens.
    """

    def __init__(
        self,
        model: mesa.Model,
        terms: Stakers,
        first_account: int,
        first_holder: int,
        stream: "Callable[[str], np.random.Generator]",
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.first_account = first_account
        self.first_holder = first_holder
        count = terms.count

        def drawn(name: str, otherwise: float) -> FloatArray:
            value = getattr(terms, name)
            return np.full(count, otherwise) if value is None else draw(value, count, stream(name))

        self.capital = drawn("capital", 0.0)
        self._enters_at = drawn("enter_at_yield_per_year", -np.inf)
        self._leaves_at_yield = drawn("leave_at_yield_per_year", -np.inf)
        self._leaves_at_hole = drawn("leave_at_hole", np.inf)
        self._leaves_at_fall = drawn("leave_at_fall", np.inf)
        self._reaction_seconds = drawn("reaction_seconds", 0.0)
        self.where = np.full(count, OUT)
        self.ready_seconds = np.full(count, np.inf)
        self._moved_since = np.full(count, np.inf)

    def decide(self, sight: Sight) -> Wishes:
        """Return who wants what, given what they see; who has begun to leave goes on with it."""
        afraid = (sight.hole >= self._leaves_at_hole) | (sight.fall >= self._leaves_at_fall)
        afraid |= sight.yield_per_year < self._leaves_at_yield
        tempted = (sight.yield_per_year >= self._enters_at) & ~afraid
        wants = np.where(self.where == OUT, tempted, (self.where == IN) & afraid)
        self._moved_since = np.where(wants, np.minimum(self._moved_since, sight.now), np.inf)
        acts = wants & (sight.now >= self._moved_since + self._reaction_seconds)
        return Wishes(
            np.flatnonzero(acts & (self.where == OUT)),
            np.flatnonzero(acts & (self.where == IN)),
            np.flatnonzero((self.where == COOLING) & (sight.now >= self.ready_seconds)),
        )

    def moved(self, member: int, where: int, ready_seconds: float = np.inf) -> None:
        """Take note of where a member is now."""
        self.where[member] = where
        self.ready_seconds[member] = ready_seconds
        self._moved_since[member] = np.inf
