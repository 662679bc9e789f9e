"""English auctions: bids on lots, the highest bidder's money locked until it is outbid or has the lot.

Thousands of lots may be open for hours, so that what a block asks of all that run (who has won, who waits, on which a
bid could pay) is kept in columns, brought up to date when a lot is opened, bid on, started afresh or closed.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abm.auctions.lot_columns import NEVER, LotColumns
from abm.auctions.lots import Auctions, Opener, OpenLot
from abm.auctions.waiting_lots import Waiting, WaitingLots
from models.compiled import compiled
from models.liquidation import NOBODY, Bid, Bidding, Lot, MakerFlip, Reward, Taking
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.world import World

# The columns of lots that run: when no more bids are taken, who leads, the pair of reserves, when the lot was opened,
# the leading bid, the least that the next bid must pay and for how many units, and the tab.
_UNTIL, _BIDDER, _COLLATERAL, _DEBT, _OPENED, _BID, _PAID, _UNITS, _TAB, _COLUMNS = range(10)
# The rows of `BidOn.figures`.
OPENED, WORTH, BIDDER, COLLATERAL, DEBT, BID, PAID, UNITS, TAB, _FIGURES = range(10)


class BidOn(NamedTuple):
    """Lots by number, (n,), that take bids, and by row `figures` of each, (9, n).

    When it was opened, what it is worth at most in units of the debt, who leads, the pair of reserves, the leading bid,
    the least that the next bid must pay and for how many units, and the tab.
    """

    numbers: IntArray
    figures: FloatArray


class EnglishAuctions(Auctions):
    """The lots of a design that sells to the highest bidder; a `bidder` is a ledger account."""

    def __init__(self, world: "World", lender: "Lender", design: MakerFlip) -> None:
        super().__init__(world, lender, design)
        self._rule = design
        self.escrow = world.ledger.open(f"pool {lender.name} bids")
        self._running = LotColumns(_COLUMNS)
        self._waiting = WaitingLots()
        self._locked: dict[tuple[int, int], float] = {}
        # No lot with a bid is won before the first, none without one waits before the second.
        self._won_from = self._waits_from = NEVER

    def bid_on(self, highest: FloatArray) -> BidOn:
        """Return the lots that take bids, and of which the least bid is worth less than what it buys.

        `highest` is the most that a unit of each collateral may bring for each debt, (reserves, reserves).
        """
        numbers, rows = self._running.rows()
        good, figures = _taking_bids(rows, highest, self._world.now)
        return BidOn(numbers[good], figures)

    def least_bid(self, lot: Lot) -> Bid | None:
        """Return the least that the next bid must be; None where nobody may bid now."""
        return self._rule.least_bid(lot, self._world.now)

    def bid(self, one: OpenLot, bidder: int, bid: Bid) -> Bidding:
        """Let a bid lead, whose money is then to be locked; refuses as the design does, with nothing changed."""
        bidding = self._rule.bid(one.lot, bidder, bid, self._world.now)
        one.bids += 1
        self._note(one)
        return bidding

    def lock(self, one: OpenLot, bidding: Bidding) -> None:
        """Lock the money of who leads, which holds it, and give back that of who is outbid."""
        lender, transfer, bidder = self._lender, self._world.ledger.transfer, one.lot.bidder
        debt, locked = lender.assets[one.lot.debt], self._locked
        if bidding.outbid != NOBODY:
            transfer(self.escrow, bidding.outbid, debt, bidding.refunded)
            locked[bidding.outbid, debt] -= bidding.refunded
        transfer(bidder, self.escrow, debt, bidding.locked)
        locked[bidder, debt] = locked.get((bidder, debt), 0.0) + bidding.locked
        self._give_back(one, bidding.returned_units)

    def finished(self) -> list[OpenLot]:
        """Return the lots whose highest bidder has won, in the order in which they were opened."""
        if self._world.now < self._won_from:
            return []
        over, later = self._over(led=True)
        self._won_from = self._world.now if over.size else later
        return [self.lots[number] for number in self._running.rows()[0][over].tolist()]

    def finish(self, one: OpenLot) -> Taking:
        """Hand a lot over to its winner, who has paid already."""
        winner, taking = one.lot.bidder, self._rule.finish(one.lot, self._world.now)
        self._locked[winner, self._lender.assets[one.lot.debt]] -= taking.paid
        return self._hand_over(one, self.escrow, winner, taking)

    def waits(self, one: OpenLot) -> bool:
        """Return whether nobody has bid on a lot in time."""
        return self._rule.needs_reset(one.lot, self._world.now, self.feed(one.lot))

    def waiting(self) -> Waiting:
        """Return the lots on which nobody has bid in time."""
        if self._world.now >= self._waits_from:
            over, self._waits_from = self._over(led=False)
            for number in self._running.take_out(over):
                self._waiting.add(number, self.lots[number].lot)
        return self._waiting.all()

    def restart(self, lot: Lot) -> Reward | None:
        """Start an auction without bids afresh, which changes the lot; nobody is paid for it."""
        return self._rule.reset(lot, self._world.now, self.feed(lot))

    def reset(self, one: OpenLot) -> Reward | None:
        """Start an auction afresh; returns what the caller is to be paid."""
        reward = super().reset(one)
        self._waiting.remove(one.number)
        self._note(one)
        return reward

    def locked(self) -> list[tuple[int, int, float]]:
        """Return what is locked in bids that lead, by bidder."""
        return [(bidder, asset, units) for (bidder, asset), units in self._locked.items()]

    def _add(self, lot: Lot, opener: Opener, generation: int, index: float, whole: bool) -> OpenLot:
        one = super()._add(lot, opener, generation, index, whole)
        self._note(one)
        return one

    def _close(self, one: OpenLot) -> None:
        super()._close(one)
        self._running.remove(one.number)
        self._waiting.remove(one.number)

    def _note(self, one: OpenLot) -> None:
        lot, least = one.lot, self.least_bid(one.lot)
        until = min(lot.bid_until_seconds, lot.ends_seconds)
        bid = least if least is not None else Bid(NEVER, lot.units)
        if lot.bidder != NOBODY:
            self._won_from = min(self._won_from, until)
        else:
            self._waits_from = min(self._waits_from, until)
        row = until, lot.bidder, lot.collateral, lot.debt, lot.opened_seconds, lot.bid, bid.paid, bid.units, lot.tab
        self._running.write(one.number, row)

    def _over(self, *, led: bool) -> tuple[IntArray, float]:
        """Return the rows of lots, with a bid or without one, of which the time is over, and when another's may be."""
        return _over(self._running.rows()[1], self._world.now, led)


@compiled()
def _taking_bids(
    rows: FloatArray, highest: FloatArray, now: float
) -> tuple[IntArray, FloatArray]:  # pragma: no cover - compiled
    """Return the rows of `EnglishAuctions.bid_on`, and the figures of a `BidOn`."""
    good, count = np.empty(len(rows), np.int64), 0
    for k in range(len(rows)):
        worth = rows[k, _UNITS] * highest[int(rows[k, _COLLATERAL]), int(rows[k, _DEBT])]
        if now < rows[k, _UNTIL] and worth > rows[k, _PAID]:
            good[count] = k
            count += 1
    figures = np.empty((_FIGURES, count))
    for n, k in enumerate(good[:count]):
        row = rows[k]
        figures[OPENED, n], figures[BIDDER, n] = row[_OPENED], row[_BIDDER]
        figures[WORTH, n] = row[_UNITS] * highest[int(row[_COLLATERAL]), int(row[_DEBT])]
        figures[COLLATERAL, n], figures[DEBT, n] = row[_COLLATERAL], row[_DEBT]
        figures[BID, n], figures[PAID, n], figures[UNITS, n], figures[TAB, n] = (
            row[_BID],
            row[_PAID],
            row[_UNITS],
            row[_TAB],
        )
    return good[:count], figures


@compiled()
def _over(rows: FloatArray, now: float, led: bool) -> tuple[IntArray, float]:  # pragma: no cover - compiled
    """See `EnglishAuctions._over`."""
    over, count, earliest = np.empty(len(rows), np.int64), 0, NEVER
    for k in range(len(rows)):
        if (rows[k, _BIDDER] != NOBODY) == led:
            if now >= rows[k, _UNTIL]:
                over[count] = k
                count += 1
            else:
                earliest = min(earliest, rows[k, _UNTIL])
    return over[:count], earliest
