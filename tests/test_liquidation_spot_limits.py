"""Limits of the spot designs, and those that at some parameters are one another."""

import pytest

from builders.loans import INF, position, stated
from builders.spot_designs import ltv_after
from models.liquidation import (
    AaveV2,
    AaveV4,
    CompoundV2,
    EulerV1,
    EulerV2,
    FixedSpread,
    Fluid,
    Kamino,
    MorphoBlue,
    Silo,
    ToxicHalt,
)
from models.liquidation.spot import close_to


@pytest.mark.parametrize("price", [1900.0, 1700.0, 1500.0])
def test_designs_without_their_peculiarity_are_fixed_spreads(price: float) -> None:
    at = position(price, 0.83)
    half = FixedSpread(liquidation_bonus=0.05)
    free = FixedSpread(liquidation_bonus=0.0, close_factor=1.0)
    assert AaveV2().offer(at) == half.offer(at)
    # Compound states its part of all that is seized, the fixed spread of the bonus.
    compound, spread = CompoundV2().take(at, INF), FixedSpread(protocol_fee=0.028 * 1.08 / 0.08).take(at, INF)
    assert compound.repaid == spread.repaid
    assert compound.protocol_fee == pytest.approx(spread.protocol_fee, rel=1e-12)
    if at.ltv < 1.0 / 1.05:
        assert ToxicHalt().offer(at) == half.offer(at)
    assert EulerV2(max_discount=0.0).offer(at) == MorphoBlue(max_incentive=0.0).offer(at) == free.offer(at)
    assert MorphoBlue(cursor=0.0).offer(at) == free.offer(at)
    flat = Kamino(min_bonus=0.0, max_bonus=0.0, bad_debt_bonus=0.0, close_factor=1.0)
    assert flat.offer(at) == free.offer(at)
    if at.ltv < 1.0:
        assert Silo(liquidation_fee=0.0, target_ltv=0.0).offer(at) == free.offer(at)


def test_target_designs_agree_where_their_terms_do() -> None:
    at = position(1700.0, 0.92)
    plain = {"max_bonus": 0.01, "bonus_factor": 1.0, "protocol_fee": 0.0, "dust_usd": 0.0}
    aave = AaveV4.model_validate({"target_health_factor": 1.0, **plain}).take(at, INF)
    fluid = Fluid().take(at, INF)
    silo = Silo(liquidation_fee=0.01, target_ltv=0.92).take(at, INF)
    euler = EulerV1(target_health=1.0, reserves_fee=0.0, max_discount=1.0 - 1.0 / 1.01).take(at, INF)
    for taking in (fluid, silo, euler):
        assert taking.repaid == pytest.approx(aave.repaid, rel=1e-9)
        assert taking.seized == pytest.approx(aave.seized, rel=1e-9)


def test_a_target_at_the_frontier_is_a_full_close() -> None:
    """Where a dollar repaid releases as much backing as the target asks for, no repayment gets there."""
    assert close_to(100.0, 90.0, 1.25, 1.25) == close_to(100.0, 90.0, 1.3, 1.25) == INF
    at = position(1650.0, 1.0 / 1.05)
    whole = FixedSpread(liquidation_bonus=0.05, close_factor=1.0).offer(at)
    assert AaveV4(target_health_factor=1.0, hf_for_max_bonus=0.99, protocol_fee=0.0).offer(at) == whole
    assert Fluid(liquidation_penalty=0.05, absorption=False).offer(at) == whole


def test_a_silo_is_closed_for_no_more_collateral_than_there_is() -> None:
    """At 1650 the fee of five percent is more than is left: the taker gets everything for all of the debt."""
    taking = Silo().take(position(1650.0, 0.83), INF)
    assert (taking.repaid, taking.seized) == (16_000.0, 10.0)


def test_a_silo_may_be_taken_in_any_part_once_underwater() -> None:
    assert Silo().take(position(1600.0, 0.83), 10.0).repaid == 10.0


def test_a_silo_target_above_the_threshold_is_the_threshold() -> None:
    at = position(1900.0, 0.80)
    silo = Silo(target_ltv=0.95)
    assert ltv_after(at, silo.take(at, INF)) == pytest.approx(0.80, rel=1e-9)


def test_an_absorbed_position_is_sold_at_its_own_ratio_and_only_above_the_limit() -> None:
    at = position(1680.0, 0.92)
    part = Fluid().take(at, 1600.0)
    assert part.seized == pytest.approx(1.0, rel=1e-12)
    assert ltv_after(at, part) == pytest.approx(at.ltv, rel=1e-12)
    assert Fluid(absorption=False).take(at, INF).repaid == stated("7683.62")
    assert Fluid(max_limit=0.96).take(at, INF).repaid == stated("7683.62")


def test_kamino_gives_no_bonus_that_makes_matters_worse_until_it_must() -> None:
    def bonus(ltv: float) -> float:
        return Kamino().bonus(position(16_000.0 / ltv / 10.0, 0.83))

    assert bonus(0.84) == pytest.approx(0.02)
    assert bonus(0.9) == pytest.approx(0.07)
    assert bonus(0.97) == pytest.approx(0.03)
    assert bonus(0.995) == pytest.approx(0.0099)
    assert bonus(1.2) == pytest.approx(0.0099)


def test_closing_both_sides_at_once_leaves_no_speck_of_debt() -> None:
    for price in (1667.1, 1651.3, 1612.9, 1603.7):
        at = position(price, 0.83)
        for design in (Fluid(), Silo(), ToxicHalt(close_factor=1.0)):
            taking = design.take(at, INF)
            assert taking.repaid == at.debt_units
            assert taking.seized == pytest.approx(at.collateral_units, rel=1e-12)


def test_all_but_a_rounding_of_the_debt_is_all_of_it() -> None:
    at, design = position(1900.0, 0.83), FixedSpread(close_factor=1.0)
    assert design.take(at, at.debt_units * (1.0 - 5e-13)).repaid == at.debt_units
    assert design.take(at, at.debt_units * (1.0 - 5e-12)).repaid < at.debt_units
