"""Healths of loans in bands in compiled code: of some, and of whoever is below a line.

Debt is scaled debt times `index`; so much of what bands bring is `counted`; `price` is the oracle's.
"""

import numpy as np

from models.compiled import compiled
from models.liquidation.llamma import health_of
from models.market.band_curve import BASE
from models.market.band_owners import WORTH, Stand, over_of
from models.types import FloatArray, IntArray


@compiled()
def _health(
    account: int,
    columns: FloatArray,
    scaled_debt: FloatArray,
    debt: int,
    index: float,
    counted: float,
    price: float,
    stand: Stand,
) -> float:  # pragma: no cover - compiled
    """Health of an account. What is in no bands is worth nothing: only who owes nothing has collateral outside."""
    owed = scaled_debt[account, debt] * index
    if owed <= 0.0:
        return np.inf
    base = columns[BASE, account]
    # Who has no base need not stand anywhere.
    over = over_of(account, *stand, price) if base > 0.0 else 0.0
    return health_of(counted, columns[WORTH, account], over, base, owed)


@compiled()
def healths_of(
    accounts: IntArray,
    columns: FloatArray,
    scaled_debt: FloatArray,
    debt: int,
    index: float,
    counted: float,
    price: float,
    stand: Stand,
) -> FloatArray:  # pragma: no cover - compiled
    """Health of accounts: see `abm.pools.band_loans`."""
    health = np.empty(accounts.size)
    for k, account in enumerate(accounts):
        health[k] = _health(account, columns, scaled_debt, debt, index, counted, price, stand)
    return health


@compiled()
def under_line(
    line: FloatArray,
    columns: FloatArray,
    scaled_debt: FloatArray,
    debt: int,
    index: float,
    counted: float,
    price: float,
    stand: Stand,
) -> tuple[IntArray, FloatArray, float]:  # pragma: no cover - compiled
    """Who is below a line of its own, at which health, and the least health by line of all who have one."""
    found, healths = np.empty(line.size, np.int64), np.empty(line.size)
    many, least = 0, np.inf
    for account in range(line.size):
        if line[account] > 0.0:
            health = _health(account, columns, scaled_debt, debt, index, counted, price, stand)
            least = min(least, health / line[account])
            if health < line[account]:
                found[many], healths[many] = account, health
                many += 1
    return found[:many].copy(), healths[:many].copy(), least
