"""Ajna's auctions, at a rate of 5 % a year: the kick, the falling price, the bond and the settlement."""

import copy
import math
from dataclasses import replace

import pytest

from builders.loans import HOUR, INF, WORKED_HOUSE, one_lot, opened, position, stated
from models.liquidation import Ajna, House, Kick, MustNotLeaveDust, NothingToReset, NotSettleable
from models.liquidation.ajna import auction_price, bond_payment_factor, neutral_ratio, take_penalty

NEUTRAL = 1.04 * 1600.0 * (1.0 + math.sqrt(0.05) / 2.0)
"""The neutral price at health 1: the highest price at which lenders' money is used is 1664, its rate 5 % a year."""


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
