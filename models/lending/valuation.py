"""What positions are worth at given prices: one compiled pass for many accounts.

**Source**: health factor of Aave v3 (``GenericLogic.calculateUserAccountData``):
``health = sum(collateral * price * liquidation_threshold) / sum(debt * price)``, infinite without debt.

**Models**: several collaterals and several debts an account, priced once.

**Leaves out**: isolation and e-mode (one threshold a reserve), integer rounding of the base currency.

**Units**: prices in value per unit, values in the same money; health is a ratio.

**Invariants**: scaling all prices changes no health; health does not fall when collateral is added or debt repaid.
"""

from typing import NamedTuple

import numpy as np

from models.compiled import compiled
from models.types import FloatArray, IntArray


class Standing(NamedTuple):
    """One account at given prices."""

    health: float
    collateral_value: float
    debt_value: float


class Valuation(NamedTuple):
    """Many accounts at given prices, each (rows,)."""

    health: FloatArray
    collateral_value: FloatArray
    debt_value: FloatArray


@compiled(inline="always")
def value_row(
    collateral: FloatArray,
    scaled_debt: FloatArray,
    prices: FloatArray,
    thresholds: FloatArray,
    borrow_index: FloatArray,
    row: int,
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """What counts of the collateral of one account, all that it has posted, and its debt, in value."""
    backing, held, owed = 0.0, 0.0, 0.0
    for r in range(len(prices)):
        value = collateral[row, r] * prices[r]
        held += value
        backing += value * thresholds[r]
        owed += scaled_debt[row, r] * borrow_index[r] * prices[r]
    return backing, held, owed


@compiled()
def value_rows(
    collateral: FloatArray,
    scaled_debt: FloatArray,
    prices: FloatArray,
    thresholds: FloatArray,
    borrow_index: FloatArray,
    rows: IntArray,
) -> FloatArray:  # pragma: no cover - compiled
    """Health, collateral value and debt value of `rows`, as (3, rows)."""
    count = len(rows)
    valued = np.empty((3, count))
    for k in range(count):
        backing, held, owed = value_row(collateral, scaled_debt, prices, thresholds, borrow_index, rows[k])
        valued[0, k] = np.inf if owed == 0.0 else backing / owed
        valued[1, k] = held
        valued[2, k] = owed
    return valued


@compiled()
def rows_below(
    collateral: FloatArray,
    scaled_debt: FloatArray,
    prices: FloatArray,
    thresholds: FloatArray,
    borrow_index: FloatArray,
    rows: IntArray,
    lines: FloatArray,
) -> IntArray:  # pragma: no cover - compiled
    """Which of `rows` owe something and have a health below their line in `lines` (accounts,), in their order."""
    found = np.empty(len(rows), np.int64)
    count = 0
    for row in rows:
        backing, _, owed = value_row(collateral, scaled_debt, prices, thresholds, borrow_index, row)
        if owed != 0.0 and backing / owed < lines[row]:
            found[count] = row
            count += 1
    return found[:count]


@compiled()
def without_collateral(collateral: FloatArray, accounts: IntArray) -> IntArray:  # pragma: no cover - compiled
    """Which of `accounts` have posted nothing, in their order."""
    found = np.empty(len(accounts), np.int64)
    count = 0
    for account in accounts:
        if not collateral[account].any():
            found[count] = account
            count += 1
    return found[:count].copy()
