"""What nobody can exceed who goes for something on offer, for all of it at once: most of it pays nobody and is dust.

A block may offer hundreds of accounts to dozens of members, of which hardly one pays. Whoever looks at one in vain has
only spent a look; so what even its ceiling does not make worth a look is not priced at all. The ceilings are above what
pricing would find, with slack for rounding: who is let through is priced exactly, and decides as without them.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.lending import Below
from models.liquidation import SpotDesign
from models.liquidation.ceiling import SLACK, Accounts
from models.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from abm.sales import OnSale
    from abm.world import Lender, World


class Tops(NamedTuple):
    """No call gains more than `gain` a dollar, pays more than `paid_usd` or gets what is worth more; each (n,)."""

    gain: FloatArray
    paid_usd: FloatArray
    received_usd: FloatArray

    def may_bring(self, margin: float, fee: float, least_usd: float) -> BoolArray:
        """Return whether more than `margin` a dollar and `least_usd` in all may be left of a gain, less a fee."""
        kept = self.gain - fee
        with np.errstate(invalid="ignore", divide="ignore"):
            most_usd = np.minimum(self.paid_usd * kept, self.received_usd * (1.0 - 1.0 / (1.0 + self.gain)))
        # Turned round, so that what is no number is let through.
        may: BoolArray = ~((kept <= margin) | (most_usd < least_usd))
        return may


def tops_of_accounts(world: "World", lender: "Lender", below: Below, sells: bool) -> Tops | None:
    """Return the tops of accounts of a design that settles at once, at the best bids for who sells, else the reference.

    Which pair of an account a call is on is not asked: the collateral that has gained most against the price that the
    protocol believes counts, and the debt that has lost most. None where there is no telling.
    """
    thresholds = [threshold for threshold in lender.thresholds if threshold > 0.0]
    if not isinstance(lender.design, SpotDesign) or not thresholds:
        return None
    backed = bool((below.health > 0.0).all())
    believed, owed = lender.price_list, lender.pool.total_scaled_debt
    debts = [r for r, price in enumerate(believed) if price > 0.0 and owed[r] > 0.0]
    posted = [r for r, price in enumerate(believed) if price > 0.0 and (lender.thresholds[r] > 0.0 or not backed)]
    fallen = [world.reference[lender.assets[r]] / believed[r] for r in debts]
    if not posted or min(fallen, default=0.0) <= 0.0:
        return None
    risen = max(max(_brings_usd(world, lender, c, d, sells) for d in debts) / believed[c] for c in posted)
    with np.errstate(divide="ignore"):
        ltv = below.debt_value / below.collateral_value
    ceiling = lender.design.ceiling(
        Accounts(below.health, below.debt_value, below.collateral_value, ltv, min(thresholds), max(thresholds))
    )
    return Tops(
        gain=ceiling.rate * (risen / min(fallen)) * SLACK**2 - np.ones(ltv.size),
        paid_usd=(ceiling.repaid_usd + (SLACK - 1.0) * below.debt_value) * (max(fallen) * SLACK**2),
        received_usd=below.collateral_value * (risen * SLACK),
    )


def tops_of_lots(world: "World", lender: "Lender", lots: "OnSale", sells: bool) -> Tops:
    """Return the tops of lots on sale: all units of them at what they cost now."""
    debt_usd = np.array([world.reference[asset] for asset in lender.assets])
    brings = np.zeros((debt_usd.size, debt_usd.size))
    for c, d in set(zip(lots.collateral.tolist(), lots.debt.tolist(), strict=True)):
        brings[c, d] = _brings_usd(world, lender, c, d, sells)
    cost_usd, brings_usd = lots.price * debt_usd[lots.debt], brings[lots.collateral, lots.debt]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = brings_usd / cost_usd * SLACK**2 - 1.0
    return Tops(gain, lots.units * cost_usd * SLACK**2, lots.units * brings_usd * SLACK)


def highest_prices(world: "World", lender: "Lender") -> FloatArray:
    """Return the most that a unit of each collateral may bring, in units of each debt, (reserves, reserves)."""
    assets, reference, floor = lender.assets, world.reference, lender.floor
    return np.array(
        [
            [max(world.bid_usd(c, d, floor), reference[c]) / reference[d] if c != d else 1.0 for d in assets]
            for c in assets
        ]
    )


def _brings_usd(world: "World", lender: "Lender", collateral: int, debt: int, sells: bool) -> float:
    """Return the dollars that the first unit of a reserve brings who owes another."""
    asset = lender.assets[collateral]
    return world.bid_usd(asset, lender.assets[debt], lender.floor) if sells else world.reference[asset]
