"""What a pool shows to its depositors: claims, cash, the hole, who else bears it, the queue, the rate.

Models: a hole of two parts, the deficit that is in the books, and what open positions lack at the reference prices less
what the treasury would pay; and of each what layers that stand before suppliers owe or would take, by their terms and
means of now. Whether there is a hole is for everybody to see; how large it is, each depositor sees with an error of its
own.
Leaves out: that what positions lack is lost one by one, which matters to terms for one loss; rescues that may not come.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.types import FloatArray

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.world import World


class Sight(NamedTuple):
    """One reserve in one block, in units.

    `owed` is the part of the deficit that layers owe and could pay now, `taken` the part of what is unrealised that
    they would take. `haircuts` is the part of all claims that haircuts so far have cut, `charged` the part of a
    withdrawal that a layer keeps back.
    """

    claims: float
    cash: float
    deficit: float
    unrealised: float
    owed: float
    taken: float
    queued: float
    withdrawn: float
    haircuts: float
    charged: float
    supply_rate_per_year: float


class Sights:
    """What one pool shows in one block; each reserve is looked at once, when it is first asked for."""

    def __init__(self, world: "World", lender: "Lender") -> None:
        self._lender = lender
        self._missing = shortfalls(world, lender)
        self._seen: dict[int, Sight] = {}

    def of(self, reserve: int) -> Sight:
        """Return what a reserve shows."""
        seen = self._seen.get(reserve)
        if seen is None:
            seen = self._seen[reserve] = self._look(reserve)
        return seen

    def _look(self, reserve: int) -> Sight:
        lender, pool = self._lender, self._lender.pool
        sheet = pool.balance_sheet(reserve)
        missing = float(self._missing[reserve]) if self._missing is not None else 0.0
        unrealised = max(missing - sheet.treasury, 0.0) if lender.treasury_covers else missing
        owed = taken = 0.0
        if lender.counted_on is not None and (sheet.deficit > 0.0 or unrealised > 0.0):
            owed, reached = lender.counted_on(reserve, missing)
            taken = max(unrealised - reached, 0.0)
        rate = 0.0
        if sheet.debt > 0.0 and sheet.claims > 0.0:
            paid = pool.rate_of[reserve](sheet.debt / (sheet.cash + sheet.debt)) * sheet.debt
            rate = paid * (1.0 - pool.terms[reserve].reserve_factor) / sheet.claims
        return Sight(
            sheet.claims,
            sheet.cash,
            sheet.deficit,
            unrealised,
            owed,
            taken,
            lender.exits.waiting(reserve),
            lender.exits.withdrawn[reserve],
            lender.haircuts.item(reserve),
            lender.charged_share(reserve),
            rate,
        )


def shortfalls(world: "World", lender: "Lender") -> FloatArray | None:
    """Return what positions lack of their debt at the reference prices, in units by the reserve of the debt.

    None where nobody lacks anything.
    """
    pool = lender.pool
    prices = [world.reference[asset] for asset in lender.assets]
    # Whose collateral is worth less than its debt is below health 1 too: a threshold is at most 1.
    below = lender.liquidatable() if prices == lender.price_list else lender.watch.below(np.array(prices))
    if not below.accounts.size:
        return None
    short = below.debt_value > below.collateral_value
    owed = pool.scaled_debt[below.accounts[short]] * pool.borrow_index
    lacking = 1.0 - below.collateral_value[short] / below.debt_value[short]
    units: FloatArray = lacking @ owed
    return units
