"""Settlement of lots with a bond whose time is over, and of what bonds have earned and are given back.

Models: lenders who take collateral in kind are recorded as its liquidators, under `depositors`, without a profit; what
they gave up beyond its worth at the reference price is a loss of theirs. For what the treasury lent the protocol takes
its part, under `reserve`, to the account of its fees; what the treasury pays beside that is a write-off.
"""

from typing import TYPE_CHECKING, Final

from abm.intents import Earned, Status

if TYPE_CHECKING:
    from abm.auctions.bonds import BondedSales, Settled
    from abm.liquidations.purses import Purses
    from abm.pools.lender import Lender
    from abm.record.recorder import Recorder
    from abm.world import World

LENDERS: Final = "depositors"
PROTOCOL: Final = "reserve"


class BondSettlement:
    """Ends the lots of one path that time or takers have ended."""

    def __init__(self, world: "World", recorder: "Recorder", purses: "Purses") -> None:
        self._world = world
        self._recorder = recorder
        self._purses = purses

    def finish(self, lender: "Lender", auctions: "BondedSales") -> None:
        """Settle what may be settled, and give back every bond that is free, in its owner's own money.

        What bonds have earned is a profit of those who opened, or a loss.
        """
        for one, units in auctions.earned():
            earned_usd = units * self._world.reference[lender.assets[one.lot.debt]]
            self._recorder.opening(one.opener.name, earned_usd)
            one.opener.intent.sender.receive(one.opener.intent, Earned(Status.FILLED, earned_usd=earned_usd))
        for settled in auctions.settle():
            self._record(lender, settled)
        for one in auctions.free():
            self._purses.convert(one.opener.account, lender.assets[one.lot.debt], one.opener.money, one.lot.bond)

    def _record(self, lender: "Lender", settled: "Settled") -> None:
        reference, lot = self._world.reference, settled.one.lot
        debt, asset = lender.assets[lot.debt], lender.assets[lot.collateral]
        for taker, part in ((LENDERS, settled.suppliers), (PROTOCOL, settled.protocol)):
            if part.units <= 0.0:
                continue
            repaid_usd, seized_usd = part.debt * reference[debt], part.units * reference[asset]
            self._recorder.liquidation(
                lender.name,
                lot.account,
                taker,
                debt,
                part.debt,
                asset,
                part.units,
                0.0,
                0.0,
                0.0,
                0.0,
                settled.one.generation,
                repaid_usd,
                seized_usd,
            )
            if taker is LENDERS:
                self._recorder.in_kind(repaid_usd - seized_usd)
        if settled.debt_from_reserves > 0.0:
            # It is written off in this block, with what is left of the same bad debt.
            lender.paid_before[lot.account, lot.debt] = settled.debt_from_reserves
