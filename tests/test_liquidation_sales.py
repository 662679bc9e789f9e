"""The designs that take time or have a pool behind them: worked figures, refusals, limits, and what each promises.

The worked position is 10 ETH against 16 000 dollars. Figures are compared to the last digit that they are stated with.
"""

import copy
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.liquidation import (
    NOBODY,
    TIMED_DESIGNS,
    WRAPPERS,
    Absorption,
    Ajna,
    AuctionOver,
    AuctionRunning,
    Bid,
    Bidding,
    CompoundV3,
    FixedSpread,
    House,
    InvalidBid,
    InvalidRepayment,
    Kick,
    LiquityV1,
    LiquityV2,
    Lot,
    LotTaking,
    MakerClip,
    MakerFlip,
    MustNotLeaveDust,
    NotForSale,
    NothingToReset,
    NotSettleable,
    Opening,
    Position,
    Reward,
    SaleDesign,
    TimedDesign,
)
from models.liquidation.ajna import auction_price, bond_payment_factor, neutral_ratio, take_penalty

INF = float("inf")
HOUR = 3600.0
WORKED_HOUSE = House(stability_pool=1e6, stakes_units=100.0, borrow_rate_per_year=0.05)


def position(price: float, threshold: float, collateral: float = 10.0, debt: float = 16_000.0) -> Position:
    """Collateral against a dollar debt, all that the account has."""
    value = collateral * price
    return Position(value * threshold / debt, collateral, price, debt, 1.0, value, debt, threshold)


def stated(figure: str) -> Any:
    """A figure, to one in the last digit that it is stated with."""
    return pytest.approx(float(figure), rel=1e-9, abs=1.001 * 10.0 ** -len(figure.partition(".")[2]))


def opened(design: TimedDesign, at: Position, house: House = WORKED_HOUSE) -> Opening:
    opening = design.open(at, 0.0, house)
    assert opening is not None
    return opening


def one_lot(design: TimedDesign, at: Position, house: House = WORKED_HOUSE) -> Lot:
    (lot,) = opened(design, at, house).lots
    return lot


def absorbed(design: TimedDesign, at: Position, house: House = WORKED_HOUSE) -> Absorption:
    absorption = opened(design, at, house).absorption
    assert absorption is not None
    return absorption


# Maker's Dutch auction: ETH-A of April 2021, a vault at a ratio of 150 %.

MAT = 1.0 / 1.5


@pytest.mark.parametrize(
    ("feed", "market", "seconds", "price", "paid", "units", "returned", "net"),
    [
        (2390.0, 2350.0, 2520.0, "2344.912825", "18080.0", "7.710308", "2.289692", "1761.92"),
        (1900.0, 1700.0, 3420.0, "1685.909850", "16859.098", "10.0", "0.0", "541.018"),
        (1700.0, 1500.0, 3510.0, "1493.361198", "14933.612", "10.0", "0.0", "-1384.468"),
        (1600.0, 1400.0, 3600.0, "1391.461258", "13914.613", "10.0", "0.0", "-2403.467"),
    ],
)
def test_a_dutch_auction_is_taken_at_the_first_step_below_the_market(
    feed: float, market: float, seconds: float, price: str, paid: str, units: str, returned: str, net: str
) -> None:
    clip = MakerClip()
    opening = opened(clip, position(feed, MAT))
    (lot,) = opening.lots
    assert opening.rewards == (Reward("reserves", debt=pytest.approx(318.08, rel=1e-12)),)
    assert (lot.due, lot.tab) == (16_000.0, pytest.approx(18_080.0, rel=1e-12))
    assert clip.price(lot, seconds - 90.0) > market >= clip.price(lot, seconds)
    assert clip.price(lot, seconds) == stated(price)
    taking = clip.take(lot, INF, seconds, feed, House())
    assert taking.paid == stated(paid)
    assert taking.units == stated(units)
    assert taking.returned_units == stated(returned)
    assert taking.paid - 16_000.0 - opening.rewards[0].debt == stated(net)
    assert taking.to_debt == min(taking.paid, 16_000.0)
    assert lot.closed
    assert lot.due == 16_000.0 - taking.to_debt


@pytest.mark.parametrize(
    ("seconds", "price"),
    [
        (0.0, "3107.0"),
        (89.0, "3107.0"),
        (90.0, "3075.93"),
        (900.0, "2809.915107"),
        (1800.0, "2541.236855"),
        (3600.0, "2078.495254"),
        (7200.0, "1390.454625"),
        (8190.0, "1244.927217"),
        (8280.0, "1232.477945"),
    ],
)
def test_the_price_of_a_dutch_auction_falls_in_steps(seconds: float, price: str) -> None:
    lot = one_lot(MakerClip(), position(2390.0, MAT))
    assert MakerClip().price(lot, seconds) == stated(price)
    exact = Fraction(3107) * Fraction(99, 100) ** (int(seconds) // 90)
    assert MakerClip().price(lot, seconds) == pytest.approx(float(exact), rel=1e-12)


def test_steps_that_floats_cannot_say_are_not_lost() -> None:
    clip = MakerClip(step_seconds=0.1)
    lot = one_lot(clip, position(2390.0, MAT))
    assert clip.price(lot, 0.3) == pytest.approx(3107.0 * 0.99**3, rel=1e-12)


def test_an_auction_that_has_run_out_is_reset_to_the_feed_of_the_moment() -> None:
    """The cusp binds at 8280 s, before the tail of 8400 s; until a reset nobody may take."""
    clip = MakerClip()
    lot = one_lot(clip, position(2390.0, MAT))
    assert not clip.needs_reset(lot, 8190.0, 2000.0)
    with pytest.raises(NothingToReset, match="still runs 8190 s after its start"):
        clip.reset(lot, 8190.0, 2000.0)
    assert clip.needs_reset(lot, 8280.0, 2000.0)
    assert clip.offer(lot, 8280.0, 2000.0, House()) is None
    assert clip.fit(lot, INF, 8280.0, 2000.0, House()) == 0.0
    with pytest.raises(NotForSale, match="not for sale at 8280 s"):
        clip.take(lot, INF, 8280.0, 2000.0, House())
    with pytest.raises(NotForSale, match="a feed of 0 gives no price"):
        clip.reset(lot, 8280.0, 0.0)
    assert clip.reset(lot, 8280.0, 2000.0) == Reward("reserves", debt=pytest.approx(318.08))
    assert clip.price(lot, 8280.0) == pytest.approx(2600.0, rel=1e-12)
    assert clip.needs_reset(lot, 8280.0 + 8401.0, 2000.0)


def test_the_tail_runs_out_where_the_cusp_does_not() -> None:
    clip = MakerClip(cusp=0.0)
    lot = one_lot(clip, position(2390.0, MAT))
    assert not clip.needs_reset(lot, 8400.0, 2390.0)
    assert clip.needs_reset(lot, 8401.0, 2390.0)


def test_resetting_what_is_worth_little_is_not_paid_for() -> None:
    """Neither a tab below the dust with its penalty, nor collateral worth less."""
    clip = MakerClip()
    small = one_lot(clip, position(2390.0, MAT, 1.0, 1600.0))
    assert clip.reset(small, 9000.0, 2390.0) is None
    worthless = one_lot(clip, position(2390.0, MAT))
    assert clip.reset(worthless, 9000.0, 564.9) is None
    assert clip.reset(worthless, 18_000.0, 565.1) is not None


@pytest.mark.parametrize(
    ("outstanding", "due"),
    [
        (0.0, 16_000.0),
        (22e6 - 18_080.0, 16_000.0),
        (22e6 - 11_300.0, 10_000.0),  # the room for a part of the debt, its penalty included
        (22e6 - 12_500.0, 16_000.0),  # less than the dust would stay: all is opened, past the hole
        (22e6 - 5_600.0, None),  # the part itself would be dust
        (22e6, None),
        (23e6, None),
    ],
)
def test_the_hole_limits_what_is_opened(outstanding: float, due: float | None) -> None:
    opening = MakerClip().open(position(2390.0, MAT), 0.0, House(outstanding_usd=outstanding))
    if due is None:
        assert opening is None
        return
    assert opening is not None
    assert opening.lots[0].due == pytest.approx(due, rel=1e-9)
    assert opening.lots[0].units == pytest.approx(10.0 * due / 16_000.0, rel=1e-9)


def test_a_taking_leaves_nothing_or_at_least_the_dust() -> None:
    """Of a tab of 18 080 at least 5 650 must stay; once less than twice as much is left, all is taken or nothing."""
    clip, house = MakerClip(), House()
    lot = one_lot(clip, position(2390.0, MAT))
    assert clip.fit(lot, 17_000.0, 90.0, 2390.0, house) == pytest.approx(12_430.0)
    assert clip.take(lot, 17_000.0, 90.0, 2390.0, house).paid == pytest.approx(12_430.0)
    assert lot.tab == pytest.approx(5650.0)
    assert clip.fit(lot, 5000.0, 90.0, 2390.0, house) == pytest.approx(0.0, abs=1e-8)
    lot.tab -= 1.0
    with pytest.raises(MustNotLeaveDust, match="would leave less than 5650 of 5649"):
        clip.take(lot, 5000.0, 90.0, 2390.0, house)
    assert clip.take(lot, 5649.0, 90.0, 2390.0, house).returned_units > 0.0
    with pytest.raises(NotForSale):
        clip.take(lot, 1.0, 90.0, 2390.0, house)


def test_payments_repay_the_debt_first_and_the_penalty_after() -> None:
    clip = MakerClip(dust_usd=0.0)
    lot = one_lot(clip, position(2390.0, MAT))
    first, second = (clip.take(lot, 15_000.0, 90.0, 2390.0, House()) for _ in range(2))
    assert (first.to_debt, first.penalty) == (15_000.0, 0.0)
    assert second.to_debt == pytest.approx(1000.0, rel=1e-12)
    assert second.penalty == pytest.approx(2080.0, rel=1e-12)


def test_what_is_stated_in_dollars_is_measured_at_the_price_of_the_debt() -> None:
    at = Position(0.9, 10.0, 2390.0, 8000.0, 2.0, 23_900.0, 16_000.0)
    opening = opened(MakerClip(), at)
    (lot,) = opening.lots
    assert lot.top == pytest.approx(2390.0 / 2.0 * 1.3)
    assert opening.rewards[0].debt == pytest.approx(150.0 + 9.04)
    assert MakerClip().take(lot, 8500.0, 90.0, 1195.0, House()).paid == pytest.approx(9040.0 - 2825.0)


@pytest.mark.parametrize("price", [1900.0, 1700.0, 1500.0])
@pytest.mark.parametrize("repay", [1000.0, 15_000.0, INF])
def test_a_flat_dutch_auction_with_one_taker_is_a_fixed_spread(price: float, repay: float) -> None:
    at = position(price, 0.83)
    flat = MakerClip(buffer=1.0 / 1.05, cut=1.0, penalty=0.0, dust_usd=0.0)
    spread = FixedSpread(liquidation_bonus=0.05, close_factor=1.0)
    lot = one_lot(flat, at)
    offer, expected = flat.offer(lot, 300.0, price, House()), spread.offer(at)
    assert offer is not None
    assert expected is not None
    assert offer.max_repay == pytest.approx(expected.max_repay, rel=1e-12)
    assert offer.price == pytest.approx(expected.price, rel=1e-12)
    sold, taking = flat.take(lot, repay, 300.0, price, House()), spread.take(at, repay)
    assert sold.paid == pytest.approx(taking.repaid, rel=1e-12)
    assert sold.units == pytest.approx(taking.seized, rel=1e-12)
    assert sold.penalty == 0.0


# Maker's English auction


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


# Ajna, at a rate of 5 % a year. The highest price at which lenders' money is used is 1664 at health 1.

NEUTRAL = 1.04 * 1600.0 * (1.0 + math.sqrt(0.05) / 2.0)


def seconds_until(price: float) -> float:
    """When the auction of the worked position passes a price between four times and a sixteenth of the neutral one."""
    return 60.0 * (120.0 + 120.0 * math.log2(4.0 * NEUTRAL / price))


def test_a_kick_fixes_the_neutral_price_and_locks_a_bond() -> None:
    opening = opened(Ajna(), position(1600.0, 0.83))
    (lot,) = opening.lots
    assert opening.bond == lot.bond == stated("178.885438")
    assert lot.kick is not None
    assert neutral_ratio(0.05) == stated("1.1118034")
    assert lot.kick.neutral_price == lot.kick.reference_price == stated("1850.040856")
    assert lot.kick.bond_factor == stated("0.01118034")
    assert lot.kick.reserves_cap == stated("7.69")
    assert Ajna().lowest_utilised_price(position(2000.0, 0.8)) == pytest.approx(1664.0, rel=1e-12)


@pytest.mark.parametrize(
    ("minutes", "price"),
    [
        (0.0, "473610.459"),
        (20.0, "236805.23"),
        (60.0, "59201.31"),
        (120.0, "7400.163"),
        (240.0, "3700.08"),
        (360.0, "1850.04"),
        (480.0, "925.02"),
        (840.0, "115.63"),
        (900.0, "57.81"),
    ],
)
def test_the_price_of_a_kicked_loan_halves_and_halves(minutes: float, price: str) -> None:
    assert auction_price(NEUTRAL, minutes) == stated(price)


@pytest.mark.parametrize(
    ("price", "minutes", "factor", "penalty", "units", "paid", "to_caller", "left"),
    [
        (1900.0, "355.39", "-0.00223388", "0.01453389", "8.545248", "16235.97", "-36.27", "0.0"),
        (1700.0, "374.64", "0.00670893", "0.01229819", "9.528954", "16199.22", "108.68", "0.0"),
        (1600.0, "385.14", "0.01118034", "0.01118034", "10.0", "16000.0", "178.885", "178.885"),
        (1500.0, "396.31", "0.01118034", "0.01118034", "10.0", "15000.0", "167.705", "1167.705"),
    ],
)
def test_takers_pay_more_than_is_repaid_and_the_kicker_earns_or_loses(
    price: float, minutes: str, factor: str, penalty: str, units: str, paid: str, to_caller: str, left: str
) -> None:
    now = seconds_until(price)
    assert now / 60.0 == stated(minutes)
    ajna, lot = Ajna(), one_lot(Ajna(), position(1600.0, 0.83))
    assert lot.kick is not None
    reward = bond_payment_factor(lot.kick, price)
    assert reward == stated(factor)
    assert take_penalty(lot.kick.bond_factor, reward) == stated(penalty)
    taking = ajna.take(lot, INF, now, 0.0, House())
    assert taking.units == stated(units)
    assert taking.paid == stated(paid)
    assert taking.to_caller == stated(to_caller)
    assert 16_000.0 - taking.to_debt == stated(left)
    assert taking.returned_units == pytest.approx(10.0 - taking.units)
    assert lot.bond == pytest.approx(178.885438 + taking.to_caller, rel=1e-8)
    assert lot.closed is (lot.due == 0.0)


def test_where_the_debt_is_above_the_neutral_price_only_the_side_counts() -> None:
    kick = Kick(100.0, 100.0, 120.0, 0.01, 90.0, 0.0)
    assert bond_payment_factor(kick, 99.0) == 0.01
    assert bond_payment_factor(kick, 101.0) == -0.01
    assert bond_payment_factor(kick, 100.0) == 0.0


def test_the_price_starts_from_the_highest_reference_of_the_pool() -> None:
    lot = one_lot(Ajna(), position(1600.0, 0.83), replace(WORKED_HOUSE, least_reference_price=2000.0))
    offer = Ajna().offer(lot, 360.0 * 60.0, 0.0, House())
    assert offer is not None
    assert offer.price == pytest.approx(2000.0, rel=1e-12)


def test_nobody_takes_in_the_instant_of_the_kick() -> None:
    lot = one_lot(Ajna(), position(1600.0, 0.83))
    assert Ajna().offer(lot, 0.0, 1600.0, House()) is None
    assert Ajna().offer(lot, 1.0, 1600.0, House()) is not None
    assert not Ajna().needs_reset(lot, 1e9, 1600.0)
    with pytest.raises(NothingToReset, match="an auction of Ajna runs until its lot is sold"):
        Ajna().reset(lot, 1e9, 1600.0)


def test_a_kicked_loan_is_not_left_smaller_than_a_tenth_of_the_mean() -> None:
    """Emptying the collateral for less than the debt does not excuse it: at 1600 all of it would leave 178.89."""
    ajna, lot, house = Ajna(), one_lot(Ajna(), position(1600.0, 0.83)), House(mean_debt=10_000.0)
    now = seconds_until(1600.0)
    fit = ajna.fit(lot, INF, now, 0.0, house)
    assert ajna.take(lot, INF, now, 0.0, house).paid == pytest.approx(fit)
    assert lot.due == pytest.approx(1000.0, rel=1e-9)
    lot.due *= 0.9
    with pytest.raises(MustNotLeaveDust):
        ajna.take(lot, INF, now, 0.0, house)


def test_a_bond_cannot_be_overdrawn() -> None:
    """High above the neutral price slightly more is paid than is owed, and the kicker loses a part of what is paid."""
    ajna, lot = Ajna(), one_lot(Ajna(), position(1600.0, 0.83))
    assert ajna.take(lot, INF, 60.0, 0.0, House()).to_caller == pytest.approx(-178.885438)
    assert lot.bond == 0.0


def test_what_is_left_without_collateral_is_settled_from_reserves_and_forgiven() -> None:
    ajna, lot, rich = Ajna(), one_lot(Ajna(), position(1600.0, 0.83)), House(reserves=1e6)
    now = seconds_until(1500.0)
    with pytest.raises(NotSettleable, match="has 10 units and time left"):
        ajna.settle(lot, now, rich)
    ajna.take(lot, INF, now, 0.0, rich)
    assert ajna.settleable(lot, now)
    late, poor = copy.copy(lot), copy.copy(lot)
    settlement = ajna.settle(lot, now, rich)
    assert settlement.debt_from_reserves == stated("7.69")
    assert settlement.debt_forgiven == lot.due == pytest.approx(1167.705 - 7.692, abs=2e-3)
    assert lot.closed
    assert ajna.settle(late, 145.0 * HOUR, rich).debt_forgiven == 0.0
    assert ajna.settle(poor, now, House(reserves=-5.0)).debt_from_reserves == 0.0


def test_lenders_take_what_nobody_took_at_the_price_they_agreed_to() -> None:
    ajna, at = Ajna(), position(1900.0, 0.83)
    lot = one_lot(ajna, at)
    price = ajna.lowest_utilised_price(at)
    assert price == pytest.approx(1.04 * 0.83 * 1900.0)
    assert not ajna.settleable(lot, 72.0 * HOUR)
    settlement = ajna.settle(lot, 72.0 * HOUR + 1.0, House(reserves=1e6))
    assert settlement.debt_to_lenders == 16_000.0
    assert settlement.units_to_lenders == pytest.approx(16_000.0 / price)
    assert settlement.returned_units == pytest.approx(10.0 - 16_000.0 / price)
    assert settlement.debt_from_reserves == settlement.debt_forgiven == 0.0


def test_collateral_that_backs_nothing_is_settled_for_nothing() -> None:
    at = position(1900.0, 0.0)
    settlement = Ajna().settle(one_lot(Ajna(), at), 73.0 * HOUR, House())
    assert (settlement.units_to_lenders, settlement.debt_to_lenders) == (10.0, 0.0)
    assert settlement.debt_forgiven == 16_000.0


# All of them

DESIGNS: list[Any] = [kind() for kind in TIMED_DESIGNS]
SALES = [design for design in DESIGNS if isinstance(design, SaleDesign)]


def named(design: Any) -> str:
    return str(design.design)


@pytest.mark.parametrize("design", DESIGNS, ids=named)
def test_every_timed_design_is_usable_by_its_name_alone(design: Any) -> None:
    assert type(design).model_validate({"design": named(design)}) == design
    assert get_args(type(design).model_fields["design"].annotation) == (named(design),)
    assert design.source
    assert design.leaves_out
    opened(design, position(1500.0, 0.83))


@pytest.mark.parametrize("design", DESIGNS, ids=named)
def test_what_is_healthy_or_has_nothing_is_not_opened(design: TimedDesign) -> None:
    healthy, free, empty, worthless, unknown = (position(1500.0, 0.83) for _ in range(5))
    healthy.health = 1.0
    free.debt_units = free.debt_usd = 0.0
    empty.collateral_units = empty.collateral_usd = empty.health = 0.0
    worthless.collateral_price = worthless.collateral_usd = worthless.health = 0.0
    unknown.health = math.nan
    for at in (healthy, free, empty, worthless, unknown):
        assert design.open(at, 0.0, WORKED_HOUSE) is None


@pytest.mark.parametrize("design", SALES, ids=named)
def test_a_senseless_amount_cannot_be_paid(design: SaleDesign) -> None:
    lot = one_lot(design, position(1500.0, 0.83))
    before = copy.copy(lot)
    for repay in (0.0, -1.0, math.nan):
        with pytest.raises(InvalidRepayment, match="cannot be paid; give a positive amount"):
            design.take(lot, repay, 60.0, 1500.0, House())
    assert lot == before


@pytest.mark.parametrize("design", SALES, ids=named)
def test_a_closed_lot_offers_nothing(design: SaleDesign) -> None:
    lot = one_lot(design, position(1500.0, 0.83))
    lot.closed = True
    assert design.offer(lot, 60.0, 1500.0, House()) is None
    assert not design.needs_reset(lot, 1e9, 1500.0)
    assert design.fit(lot, INF, 60.0, 1500.0, House()) == 0.0


def test_a_closed_english_auction_takes_no_bid_and_no_second_winner() -> None:
    flip, lot = MakerFlip(), one_lot(MakerFlip(), position(1500.0, MAT))
    flip.bid(lot, 1, Bid(1.0, 10.0), 0.0)
    flip.finish(lot, 21_600.0)
    assert flip.least_bid(lot, 0.0) is None
    assert not flip.finished(lot, 30_000.0)
    with pytest.raises(AuctionRunning):
        flip.finish(lot, 30_000.0)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (MakerClip, {"cut": 1.01}),
        (MakerClip, {"cut": 0.0}),
        (MakerClip, {"cusp": 1.0}),
        (MakerClip, {"step_seconds": 0.0}),
        (MakerFlip, {"min_bid_increase": 0.0}),
        (MakerFlip, {"lot_units": 0.0}),
        (CompoundV3, {"liquidation_factor": 1.1}),
        (LiquityV1, {"stability_pool": -1.0}),
        (LiquityV2, {"redistribution_penalty": -0.1}),
        (Ajna, {"collateralization_factor": 0.9}),
        (Ajna, {"max_bond_factor": 0.7}),
        (MakerClip, {"buf": 1.3}),
    ],
)
def test_parameters_that_make_no_rule_are_refused(kind: Any, wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(wrong)


def story(design: Any, house: House) -> list[Any]:
    """All that a design says of the worked position at 1500: the opening, and the life of its first lot."""
    house = replace(house, stability_pool=min(house.stability_pool, getattr(design, "stability_pool", INF)))
    opening = design.open(position(1500.0, 0.83), 0.0, house)
    told: list[Any] = [repr(opening)]
    if not opening.lots:
        return told
    lot = opening.lots[0]
    if isinstance(design, MakerFlip):
        told += [design.bid(lot, 1, Bid(10.0, lot.units), 0.0), design.least_bid(lot, 60.0)]
        return [*told, lot.bid_until_seconds, lot.ends_seconds]
    for now in (60.0, 3600.0, 5400.0, 8300.0, 8450.0):
        told += [design.offer(lot, now, 1500.0, house), design.needs_reset(lot, now, 1500.0)]
    untaken = copy.copy(lot)
    if design.offer(lot, 60.0, 1500.0, house) is not None:
        told.append(design.take(lot, 12_000.0, 60.0, 1500.0, house))
    if isinstance(design, Ajna):
        told += [design.settleable(lot, hours * HOUR) for hours in (1.0, 80.0)]
        told.append(design.settle(untaken, 100.0 * HOUR, replace(house, reserves=100.0)))
    return told


MOVES: list[tuple[Any, dict[str, float], House]] = [
    (
        MakerClip,
        {
            "buffer": 1.2,
            "cut": 0.98,
            "step_seconds": 60.0,
            "tip_usd": 0.0,
            "chip": 0.0,
            "penalty": 0.1,
            "hole_usd": 12_000.0,
            "dust_usd": 7000.0,
            "cusp": 0.6,
            "tail_seconds": 5000.0,
        },
        WORKED_HOUSE,
    ),
    (
        MakerFlip,
        {"lot_units": 5.0, "penalty": 0.1, "min_bid_increase": 0.05, "bid_seconds": 600.0, "auction_seconds": 600.0},
        WORKED_HOUSE,
    ),
    (
        CompoundV3,
        {"liquidation_factor": 0.93, "store_front_price_factor": 0.6, "target_reserves_usd": 100.0},
        replace(WORKED_HOUSE, reserves=100.0),
    ),
    (
        LiquityV1,
        {
            "stability_pool": 100.0,
            "critical_collateral_ratio": 1.2,
            "gas_compensation_share": 0.0,
            "gas_compensation": 0.0,
        },
        WORKED_HOUSE,
    ),
    (
        LiquityV2,
        {
            "stability_pool": 100.0,
            "pool_floor": 5000.0,
            "gas_compensation_share": 0.0,
            "max_gas_compensation_units": 0.01,
            "gas_deposit_units": 0.0,
        },
        replace(WORKED_HOUSE, stability_pool=6000.0),
    ),
    (
        Ajna,
        {
            "collateralization_factor": 1.1,
            "min_bond_factor": 0.02,
            "max_bond_factor": 0.008,
            "settle_seconds": 90.0 * HOUR,
            "reserves_cap_seconds": 90.0 * HOUR,
        },
        WORKED_HOUSE,
    ),
]


@pytest.mark.parametrize(("kind", "changes", "house"), MOVES)
def test_every_parameter_moves_what_a_design_does(kind: Any, changes: dict[str, float], house: House) -> None:
    if kind is LiquityV1:
        house = replace(house, collateral_usd=1.4, debt_usd=1.0)
    for name, other in changes.items():
        base = {"critical_collateral_ratio": 0.0} if name == "stability_pool" and kind is LiquityV1 else {}
        assert story(kind(**base, **{name: other}), house) != story(kind(**base), house), name


@pytest.mark.parametrize("name", ["stability_pool_penalty", "redistribution_penalty"])
def test_the_penalties_of_liquity_v2_move_what_the_borrower_keeps(name: str) -> None:
    at, house = position(1750.0, 1.0 / 1.1), replace(WORKED_HOUSE, stability_pool=6001.0)
    assert absorbed(LiquityV2(**{name: 0.01}), at, house) != absorbed(LiquityV2(), at, house)


def test_no_parameter_is_without_a_test() -> None:
    elsewhere = {"stability_pool_penalty", "redistribution_penalty"}
    for kind, changes, _ in MOVES:
        own = set(kind.model_fields) - {"design", *WRAPPERS}
        assert set(changes) | (elsewhere if kind is LiquityV2 else set()) == own
    assert {kind for kind, _, _ in MOVES} == set(TIMED_DESIGNS)


# Properties


@st.composite
def accounts(draw: st.DrawFn) -> Position:
    """An unhealthy account of one threshold, with or without other collateral and other debt beside the pair."""
    threshold, health = draw(st.floats(0.3, 0.98)), draw(st.floats(0.3, 0.9999))
    units, price = draw(st.floats(1e-3, 1e4)), draw(st.floats(1e-2, 1e5))
    debt_price = draw(st.floats(1e-2, 1e3))
    worth = units * price * (1.0 + draw(st.sampled_from([0.0, 0.0, 0.3, 5.0])))
    owed = threshold / health * worth
    pair = owed / (1.0 + draw(st.sampled_from([0.0, 0.0, 0.3, 5.0])))
    return Position(health, units, price, pair / debt_price, debt_price, worth, owed, threshold)


houses = st.builds(
    House,
    outstanding_usd=st.floats(0.0, 3e7),
    stability_pool=st.floats(0.0, 1e8),
    reserves=st.floats(-1e6, 1e7),
    collateral_usd=st.floats(1.0, 3.0),
    debt_usd=st.just(1.0),
    stakes_units=st.floats(0.1, 1e6),
    mean_debt=st.floats(0.0, 1e5),
    borrow_rate_per_year=st.floats(0.0, 1.0),
    least_reference_price=st.floats(0.0, 1e5),
)

dutch = st.builds(
    MakerClip,
    buffer=st.floats(0.8, 2.0),
    cut=st.floats(0.9, 1.0),
    step_seconds=st.floats(1.0, 300.0),
    cusp=st.floats(0.0, 0.9),
    penalty=st.floats(0.0, 0.3),
    dust_usd=st.sampled_from([0.0, 100.0, 5000.0]),
)
stores = st.builds(CompoundV3, liquidation_factor=st.floats(0.5, 1.0), store_front_price_factor=st.floats(0.0, 1.0))
kicks = st.builds(Ajna, collateralization_factor=st.floats(1.0, 1.2), max_bond_factor=st.floats(0.0, 0.3))


def exactly(value: float, scale: float = 0.0) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-9 * scale)


@given(
    design=st.one_of(dutch, stores, kicks),
    at=accounts(),
    house=houses,
    calls=st.lists(st.tuples(st.floats(1.0, 5e4), st.floats(1e-3, 1.1), st.floats(0.5, 1.5)), min_size=1, max_size=6),
)
@settings(max_examples=150, deadline=None)
def test_no_taking_creates_or_loses_anything(
    design: SaleDesign, at: Position, house: House, calls: list[tuple[float, float, float]]
) -> None:
    opening = design.open(at, 0.0, house)
    assume(opening is not None and opening.lots)
    assert opening is not None
    lot, now = opening.lots[0], 0.0
    assert 0.0 < lot.units <= at.collateral_units * (1.0 + 1e-12)
    assert lot.due <= at.debt_units * (1.0 + 1e-12)
    for wait, part, move in calls:
        now += wait
        feed = at.collateral_price / at.debt_price * move
        if design.needs_reset(lot, now, feed):
            design.reset(lot, now, feed)
        offer = design.offer(lot, now, feed, house)
        if offer is None:
            continue
        before, repay = copy.copy(lot), offer.max_repay * part
        fit = design.fit(lot, repay, now, feed, house)
        assert fit <= min(repay, offer.max_repay) * (1.0 + 1e-9)
        if fit == 0.0:
            continue
        taking = design.take(lot, repay, now, feed, house)
        assert taking.paid == exactly(fit)
        assert taking.paid == exactly(taking.to_debt + taking.penalty)
        assert taking.paid == exactly(taking.units * offer.price)
        assert min(taking.to_debt, taking.penalty, taking.units, taking.returned_units, lot.units, lot.bond) >= 0.0
        assert taking.to_caller <= taking.penalty
        assert before.units - lot.units == exactly(taking.units + taking.returned_units, before.units)
        assert before.due - lot.due == exactly(taking.to_debt, before.due)
        assert lot.bond - before.bond == exactly(taking.to_caller, before.bond)
        if taking.returned_units > 0.0:
            assert lot.due == 0.0
            assert lot.closed


@given(design=st.one_of(dutch, kicks), at=accounts(), waits=st.lists(st.floats(0.0, 4000.0), min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
def test_between_resets_the_price_of_an_auction_never_rises(
    design: SaleDesign, at: Position, waits: list[float]
) -> None:
    opening = design.open(at, 0.0, House())
    assume(opening is not None)
    assert opening is not None
    lot, now, last = opening.lots[0], 0.0, INF
    for wait in waits:
        now += wait
        offer = design.offer(lot, now, 1.0, House())
        if offer is not None:
            assert offer.price <= last * (1.0 + 1e-12)
            last = offer.price


@given(
    at=accounts(),
    parts=st.integers(1, 8),
    bids=st.lists(
        st.tuples(st.integers(0, 3), st.floats(0.5, 3.0), st.floats(0.3, 1.2), st.floats(0.0, 3000.0)), max_size=12
    ),
)
@settings(max_examples=100, deadline=None)
def test_bids_lock_what_they_say_and_only_improve(
    at: Position, parts: int, bids: list[tuple[int, float, float, float]]
) -> None:
    flip = MakerFlip(lot_units=at.collateral_units / parts, auction_seconds=14_400.0, bid_seconds=3600.0)
    lots = opened(flip, at).lots
    assert len(lots) == parts
    assert sum(lot.units for lot in lots) == exactly(at.collateral_units)
    assert sum(lot.due for lot in lots) == exactly(at.debt_units)
    lot, now, returned, whole = lots[0], 0.0, 0.0, lots[0].units
    locked = dict.fromkeys(range(-1, 4), 0.0)
    for bidder, more, less, wait in bids:
        now += wait
        before = copy.copy(lot)
        dented = before.bid == before.tab
        bid = Bid(lot.tab, lot.units * less) if dented else Bid(max(lot.bid, 0.1 * lot.tab) * more, lot.units)
        try:
            done = flip.bid(lot, bidder, bid, now)
        except (InvalidBid, AuctionOver):
            assert lot == before
            continue
        locked[bidder] += done.locked
        locked[done.outbid] -= done.refunded
        returned += done.returned_units
        assert lot.bid <= lot.tab
        if dented:
            assert lot.units <= before.units / 1.03 * (1.0 + 1e-9)
        else:
            assert done.returned_units == 0.0
            assert lot.bid == lot.tab or lot.bid >= before.bid * 1.03 * (1.0 - 1e-9)
        assert sum(locked.values()) == exactly(lot.bid)
        assert lot.units + returned == exactly(whole)
    if flip.finished(lot, now + 14_400.0):
        taking = flip.finish(lot, now + 14_400.0)
        assert taking.paid == exactly(locked[lot.bidder])
        assert taking.paid == exactly(taking.to_debt + taking.penalty)
        assert taking.units + returned == exactly(whole)


@given(at=accounts(), house=houses, part=st.floats(0.01, 1.0), hours=st.floats(1.0, 200.0))
@settings(max_examples=60, deadline=None)
def test_a_settlement_ends_all_that_is_owed(at: Position, house: House, part: float, hours: float) -> None:
    ajna = Ajna(settle_seconds=HOUR * 0.5)
    lot = one_lot(ajna, at, house)
    if (offer := ajna.offer(lot, 0.5 * HOUR, 0.0, house)) is not None and ajna.fit(
        lot, offer.max_repay * part, 0.5 * HOUR, 0.0, house
    ):
        ajna.take(lot, offer.max_repay * part, 0.5 * HOUR, 0.0, house)
    assume(not lot.closed)
    before = copy.copy(lot)
    ended = ajna.settle(lot, hours * HOUR, house)
    assert ended.units_to_lenders + ended.returned_units == exactly(before.units)
    assert ended.debt_to_lenders + ended.debt_from_reserves + ended.debt_forgiven == exactly(before.due)
    assert ended.debt_from_reserves <= max(house.reserves, 0.0)
    assert (ended.returned_units == 0.0) or (ended.debt_forgiven == 0.0)
    assert lot.closed
    assert not ajna.settleable(lot, INF)
