"""Maker's English auction: bids that rise to the tab and then ask for less."""

import copy
import math

import pytest

from builders.loans import MAT, one_lot, opened, position, stated
from models.liquidation import (
    NOBODY,
    AuctionOver,
    AuctionRunning,
    Bid,
    Bidding,
    InvalidBid,
    LotTaking,
    MakerFlip,
    NothingToReset,
)


def bidding(locked: float, outbid: int, refunded: float, returned: float) -> Bidding:
    """A bidding whose amounts compare to rounding."""
    return Bidding(pytest.approx(locked), outbid, refunded, pytest.approx(returned))


def test_bids_rise_to_the_tab_and_then_ask_for_less() -> None:
    flip = MakerFlip(auction_seconds=40_000.0)
    lot = one_lot(flip, position(2390.0, MAT))
    assert (lot.units, lot.tab) == (10.0, pytest.approx(18_080.0, rel=1e-12))
    assert flip.least_bid(lot, 0.0) == Bid(0.0, 10.0)
    assert flip.bid(lot, 7, Bid(15_000.0, 10.0), 60.0) == bidding(15_000.0, NOBODY, 0.0, 0.0)
    assert flip.least_bid(lot, 60.0) == Bid(pytest.approx(15_450.0, rel=1e-12), 10.0)
    assert flip.bid(lot, 8, Bid(lot.tab, 10.0), 60.0) == bidding(lot.tab, 7, 15_000.0, 0.0)
    dent = flip.least_bid(lot, 60.0)
    assert dent == Bid(lot.tab, stated("9.708738"))
    assert flip.bid(lot, 7, dent, 120.0).returned_units == stated("0.291262")
    dent = flip.least_bid(lot, 60.0)
    assert dent == Bid(lot.tab, stated("9.425959"))
    assert flip.bid(lot, 8, dent, 180.0) == bidding(lot.tab, 7, lot.tab, pytest.approx(10.0 / 1.03 - 10.0 / 1.0609))
    with pytest.raises(AuctionRunning, match="has no winner at 21779 s"):
        flip.finish(lot, 21_779.0)
    taking = flip.finish(lot, 21_780.0)
    assert taking == LotTaking(pytest.approx(18_080.0), 16_000.0, pytest.approx(2080.0), stated("9.425959"))
    assert (lot.closed, lot.bidder, lot.due) == (True, 8, 0.0)


def test_an_uncontested_lot_goes_for_next_to_nothing() -> None:
    """Black Thursday: a lot of which nobody else bids is won a while after its first bid, whatever that is."""
    flip = MakerFlip(bid_seconds=600.0)
    lot = one_lot(flip, position(2390.0, MAT))
    flip.bid(lot, 1, Bid(1e-18, 10.0), 60.0)
    assert not flip.finished(lot, 659.0)
    taking = flip.finish(lot, 660.0)
    assert (taking.paid, taking.units) == (1e-18, 10.0)
    assert lot.due == 16_000.0


def test_the_auction_ends_however_late_the_last_bid() -> None:
    flip = MakerFlip(bid_seconds=600.0, auction_seconds=3600.0)
    lot = one_lot(flip, position(2390.0, MAT))
    for minute in range(5, 60, 5):
        least = flip.least_bid(lot, 60.0 * minute)
        assert least is not None
        flip.bid(lot, minute, Bid(least.paid + 1.0, 10.0), 60.0 * minute)
    assert flip.finished(lot, 3600.0)
    with pytest.raises(AuctionOver, match="at 3600 s: the auction is over"):
        flip.bid(lot, 1, Bid(18_000.0, 10.0), 3600.0)


def test_an_auction_without_bids_starts_afresh() -> None:
    flip, lot = MakerFlip(), one_lot(MakerFlip(), position(2390.0, MAT))
    with pytest.raises(NothingToReset, match="runs or has bids"):
        flip.reset(lot, 21_599.0, 2390.0)
    assert flip.needs_reset(lot, 21_600.0, 2390.0)
    assert flip.least_bid(lot, 21_600.0) is None
    assert flip.reset(lot, 30_000.0, 2390.0) is None
    assert lot.ends_seconds == 51_600.0
    flip.bid(lot, 1, Bid(1.0, 10.0), 51_599.0)
    assert not flip.needs_reset(lot, 51_600.0, 2390.0)
    assert flip.finished(lot, 51_600.0)


def test_a_position_is_auctioned_in_lots() -> None:
    lots = opened(MakerFlip(), position(2390.0, MAT, 120.0, 192_000.0)).lots
    assert [lot.units for lot in lots] == [50.0, 50.0, 20.0]
    assert [lot.due for lot in lots] == pytest.approx([80_000.0, 80_000.0, 32_000.0])
    assert [lot.tab for lot in lots] == pytest.approx([90_400.0, 90_400.0, 36_160.0])
    cheap = opened(MakerFlip(), position(2.0, MAT, 4000.0, 7000.0)).lots
    assert [lot.units for lot in cheap] == [1250.0, 1250.0, 1250.0, 250.0]
    thirds = MakerFlip(lot_units=0.1)
    assert len(opened(thirds, position(2390.0, MAT, 0.3, 480.0)).lots) == 3


@pytest.mark.parametrize(
    ("bid", "reason"),
    [
        (Bid(0.0, 10.0), "is too little after a bid of 0; bid at least 0"),
        (Bid(math.nan, 10.0), "is too little"),
        (Bid(100.0, 9.0), "9 units cannot be asked for before the tab is bid; ask for 10"),
        (Bid(18_081.0, 10.0), "is more than the auction is to raise; bid at most 18080"),
    ],
)
def test_a_first_bid_is_something_for_all_and_no_more_than_the_tab(bid: Bid, reason: str) -> None:
    lot = one_lot(MakerFlip(), position(2390.0, MAT))
    before = copy.copy(lot)
    with pytest.raises(InvalidBid, match=reason):
        MakerFlip().bid(lot, 1, bid, 0.0)
    assert lot == before


@pytest.mark.parametrize(
    ("bid", "reason"),
    [
        (Bid(18_080.0, 9.8), "9.8 units do not improve on 10; ask for more than none and at most 9.70874"),
        (Bid(18_080.0, 10.0), "do not improve on 10"),
        (Bid(18_080.0, 0.0), "do not improve"),
        (Bid(18_080.0, math.nan), "do not improve"),
        (Bid(17_000.0, 9.0), "17000 is not the tab, which is bid already; bid 18080 for fewer units"),
    ],
)
def test_a_bid_at_the_tab_asks_for_enough_less(bid: Bid, reason: str) -> None:
    lot = one_lot(MakerFlip(), position(2390.0, MAT))
    MakerFlip().bid(lot, 1, Bid(18_080.0, 10.0), 0.0)
    with pytest.raises(InvalidBid, match=reason):
        MakerFlip().bid(lot, 2, bid, 0.0)


def test_a_bid_below_the_step_may_still_be_the_tab() -> None:
    lot = one_lot(MakerFlip(), position(2390.0, MAT))
    MakerFlip().bid(lot, 1, Bid(18_000.0, 10.0), 0.0)
    with pytest.raises(InvalidBid, match="too little after a bid of 18000; bid at least 18080"):
        MakerFlip().bid(lot, 2, Bid(18_079.0, 10.0), 0.0)
    assert MakerFlip().bid(lot, 2, Bid(18_080.0, 10.0), 0.0).locked == lot.tab
