"""Depositors: earn the supply rate, and leave when what they see frightens them.

Models: leaving when utilisation says that one may soon be unable to leave, when a hole is visible in the pool's books,
or after a haircut; each member with lines and a delay of its own. Exits are at par, first come first served, against
the cash there is; the rest queues in order.
Leaves out: private signals and herding, returning after the event, deposits attracted by a high rate.
"""

import heapq
from typing import TYPE_CHECKING

import mesa
import numpy as np
from pydantic import Field, model_validator

from abm.distributions import Members, NonNegativeOrDrawn, PositiveOrDrawn, draw
from abm.intents import Intent, Receipt, Status, Withdraw
from models.parameters import Parameters
from models.types import FloatArray

if TYPE_CHECKING:
    from abm.view import View


class Depositors(Parameters):
    """One cohort of depositors.

    `deposits` are units of each asset for each member. A member leaves a reserve once its utilisation reaches
    `leave_at_utilisation`, the hole in its books reaches the share `leave_at_hole` of all claims, or haircuts so far
    have cut claims by the share `leave_at_haircut`; a line that is not given frightens nobody.
    """

    count: Members = 1
    pool: str | None = None
    deposits: dict[str, PositiveOrDrawn]
    leave_at_utilisation: PositiveOrDrawn | None = None
    leave_at_hole: PositiveOrDrawn | None = None
    leave_at_haircut: PositiveOrDrawn | None = None
    delay_seconds: NonNegativeOrDrawn = 0.0
    gas_units: float = Field(200_000.0, ge=0)
    gas_premium: float = Field(0.1, ge=0)

    @model_validator(mode="after")
    def _something_deposited(self) -> "Depositors":
        if not self.deposits:
            raise ValueError("deposits is empty; name at least one asset and its units, e.g. deposits = { DAI = 1e6 }")
        return self


SIGNALS = ("leave_at_utilisation", "leave_at_hole", "leave_at_haircut")


class DepositorCohort(mesa.Agent):
    """A cohort of depositors; member k holds account `first_account + k` of its pool.

    `lines` has shape (signals, count): the values at which a member leaves, inf where nothing frightens it.
    """

    def __init__(
        self,
        model: mesa.Model,
        terms: Depositors,
        pool: int,
        reserves: list[int],
        first_account: int,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.pool = pool
        self.reserves = reserves
        self.first_account = first_account
        self.lines: FloatArray = np.full((len(SIGNALS), terms.count), np.inf)
        for row, name in enumerate(SIGNALS):
            line = getattr(terms, name)
            if line is not None:
                self.lines[row] = draw(line, terms.count, rng)
        self.delay_seconds = draw(terms.delay_seconds, terms.count, rng)
        self._staying = {reserve: np.ones(terms.count, dtype=np.bool_) for reserve in reserves}
        # The calmest signal that would frighten somebody who still stays: below it nobody needs a look.
        self._lowest = {reserve: self.lines.min(axis=1).tolist() for reserve in reserves}
        self._due: list[tuple[float, int, int]] = []

    def decide(self, view: "View") -> list[Intent]:
        """Return the withdrawals that fall due in this block."""
        for reserve in self.reserves:
            signals = view.run_signals(self.pool, reserve)
            lowest = self._lowest[reserve]
            if signals[0] >= lowest[0] or signals[1] >= lowest[1] or signals[2] >= lowest[2]:
                self._take_fright(view.now, reserve, signals)
        if not self._due:
            return []
        bid = view.gas_gwei * (1.0 + self.terms.gas_premium)
        intents: list[Intent] = []
        while self._due and self._due[0][0] <= view.now:
            _, member, reserve = heapq.heappop(self._due)
            account = self.first_account + member
            intents.append(Withdraw(self, member, bid, self.terms.gas_units, self.pool, account, reserve))
        return intents

    def receive(self, intent: Intent, receipt: Receipt) -> None:
        """Take note of what became of a withdrawal: who was left out tries again in the next block."""
        if receipt.status is Status.LEFT_OUT and isinstance(intent, Withdraw):
            heapq.heappush(self._due, (0.0, intent.member, intent.reserve))

    def _take_fright(self, now: float, reserve: int, signals: tuple[float, float, float]) -> None:
        staying = self._staying[reserve]
        leaving = staying & (np.array(signals)[:, None] >= self.lines).any(axis=0)
        for member in np.flatnonzero(leaving).tolist():
            heapq.heappush(self._due, (now + float(self.delay_seconds[member]), member, reserve))
        staying &= ~leaving
        stayers = self.lines[:, staying]
        self._lowest[reserve] = stayers.min(axis=1).tolist() if stayers.size else [np.inf] * len(SIGNALS)
