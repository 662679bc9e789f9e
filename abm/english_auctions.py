"""English auctions: bids on lots, the highest bidder's money locked until it is outbid or has the lot.

Thousands of lots may be open for hours, so that what a block asks of all that run (who has won, who waits, on which a
bid could pay) is kept in columns, brought up to date when a lot is opened, bid on, started afresh or closed.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from abm.auctions import Auctions, Opener, OpenLot
from abm.lot_columns import NEVER, LotColumns
from abm.waiting_lots import Waiting, WaitingLots
from models.liquidation import NOBODY, Bid, Bidding, Lot, MakerFlip, Reward, Taking
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.world import Lender, World

# The columns: when no more bids are taken, who leads with which bid, the least that the next bid must be, the pair of
# reserves, and when the lot was opened.
_UNTIL, _BIDDER, _BID, _PAID, _UNITS, _COLLATERAL, _DEBT, _OPENED, _COLUMNS = range(9)


class BidOn(NamedTuple):
    """Lots by number that take bids: when opened, and their worth at most in units of the debt; each (n,).

    `bidder` leads with `bid`; the next bid must be `paid` for `units` of the pair or more.
    """

    numbers: IntArray
    opened: FloatArray
    worth: FloatArray
    bidder: FloatArray
    bid: FloatArray
    paid: FloatArray
    units: FloatArray
    collateral: IntArray
    debt: IntArray


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
        good, figures, pairs = _taking_bids(rows, highest, self._world.now)
        return BidOn(numbers[good], *figures, *pairs)

    def least_bid(self, lot: Lot) -> Bid | None:
        """Return the least that the next bid must be; None where nobody may bid now."""
        return self._rule.least_bid(lot, self._world.now)

    def check(self, one: OpenLot, bidder: int, bid: Bid) -> None:
        """Refuse a bid as the design does, `AuctionOver` or `InvalidBid`; nothing is changed."""
        self._rule.require(one.lot, bid, self._world.now)

    def bid(self, one: OpenLot, bidder: int, bid: Bid) -> Bidding:
        """Lock a bidder's money, which it holds, and give back that of who is outbid; refuses as the design does."""
        lender, ledger, lot = self._lender, self._world.ledger, one.lot
        debt = lender.assets[lot.debt]
        bidding = self._rule.bid(lot, bidder, bid, self._world.now)
        if bidding.outbid != NOBODY:
            ledger.transfer(self.escrow, bidding.outbid, debt, bidding.refunded)
            self._locked[bidding.outbid, debt] -= bidding.refunded
        ledger.transfer(bidder, self.escrow, debt, bidding.locked)
        self._locked[bidder, debt] = self._locked.get((bidder, debt), 0.0) + bidding.locked
        self._give_back(one, bidding.returned_units)
        one.bids += 1
        self._note(one)
        return bidding

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
        row = until, lot.bidder, lot.bid, bid.paid, bid.units, lot.collateral, lot.debt, lot.opened_seconds
        self._running.write(one.number, row)

    def _over(self, *, led: bool) -> tuple[IntArray, float]:
        """Return the rows of lots, with a bid or without one, of which the time is over, and when another's may be."""
        return _over(self._running.rows()[1], self._world.now, led)


@njit(cache=True)
def _taking_bids(
    rows: FloatArray, highest: FloatArray, now: float
) -> tuple[IntArray, FloatArray, IntArray]:  # pragma: no cover - compiled
    """Return the rows of `EnglishAuctions.bid_on`, the figures of a `BidOn`, and the pairs."""
    good, count = np.empty(len(rows), np.int64), 0
    for k in range(len(rows)):
        worth = rows[k, _UNITS] * highest[int(rows[k, _COLLATERAL]), int(rows[k, _DEBT])]
        if now < rows[k, _UNTIL] and worth > rows[k, _PAID]:
            good[count] = k
            count += 1
    figures, pairs = np.empty((6, count)), np.empty((2, count), np.int64)
    for n, k in enumerate(good[:count]):
        row = rows[k]
        pairs[0, n], pairs[1, n] = int(row[_COLLATERAL]), int(row[_DEBT])
        figures[0, n] = row[_OPENED]
        figures[1, n] = row[_UNITS] * highest[pairs[0, n], pairs[1, n]]
        figures[2, n] = row[_BIDDER]
        figures[3, n] = row[_BID]
        figures[4, n] = row[_PAID]
        figures[5, n] = row[_UNITS]
    return good[:count], figures, pairs


@njit(cache=True)
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
