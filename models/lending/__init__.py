"""Lending: positions as columns, reserves and their indices, and the health of whoever owes.

`LendingPool` keeps the books of one pool, `HealthWatch` says who has fallen below their line without looking at
everybody. Rates come in as callables and prices as arrays: this package knows no rate model, oracle or design.
"""

from models.lending.health import MOST_RESERVES, Below, HealthWatch
from models.lending.landscape import Landscape
from models.lending.pool import LendingPool
from models.lending.refusals import (
    BorrowLimit,
    ExceedsDeficit,
    InsufficientCash,
    InsufficientCollateral,
    InsufficientDebt,
    InsufficientShares,
    InsufficientTreasury,
    InvalidUnits,
    SheetUnbalanced,
    TooManyReserves,
    UnsafeRelease,
)
from models.lending.reserve import Reserves
from models.lending.sheet import BalanceSheet
from models.lending.terms import ReserveTerms
from models.lending.valuation import Standing, Valuation

__all__ = [
    "MOST_RESERVES",
    "BalanceSheet",
    "Below",
    "BorrowLimit",
    "ExceedsDeficit",
    "HealthWatch",
    "InsufficientCash",
    "InsufficientCollateral",
    "InsufficientDebt",
    "InsufficientShares",
    "InsufficientTreasury",
    "InvalidUnits",
    "Landscape",
    "LendingPool",
    "ReserveTerms",
    "Reserves",
    "SheetUnbalanced",
    "Standing",
    "TooManyReserves",
    "UnsafeRelease",
    "Valuation",
]
