"""Maker's English auction: bids rise to the debt and its penalty, then bidders ask for less and less collateral.

**Source**: makerdao/dss, ``cat.sol`` and ``flip.sol``: Liquidations 1.2 and what ran before on 12 March 2020; increase
and times of October 2020. In March 2020 an auction closed ten minutes after its last bid.

**Models**: below health 1 a call opens the whole position in lots of `lot_units` of collateral, each with its part of
the debt and of the `penalty`; unless given they are Maker's 50 units of ether, or 2,500 dollars' worth of what is
cheaper. While the tab is not bid, a bid offers more money for the whole lot, by
`min_bid_increase` or up to the tab; once it is, a bid asks for fewer units at the tab, by the same step, and what is
saved is the borrower's. The highest bidder's money is locked; who is outbid gets it back. The lot goes to the highest
bidder `bid_seconds` after its bid or `auction_seconds` after the start. Without a bid until then anybody may start it
afresh. Nothing asks for a first bid above nothing: where nobody competes, a lot is won for next to nothing.

**Leaves out**: the box of 1.2 that limits what is auctioned at a time, and its lots sized by debt. Maker gets the money
of the first bid at once, not at the end. A vault opens one lot a call. The second in which a bid is too late and the
close too early. Rounding.

**Units**: as `models.liquidation.opening`.

**Invariants**: a bid is never above the tab, nor the units asked for above those of the bid before; what is bid is
locked until the bidder is outbid or gets the lot.
"""

import math
from typing import ClassVar, Final, Literal, NamedTuple

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import Accounts, OpeningCeiling
from models.liquidation.design import DesignParameters, Financing
from models.liquidation.offer import ROUNDING, Bounds, Position
from models.liquidation.opening import NOBODY, House, Lot, Opening, Reward, openable
from models.liquidation.sale import LotTaking, NothingToReset
from models.refusals import Refusal
from models.types import FloatArray

LOT_UNITS: Final = 50.0
"""Maker's lot of ether."""
LEAST_LOT_USD: Final = 2500.0
"""Of what is cheaper a lot is worth so much at least: fifty units of it would make lots that nobody pays gas for."""


class InvalidBid(Refusal):
    """A bid does not improve on the last one as the rule asks."""


class AuctionOver(Refusal):
    """Bids are too late: the auction is closed, won, or waits to be started afresh."""


class AuctionRunning(Refusal):
    """The auction has no winner yet."""


class Bid(NamedTuple):
    """`paid` units of debt for `units` of collateral."""

    paid: float
    units: float


class Bidding(NamedTuple):
    """What a bid does: the bidder locks `locked`, who is `outbid` gets `refunded`, the borrower `returned_units`."""

    locked: float
    outbid: int
    refunded: float
    returned_units: float


class MakerFlip(DesignParameters):
    """The auctions of Maker until Liquidations 2.0."""

    source: ClassVar[str] = "makerdao/dss, cat.sol and flip.sol; October 2020"
    leaves_out: ClassVar[str] = (
        "the box and lots sized by debt of Liquidations 1.2, bids paid before the end, one call for each lot, rounding"
    )
    bounds: ClassVar[Bounds] = {
        "lot_units": (5.0, 500.0),
        "min_bid_increase": (0.01, 0.1),
        "bid_seconds": (300.0, 21_600.0),
        "auction_seconds": (1800.0, 86_400.0),
    }

    financing: ClassVar[Financing] = "lock"

    design: Literal["maker_flip"] = "maker_flip"
    lot_units: float | None = Field(
        None, gt=0, description="the most collateral of one lot; 50, or what 2,500 dollars buy if more, unless given"
    )
    penalty: float = Field(0.13, ge=0, description="raised above the debt, as a part of it")
    min_bid_increase: float = Field(0.03, gt=0, description="how much better a bid must be than the last")
    bid_seconds: float = Field(21_600.0, gt=0, description="time after a bid until its bidder has won")
    auction_seconds: float = Field(21_600.0, gt=0, description="time after the start at which an auction ends")

    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """Auction the whole position, in equal lots and a smaller last one."""
        if not openable(position):
            return None
        collateral, debt = position.collateral_units, position.debt_units
        most = max(LOT_UNITS, LEAST_LOT_USD / position.collateral_price) if self.lot_units is None else self.lot_units
        count = max(math.ceil(collateral / most * (1.0 - ROUNDING)), 1)
        units = [most] * (count - 1)
        units.append(collateral - most * (count - 1))
        return Opening([self._lot(position, part, debt * (part / collateral), now_seconds) for part in units])

    def opening_ceiling(self, accounts: Accounts, house: House) -> OpeningCeiling:
        """No reward, and all of the debt with its penalty to be bid for."""
        raised = accounts.debt_usd * (1.0 + self.penalty)
        return OpeningCeiling(np.zeros_like(raised), raised, 0.0)

    def restart_ceiling(self, raising_usd: FloatArray, worth_usd: FloatArray) -> OpeningCeiling:
        """No reward, and all that is still to be bid for."""
        return OpeningCeiling(np.zeros_like(raising_usd), raising_usd, 0.0)

    def least_bid(self, lot: Lot, now_seconds: float) -> Bid | None:
        """The least improvement that the next bid must be; the first must be above it. None where nobody may bid."""
        if self._over(lot, now_seconds):
            return None
        if lot.bid < lot.tab:
            return Bid(min(lot.tab, lot.bid * (1.0 + self.min_bid_increase)), lot.units)
        return Bid(lot.tab, lot.units / (1.0 + self.min_bid_increase))

    def bid(self, lot: Lot, bidder: int, bid: Bid, now_seconds: float) -> Bidding:
        """Bid for a lot, which changes it: more money for all of it or, once the tab is bid, the tab for less of it.

        Raises as `require`.
        """
        self.require(lot, bid, now_seconds)
        raised = bid.paid >= lot.tab * (1.0 - ROUNDING)
        bidding = Bidding(lot.tab if raised else bid.paid, lot.bidder, lot.bid, lot.units - bid.units)
        lot.bid, lot.bidder, lot.units = bidding.locked, bidder, bid.units
        lot.bid_until_seconds = now_seconds + self.bid_seconds
        return bidding

    def require(self, lot: Lot, bid: Bid, now_seconds: float) -> None:
        """Refuse a bid that comes too late or does not improve on the last one. Raises `AuctionOver`, `InvalidBid`."""
        least = self.least_bid(lot, now_seconds)
        if least is None:
            raise AuctionOver(f"no bid is taken at {now_seconds:g} s: the auction is over; bid on another lot")
        if lot.bid < lot.tab:
            _require_more_money(lot, bid, least)
        else:
            _require_less_collateral(lot, bid, least)

    def finished(self, lot: Lot, now_seconds: float) -> bool:
        """Whether the highest bidder has won the lot and may have it."""
        until = min(lot.bid_until_seconds, lot.ends_seconds)
        return not lot.closed and lot.bidder != NOBODY and now_seconds >= until

    def finish(self, lot: Lot, now_seconds: float) -> LotTaking:
        """Close a finished auction: the money that `lot.bidder` has locked is paid. Raises `AuctionRunning`."""
        if not self.finished(lot, now_seconds):
            raise AuctionRunning(f"the lot of {lot.units:.6g} units has no winner at {now_seconds:g} s; wait or bid")
        to_debt = min(lot.bid, lot.due)
        taking = LotTaking(lot.bid, to_debt, lot.bid - to_debt, lot.units)
        lot.units, lot.due, lot.tab, lot.closed = 0.0, lot.due - to_debt, lot.tab - lot.bid, True
        return taking

    def needs_reset(self, lot: Lot, now_seconds: float, feed_price: float) -> bool:
        """Whether the auction has ended without a bid."""
        return not lot.closed and lot.bidder == NOBODY and now_seconds >= lot.ends_seconds

    def reset(self, lot: Lot, now_seconds: float, feed_price: float) -> Reward | None:
        """Start an auction without bids afresh; nobody is paid for it. Raises `NothingToReset`."""
        if not self.needs_reset(lot, now_seconds, feed_price):
            raise NothingToReset(f"at {now_seconds:g} s the auction runs or has bids; bid or finish it")
        lot.ends_seconds = now_seconds + self.auction_seconds
        return None

    def _lot(self, position: Position, units: float, due: float, now_seconds: float) -> Lot:
        return Lot(
            units=units,
            due=due,
            tab=due * (1.0 + self.penalty),
            opened_seconds=now_seconds,
            debt_price_usd=position.debt_price,
            ends_seconds=now_seconds + self.auction_seconds,
        )

    def _over(self, lot: Lot, now_seconds: float) -> bool:
        return lot.closed or now_seconds >= min(lot.bid_until_seconds, lot.ends_seconds)


def _require_more_money(lot: Lot, bid: Bid, least: Bid) -> None:
    if bid.units != lot.units:
        raise InvalidBid(f"{bid.units:.6g} units cannot be asked for before the tab is bid; ask for {lot.units:.6g}")
    # The first bid may be anything, but not nothing.
    if not (bid.paid > lot.bid and bid.paid >= least.paid * (1.0 - ROUNDING)):
        raise InvalidBid(f"{bid.paid:.6g} is too little after a bid of {lot.bid:.6g}; bid at least {least.paid:.6g}")
    if bid.paid > lot.tab * (1.0 + ROUNDING):
        raise InvalidBid(f"{bid.paid:.6g} is more than the auction is to raise; bid at most {lot.tab:.6g}")


def _require_less_collateral(lot: Lot, bid: Bid, least: Bid) -> None:
    if not abs(bid.paid - lot.tab) <= lot.tab * ROUNDING:
        raise InvalidBid(f"{bid.paid:.6g} is not the tab, which is bid already; bid {lot.tab:.6g} for fewer units")
    if not 0.0 < bid.units <= least.units * (1.0 + ROUNDING):
        raise InvalidBid(
            f"{bid.units:.6g} units do not improve on {lot.units:.6g}; ask for more than none and at most "
            f"{least.units:.6g}"
        )
