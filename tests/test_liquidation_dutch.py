"""Maker's Dutch auction: ETH-A of April 2021, a vault at a ratio of 150 %; resets, the hole and the dust."""

from fractions import Fraction

import pytest

from builders.loans import INF, MAT, one_lot, opened, position, stated
from models.liquidation import (
    FixedSpread,
    House,
    MakerClip,
    MustNotLeaveDust,
    NotForSale,
    NothingToReset,
    Position,
    Reward,
)


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
