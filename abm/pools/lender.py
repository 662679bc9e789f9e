"""One lending pool of the world with the rules around it, and what is known of its positions at the moment.

What many ask is worked out once: who is liquidatable, and what a liquidation of each would go for, stay known until
prices, interest or a verb of the pool change them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import numpy as np

from abm.auctions.lots import Auctions
from abm.auctions.sales import Sales
from abm.liquidations.marks import AccountMark, Mark
from abm.liquidations.on_offer import Bids, Calls, Opportunities, Past
from abm.liquidations.rights import RightAuctions
from abm.markets.floors import Floor
from abm.pools.band_loans import BandLoans, BandWatch
from abm.pools.exits import Exits
from abm.pools.own_lines import OwnLines
from models.lending import Below, HealthWatch, LendingPool
from models.liquidation import Design, Position, SpotDesign
from models.types import FloatArray, IntArray


@dataclass(slots=True)
class Found:
    """The largest collateral that backs an account's debt, against its largest debt: what a liquidation goes for."""

    position: Position
    collateral: int
    debt: int


@dataclass(slots=True)
class Lender:
    """One lending pool with the rules around it and its ledger accounts.

    `account` holds the pool's cash and collateral, `fees` what the protocol kept of liquidations, and
    `first_holder + k` is the ledger account of the pool's account k. `assets[r]` is the asset of reserve r and
    `prices[r]` its price as the protocol believes it. `waiting_since[k]` is when account k became liquidatable, inf
    where it is not; `exits` says who queues to leave, and when anybody may. `auctions` are there where the design
    takes time or has a pool behind it, and are `loans` too where collateral is in bands; `rights` where the right to
    call is auctioned. On the `floor` takers sell. `paid_before` is what the treasury paid of a bad debt by the design's
    own rule, by account and reserve. From `first_claims` on are the pool's accounts of loss layers, then of insurers,
    that hold claims; where a layer charges who leaves, `exit_charge(account, reserve, units)` is what it keeps back of
    a withdrawal, and `exit_share(reserve)` the part of any that it would. `treasury_covers` says whether the treasury
    is among the layers; where others stand before suppliers, `counted_on(reserve, units)` is what these owe of the hole
    and could pay now, and what of a loss of so many units would reach suppliers. `deleveraged_usd[k]` is what account k
    has paid for losses out of what it had won, at the first prices, less what it was paid back.
    """

    name: str
    pool: LendingPool
    design: Design
    assets: list[int]
    account: int
    fees: int
    first_holder: int
    thresholds: list[float]
    prices: FloatArray
    price_list: list[float]
    haircuts: FloatArray
    deleveraged_usd: FloatArray
    income: list[float]
    exits: Exits
    waiting_since: FloatArray
    floor: Floor
    watch: HealthWatch | BandWatch = field(init=False)
    own_lines: OwnLines | None = None
    first_claims: int = -1
    exit_charge: Callable[[int, int, float], float] | None = None
    exit_share: Callable[[int], float] | None = None
    counted_on: Callable[[int, float], tuple[float, float]] | None = None
    treasury_covers: bool = False
    below: Below | None = None
    auctions: Auctions | None = None
    rights: RightAuctions | None = None
    loans: BandLoans | None = None
    open_now: Opportunities | None = None
    calls: Calls | None = None
    bids: Bids | None = None
    past: Past = field(default_factory=Past)
    waiting: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    stripped: set[int] = field(default_factory=set)
    paid_before: dict[tuple[int, int], float] = field(default_factory=dict)
    _found: dict[int, Found | None] = field(default_factory=dict)

    def start_watching(self, lines: FloatArray) -> None:
        """Watch all positions from now on, once they are open: against the line, and their owners' lines if any."""
        self.watch = HealthWatch(self.pool, self.design.line) if self.loans is None else BandWatch(self.loans, 1.0)
        if lines.any():
            self.own_lines = OwnLines(self, lines)
        self.pool.on_change(self.changed, self.changed_many)
        # A position may be opened with no collateral at all: then its debt is bad from the first block on.
        naked = self.pool.scaled_debt.any(axis=1) & ~self.pool.collateral.any(axis=1)
        self.stripped.update(np.flatnonzero(naked).tolist())

    def follow(self) -> None:
        """Take over what trades have made of collateral that is in bands, before anybody reads the pool's books."""
        if self.loans is not None and self.loans.follow():
            self._found.clear()
            self.stale()

    def mark(self, number: int) -> Mark | None:
        """Return what a call on an account or a lot goes for; None where nothing is owed, or nothing left to sell."""
        if isinstance(self.design, SpotDesign):
            found = self.position(number)
            return AccountMark(self, self.design, number, found) if found is not None else None
        if self.loans is not None:
            self.follow()
            return self.loans.mark(number)
        return self.auctions.mark(number) if isinstance(self.auctions, Sales) else None

    def position(self, account: int) -> Found | None:
        """Return what a liquidator would go for, at the prices the protocol believes in; None where nothing is owed."""
        self.follow()
        if account not in self._found:
            self._found[account] = (
                self.position_at(account, self.price_list) if self.loans is None else self._loan(self.loans, account)
            )
        return self._found[account]

    def _loan(self, loans: BandLoans, account: int) -> Found | None:
        position = loans.position(account)
        return Found(position, loans.collateral, loans.debt) if position is not None else None

    def health_at(self, account: int, prices: FloatArray) -> float:
        """Return the health of an account, were these the prices that the protocol believes, one for each reserve."""
        if self.loans is not None:
            return self.loans.health_at(account, prices)
        return self.pool.standing(account, prices).health

    def position_at(self, account: int, prices: list[float]) -> Found | None:
        """Return what a liquidator would go for at any prices, one for each reserve; None where nothing is owed."""
        held, owed = self.pool.position(account)
        collateral = debt = -1
        most_held = (False, 0.0)
        most_owed = worth = backing = debts = 0.0
        for r, price in enumerate(prices):
            value = held[r] * price
            if value > 0.0:
                worth += value
                backing += value * self.thresholds[r]
                # What backs nothing is seized only where nothing else is left.
                rank = self.thresholds[r] > 0.0, value
                if collateral < 0 or rank > most_held:
                    collateral, most_held = r, rank
            value = owed[r] * price
            debts += value
            if value > most_owed:
                debt, most_owed = r, value
        if debt < 0 or collateral < 0:
            return None
        return Found(
            Position(
                health=backing / debts,
                collateral_units=held[collateral],
                collateral_price=prices[collateral],
                debt_units=owed[debt],
                debt_price=prices[debt],
                collateral_usd=worth,
                debt_usd=debts,
                liquidation_threshold=self.thresholds[collateral],
            ),
            collateral,
            debt,
        )

    def believe(self, prices: list[float]) -> None:
        """Take prices from the oracles, one for each reserve; where they are those of before nothing has changed."""
        if prices == self.price_list:
            return
        self.prices = np.array(prices)
        self.price_list = prices
        self._found.clear()
        self.stale()

    def liquidatable(self) -> Below:
        """Return the accounts that can be liquidated with their values; looked at once until something changes."""
        self.follow()
        if self.below is None:
            self.below = self.watch.below(self.prices)
        return self.below

    def note_waiting(self, now: float) -> None:
        """Keep the time since when each account has been liquidatable; who recovered starts afresh."""
        self.open_now = self.calls = self.bids = None
        accounts = self.liquidatable().accounts
        if accounts.size == self.waiting.size and not np.count_nonzero(accounts != self.waiting):
            return  # nobody has come or gone
        since = self.waiting_since[accounts]
        self.waiting_since[self.waiting] = np.inf
        self.waiting_since[accounts] = np.minimum(since, now)
        self.waiting = accounts

    def charged_share(self, reserve: int) -> float:
        """Return the part of a withdrawal that a layer keeps back now."""
        return self.exit_share(reserve) if self.exit_share is not None else 0.0

    def claims_paid_by(self, cash: float, reserve: int) -> float:
        """Return the claims on a reserve that so many units pay out, once a layer has kept back its part of them."""
        kept = self.charged_share(reserve)
        if kept < 1.0:
            return cash / (1.0 - kept)
        return inf if cash > 0.0 else 0.0

    def charge_exit(self, account: int, reserve: int, units: float) -> float:
        """Charge an account that withdraws so many units of claims; returns what is paid out for them."""
        return units if self.exit_charge is None else units - self.exit_charge(account, reserve, units)

    def interest_accrued(self) -> None:
        """Forget every position: all debts have grown."""
        self._found.clear()
        self.stale()

    def changed(self, account: int) -> None:
        """Forget what was known of a position that a verb of the pool has changed; note it if nothing backs it now."""
        self._found.pop(account, None)
        self.below = None
        if self.pool.is_stripped(account):
            self.stripped.add(account)

    def changed_many(self, accounts: IntArray) -> None:
        """`changed` for many accounts."""
        self._found.clear()
        self.below = None
        self.stripped.update(self.pool.stripped(accounts).tolist())

    def stale(self) -> None:
        """Forget who was liquidatable: prices, indices or positions have changed."""
        self.below = None
