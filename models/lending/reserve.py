"""The books of the reserves: who claims from them, interest, treasury, deficit, and a sheet that balances.

**Source**: Aave v3 (``ReserveLogic``, ``MathUtils.calculateCompoundedInterest``) for indices, interest and the
treasury's part, ``SupplyLogic`` for suppliers; Aave v3.3 (``docs/3.3``) for the deficit.

**Models**: R reserves, N accounts. Claims of suppliers are kept as shares times the supply index, so that interest
touches no account; they are paid at par until there is no cash. Over an interval the borrow index grows by
``1 + x + x^2/2 + x^3/6`` with ``x = rate * time`` and the rate taken at utilisation ``debt / (cash + debt)``. Of the
interest the treasury gets the reserve factor, suppliers the rest. A debt written off becomes the *deficit*, which stays
until somebody bears it: see `models.lending.bad_debt`.

**Leaves out**: integer rounding. Aave credits suppliers with simple interest and keeps the difference to what borrowers
pay in the pool, and its treasury's claim earns like any other: here suppliers get exactly what is paid less the
treasury's part, and that part earns nothing.

**Units**: units of each asset (1.0 = one token), rates per year of 31 536 000 seconds.

**Invariants**: per reserve, ``cash + debt + deficit = claims + treasury``. Interest is credited as it is charged, so
this holds with a deficit as well: the same interest is spread over claims that the deficit has left too large, which
is the dilution that Aave v3.3 writes as ``supply rate = rate * debt / (cash + debt + deficit) * (1 - reserve factor)``.
A deficit leaves the supply index alone.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike

from models.lending.cuts import Cuts
from models.lending.refusals import (
    InsufficientCash,
    InsufficientShares,
    InsufficientTreasury,
    InvalidUnits,
    SheetUnbalanced,
)
from models.lending.sheet import BalanceSheet, Worth
from models.lending.terms import ReserveTerms
from models.types import FloatArray, IntArray

SECONDS_PER_YEAR: Final = 31_536_000
# What is left of a balance below this part of it is rounding, and becomes nothing.
RESIDUE: Final = 1e-12
# A total below this part of the largest sheet is added up anew: what a larger one has rounded off would be much of it.
NEARLY_NOTHING: Final = 1e-6


RateOver = Callable[[float, float], float]


class Reserves:
    """The books of R reserves, in the order of `terms`, and what N accounts claim from them.

    By reserve, (R,) float64: ``cash``, ``borrow_index``, ``supply_index``, ``total_scaled_debt``, ``total_shares``,
    ``total_collateral``, ``treasury`` (the protocol's claim, units) and ``deficit`` (units). By account and reserve,
    (N, R) float64: ``shares``; ``cuts`` is what haircuts have taken. Read them freely, write them through the verbs.

    `rate_of[r]` maps the utilisation of reserve r to its borrow rate per year. Where there is a `rate_over[r]`, it is
    asked for the rate over the time of an accrual, by utilisation and seconds, and may change what `rate_of[r]` says
    from then on. `names` are for messages.
    """

    def __init__(
        self,
        terms: Sequence[ReserveTerms],
        rate_of: Sequence[Callable[[float], float]],
        accounts: int,
        names: Sequence[str] = (),
        rate_over: Sequence[RateOver | None] = (),
    ) -> None:
        self.terms = tuple(terms)
        self.rate_of = tuple(rate_of)
        self.rate_over = tuple(rate_over) or (None,) * len(self.terms)
        self.reserves = len(self.terms)
        if len(self.rate_of) != self.reserves:
            raise ValueError(f"{self.reserves} reserves need as many rate models, got {len(self.rate_of)}")
        self.names = tuple(names) or tuple(f"reserve {r}" for r in range(self.reserves))
        self._reserve_factors = [float(t.reserve_factor) for t in self.terms]
        # One block of memory, seen twice: as arrays, and as memoryviews, which read and write one float much faster.
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
        ) = (cells(row) for row in self._book)
        self._largest_sheet = [0.0] * self.reserves
        self.shares = np.zeros((accounts, self.reserves))
        self._shares = cells(self.shares)
        self.cuts = Cuts(accounts, self.reserves)

    @property
    def accounts(self) -> int:
        """How many accounts the columns have room for."""
        return len(self.shares)

    def add_accounts(self, count: int) -> int:
        """Append `count` empty accounts; returns the first new id. Columns move: look them up anew."""
        first = self.accounts
        self.shares = np.concatenate((self.shares, np.zeros((count, self.reserves))))
        self._shares = cells(self.shares)
        self.cuts.add_accounts(count)
        return first

    @property
    def book(self) -> FloatArray:
        """All books in one block, (8, R), its rows in the order of the list above: copy it to keep it."""
        return self._book

    # Suppliers

    def supply(self, account: int, reserve: int, units: float) -> float:
        """Lend `units` to the reserve; returns the shares received."""
        self._require_units("supply", reserve, units)
        shares = units / self._supply_index[reserve]
        self.cuts.settle(account, reserve, self._shares[account, reserve])
        self._shares[account, reserve] += shares
        self._total_shares[reserve] += shares
        self._cash[reserve] += units
        self._note_size(reserve)
        return shares

    def supply_many(self, accounts: ArrayLike, reserve: int, units: ArrayLike) -> None:
        """Lend for many accounts: initial deposits."""
        ids, amounts = self._require_many("supply", reserve, accounts, units)
        for account in ids.tolist():
            self.cuts.settle(account, reserve, self._shares[account, reserve])
        shares = amounts / self._supply_index[reserve]
        np.add.at(self.shares[:, reserve], ids, shares)
        self._total_shares[reserve] += float(shares.sum())
        self._cash[reserve] += float(amounts.sum())
        self._note_size(reserve)

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
        cash = self._require_cash(reserve, min(units, claim))
        paid = min(units, claim, cash)
        burned = shares if units >= claim * (1.0 - RESIDUE) else paid / index
        self.cuts.settle(account, reserve, shares)
        self._shares[account, reserve] = shares - burned
        self._shares_ended(reserve, burned)
        self._cash[reserve] = cash - paid
        return paid

    def _shares_ended(self, reserve: int, shares: float) -> None:
        """Take shares off the total that were taken off their owners."""
        left = less(self._total_shares[reserve], shares)
        if self._nearly_nothing(reserve, left * self._supply_index[reserve]):
            left = float(self.shares[:, reserve].sum())
        self._total_shares[reserve] = left

    # Interest

    def accrue(self, seconds: float) -> list[float]:
        """Charge and credit interest for `seconds`; returns the treasury's income by reserve, in units."""
        if not 0.0 <= seconds < inf:
            raise InvalidUnits(f"interest cannot accrue over {seconds} seconds; give a finite duration, 0 or more")
        years = seconds / SECONDS_PER_YEAR
        income = [0.0] * self.reserves
        for r in range(self.reserves):
            borrow_index = self._borrow_index[r]
            debt, over = self._total_scaled_debt[r] * borrow_index, self.rate_over[r]
            if debt == 0.0:
                if over is not None:
                    over(0.0, seconds)
                continue
            cash = self._cash[r]
            used = debt / (cash + debt)
            growth = _compounded((self.rate_of[r](used) if over is None else over(used, seconds)) * years)
            interest = debt * growth
            self._borrow_index[r] = borrow_index + borrow_index * growth

            supply_index = self._supply_index[r]
            claims = self._total_shares[r] * supply_index
            # Claims that are mere rounding belong to nobody: an index that divides by them would explode.
            if claims > RESIDUE * (cash + debt + self._deficit[r]):
                kept = self._reserve_factors[r] * interest
                self._supply_index[r] = supply_index + supply_index * ((interest - kept) / claims)
            else:
                kept = interest
            self._treasury[r] += kept
            income[r] = kept
        return income

    def utilisation(self, reserve: int) -> float:
        """Debt over cash and debt; 0 for an empty reserve."""
        debt = self._total_scaled_debt[reserve] * self._borrow_index[reserve]
        return debt / (self._cash[reserve] + debt) if debt > 0.0 else 0.0

    def borrow_rate(self, reserve: int) -> float:
        """What borrowers of the reserve pay per year at its present utilisation."""
        return self.rate_of[reserve](self.utilisation(reserve))

    # The treasury

    def fund_treasury(self, reserve: int, units: float) -> None:
        """Pay `units` of cash in for the treasury, whose claim grows by as much."""
        self._require_units("fund", reserve, units)
        self._cash[reserve] += units
        self._treasury[reserve] += units
        self._note_size(reserve)

    def collect_treasury(self, reserve: int, units: float) -> float:
        """Pay `units` of the treasury's claim out in cash; returns the units paid.

        Raises `InsufficientTreasury` beyond the claim and `InsufficientCash` beyond what is not lent out.
        """
        self._require_units("collect", reserve, units)
        treasury = self._require_treasury("collect", reserve, units)
        cash = self._require_cash(reserve, units)
        paid = min(units, treasury, cash)
        self._treasury[reserve] = less(treasury, paid)
        self._cash[reserve] = cash - paid
        return paid

    def advance(self, reserve: int, units: float) -> None:
        """Pay `units` of cash out for the protocol, which has no claim to them: a deficit. Raises `InsufficientCash`.

        `bad_debt.cover_with_cash` gives them back.
        """
        self._require_units("advance", reserve, units)
        cash = self._require_cash(reserve, units)
        paid = min(units, cash)
        self._cash[reserve] = cash - paid
        self._deficit[reserve] += paid

    # What there is

    def claims(self, account: int, reserve: int) -> float:
        """What the account may claim from the reserve at par, units."""
        return self._shares[account, reserve] * self._supply_index[reserve]

    @property
    def total_debt(self) -> FloatArray:
        """What borrowers owe each reserve, (R,) units."""
        return self.total_scaled_debt * self.borrow_index

    @property
    def total_claims(self) -> FloatArray:
        """What suppliers may claim from each reserve, (R,) units."""
        return self.total_shares * self.supply_index

    def worth(self, prices: Sequence[float]) -> Worth:
        """What all reserves together hold and owe at `prices`, from their totals."""
        debt = collateral = claims = cash = deficit = treasury = 0.0
        for r, price in enumerate(prices):
            debt += self._total_scaled_debt[r] * self._borrow_index[r] * price
            collateral += self._total_collateral[r] * price
            claims += self._total_shares[r] * self._supply_index[r] * price
            cash += self._cash[r] * price
            deficit += self._deficit[r] * price
            treasury += self._treasury[r] * price
        return Worth(debt, collateral, claims, cash, deficit, treasury)

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
        """Raise `SheetUnbalanced` unless every sheet balances to `tolerance` of the largest size it was given."""
        for r, name in enumerate(self.names):
            sheet = self.balance_sheet(r)
            scale = max(self._largest_sheet[r], sheet.assets)
            if not abs(sheet.gap) <= tolerance * scale:
                raise SheetUnbalanced(
                    f"{name}: assets {sheet.assets!r} and claims {sheet.liabilities!r} differ by {sheet.gap:.3e}, "
                    f"more than {tolerance:g} of the largest sheet {scale:.6g}; a verb has left one side out"
                )

    def _nearly_nothing(self, reserve: int, units: float) -> bool:
        """Whether so much is so little, beside what the reserve has had, that its running total has lost its digits."""
        return units <= NEARLY_NOTHING * self._largest_sheet[reserve]

    def _note_size(self, reserve: int) -> None:
        """Remember the largest sheet so far: what rounding is measured by."""
        self._largest_sheet[reserve] = max(self._largest_sheet[reserve], self.balance_sheet(reserve).assets)

    # Refusals

    def _require_units(self, verb: str, reserve: int, units: float) -> None:
        if not 0.0 <= units < inf:
            raise InvalidUnits(f"cannot {verb} {units} {self.names[reserve]}; give a finite amount, 0 or more")

    def _require_many(
        self, verb: str, reserve: int, accounts: ArrayLike, units: ArrayLike
    ) -> tuple[IntArray, FloatArray]:
        ids = np.atleast_1d(np.asarray(accounts, np.int64))
        amounts = np.atleast_1d(np.asarray(units, np.float64))
        if ids.shape != amounts.shape:
            ids, amounts = np.broadcast_arrays(ids, amounts)
        allowed = (amounts >= 0.0) & (amounts < inf)
        if not allowed.all():
            at = int(allowed.argmin())
            raise InvalidUnits(
                f"cannot {verb} {amounts.flat[at]} {self.names[reserve]} for account {ids.flat[at]}; "
                "give finite amounts, 0 or more"
            )
        return ids, amounts

    def _require_cash(self, reserve: int, units: float) -> float:
        cash = self._cash[reserve]
        if units > cash * (1.0 + RESIDUE):
            raise InsufficientCash(
                f"{self.names[reserve]} holds {cash!r} in cash, asked for {units!r}; "
                "wait for repayments or ask for less"
            )
        return cash

    def _require_treasury(self, verb: str, reserve: int, units: float) -> float:
        treasury = self._treasury[reserve]
        if units > treasury * (1.0 + RESIDUE):
            raise InsufficientTreasury(
                f"the treasury claims {treasury!r} of {self.names[reserve]}, asked to {verb} {units!r}; "
                f"{verb} no more than the claim"
            )
        return treasury


def cells(array: FloatArray) -> "memoryview[float]":
    """The same memory, for reading and writing single floats, several times faster than through the array."""
    return cast("memoryview[float]", array.data)


def _compounded(x: float) -> float:
    """Aave's third-order expansion of ``exp(x) - 1``."""
    return x + x * x / 2.0 + x * x * x / 6.0


def less(balance: float, amount: float) -> float:
    """`balance - amount`, and exactly 0 where only rounding is left."""
    left = balance - amount
    return left if left > RESIDUE * balance else 0.0
