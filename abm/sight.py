"""What a pool shows to its depositors: claims, cash, the hole, the queue, the rate.

Models: a hole of two parts, the deficit that is in the books, and what open positions lack at the reference prices less
what a first layer of reserves would pay. Whether there is one is for everybody to see; how large it is, each depositor
sees with an error of its own.
Leaves out: what layers beyond the treasury would pay.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.types import FloatArray

if TYPE_CHECKING:
    from abm.world import Lender, World


@dataclass(frozen=True, slots=True)
class Sight:
    """One reserve in one block, in units; `haircuts` is the part of all claims that haircuts so far have cut."""

    claims: float
    cash: float
    deficit: float
    unrealised: float
    queued: float
    withdrawn: float
    haircuts: float
    supply_rate_per_year: float


def sights(world: "World", lender: "Lender") -> list[Sight]:
    """Return what every reserve of a pool shows now."""
    pool = lender.pool
    missing = shortfalls(world, lender)
    covers = any(layer.kind == "reserve" for layer in lender.layers)
    seen: list[Sight] = []
    for r in range(pool.reserves):
        sheet = pool.balance_sheet(r)
        utilisation = pool.utilisation(r)
        earned = pool.rate_of[r](utilisation) * sheet.debt * (1.0 - pool.terms[r].reserve_factor)
        unrealised = float(missing[r])
        if covers:
            unrealised = max(unrealised - sheet.treasury, 0.0)
        seen.append(
            Sight(
                claims=sheet.claims,
                cash=sheet.cash,
                deficit=sheet.deficit,
                unrealised=unrealised,
                queued=lender.exits.waiting(r),
                withdrawn=lender.exits.withdrawn[r],
                haircuts=float(lender.haircuts[r]),
                supply_rate_per_year=earned / sheet.claims if sheet.claims > 0.0 else 0.0,
            )
        )
    return seen


def shortfalls(world: "World", lender: "Lender") -> FloatArray:
    """Return what positions lack of their debt at the reference prices, in units by the reserve of the debt."""
    pool = lender.pool
    prices = [world.reference[asset] for asset in lender.assets]
    # Whose collateral is worth less than its debt is below health 1 too: a threshold is at most 1.
    below = lender.liquidatable() if prices == lender.price_list else lender.watch.below(np.array(prices))
    short = below.debt_value > below.collateral_value
    if not short.any():
        return np.zeros(pool.reserves)
    owed = pool.scaled_debt[below.accounts[short]] * pool.borrow_index
    lacking = 1.0 - below.collateral_value[short] / below.debt_value[short]
    units: FloatArray = lacking @ owed
    return units
