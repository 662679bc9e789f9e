"""Settlement of bids in English auctions, and of the lots that their winners get."""

from typing import TYPE_CHECKING, NamedTuple

from abm.auctions.english import EnglishAuctions
from abm.intents import PlaceBid, Receipt, Seizure, Status
from models.liquidation import NOBODY, AuctionOver, Bid, InvalidBid

if TYPE_CHECKING:
    from abm.agents.liquidator import LiquidatorCohort
    from abm.auctions.lots import OpenLot
    from abm.liquidations.purses import Purses
    from abm.markets.forced_sales import ForcedSales
    from abm.pools.lender import Lender
    from abm.record.recorder import Recorder
    from abm.world import World


class _Leading(NamedTuple):
    """A bid that leads, the dollars of gas that it took, and what it gives for a dollar of the collateral."""

    intent: PlaceBid
    gas_usd: float
    share: float


class Biddings:
    """Settles the bids of one path's blocks; it keeps the bid that leads each lot, to pay out whoever wins."""

    def __init__(self, world: "World", recorder: "Recorder", purses: "Purses", sales: "ForcedSales") -> None:
        self._world = world
        self._recorder = recorder
        self._purses = purses
        self._sales = sales
        self._leading: dict[tuple[int, int], _Leading] = {}  # by pool and lot

    def settle(self, intent: PlaceBid, gas_usd: float) -> Receipt:
        """Lock a bid, and give back the one that it beats."""
        gas_usd = gas_usd or intent.gas_cost_usd
        share = self._place(intent)
        if isinstance(share, str):
            self._purses.pay_for_failure(intent, gas_usd)
            self._recorder.refusal()
            return Receipt(Status.REFUSED, share)
        self._leading[intent.pool, intent.number] = _Leading(intent, self._purses.pay_gas(intent, gas_usd), share)
        return Receipt(Status.FILLED, amount=intent.paid)

    def finish(self, pool: int, lender: "Lender", auctions: EnglishAuctions) -> None:
        """Hand over every lot that has a winner."""
        for one in auctions.finished():
            self._win(lender, auctions, one, self._leading.pop((pool, one.number)))

    def _place(self, intent: PlaceBid) -> float | str:
        """Place a bid; returns what it gives for a dollar of the collateral, or why it cannot be placed."""
        lender = self._world.lenders[intent.pool]
        auctions = lender.auctions
        one = auctions.find(intent.number) if isinstance(auctions, EnglishAuctions) else None
        if not isinstance(auctions, EnglishAuctions) or one is None:
            return "the lot has been sold"
        debt = lender.assets[one.lot.debt]
        if not self._purses.affords(intent, debt, intent.paid):
            return "the money is not there any more"
        try:
            bidding = auctions.bid(one, self._purses.account(intent), Bid(intent.paid, intent.units))
        except (AuctionOver, InvalidBid) as refusal:
            return str(refusal)
        self._purses.provide(intent, debt, intent.paid)
        auctions.lock(one, bidding)
        if bidding.outbid != NOBODY:
            self._into_money(self._leading[intent.pool, one.number].intent, debt, bidding.refunded)
        reference = self._world.reference
        return intent.paid * reference[debt] / (intent.units * reference[lender.assets[one.lot.collateral]])

    def _into_money(self, intent: PlaceBid, asset: int, units: float) -> None:
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        self._purses.convert(self._purses.account(intent), asset, cohort.capital_asset, units)

    def _win(self, lender: "Lender", auctions: EnglishAuctions, one: "OpenLot", leading: _Leading) -> None:
        """Give a lot to its winner, who sells what it would bid for again if it does not hold, and hears of the rest.

        Each lot was bid for by itself, and may be one of many that are won in a block: the last unit sold brings the
        share of the reference price that was bid for it.
        """
        world, lot, (intent, gas_usd, share) = self._world, one.lot, leading
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        asset, debt = lender.assets[lot.collateral], lender.assets[lot.debt]
        paid_usd = lot.bid * world.reference[debt]
        done = auctions.finish(one)
        held, proceeds_usd, slippage = done.seized, 0.0, 0.0
        if intent.sell:
            sale = self._sales.quote_down_to(asset, done.seized, debt, share * world.reference[asset])
            if sale.units > 0.0:
                held, slippage = done.seized - sale.units, sale.slippage
                proceeds_usd = sale.units * sale.average_usd
                self._sales.settle(self._purses.account(intent), asset, sale, one.generation)
                self._into_money(intent, sale.asset, sale.proceeds)
        profit = proceeds_usd + held * world.reference[asset] - paid_usd - gas_usd
        self._recorder.liquidation(
            lender.name,
            lot.account,
            cohort.member_name(intent.member),
            debt,
            done.repaid,
            asset,
            done.seized,
            done.protocol_fee,
            gas_usd,
            profit,
            slippage,
            one.generation,
            done.repaid * world.reference[debt],
            done.seized * world.reference[asset],
        )
        won = Seizure(
            Status.FILLED,
            amount=lot.bid,
            asset=asset,
            repaid_usd=paid_usd,
            held=held,
            held_usd=held * world.reference[asset],
            generation=one.generation,
            profit_usd=profit + gas_usd,
        )
        intent.sender.receive(intent, won)
