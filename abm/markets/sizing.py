"""The size of a call that pays best on the ladder as it stands, for whoever wants to make it and whoever settles it.

Models: a unit paid brings as much in a call for a part as in one for all, at what the ladder then pays for it.
Leaves out: that it brings less in a call for a part of a loan in bands (`Llamma.withdrawn`). What such a call brings,
costs and gains is exact; the part that is chosen where the ladder does not take all at a gain is not quite the best.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.markets.forced_sales import Sale, quote_sale, units_to
from models.liquidation import Taking

if TYPE_CHECKING:
    from abm.intents import Liquidate
    from abm.liquidations.marks import Mark
    from abm.pools.lender import Lender
    from abm.world import World


@dataclass(slots=True)
class Sized:
    """A taking, the sale of what it brings where that is sold at once, and the dollars gained before gas."""

    taking: Taking
    sale: Sale | None
    gain_usd: float


def best_size(world: "World", lender: "Lender", mark: "Mark", intent: "Liquidate", means_usd: float) -> Sized | str:
    """Choose the repayment that pays best for a sender with so much money; or say why there is none.

    Selling more only pays while the marginal proceeds of what a dollar of debt buys cover that dollar, so the best
    size is where the ladder's marginal price falls to the break-even price, or the smallest that the rule allows.
    """
    offer = mark.offer()
    if offer is None:
        return "nothing is offered any more"
    asset, debt = lender.assets[mark.collateral], lender.assets[mark.debt]
    debt_usd = world.reference[debt]
    repay = mark.fit(min(offer.max_repay, means_usd / debt_usd))
    if repay <= 0.0:
        return "the rule takes no part so small, or leaves none so small"
    cost_per_repaid = debt_usd * (1.0 + intent.flash_fee)
    taking = mark.take(repay)
    if not intent.sell:
        return Sized(taking, None, taking.received * world.reference[asset] - taking.repaid * cost_per_repaid)
    sale = quote_sale(world, asset, taking.received, debt, lender.floor)
    asked_per_repaid = debt_usd * (1.0 + intent.flash_fee + intent.margin)
    break_even = asked_per_repaid / (offer.seized_per_repaid * offer.taker_share)
    if sale.last_usd < break_even and (sale.trip is not None or sale.redeemed):
        units = units_to(world, asset, sale, break_even)
        best = mark.fit(min(repay, units / (offer.seized_per_repaid * offer.taker_share)))
        if best > 0.0:
            taking = mark.take(best)
            sale = quote_sale(world, asset, taking.received, debt, lender.floor)
        elif sale.last_usd <= 0.0:
            return "the market does not take it all"
        # Otherwise the rule allows no smaller part: all of it may still pay on average.
    return Sized(taking, sale, sale.units * sale.average_usd - taking.repaid * cost_per_repaid)


def least_profit_usd(world: "World", lender: "Lender", mark: "Mark", intent: "Liquidate", taking: Taking) -> float:
    """Return what a taking must leave its sender after everything: see `Liquidate`."""
    repaid_usd = taking.repaid * world.reference[lender.assets[mark.debt]]
    return max(intent.minimum_profit_usd, intent.margin * repaid_usd)
