"""Depositors: earn the supply rate, leave when what they see frightens them, and come back when the rate pays for it.

Models: leaving at lines of one's own (utilisation, a hole in the books, a haircut), and, for those who judge, leaving
where `models.runs.better_to_leave` says so: the rate over patience against the haircut expected under a private signal
of the hole, the cash there is and what others have asked for. Bots look in every block, others now and then and later;
the locked never leave; who has a loan repays it first. Exits are at par, first come first served, against the cash
there is; the rest queues in order. What was seen is remembered as fear, which fades: those who wait stay after all, and
deposits return, when the rate pays for it.
Leaves out: leaving a part, deposits by newcomers, reading the errors of others.
"""

from functools import partial
from typing import TYPE_CHECKING

import mesa
import numpy as np
from pydantic import Field, model_validator

from abm.agents.due import Due
from abm.agents.fear import Judge, Judgement, Returns
from abm.intents import Deposit, Intent, MendPosition, Receipt, Status, Stay, Withdraw
from abm.reading.distributions import Members, NonNegative, NonNegativeOrDrawn, PositiveOrDrawn, draw
from models.parameters import Parameters
from models.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from abm.pools.sight import Sight
    from abm.view import View


class Loan(Parameters):
    """What each member owes from the start, in units, against which collateral.

    `wallet_share` is what it has to repay with, as a share of the debt; while that is not enough it stays, and tries
    again every `retry_seconds`.
    """

    collateral: dict[str, NonNegative] = Field(min_length=1)
    debt: dict[str, NonNegative] = Field(min_length=1)
    wallet_share: float = Field(1.05, ge=0)
    retry_seconds: float = Field(3_600.0, gt=0)


class Depositors(Parameters):
    """One cohort of depositors.

    `deposits` are units of each asset for each member. A member leaves a reserve once its utilisation reaches
    `leave_at_utilisation`, the hole in its books reaches the share `leave_at_hole` of all claims, or haircuts so far
    have cut claims by the share `leave_at_haircut`; a line that is not given frightens nobody. With `judges` it weighs
    the rate against the haircut it expects; with `returns` as well it comes back. From the decision to the withdrawal
    `delay_seconds` pass. The `locked` never leave; who has a `loan` repays before it leaves.
    """

    count: Members = 1
    pool: str | None = None
    deposits: dict[str, PositiveOrDrawn]
    leave_at_utilisation: PositiveOrDrawn | None = None
    leave_at_hole: PositiveOrDrawn | None = None
    leave_at_haircut: PositiveOrDrawn | None = None
    delay_seconds: NonNegativeOrDrawn = 0.0
    judges: Judgement | None = None
    returns: Returns | None = None
    locked: bool = False
    loan: Loan | None = None
    gas_units: float = Field(200_000.0, ge=0)
    gas_premium: float = Field(0.1, ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> "Depositors":
        if not self.deposits:
            raise ValueError("deposits is empty; name at least one asset and its units, e.g. deposits = { DAI = 1e6 }")
        if self.returns is not None and self.judges is None:
            raise ValueError("returns needs judges, which says what the rate is worth; add judges = {}")
        frightening = [name for name in (*SIGNALS, "judges", "returns") if getattr(self, name) is not None]
        if self.locked and frightening:
            raise ValueError(f"{frightening[0]} moves nobody who is locked; remove it, or locked")
        return self


SIGNALS = ("leave_at_utilisation", "leave_at_hole", "leave_at_haircut")


class DepositorCohort(mesa.Agent):
    """A cohort of depositors; member k holds account `first_account + k` of its pool.

    `deposited[r]` are the units that members bring to reserve r, (count,). `lines` has shape (signals, count): the
    values at which a member leaves, inf where nothing frightens it. `stream` gives the generator of a use by its name.
    """

    def __init__(
        self,
        model: mesa.Model,
        terms: Depositors,
        name: str,
        pool: int,
        deposited: dict[int, FloatArray],
        first_account: int,
        stream: "Callable[..., np.random.Generator]",
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.name = name
        self.pool = pool
        self.deposited = deposited
        self.first_account = first_account
        self.accounts = slice(first_account, first_account + terms.count)
        rng = stream()
        self.lines: FloatArray = np.full((len(SIGNALS), terms.count), np.inf)
        for row, signal in enumerate(SIGNALS):
            line = getattr(terms, signal)
            if line is not None:
                self.lines[row] = draw(line, terms.count, rng)
        self.delay_seconds = draw(terms.delay_seconds, terms.count, rng)
        self._judge = None
        if terms.judges is not None:
            self._judge = Judge(terms.judges, terms.returns, terms.count, list(deposited), partial(stream, "judges"))
        self._staying: dict[int, BoolArray] = {
            reserve: np.ones(terms.count, dtype=np.bool_) for reserve in ([] if terms.locked else deposited)
        }
        self._has_lines = bool(np.isfinite(self.lines).any())
        self._ever_left = dict.fromkeys(self._staying, False)
        self._lowest = {reserve: self.lines.min(axis=1).tolist() for reserve in self._staying}
        self._due: Due[tuple[int, int]] = Due()  # members, each with the reserve that it leaves

    def decide(self, view: "View") -> list[Intent]:
        """Return the withdrawals that fall due in this block, repayments that come first, and what is brought back."""
        intents: list[Intent] = []
        for reserve, staying in self._staying.items():
            if self._has_lines:
                self._heed_lines(view, reserve, staying)
            if self._judge is not None:
                sight = view.sight(self.pool, reserve)
                self._judge.note(view.now, reserve, sight)
                self._leave(view.now, reserve, self._judge.frightened(view, reserve, sight, staying))
                if self.terms.returns is not None and self._ever_left[reserve]:
                    intents += self._come_back(view, self._judge, reserve, sight)
        due = self._due.turn(view.now)
        if not due:
            return intents
        # Who still owes has its next try planned here, also where a block has no room for this one.
        room = view.room_for(self.terms.gas_units) if self.terms.loan is None else len(due)
        self._due.leave_out(due[room:])
        for member, reserve in due[:room]:
            intents += self._way_out(view, member, reserve)
        return intents

    def receive(self, intent: Intent, receipt: Receipt) -> None:
        """Take note of what became of an intent: who was left out tries again in the next block."""
        if isinstance(intent, Withdraw) and receipt.status is Status.LEFT_OUT:
            self._due.leave_out([(intent.member, intent.reserve)])
        elif isinstance(intent, Deposit | Stay) and receipt.status is Status.FILLED:
            self._staying[intent.reserve][intent.member] = True
            self._find_lowest(intent.reserve)

    def _heed_lines(self, view: "View", reserve: int, staying: BoolArray) -> None:
        """Let those leave whose lines have been reached; below the calmest of them nobody needs a look."""
        signals = view.run_signals(self.pool, reserve)
        lowest = self._lowest[reserve]
        if signals[0] >= lowest[0] or signals[1] >= lowest[1] or signals[2] >= lowest[2]:
            self._leave(view.now, reserve, np.flatnonzero(staying & self._beyond_lines(signals)))

    def _beyond_lines(self, signals: tuple[float, float, float]) -> BoolArray:
        """Return whose lines these signals have reached."""
        beyond: BoolArray = np.any(np.array(signals)[:, None] >= self.lines, axis=0)
        return beyond

    def _leave(self, now: float, reserve: int, members: IntArray) -> None:
        """Let members withdraw after their delays."""
        if not members.size:
            return
        for member, delay in zip(members.tolist(), self.delay_seconds[members].tolist(), strict=True):
            self._due.plan(now + delay, (member, reserve))
        self._staying[reserve][members] = False
        self._ever_left[reserve] = True
        self._find_lowest(reserve)

    def _find_lowest(self, reserve: int) -> None:
        """Find the calmest signals that would frighten somebody who still stays."""
        if self._has_lines:
            stayers = self.lines[:, self._staying[reserve]]
            self._lowest[reserve] = stayers.min(axis=1).tolist() if stayers.size else [np.inf] * len(SIGNALS)

    def _way_out(self, view: "View", member: int, reserve: int) -> list[Intent]:
        """Return the withdrawal; or, of who still owes, a repayment, as far as the wallet goes, and a later try."""
        account = self.first_account + member
        bid = view.gas_gwei * (1.0 + self.terms.gas_premium)
        if self.terms.loan is None or not view.owes(self.pool, account):
            return [Withdraw(self, member, bid, self.terms.gas_units, self.pool, account, reserve)]
        self._due.plan(view.now + self.terms.loan.retry_seconds, (member, reserve))
        if not view.has_wallet(self.pool, account, "repay"):
            return []
        return [MendPosition(self, member, bid, self.terms.gas_units, self.pool, account, "repay", np.inf, np.inf, 0.0)]

    def _come_back(self, view: "View", judge: Judge, reserve: int, sight: "Sight") -> list[Intent]:
        """Return what those ask for who left and are not afraid any more, nor beyond their lines.

        Who still waits stays after all; who was paid brings it back, once nobody waits.
        """
        away = view.away(self.pool, self.accounts, reserve)
        gone = ~self._staying[reserve] | (away > 0.0)  # who was paid a part before it chose to stay has that to bring
        if self._has_lines:
            gone &= ~self._beyond_lines(view.run_signals(self.pool, reserve))
        bid, gas = view.gas_gwei * (1.0 + self.terms.gas_premium), self.terms.gas_units
        intents: list[Intent] = []
        for member in judge.reassured(view, reserve, sight, gone).tolist():
            account = self.first_account + member
            if view.waits(self.pool, account, reserve):
                intents.append(Stay(self, member, bid, gas, self.pool, account, reserve))
            elif sight.queued == 0.0 and away[member] > 0.0:
                intents.append(Deposit(self, member, bid, gas, self.pool, account, reserve, away.item(member)))
        return intents
