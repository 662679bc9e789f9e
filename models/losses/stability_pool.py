"""Depositors who stand ready to take over debts for their collateral.

**Source**: liquity/dev (39f1f7f), ``StabilityPool.sol``: product and sum.

**Models**: an offset q of the debt burns q of the deposits, each in proportion, and spreads the collateral that goes
with it: with D the deposits, ``S += (collateral / D) P``, then ``P *= 1 - q / D``. A deposit d made at (P_t, S_t) is
now ``d P / P_t`` and has earned ``d (S - S_t) / P_t``. An offset in two steps, what the collateral is worth with it
(`take_over`) and then the rest without, leaves the same P and S. `gated` closes exits, as while anybody is under water.

**Leaves out**: income in the protocol's own token. One collateral asset to a pool. Liquity's scale factors and epochs
are for integers: here all deposits are settled, and P and S begin anew, once P is small.

**Units**: deposits in units of the debt's asset, gains in units of the collateral.

**Invariants**: deposits and gains are those of a loop over all depositors at every offset. Depositors who were paid in
collateral have no part in what is recovered later.
"""

from math import inf
from typing import ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from models.losses.layer import ROUNDING, TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, What
from models.losses.refusals import ExitRefused, InvalidStake
from models.types import FloatArray

# Once less than this is left of a deposit, later gains are lost in the digits of the sum.
_LEAST_PRODUCT: Final = 1e-6


class StabilityPoolLayer(TimedTerms):
    """Debt taken over by a stability pool."""

    kind: Literal["stability_pool"] = "stability_pool"
    capital: float = Field(10_000_000.0, ge=0, description="units that the pool holds at first; an assumption")
    least_deposits: float = Field(0.0, ge=0, description="units that stay in the pool; 1 in Liquity v2")

    def money(self, lost: str) -> tuple[str, float]:
        """The deposits."""
        return lost, self.capital

    def start(self) -> "StabilityPool":
        """The layer before the first loss."""
        return StabilityPool(self)


class StabilityPool(Payer):
    """Deposits by product and sum; depositor 0 has the capital of the start.

    Attributes:
        total: all deposits now, units.
        gated: whether withdrawals are refused.
    """

    __slots__ = ("_deposit", "_gain", "_least", "_product", "_product_then", "_sum", "_sum_then", "gated", "total")

    gives: ClassVar[frozenset[What]] = frozenset({"burned"})
    takes_collateral: ClassVar[bool] = True

    def __init__(self, terms: StabilityPoolLayer) -> None:
        super().__init__(terms)
        self._least = terms.least_deposits
        self.total = terms.capital
        self.gated = False
        self._product, self._sum = 1.0, 0.0
        self._deposit: FloatArray = np.array([terms.capital], np.float64)
        self._gain: FloatArray = np.zeros(1)
        self._product_then: FloatArray = np.ones(1)
        self._sum_then: FloatArray = np.zeros(1)

    @property
    def deposits(self) -> FloatArray:
        """What is left of each deposit, (n,) units."""
        return np.asarray(self._deposit * (self._product / self._product_then))

    @property
    def gains(self) -> FloatArray:
        """Collateral that each depositor has earned, (n,) units."""
        return np.asarray(self._gain + self._deposit * ((self._sum - self._sum_then) / self._product_then))

    def open_accounts(self, count: int) -> int:
        """Make room for `count` more depositors; returns the number of the first."""
        first = len(self._deposit)
        self._deposit = np.concatenate((self._deposit, np.zeros(count)))
        self._gain = np.concatenate((self._gain, np.zeros(count)))
        self._product_then = np.concatenate((self._product_then, np.ones(count)))
        self._sum_then = np.concatenate((self._sum_then, np.zeros(count)))
        return first

    def deposit(self, holder: int, units: float) -> None:
        """Add `units`. Raises `InvalidStake`."""
        self._require_amount("deposit", units)
        self._settle(holder)
        self._deposit[holder] += units
        self.total += units

    def withdraw(self, holder: int, units: float) -> float:
        """Take `units` out; returns them. Raises `ExitRefused` while gated, and `InvalidStake`."""
        if self.gated:
            raise ExitRefused("the stability pool lets nobody out while a borrower is under water; liquidate first")
        self._require_amount("withdraw", units)
        self._settle(holder)
        most = float(self._deposit[holder])
        if units > most * (1.0 + ROUNDING):
            raise InvalidStake(f"depositor {holder} has {most!r} left, asked for {units!r}; take out no more than that")
        taken = min(units, most, self.total)
        self._deposit[holder] = most - taken
        self.total -= taken
        return taken

    def claim_gain(self, holder: int) -> float:
        """Pay out the collateral that a depositor has earned; returns its units."""
        self._settle(holder)
        gain = float(self._gain[holder])
        self._gain[holder] = 0.0
        return gain

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """All deposits but the least that stay."""
        return max(self.total - self._least, 0.0)

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        collateral = units * market.collateral_per_unit
        burned, given = self.deposits * (units / self.total), self.deposits * (collateral / self.total)
        self.take_over(units, collateral, market)
        paid_out = Effect("given", market.collateral_asset, collateral, given)
        return Paid(units=units, effects=(Effect("burned", None, units, burned), paid_out))

    def take_over(self, worth: float, collateral: float, market: LossView) -> float:
        """Burn deposits, each in proportion, and spread collateral alike."""
        self._sum += collateral / self.total * self._product
        left = self.total - worth
        # As a ratio of totals, since 1 - q / D has few digits left when next to everything is burned.
        self._product *= left / self.total
        self.total = left
        if self._product < _LEAST_PRODUCT:
            self._settle_all()
        return worth

    def _restore(self, units: float, market: LossView) -> float:
        return 0.0

    def _settle(self, holder: int) -> None:
        self._gain[holder] = self.gains[holder]
        self._deposit[holder] = self.deposits[holder]
        self._product_then[holder], self._sum_then[holder] = self._product, self._sum

    def _settle_all(self) -> None:
        """Book what everybody has, and let product and sum begin anew."""
        self._gain, self._deposit = self.gains, self.deposits if self.total > 0.0 else np.zeros_like(self._deposit)
        self._product, self._sum = 1.0, 0.0
        self._product_then, self._sum_then = np.ones_like(self._deposit), np.zeros_like(self._deposit)

    def _require_amount(self, verb: str, units: float) -> None:
        if not 0.0 <= units < inf:
            raise InvalidStake(f"cannot {verb} {units}; give a finite amount, 0 or more")
