"""Borrowers: a size and a health each; some watch their position and mend it before somebody else does.

Models: positions drawn from distributions, listed, or read from a file; a share that watches, each at its own interval,
and below its own health line reacts after its own delay by topping up from a wallet, repaying from it, or selling
collateral on the venue to repay, which adds to the selling; or repays it all where the rate has become too high for it.
The rest are passive.
Leaves out: new borrowing during the run, closing in good times, looped positions.
"""

import heapq
from typing import TYPE_CHECKING, Final

import mesa
import numpy as np
from pydantic import Field, model_validator

from abm.agents.clocks import Clocks
from abm.agents.due import Due
from abm.intents import Intent, MendPosition, Reaction, Receipt, Status
from abm.reading.distributions import (
    Drawn,
    Members,
    NonNegative,
    NonNegativeOrDrawn,
    PositiveInfOrDrawn,
    PositiveOrDrawn,
    draw,
)
from models.parameters import Parameters
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.view import View


REACTIONS: tuple[Reaction, ...] = ("top_up", "repay", "sell")
_FEW: Final = 500
"""So many who look within a block are valued one by one; of more, only those whom a watch suspects."""
SIZES = (("debt_usd", "health"), ("collateral_usd", "limit_used"), ("equity_usd",))
"""The ways to say how large drawn positions are."""


class Position(Parameters):
    """One explicit position: units of each collateral and each debt."""

    collateral: dict[str, NonNegative] = {}
    debt: dict[str, NonNegative] = {}

    @model_validator(mode="after")
    def _something_there(self) -> "Position":
        if not self.collateral and not self.debt:
            raise ValueError("a position has neither collateral nor debt; give it at least one of them")
        return self


class Reactions(Parameters):
    """Shares of those who watch that react in each way; they are scaled to sum to one."""

    top_up: float = Field(0.0, ge=0)
    repay: float = Field(0.0, ge=0)
    sell: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _somebody_reacts(self) -> "Reactions":
        if self.top_up + self.repay + self.sell <= 0.0:
            raise ValueError("top_up, repay and sell are all 0; give at least one of them a positive share")
        return self

    def shares(self) -> FloatArray:
        """Return the shares in the order of `REACTIONS`, summing to one."""
        raw: FloatArray = np.array([self.top_up, self.repay, self.sell])
        shares: FloatArray = raw / raw.sum()
        return shares


class Borrowers(Parameters):
    """One cohort of borrowers: `positions`, or a `file` of them, or `count` positions drawn from distributions.

    A drawn position owes `debt_usd` of `debt` against as much `collateral` as makes its health factor `health` at the
    first oracle price; with `total_debt_usd` all sizes are scaled to that sum, and with `rank_correlation` (Spearman's)
    larger debts have higher healths, below 0 lower ones, by a Gaussian copula. In place of both, `collateral_usd` is
    what it posts, of whose limit by the reserve's ltv it has drawn the part `limit_used`; or `equity_usd` makes it a
    loop: own capital of so much is posted, borrowed against at `loop_ltv` (the reserve's ltv unless given), and what is
    borrowed posted again, `loops` times. A file has a row for each position and columns `collateral_<asset>` and
    `debt_<asset>` in units; with `resample` the cohort has so many rows of it, drawn with replacement, and `jitter`
    blurs the size of each and how far its health is above 1, by factors of a lognormal of that sigma.

    A share `watching` looks every `watch_interval_seconds`; one that finds its health below `react_below` acts
    `react_delay_seconds` later and aims at `target_health`. `wallet_share` is the wallet's value as a share of the
    debt: in collateral for those who top up, in the debt's asset for those who repay. A wallet that cannot carry the
    whole step gives what it has; who has nothing left to give sells, as long as a unit brings no less than the
    reference price less `max_discount`: a liquidation costs about a tenth too. Who owes more than its collateral is
    worth by the oracles lets it go. Those who watch also repay all that they owe, from the wallet and then by selling
    collateral, when they find that it costs more than `max_rate_per_year`.
    """

    pool: str | None = None
    positions: list[Position] | None = Field(None, min_length=1)
    file: str | None = Field(None, min_length=1)
    count: Members | None = None
    collateral: str | None = None
    debt: str | None = None
    debt_usd: PositiveOrDrawn | None = None
    total_debt_usd: float | None = Field(None, gt=0)
    health: PositiveOrDrawn | None = None
    collateral_usd: PositiveOrDrawn | None = None
    limit_used: PositiveOrDrawn | None = None
    equity_usd: PositiveOrDrawn | None = None
    loops: int = Field(1, ge=1, le=1000)
    loop_ltv: float | None = Field(None, gt=0, lt=1)
    rank_correlation: float | None = Field(None, ge=-1, le=1)
    resample: Members | None = None
    jitter: float = Field(0.0, ge=0, le=3)
    lowest_health: float = Field(1.01, gt=0)
    watching: float = Field(0.0, ge=0, le=1)
    watch_interval_seconds: PositiveOrDrawn = 3600.0
    react_below: PositiveOrDrawn = 1.1
    react_delay_seconds: NonNegativeOrDrawn = 0.0
    target_health: float = Field(1.25, gt=1)
    reactions: Reactions = Reactions(repay=1.0)
    max_discount: float = Field(0.1, ge=0, le=1)
    wallet_share: NonNegativeOrDrawn = 0.25
    gas_units: float = Field(300_000.0, ge=0)
    gas_premium: float = Field(0.1, ge=0)
    max_gas_gwei: PositiveInfOrDrawn | None = None
    max_rate_per_year: PositiveInfOrDrawn | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> "Borrowers":
        given = [name for name in ("positions", "file", "count") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            raise ValueError(f"a cohort has one of positions, file or count, here {found}; keep exactly one")
        ways = [names for names in SIZES if any(getattr(self, name) is not None for name in names)]
        if given == ["count"]:
            missing = [name for name in ("collateral", "debt", *(ways or SIZES)[0]) if getattr(self, name) is None]
            if missing:
                raise ValueError(f"count = {self.count} needs {', '.join(missing)} too; add what is missing")
            if len(ways) > 1:
                raise ValueError(f"{ways[0][0]} and {ways[1][0]} both say how large positions are; keep one of them")
            if self.equity_usd is None and (self.loop_ltv is not None or self.loops != 1):
                raise ValueError("a loop needs equity_usd, the own capital that it starts from; add it")
            self._can_be_paired()
        else:
            sizes = tuple(name for names in SIZES for name in names)
            drawn = ("collateral", "debt", *sizes, "total_debt_usd", "loop_ltv", "rank_correlation")
            idle = [name for name in drawn if getattr(self, name) is not None]
            if idle:
                raise ValueError(f"{idle[0]} goes with count, not with {given[0]}; remove one of them")
        if self.resample is not None and given != ["file"]:
            raise ValueError(f"resample = {self.resample} draws rows of a file, not {given[0]}; give a file")
        if self.jitter > 0.0 and self.resample is None:
            raise ValueError(f"jitter = {self.jitter:g} blurs positions that are drawn from a file; add resample")
        return self

    def _can_be_paired(self) -> None:
        """Refuse a correlation of what does not vary."""
        if self.rank_correlation is None:
            return
        for name in ("debt_usd", "health"):
            if not isinstance(getattr(self, name), Drawn):
                raise ValueError(
                    f"rank_correlation = {self.rank_correlation:g} pairs drawn debts with drawn healths; give {name} a "
                    "distribution"
                )


class BorrowerCohort(mesa.Agent):
    """A cohort of borrowers as columns; member k holds account `first_account + k` of its pool.

    `line` is the health below which a member reacts, 0 for those who do not watch; `max_rate_per_year` the rate above
    which it repays everything, inf for those who do not care. All columns have shape (count,).
    """

    def __init__(
        self,
        model: mesa.Model,
        terms: Borrowers,
        pool: int,
        first_account: int,
        count: int,
        step_seconds: float,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.pool = pool
        self.first_account = first_account
        self.count = count
        # Every attribute is drawn for everybody, watching or not, so that a change of the share shifts nobody else.
        watching = rng.random(count) < terms.watching
        self.interval_seconds = draw(terms.watch_interval_seconds, count, rng, lowest=1.0)
        self.phase_seconds = rng.random(count) * self.interval_seconds
        self.line = np.where(watching, draw(terms.react_below, count, rng), 0.0)
        self.delay_seconds = draw(terms.react_delay_seconds, count, rng)
        self.reaction: IntArray = np.searchsorted(np.cumsum(terms.reactions.shares()), rng.random(count), side="right")
        self.wallet_share = draw(terms.wallet_share, count, rng)
        self.max_gas_gwei = (
            np.full(count, np.inf) if terms.max_gas_gwei is None else draw(terms.max_gas_gwei, count, rng)
        )
        self.max_rate_per_year = (
            np.full(count, np.inf) if terms.max_rate_per_year is None else draw(terms.max_rate_per_year, count, rng)
        )
        self.max_rate_per_year[~watching] = np.inf
        self._lowest_rate = float(self.max_rate_per_year.min(initial=np.inf))
        self.watches = bool(watching.any())
        watchers = np.flatnonzero(watching)
        self._clocks = Clocks(
            watchers + first_account, self.phase_seconds[watchers], self.interval_seconds[watchers], step_seconds
        )
        self._due: Due[int] = Due()
        self._priced_out: list[tuple[float, int]] = []  # (-highest gas price, member), who pays most first
        self._planned = np.zeros(count, dtype=np.bool_)
        self._closing = np.zeros(count, dtype=np.bool_)

    def decide(self, view: "View") -> list[Intent]:
        """Return the reactions that fall due in this block."""
        if not self.watches:
            return []
        self._look(view)
        self._look_at_rates(view)
        bid = view.gas_gwei * (1.0 + self.terms.gas_premium)
        ready = self._ready(view.now, bid)
        if not ready:
            return []
        room = view.room_for(self.terms.gas_units)
        self._due.leave_out(ready[room:])
        intents: list[Intent] = []
        for member in ready[:room]:
            account = self.first_account + member
            closing = bool(self._closing[member])
            how = REACTIONS[self.reaction[member]]
            if closing and how == "top_up":
                how = "repay"
            if how != "sell" and not view.has_wallet(self.pool, account, how):
                how = "sell"
            intents.append(
                MendPosition(
                    sender=self,
                    member=member,
                    bid_gwei=bid,
                    gas_units=self.terms.gas_units,
                    pool=self.pool,
                    account=account,
                    how=how,
                    line=np.inf if closing else float(self.line[member]),
                    target_health=np.inf if closing else max(self.terms.target_health, float(self.line[member])),
                    max_discount=self.terms.max_discount,
                )
            )
        return intents

    def _ready(self, now: float, bid: float) -> list[int]:
        """Return those whose turn it is, and those for whom gas is cheap enough again, who pays most first."""
        ready = self._due.turn(now)
        if ready:
            due = np.array(ready, dtype=np.int64)
            able = bid <= self.max_gas_gwei[due]
            ready = due[able].tolist()
            for member in due[~able].tolist():
                heapq.heappush(self._priced_out, (-float(self.max_gas_gwei[member]), member))
        while self._priced_out and bid <= -self._priced_out[0][0]:
            ready.append(heapq.heappop(self._priced_out)[1])
        return ready

    def receive(self, intent: Intent, receipt: Receipt) -> None:
        """Take note of what became of a reaction: who was left out tries again, the others watch on."""
        if receipt.status is Status.LEFT_OUT:
            self._due.leave_out((intent.member,))
        else:
            self._planned[intent.member] = self._closing[intent.member] = False

    def _look(self, view: "View") -> None:
        """Plan a reaction for those below their line who look at their position within this block."""
        if self._clocks.strikes_per_block > _FEW:
            below = view.below_own_line(self.pool)
            mine = below[(below >= self.first_account) & (below < self.first_account + self.count)] - self.first_account
            self._plan(view, self._looking(view, mine))
            return
        looking = self._clocks.striking(view.step)
        if not looking.size:
            return
        below = view.below_own_line(self.pool, looking)
        if below.size:
            members = below - self.first_account
            self._plan(view, members[~self._planned[members]])

    def _look_at_rates(self, view: "View") -> None:
        """Plan to repay everything for those who look within this block and find the rate too high for them."""
        if self._lowest_rate == np.inf:
            return
        for reserve in view.reserves(self.pool):
            rate = view.borrow_rate(self.pool, reserve)
            if rate > self._lowest_rate:
                accounts = slice(self.first_account, self.first_account + self.count)
                squeezed = (self.max_rate_per_year < rate) & view.owing(self.pool, accounts, reserve)
                members = self._looking(view, np.flatnonzero(squeezed))
                self._closing[members] = True
                self._plan(view, members)

    def _looking(self, view: "View", members: IntArray) -> IntArray:
        """Return those who look within this block and have planned nothing yet.

        A member's clock strikes at its phase and every interval after.
        """
        since = (view.now - self.phase_seconds[members]) % self.interval_seconds[members]
        looking: IntArray = members[(since < view.step_seconds) & ~self._planned[members]]
        return looking

    def _plan(self, view: "View", members: IntArray) -> None:
        for member in members.tolist():
            self._planned[member] = True
            self._due.plan(view.now + float(self.delay_seconds[member]), member)
