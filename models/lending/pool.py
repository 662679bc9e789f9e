"""A lending pool: positions as columns over the books of its reserves, and the verbs that move them.

**Source**: Aave v3 (``BorrowLogic``) for the verbs; Compound III and Morpho Blue for collateral that stays put;
`models.lending.reserve` for suppliers, interest and the deficit.

**Models**: what borrowers have posted and owe, over the reserves and their suppliers. Debt is kept as scaled debt times
the reserve's borrow index, so that interest touches no account. Borrowing is bound by the loan-to-value limit and by
cash, release of collateral by health.

**Leaves out**: collateral earns nothing and is not lent on (as in Maker, Compound III, Morpho). Caps, e-mode, flash
loans, integer rounding.

**Units**: units of each asset (1.0 = one token), prices as value per unit.

**Invariants**: the reserves' sheets balance after every verb, and their totals are the sums of the columns. A refused
verb changes nothing.
"""

from collections.abc import Callable, Sequence
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from models.lending.refusals import (
    BorrowLimit,
    InsufficientCash,
    InsufficientCollateral,
    InsufficientDebt,
    UnsafeRelease,
)
from models.lending.reserve import RESIDUE, RateOver, Reserves, cells, less
from models.lending.terms import ReserveTerms
from models.lending.valuation import Standing, Valuation, rows_below, value_rows, without_collateral
from models.types import FloatArray, IntArray


class LendingPool(Reserves):
    """Reserves, and the positions of N accounts in them.

    Besides what `Reserves` keeps, by account and reserve, (N, R) float64: ``collateral`` (units posted) and
    ``scaled_debt``. Read them freely, write them through the verbs.
    """

    def __init__(
        self,
        terms: Sequence[ReserveTerms],
        rate_of: Sequence[Callable[[float], float]],
        accounts: int,
        names: Sequence[str] = (),
        rate_over: Sequence[RateOver | None] = (),
    ) -> None:
        super().__init__(terms, rate_of, accounts, names, rate_over)
        self._ltvs = [float(t.ltv) for t in self.terms]
        self._thresholds = [float(t.liquidation_threshold) for t in self.terms]
        self.thresholds: FloatArray = np.array(self._thresholds)
        self.collateral = np.zeros((accounts, self.reserves))
        self.scaled_debt = np.zeros((accounts, self.reserves))
        self._on_change: list[tuple[Callable[[int], None], Callable[[IntArray], None]]] = []
        self._expose()

    def _expose(self) -> None:
        """See the columns through memoryviews as well, for single floats."""
        self._collateral = cells(self.collateral)
        self._scaled_debt = cells(self.scaled_debt)

    def add_accounts(self, count: int) -> int:
        """As in `Reserves`, with nothing posted or owed."""
        first = super().add_accounts(count)
        empty = np.zeros((count, self.reserves))
        self.collateral = np.concatenate((self.collateral, empty))
        self.scaled_debt = np.concatenate((self.scaled_debt, empty))
        self._expose()
        return first

    def on_change(self, touch: Callable[[int], None], touch_many: Callable[[IntArray], None]) -> None:
        """Have `touch(account)` called whenever that account's collateral or debt was changed by a verb.

        `touch_many(accounts)` is called where a verb has changed many at once.
        """
        self._on_change.append((touch, touch_many))

    def _changed(self, account: int) -> None:
        for touch, _ in self._on_change:
            touch(account)

    def _changed_many(self, ids: IntArray) -> None:
        for _, touch_many in self._on_change:
            touch_many(ids)

    # Borrowers

    def post(self, account: int, reserve: int, units: float) -> None:
        """Add `units` of collateral."""
        self._require_units("post", reserve, units)
        self._collateral[account, reserve] += units
        self._total_collateral[reserve] += units
        self._changed(account)

    def release(self, account: int, reserve: int, units: float, prices: FloatArray) -> float:
        """Take back `units` of collateral; returns the units released.

        Raises `InsufficientCollateral`, and `UnsafeRelease` when the health after it would be below 1 (as Aave's
        withdrawal; the loan-to-value limit binds new debt only). An account without debt may take everything.
        """
        self._require_units("release", reserve, units)
        held = self._require_collateral(account, reserve, units)
        released = min(units, held)
        left = less(held, released)
        # Whether the account is safe is asked of the position as it would be; it is put back before a refusal.
        self._collateral[account, reserve] = left
        health = self.standing(account, prices).health
        if not health >= 1.0:
            self._collateral[account, reserve] = held
            raise UnsafeRelease(
                f"releasing {units!r} {self.names[reserve]} would leave account {account} with health {health:.6g}; "
                "repay first, or release less"
            )
        self._total_collateral[reserve] = less(self._total_collateral[reserve], released)
        self._changed(account)
        return released

    def borrow(self, account: int, reserve: int, units: float, prices: FloatArray) -> None:
        """Lend `units` to the account. Raises `InsufficientCash`, and `BorrowLimit` beyond the loan-to-value limit."""
        self._require_units("borrow", reserve, units)
        cash = self._cash[reserve]
        if units > cash:
            raise InsufficientCash(
                f"{self.names[reserve]} holds {cash!r} in cash, asked for {units!r}; borrow less or wait for deposits"
            )
        limit, owed = self._borrow_room(account, prices.tolist())
        owed += units * float(prices[reserve])
        if not owed <= limit * (1.0 + RESIDUE):
            raise BorrowLimit(
                f"account {account} would owe {owed:.6g} against a limit of {limit:.6g}; "
                f"borrow less {self.names[reserve]} or post more collateral"
            )
        scaled = units / self._borrow_index[reserve]
        self._scaled_debt[account, reserve] += scaled
        self._total_scaled_debt[reserve] += scaled
        self._cash[reserve] = cash - units
        self._changed(account)

    def repay(self, account: int, reserve: int, units: float) -> float:
        """Pay back up to `units` of the account's debt; returns what was repaid, at most the debt."""
        self._require_units("repay", reserve, units)
        index = self._borrow_index[reserve]
        scaled = self._scaled_debt[account, reserve]
        owed = scaled * index
        repaid = min(units, owed)
        burned = scaled if units >= owed * (1.0 - RESIDUE) else repaid / index
        self._scaled_debt[account, reserve] = scaled - burned
        self._debt_ended(reserve, burned)
        self._cash[reserve] += repaid
        self._changed(account)
        return repaid

    def post_many(self, accounts: ArrayLike, reserve: int, units: ArrayLike) -> None:
        """Add collateral to many accounts: initial positions."""
        ids, amounts = self._require_many("post", reserve, accounts, units)
        np.add.at(self.collateral[:, reserve], ids, amounts)
        self._total_collateral[reserve] += float(amounts.sum())
        self._changed_many(ids)

    def borrow_many(self, accounts: ArrayLike, reserve: int, units: ArrayLike) -> None:
        """Open debts of many accounts with no look at their health: initial positions. Raises `InsufficientCash`."""
        ids, amounts = self._require_many("borrow", reserve, accounts, units)
        cash, lent = self._cash[reserve], float(amounts.sum())
        if lent > cash + RESIDUE * self._largest_sheet[reserve]:
            raise InsufficientCash(
                f"{self.names[reserve]} holds {cash!r} in cash, the debts to open sum to {lent!r}; supply more first"
            )
        scaled = amounts / self._borrow_index[reserve]
        np.add.at(self.scaled_debt[:, reserve], ids, scaled)
        self._total_scaled_debt[reserve] += float(scaled.sum())
        self._cash[reserve] = max(cash - lent, 0.0)
        self._changed_many(ids)

    # Liquidation

    def seize(self, account: int, reserve: int, units: float) -> float:
        """Take `units` of collateral from the account; returns the units taken. Raises `InsufficientCollateral`."""
        self._require_units("seize", reserve, units)
        held = self._require_collateral(account, reserve, units)
        seized = min(units, held)
        self._collateral[account, reserve] = less(held, seized)
        self._total_collateral[reserve] = less(self._total_collateral[reserve], seized)
        self._changed(account)
        return seized

    def restate_collateral(self, accounts: IntArray, reserve: int, units: FloatArray) -> None:
        """Book what accounts (n,) have posted, units (n,), where something else holds it and trades with it.

        Who follows positions is not told: whoever restates tells them.
        """
        ids, amounts = self._require_many("restate", reserve, accounts, units)
        self.collateral[ids, reserve] = amounts
        self._total_collateral[reserve] = float(self.collateral[:, reserve].sum())

    def hand_over(
        self, account: int, collateral: int, debt: int, others: ArrayLike, units: ArrayLike, owed: ArrayLike
    ) -> None:
        """Hand `units[k]` of the account's collateral to `others[k]`, which owes `owed[k]` of its debt from then on.

        Raises `InsufficientCollateral` and `InsufficientDebt`.
        """
        ids, given = self._require_many("hand over", collateral, others, units)
        _, lent = self._require_many("hand over", debt, ids, owed)
        handed = float(given.sum())
        held = self._require_collateral(account, collateral, handed)
        scaled = lent / self._borrow_index[debt]
        ended, owing = float(scaled.sum()), self._scaled_debt[account, debt]
        if ended > owing * (1.0 + RESIDUE):
            raise InsufficientDebt(
                f"account {account} owes {self.debt(account, debt)!r} {self.names[debt]}, others are to owe "
                f"{float(lent.sum())!r} of it; hand over no more than is owed"
            )
        self._collateral[account, collateral] = less(held, handed)
        self._scaled_debt[account, debt] = less(owing, ended)
        np.add.at(self.collateral[:, collateral], ids, given)
        np.add.at(self.scaled_debt[:, debt], ids, scaled)
        self._changed(account)
        self._changed_many(ids)

    def credit(self, debtor: int, creditor: int, reserve: int, units: float) -> None:
        """Let one account owe, and another claim, `units` more: what is paid without cash, and without a look."""
        self._require_units("credit", reserve, units)
        scaled, shares = units / self._borrow_index[reserve], units / self._supply_index[reserve]
        self._scaled_debt[debtor, reserve] += scaled
        self._total_scaled_debt[reserve] += scaled
        self.cuts.settle(creditor, reserve, self._shares[creditor, reserve])
        self._shares[creditor, reserve] += shares
        self._total_shares[reserve] += shares
        self._note_size(reserve)
        self._changed(debtor)

    def write_off(self, account: int, reserve: int, units: float = inf) -> float:
        """Give up the account's debt in the reserve, or `units` of it; returns the units, now part of the deficit."""
        owed, index = self._scaled_debt[account, reserve], self._borrow_index[reserve]
        scaled = owed if units >= owed * index * (1.0 - RESIDUE) else units / index
        lost = scaled * index
        self._scaled_debt[account, reserve] = owed - scaled
        self._debt_ended(reserve, scaled)
        self._deficit[reserve] += lost
        self._changed(account)
        return lost

    def _debt_ended(self, reserve: int, scaled: float) -> None:
        """Take scaled debt off the total that was taken off its owners."""
        left = less(self._total_scaled_debt[reserve], scaled)
        if self._nearly_nothing(reserve, left * self._borrow_index[reserve]):
            left = float(self.scaled_debt[:, reserve].sum())
        self._total_scaled_debt[reserve] = left

    # What positions and reserves are worth

    def standing(self, account: int, prices: FloatArray) -> Standing:
        """Health, collateral value and debt value of one account at `prices` (R,)."""
        backing, held, owed = 0.0, 0.0, 0.0
        for r, price in enumerate(prices.tolist()):
            value = self._collateral[account, r] * price
            held += value
            backing += value * self._thresholds[r]
            owed += self._scaled_debt[account, r] * self._borrow_index[r] * price
        return Standing(inf if owed == 0.0 else backing / owed, held, owed)

    def valuation(self, prices: FloatArray, rows: IntArray | None = None) -> Valuation:
        """Health, collateral value and debt value of `rows` (ids, all accounts by default) at `prices` (R,)."""
        if rows is None:
            rows = np.arange(self.accounts)
        return Valuation(
            *value_rows(self.collateral, self.scaled_debt, prices, self.thresholds, self.borrow_index, rows)
        )

    def health(self, prices: FloatArray, rows: IntArray | None = None) -> FloatArray:
        """Collateral value times liquidation threshold over debt value, (rows,); inf without debt."""
        return self.valuation(prices, rows).health

    def below(self, prices: FloatArray, rows: IntArray, lines: FloatArray) -> IntArray:
        """Who of `rows` owes something and has a health below its line in `lines` (accounts,), in their order."""
        return rows_below(self.collateral, self.scaled_debt, prices, self.thresholds, self.borrow_index, rows, lines)

    def position(self, account: int) -> tuple[list[float], list[float]]:
        """Units of collateral posted and of debt owed by one account, each by reserve."""
        collateral, scaled, index = self._collateral, self._scaled_debt, self._borrow_index
        reserves = range(self.reserves)
        return [collateral[account, r] for r in reserves], [scaled[account, r] * index[r] for r in reserves]

    def owes_beside(self, account: int, reserve: int) -> bool:
        """Whether the account owes anything in another reserve."""
        scaled = self._scaled_debt
        for r in range(self.reserves):  # noqa: SIM110  see `is_stripped`
            if r != reserve and scaled[account, r]:
                return True
        return False

    def is_stripped(self, account: int) -> bool:
        """Whether the account has no collateral at all: nothing is left to seize."""
        collateral = self._collateral
        for r in range(self.reserves):  # noqa: SIM110  a loop ends at the first one in half the time of any()
            if collateral[account, r]:
                return False
        return True

    def stripped(self, accounts: IntArray) -> IntArray:
        """Who of `accounts` has no collateral at all, in their order."""
        return without_collateral(self.collateral, accounts)

    def debt(self, account: int, reserve: int) -> float:
        """What the account owes the reserve now, units."""
        return self._scaled_debt[account, reserve] * self._borrow_index[reserve]

    # Refusals

    def _require_collateral(self, account: int, reserve: int, units: float) -> float:
        held = self._collateral[account, reserve]
        if units > held * (1.0 + RESIDUE):
            raise InsufficientCollateral(
                f"account {account} has posted {held!r} {self.names[reserve]}, asked for {units!r}; "
                "take no more than is posted"
            )
        return held

    def _borrow_room(self, account: int, prices: list[float]) -> tuple[float, float]:
        """The loan-to-value limit of the account's collateral, and the value of its debt."""
        limit, owed = 0.0, 0.0
        for r, price in enumerate(prices):
            limit += self._collateral[account, r] * price * self._ltvs[r]
            owed += self._scaled_debt[account, r] * self._borrow_index[r] * price
        return limit, owed
