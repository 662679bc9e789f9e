"""Forced sales: what liquidators seized and what borrowers sell to repay, over all venues at once.

Models: an asset that is the base of some market is sold there, on every venue of the pair and through a third asset if
that brings more; for the asset that the seller needs where a route leads to it, else for the quote of the first market
that has it for its base. A claim on a pool that no market has for its base is redeemed there, as far as it can be; any
other such asset the rest of the market takes, at the reference price.
Leaves out: sales of assets that are quotes only on the venues that quote in them; lasting impact on the asset bought.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.markets.trading import paper_swap, swap
from models.ledger import OUTSIDE
from models.market import Trip

if TYPE_CHECKING:
    from abm.cascade import Cascade
    from abm.markets.floors import Floor
    from abm.pools.lender import Lender
    from abm.world import World


@dataclass(slots=True)
class Sale:
    """What selling `units` brings: `proceeds` units of `asset`, by a `trip` over the exchanges of the `floor`.

    No trip where the rest of the market takes them, or where a claim is redeemed.
    """

    units: float
    proceeds: float
    asset: int
    average_usd: float
    last_usd: float
    slippage: float
    trip: Trip | None
    floor: "Floor"
    redeemed: bool = False


def quote_sale(world: "World", asset: int, units: float, wanted: int, floor: "Floor | None" = None) -> Sale:
    """Return what selling `units` of an asset would bring now, for somebody who needs `wanted`; anywhere by default."""
    floor = floor or world.floor
    target = world.sold_for(asset, wanted)
    if target is None and asset in world.claims.of:
        return _quote_redemption(world, asset, units, floor)
    if target is None:
        price = world.reference[asset]
        return Sale(units, units * price / world.reference[world.money], world.money, price, price, 0.0, None, floor)
    trip = floor.router.quote(asset, target, units)
    target_usd = world.reference[target]
    sold = trip.amount_in
    average = trip.amount_out / sold if sold > 0.0 else 0.0
    slippage = 1.0 - trip.amount_out / (sold * trip.rate_before) if sold > 0.0 else 0.0
    last = trip.rate_after if trip.complete else 0.0
    return Sale(sold, trip.amount_out, target, average * target_usd, last * target_usd, slippage, trip, floor)


def _quote_redemption(world: "World", asset: int, units: float, floor: "Floor") -> Sale:
    """Return what redeeming units of a claim would bring now; its last unit brings nothing where it stays in part."""
    underlying, each = world.claims.of[asset].underlying, world.claims.per_unit(world, asset)
    redeemed = min(units, world.claims.redeemable(world, asset))
    price = each * world.reference[underlying]
    last = price if redeemed == units else 0.0
    return Sale(redeemed, redeemed * each, underlying, price if redeemed > 0.0 else 0.0, last, 0.0, None, floor, True)


def units_to(world: "World", asset: int, sale: Sale, price_usd: float) -> float:
    """Return how much of an asset can be sold, as in `sale`, before the marginal price falls to `price_usd`."""
    if sale.redeemed:
        return sale.units if sale.average_usd >= price_usd else 0.0
    return sale.floor.router.quote_to(asset, sale.asset, price_usd / world.reference[sale.asset]).amount_in


class ForcedSales:
    """Quotes and carries out the forced sales of one path."""

    def __init__(self, world: "World", cascade: "Cascade") -> None:
        self._world = world
        self._cascade = cascade

    def quote(self, asset: int, units: float, wanted: int, floor: "Floor | None" = None) -> Sale:
        """Return what selling `units` of an asset would bring now, for somebody who needs `wanted`."""
        return quote_sale(self._world, asset, units, wanted, floor)

    def quote_down_to(self, asset: int, units: float, wanted: int, least_usd: float) -> Sale:
        """Return the sale of so many units, or of as many as can be sold before one brings less than that."""
        sale = self.quote(asset, units, wanted)
        if sale.last_usd >= least_usd or (sale.trip is None and not sale.redeemed):
            return sale
        return self.quote(asset, min(units, units_to(self._world, asset, sale, least_usd)), wanted)

    def generation(self, lender: "Lender", account: int) -> int:
        """Return which sales have made an account liquidatable that is so now."""
        return self._cascade.generation(lender, account, 1.0)

    def settle(self, account: int, asset: int, sale: Sale, generation: int) -> None:
        """Carry out a sale just quoted: the proceeds arrive, and with feedback venues and reference feel it."""
        world = self._world
        feedback = world.scenario.feedback
        if sale.redeemed and feedback:
            world.claims.redeem(world, account, asset, sale.units, sale.proceeds)
        elif sale.trip is None:
            world.ledger.transfer(account, OUTSIDE, asset, sale.units)
            world.ledger.transfer(OUTSIDE, account, sale.asset, sale.proceeds)
        else:
            trade = swap if feedback else paper_swap
            for venue, fill in sale.trip.legs:
                trade(world, sale.floor.exchanges[venue], account, fill)
        if feedback:
            impact = world.impacts[asset]
            if impact is not None:
                impact.sell(sale.units, world.reference[asset])
            self._cascade.sold(asset, sale.units, generation)
