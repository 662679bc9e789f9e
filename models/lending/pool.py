"""A lending pool: the books of every reserve and every position.

**Source**: Aave v3 (``ReserveLogic``, ``MathUtils.calculateCompoundedInterest``) for indices, interest and the
treasury's part; Aave v3.3 (``docs/3.3``) for the deficit; Compound III and Morpho Blue for collateral that stays put.

**Models**: R reserves, N accounts. Debt is kept as scaled debt times the reserve's borrow index, claims of suppliers
as shares times its supply index, so that interest touches no account. Over an interval the borrow index grows by
``1 + x + x^2/2 + x^3/6`` with ``x = rate * time`` and the rate taken at utilisation ``debt / (cash + debt)``. Of the
interest the treasury gets the reserve factor, suppliers the rest. A debt written off becomes the reserve's *deficit*,
which stays until it is covered (by the treasury's claim, by cash from outside) or cut from the suppliers' claims.

**Leaves out**: collateral earns nothing and is not lent on (as in Maker, Compound III, Morpho). Caps, e-mode, flash
loans, integer rounding. Aave credits suppliers with simple interest and keeps the difference to what borrowers pay
in the pool, and its treasury's claim earns like any other: here suppliers get exactly what is paid less the
treasury's part, and that part earns nothing.

**Units**: units of each asset (1.0 = one token), prices as value per unit, rates per year of 31 536 000 seconds.

**Invariants**: per reserve, ``cash + debt + deficit = claims + treasury``. Interest is credited as it is charged,
so this holds with a deficit as well: the same interest is spread over claims that the deficit has left too large, which
is the dilution that Aave v3.3 writes as ``supply rate = rate * debt / (cash + debt + deficit) * (1 - reserve factor)``.
A haircut lowers the supply index, a deficit does not. A refused verb changes nothing.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike

from models.lending.refusals import (
    BorrowLimit,
    ExceedsDeficit,
    InsufficientCash,
    InsufficientCollateral,
    InsufficientShares,
    InsufficientTreasury,
    InvalidUnits,
    SheetUnbalanced,
    UnsafeRelease,
)
from models.lending.reserve import BalanceSheet, ReserveTerms
from models.lending.valuation import Standing, Valuation, value_rows
from models.types import FloatArray, IntArray

SECONDS_PER_YEAR: Final = 31_536_000
# What is left of a balance below this part of it is rounding, and becomes nothing.
RESIDUE: Final = 1e-12


class LendingPool:
    """Reserves and positions of one pool; all columns are float64, reserves in the order of `terms`.

    Per account and reserve, (N, R): ``collateral`` (units posted), ``scaled_debt``, ``shares``. Per reserve, (R,):
    ``cash``, ``borrow_index``, ``supply_index``, ``total_scaled_debt``, ``total_shares``, ``total_collateral``,
    ``treasury`` (the protocol's claim, units), ``deficit`` (units). Read them freely, write them through the verbs.

    `rate_of[r]` maps the utilisation of reserve r to its borrow rate per year. `names` are for messages.
    """

    def __init__(
        self,
        terms: Sequence[ReserveTerms],
        rate_of: Sequence[Callable[[float], float]],
        accounts: int,
        names: Sequence[str] = (),
    ) -> None:
        self.terms = tuple(terms)
        self.rate_of = tuple(rate_of)
        self.reserves = len(self.terms)
        if len(self.rate_of) != self.reserves:
            raise ValueError(f"{self.reserves} reserves need as many rate models, got {len(self.rate_of)}")
        self.names = tuple(names) or tuple(f"reserve {r}" for r in range(self.reserves))
        self._ltvs = [float(t.ltv) for t in self.terms]
        self._thresholds = [float(t.liquidation_threshold) for t in self.terms]
        self._reserve_factors = [float(t.reserve_factor) for t in self.terms]
        self.thresholds: FloatArray = np.array(self._thresholds)
        self._on_change: list[Callable[[int], None]] = []

        self._book = np.zeros((8, self.reserves))
        self._book[1:3] = 1.0
        (
            self.cash,
            self.borrow_index,
            self.supply_index,
            self.total_scaled_debt,
            self.total_shares,
            self.total_collateral,
            self.treasury,
            self.deficit,
        ) = self._book
        (
            self._cash,
            self._borrow_index,
            self._supply_index,
            self._total_scaled_debt,
            self._total_shares,
            self._total_collateral,
            self._treasury,
            self._deficit,
        ) = (_cells(row) for row in self._book)
        self._largest_sheet = [0.0] * self.reserves

        self.collateral = np.zeros((accounts, self.reserves))
        self.scaled_debt = np.zeros((accounts, self.reserves))
        self.shares = np.zeros((accounts, self.reserves))
        self._expose()

    def _expose(self) -> None:
        """A memoryview reads and writes single floats several times faster than an array does."""
        self._collateral = _cells(self.collateral)
        self._scaled_debt = _cells(self.scaled_debt)
        self._shares = _cells(self.shares)

    @property
    def accounts(self) -> int:
        """How many accounts the columns have room for."""
        return len(self.collateral)

    def add_accounts(self, count: int) -> int:
        """Append `count` empty accounts; returns the first new id. Columns move: look them up anew."""
        first = self.accounts
        empty = np.zeros((count, self.reserves))
        self.collateral = np.concatenate((self.collateral, empty))
        self.scaled_debt = np.concatenate((self.scaled_debt, empty))
        self.shares = np.concatenate((self.shares, empty))
        self._expose()
        return first

    def on_change(self, touch: Callable[[int], None]) -> None:
        """Have `touch(account)` called whenever that account's collateral or debt was changed by a verb."""
        self._on_change.append(touch)

    def _changed(self, account: int) -> None:
        for touch in self._on_change:
            touch(account)

    # Interest

    def accrue(self, seconds: float) -> FloatArray:
        """Charge and credit interest for `seconds`; returns the treasury's income by reserve, (R,) units."""
        if not 0.0 <= seconds < inf:
            raise InvalidUnits(f"interest cannot accrue over {seconds} seconds; give a finite duration, 0 or more")
        years = seconds / SECONDS_PER_YEAR
        income = np.zeros(self.reserves)
        for r in range(self.reserves):
            index = self._borrow_index[r]
            debt = self._total_scaled_debt[r] * index
            if debt == 0.0:
                continue
            cash = self._cash[r]
            growth = _compounded(self.rate_of[r](debt / (cash + debt)) * years)
            interest = debt * growth
            self._borrow_index[r] = index + index * growth

            supply_index = self._supply_index[r]
            claims = self._total_shares[r] * supply_index
            assets = cash + debt + self._deficit[r]
            # Claims that are mere rounding belong to nobody: an index that divides by them would explode.
            earning = claims > RESIDUE * assets
            kept = self._reserve_factors[r] * interest if earning else interest
            if earning:
                self._supply_index[r] = supply_index + supply_index * ((interest - kept) / claims)
            self._treasury[r] += kept
            income[r] = kept
            self._largest_sheet[r] = max(self._largest_sheet[r], assets + interest)
        return income

    # Suppliers

    def supply(self, account: int, reserve: int, units: float) -> float:
        """Lend `units` to the reserve; returns the shares received."""
        self._require_units("supply", reserve, units)
        shares = units / self._supply_index[reserve]
        self._shares[account, reserve] += shares
        self._total_shares[reserve] += shares
        self._cash[reserve] += units
        self._largest_sheet[reserve] = max(self._largest_sheet[reserve], self.balance_sheet(reserve).assets)
        return shares

    def withdraw(self, account: int, reserve: int, units: float) -> float:
        """Redeem `units` of the account's claim at par; returns the units paid (`units`, less at most rounding).

        Raises `InsufficientShares` beyond the claim and `InsufficientCash` beyond what is not lent out.
        """
        self._require_units("withdraw", reserve, units)
        index = self._supply_index[reserve]
        shares = self._shares[account, reserve]
        claim = shares * index
        if units > claim * (1.0 + RESIDUE):
            raise InsufficientShares(
                f"account {account} claims {claim!r} of {self.names[reserve]}, asked for {units!r}; "
                "withdraw no more than the claim"
            )
        cash = self._cash[reserve]
        paid = min(units, claim)
        if paid > cash * (1.0 + RESIDUE):
            raise InsufficientCash(
                f"{self.names[reserve]} holds {cash!r} in cash, asked for {units!r}; "
                "wait for repayments or ask for less"
            )
        paid = min(paid, cash)
        burned = shares if units >= claim * (1.0 - RESIDUE) else paid / index
        self._shares[account, reserve] = shares - burned
        self._total_shares[reserve] = _less(self._total_shares[reserve], burned)
        self._cash[reserve] = cash - paid
        return paid

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
        left = _less(held, released)
        # Whether the account is safe is asked of the position as it would be; it is put back before a refusal.
        self._collateral[account, reserve] = left
        health = self.standing(account, prices).health
        if not health >= 1.0:
            self._collateral[account, reserve] = held
            raise UnsafeRelease(
                f"releasing {units!r} {self.names[reserve]} would leave account {account} with health {health:.6g}; "
                "repay first, or release less"
            )
        self._total_collateral[reserve] = _less(self._total_collateral[reserve], released)
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
        self._total_scaled_debt[reserve] = _less(self._total_scaled_debt[reserve], burned)
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
        if lent > cash * (1.0 + RESIDUE):
            raise InsufficientCash(
                f"{self.names[reserve]} holds {cash!r} in cash, the debts to open sum to {lent!r}; supply more first"
            )
        scaled = amounts / self._borrow_index[reserve]
        np.add.at(self.scaled_debt[:, reserve], ids, scaled)
        self._total_scaled_debt[reserve] += float(scaled.sum())
        self._cash[reserve] = max(cash - lent, 0.0)
        self._changed_many(ids)

    def _changed_many(self, ids: IntArray) -> None:
        if self._on_change:
            for account in ids.tolist():
                self._changed(account)

    # Liquidation and bad debt

    def seize(self, account: int, reserve: int, units: float) -> float:
        """Take `units` of collateral from the account; returns the units taken. Raises `InsufficientCollateral`."""
        self._require_units("seize", reserve, units)
        held = self._require_collateral(account, reserve, units)
        seized = min(units, held)
        self._collateral[account, reserve] = _less(held, seized)
        self._total_collateral[reserve] = _less(self._total_collateral[reserve], seized)
        self._changed(account)
        return seized

    def write_off(self, account: int, reserve: int) -> float:
        """Give up the account's whole debt in the reserve; returns the units, which are now part of the deficit."""
        scaled = self._scaled_debt[account, reserve]
        lost = scaled * self._borrow_index[reserve]
        self._scaled_debt[account, reserve] = 0.0
        self._total_scaled_debt[reserve] = _less(self._total_scaled_debt[reserve], scaled)
        self._deficit[reserve] += lost
        self._changed(account)
        return lost

    def cover_from_treasury(self, reserve: int, units: float) -> None:
        """Give up `units` of the treasury's claim against the deficit; needs no cash. Raises `InsufficientTreasury`."""
        deficit = self._require_deficit(reserve, units)
        treasury = self._treasury[reserve]
        if units > treasury * (1.0 + RESIDUE):
            raise InsufficientTreasury(
                f"the treasury claims {treasury!r} of {self.names[reserve]}, asked to cover {units!r}; "
                "cover no more than the claim"
            )
        self._treasury[reserve] = _less(treasury, units)
        self._deficit[reserve] = _less(deficit, units)

    def fund_treasury(self, reserve: int, units: float) -> None:
        """Pay `units` of cash in for the treasury, whose claim grows by as much."""
        self._require_units("fund", reserve, units)
        self._cash[reserve] += units
        self._treasury[reserve] += units

    def collect_treasury(self, reserve: int, units: float) -> float:
        """Pay `units` of the treasury's claim out in cash; returns the units paid.

        Raises `InsufficientTreasury` beyond the claim and `InsufficientCash` beyond what is not lent out.
        """
        self._require_units("collect", reserve, units)
        treasury, cash = self._treasury[reserve], self._cash[reserve]
        if units > treasury * (1.0 + RESIDUE):
            raise InsufficientTreasury(
                f"the treasury claims {treasury!r} of {self.names[reserve]}, asked to pay {units!r}; "
                "collect no more than the claim"
            )
        if units > cash * (1.0 + RESIDUE):
            raise InsufficientCash(
                f"{self.names[reserve]} holds {cash!r} in cash, asked for {units!r}; wait for repayments or ask for less"
            )
        paid = min(units, treasury, cash)
        self._treasury[reserve] = _less(treasury, paid)
        self._cash[reserve] = _less(cash, paid)
        return paid

    def cover_with_cash(self, reserve: int, units: float) -> None:
        """Fill `units` of the deficit with cash paid in from elsewhere."""
        deficit = self._require_deficit(reserve, units)
        self._cash[reserve] += units
        self._deficit[reserve] = _less(deficit, units)

    def haircut(self, reserve: int, units: float) -> float:
        """Cut suppliers' claims in proportion by `units` of the deficit; returns the cut, at most the claims."""
        deficit = self._require_deficit(reserve, units)
        index = self._supply_index[reserve]
        claims = self._total_shares[reserve] * index
        if units >= claims * (1.0 - RESIDUE):
            # Shares that claim nothing would leave new suppliers an index of zero: they end here.
            cut = min(units, claims)
            self.shares[:, reserve] = 0.0
            self._total_shares[reserve] = 0.0
        else:
            cut = units
            self._supply_index[reserve] = index * ((claims - cut) / claims)
        self._deficit[reserve] = _less(deficit, cut)
        return cut

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

    def collateral_value(self, prices: FloatArray, rows: IntArray | None = None) -> FloatArray:
        """Value of all collateral posted by each of `rows`, (rows,)."""
        return self.valuation(prices, rows).collateral_value

    def debt_value(self, prices: FloatArray, rows: IntArray | None = None) -> FloatArray:
        """Value of all debt of each of `rows`, (rows,)."""
        return self.valuation(prices, rows).debt_value

    def debt(self, account: int, reserve: int) -> float:
        """What the account owes the reserve now, units."""
        return self._scaled_debt[account, reserve] * self._borrow_index[reserve]

    def claims(self, account: int, reserve: int) -> float:
        """What the account may claim from the reserve at par, units."""
        return self._shares[account, reserve] * self._supply_index[reserve]

    def utilisation(self, reserve: int) -> float:
        """Debt over cash and debt; 0 for an empty reserve."""
        debt = self._total_scaled_debt[reserve] * self._borrow_index[reserve]
        return debt / (self._cash[reserve] + debt) if debt > 0.0 else 0.0

    @property
    def total_debt(self) -> FloatArray:
        """What borrowers owe each reserve, (R,) units."""
        return self.total_scaled_debt * self.borrow_index

    @property
    def total_claims(self) -> FloatArray:
        """What suppliers may claim from each reserve, (R,) units."""
        return self.total_shares * self.supply_index

    def debt_value_total(self, prices: FloatArray) -> float:
        """Value of all open debt, from the totals of the reserves."""
        return float(self.total_debt @ prices)

    def collateral_value_total(self, prices: FloatArray) -> float:
        """Value of all posted collateral, from the totals of the reserves."""
        return float(self.total_collateral @ prices)

    def balance_sheet(self, reserve: int) -> BalanceSheet:
        """Cash, debt, deficit, claims and treasury of one reserve."""
        return BalanceSheet(
            cash=self._cash[reserve],
            debt=self._total_scaled_debt[reserve] * self._borrow_index[reserve],
            deficit=self._deficit[reserve],
            claims=self._total_shares[reserve] * self._supply_index[reserve],
            treasury=self._treasury[reserve],
        )

    def check(self, tolerance: float = 1e-9) -> None:
        """Raise `SheetUnbalanced` unless every sheet balances to `tolerance` of the largest it has ever been."""
        for r, name in enumerate(self.names):
            sheet = self.balance_sheet(r)
            scale = max(self._largest_sheet[r], sheet.assets)
            if not abs(sheet.gap) <= tolerance * scale:
                raise SheetUnbalanced(
                    f"{name}: assets {sheet.assets!r} and claims {sheet.liabilities!r} differ by {sheet.gap:.3e}, "
                    f"more than {tolerance:g} of the largest sheet {scale:.6g}; a verb has left one side out"
                )

    # Refusals

    def _require_units(self, verb: str, reserve: int, units: float) -> None:
        if not 0.0 <= units < inf:
            raise InvalidUnits(f"cannot {verb} {units} {self.names[reserve]}; give a finite amount, 0 or more")

    def _require_many(
        self, verb: str, reserve: int, accounts: ArrayLike, units: ArrayLike
    ) -> tuple[IntArray, FloatArray]:
        ids, amounts = np.broadcast_arrays(np.asarray(accounts, np.int64), np.asarray(units, np.float64))
        refused = ~((amounts >= 0.0) & (amounts < inf))
        if refused.any():
            at = int(refused.argmax())
            raise InvalidUnits(
                f"cannot {verb} {amounts.flat[at]} {self.names[reserve]} for account {ids.flat[at]}; "
                "give finite amounts, 0 or more"
            )
        return ids, amounts

    def _require_collateral(self, account: int, reserve: int, units: float) -> float:
        held = self._collateral[account, reserve]
        if units > held * (1.0 + RESIDUE):
            raise InsufficientCollateral(
                f"account {account} has posted {held!r} {self.names[reserve]}, asked for {units!r}; "
                "take no more than is posted"
            )
        return held

    def _require_deficit(self, reserve: int, units: float) -> float:
        self._require_units("cover", reserve, units)
        deficit = self._deficit[reserve]
        if units > deficit * (1.0 + RESIDUE):
            raise ExceedsDeficit(
                f"{self.names[reserve]} has a deficit of {deficit!r}, asked to cover {units!r}; cover no more than that"
            )
        return deficit

    def _borrow_room(self, account: int, prices: list[float]) -> tuple[float, float]:
        """The loan-to-value limit of the account's collateral, and the value of its debt."""
        limit, owed = 0.0, 0.0
        for r, price in enumerate(prices):
            limit += self._collateral[account, r] * price * self._ltvs[r]
            owed += self._scaled_debt[account, r] * self._borrow_index[r] * price
        return limit, owed


def _cells(array: FloatArray) -> "memoryview[float]":
    """The same memory, for reading and writing single floats."""
    return cast("memoryview[float]", array.data)


def _compounded(x: float) -> float:
    """Aave's third-order expansion of ``exp(x) - 1``."""
    return x + x * x / 2.0 + x * x * x / 6.0


def _less(balance: float, amount: float) -> float:
    """`balance - amount`, and exactly 0 where only rounding is left."""
    left = balance - amount
    return left if left > RESIDUE * balance else 0.0
