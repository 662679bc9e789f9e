"""The spot designs against the published rules: worked figures, refusals, limits and what each of them promises.

The worked position is 10 ETH against 16 000 dollars. Figures are compared to the last digit that they are stated with;
those of contracts round to whole units of a token, which shows below a relative 1e-9.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from abm import Run
from experiments.designs import designs
from models.liquidation import (
    WRAPPERS,
    AaveV2,
    AaveV3,
    AaveV4,
    CompoundV2,
    Design,
    EulerV1,
    EulerV2,
    FixedSpread,
    Fluid,
    Gearbox,
    InvalidRepayment,
    Kamino,
    MorphoBlue,
    MustCloseInFull,
    MustNotLeaveDust,
    NotLiquidatable,
    Position,
    Silo,
    Taking,
    ToxicHalt,
)
from models.liquidation.ceiling import SLACK, Accounts
from models.liquidation.spot import SpotDesign, close_to

INF = float("inf")
read = TypeAdapter(Design).validate_python
NAMES = [name for name, kind in designs().items() if issubclass(kind, SpotDesign)]
BY_NAME = [read({"design": name}) for name in NAMES]


def position(price: float, threshold: float, collateral: float = 10.0, debt: float = 16_000.0) -> Position:
    """Collateral against a dollar debt, all that the account has."""
    value = collateral * price
    return Position(
        health=value * threshold / debt,
        collateral_units=collateral,
        collateral_price=price,
        debt_units=debt,
        debt_price=1.0,
        collateral_usd=value,
        debt_usd=debt,
        liquidation_threshold=threshold,
    )


def stated(figure: str) -> Any:
    """A figure, to one in the last digit that it is stated with."""
    return pytest.approx(float(figure), rel=1e-9, abs=1.001 * 10.0 ** -len(figure.partition(".")[2]))


def health_after(at: Position, taking: Taking) -> float:
    backing = at.health * at.debt_usd - taking.seized * at.collateral_price * at.liquidation_threshold
    return backing / (at.debt_usd - taking.repaid * at.debt_price)


def ltv_after(at: Position, taking: Taking) -> float:
    return (at.debt_usd - taking.repaid * at.debt_price) / (at.collateral_usd - taking.seized * at.collateral_price)


# Rules and figures: see the source in each design's module. Thresholds: 0.83 where nothing else is said; Compound's
# collateral factor 0.825; Euler v1's 0.88 times a borrow factor of 0.94; Euler v2 0.85, Morpho 0.86, Fluid 0.92.
FIGURES = [
    # design, threshold, price, repaid, seized, the taker's profit at the oracle price
    (AaveV2(), 0.83, 1800, "8000.0", "4.666667", "400.0"),
    (AaveV2(), 0.83, 1600, "8000.0", "5.25", "400.0"),
    (AaveV4(), 0.83, 1900, "5245.868243", "2.839671309434", "134.56"),
    (AaveV4(), 0.83, 1800, "10023.982108", "5.799987425268", "374.40"),
    (AaveV4(), 0.83, 1700, "16000.0", "9.882352941176", "720.0"),
    (AaveV4(), 0.83, 1600, "15238.095239", "10.0", "685.71"),
    (CompoundV2(), 0.825, 1900, "8000.0", "4.547368421", "398.08"),
    (CompoundV2(), 0.825, 1800, "8000.0", "4.8", "398.08"),
    (CompoundV2(), 0.825, 1700, "8000.0", "5.082353", "398.08"),
    (EulerV1(), 0.8272, 1900, "10971.5136", "6.0007075", "210.40"),
    (EulerV1(), 0.8272, 1800, "14960.7145", "9.1275072", "1169.58"),
    (EulerV1(), 0.8272, 1700, "14601.3", "10.0", "2106.674"),
    (EulerV1(), 0.8272, 1600, "12915.2", "10.0", "2826.496"),
    (EulerV1(booster=2.0), 0.8272, 1900, "11656.0742", "6.5451573", "546.60"),
    (EulerV2(), 0.85, 1850, "16000.0", "8.799896876", "279.81"),
    (EulerV2(), 0.85, 1800, "16000.0", "9.295570080", "732.03"),
    (EulerV2(), 0.85, 1750, "16000.0", "9.834333733", "1210.08"),
    (EulerV2(), 0.85, 1700, "15353.125", "10.0", "1646.875"),
    (EulerV2(), 0.85, 1600, "13600.0", "10.0", "2400.0"),
    (EulerV2(), 0.85, 1500, "12750.0", "10.0", "2250.0"),
    (MorphoBlue(), 0.86, 1850, "16000.0", "9.027816960540541", "701.461377"),
    (MorphoBlue(), 0.86, 1800, "16000.0", "9.278589653888888", "701.461377"),
    (MorphoBlue(), 0.86, 1700, "16000.0", "9.824389", "701.46"),
    (MorphoBlue(), 0.86, 1600, "15328.000001", "10.0", "672.0"),
    (MorphoBlue(), 0.86, 1500, "14370.000001", "10.0", "630.0"),
    (Fluid(), 0.92, 1730, "1186.44", "0.692662", "11.86"),
    (Fluid(), 0.92, 1720, "2485.88", "1.459729", "24.86"),
    (Fluid(), 0.92, 1700, "5084.75", "3.020937", "50.85"),
    (Fluid(), 0.92, 1680, "16000.0", "10.0", "800.0"),
    (Kamino(), 0.83, 1900, "3200.0", "1.717895", "64.0"),
    (Kamino(), 0.83, 1800, "3200.0", "1.882469", "188.44"),
    (Kamino(), 0.83, 1750, "3200.0", "1.982694", "269.71"),
    (Kamino(), 0.83, 1700, "3200.0", "1.993080", "188.24"),
    (Kamino(), 0.83, 1650, "16000.0", "9.990817", "484.85"),
    (Kamino(), 0.83, 1600, "15843.15", "10.0", "156.85"),
    (Silo(), 0.83, 1900, "5806.4516", "3.208829", "290.32"),
    (Silo(), 0.83, 1800, "10439.8827", "6.089932", "521.99"),
    (Silo(), 0.83, 1700, "16000.0", "9.882353", "800.0"),
    (Silo(), 0.83, 1600, "15238.10", "10.0", "761.90"),
    (Gearbox(), 0.83, 1900, "16000.0", "8.971053", "760.0"),
    (Gearbox(), 0.83, 1700, "16000.0", "9.961765", "680.0"),
    (Gearbox(), 0.83, 1600, "15360.0", "10.0", "640.0"),
    (ToxicHalt(), 0.83, 1900, "8000.0", "4.421053", "400.0"),
    (ToxicHalt(), 0.83, 1640, "8000.0", "5.0", "200.0"),
]


@pytest.mark.parametrize(("design", "threshold", "price", "repaid", "seized", "profit"), FIGURES)
def test_the_worked_position_gives_the_worked_figures(
    design: SpotDesign, threshold: float, price: float, repaid: str, seized: str, profit: str
) -> None:
    at = position(float(price), threshold)
    taking = design.take(at, INF)
    assert taking.repaid == stated(repaid)
    assert taking.seized == stated(seized)
    assert taking.received * price - taking.repaid == stated(profit)
    offer = design.offer(at)
    assert offer is not None
    assert offer.max_repay == pytest.approx(taking.repaid, rel=1e-12)


HEALTHY = [
    (AaveV4(), 0.83, 1928),
    (CompoundV2(), 0.825, 1940),
    (EulerV1(), 0.8272, 1935),
    (EulerV2(), 0.85, 1883),
    (MorphoBlue(), 0.86, 1861),
    (Fluid(), 0.92, 1745),
    (Silo(), 0.83, 1928),
]


@pytest.mark.parametrize(("design", "threshold", "price"), HEALTHY)
def test_just_above_the_trigger_nothing_is_offered(design: SpotDesign, threshold: float, price: float) -> None:
    at = position(float(price), threshold)
    assert design.offer(at) is None
    assert design.fit(at, INF) == 0.0


@pytest.mark.parametrize(
    ("price", "bonus", "received", "fee"),
    [
        (1900.0, 0.0285, "2.831802507070", "0.007868802364"),
        (1800.0, 0.0415, "5.776876577630", "0.023110847638"),
        (1700.0, 0.05, "9.835294117647", "0.047058823529"),
        (1600.0, 0.05, "9.952380952381", "0.047619047619"),
    ],
)
def test_aave_v4_bonus_grows_in_basis_points_and_pays_the_protocol(
    price: float, bonus: float, received: str, fee: str
) -> None:
    at = position(price, 0.83)
    taking = AaveV4().take(at, INF)
    assert AaveV4().bonus(at.health) == pytest.approx(bonus, rel=1e-12)
    assert taking.received == stated(received)
    assert taking.protocol_fee == stated(fee)


def test_the_bonus_of_aave_v4_runs_from_its_least_to_its_most() -> None:
    engine = AaveV4(max_bonus=0.05, bonus_factor=0.8, hf_for_max_bonus=0.85)
    assert engine.bonus(math.nextafter(1.0, 0.0)) == 0.04
    assert engine.bonus(0.85) == engine.bonus(0.0) == 0.05
    assert AaveV4(bonus_factor=1.0).bonus(0.95) == 0.05
    assert AaveV4(max_bonus=0.0).bonus(0.95) == 0.0


def test_compound_v2_keeps_its_share_of_all_that_is_seized() -> None:
    taking = CompoundV2().take(position(1900.0, 0.825), INF)
    assert taking.protocol_fee == stated("0.127326316")
    assert taking.received == stated("4.420042105")


@pytest.mark.parametrize(
    ("threshold", "factor"),
    [
        (0.385, "1.15"),
        (0.625, "1.126761"),
        (0.77, "1.074114"),
        (0.86, "1.043841"),
        (0.915, "1.026167"),
        (0.945, "1.016777"),
        (0.965, "1.010611"),
        (0.98, "1.006036"),
    ],
)
def test_morpho_blue_gives_more_the_safer_the_threshold(threshold: float, factor: str) -> None:
    assert 1.0 + MorphoBlue().incentive(threshold) == stated(factor)


@pytest.mark.parametrize(
    ("price", "keeper", "protocol", "user", "loss"),
    [
        (1900.0, 760.0, 285.0, 1955.0, 0.0),
        (1700.0, 680.0, 255.0, 65.0, 0.0),
        (1680.0, 672.0, 128.0, 0.0, 0.0),
        (1600.0, 640.0, 0.0, 0.0, 640.0),
    ],
)
def test_gearbox_splits_the_value_of_the_account(
    price: float, keeper: float, protocol: float, user: float, loss: float
) -> None:
    at = position(price, 0.83)
    taking = Gearbox().take(at, INF)
    assert taking.received * price - taking.repaid == pytest.approx(keeper, rel=1e-9)
    assert taking.protocol_fee * price == pytest.approx(protocol, rel=1e-9, abs=1e-9)
    assert (at.collateral_units - taking.seized) * price == pytest.approx(user, rel=1e-9, abs=1e-9)
    assert at.debt_units - taking.repaid == pytest.approx(loss, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("design", "threshold", "price", "left"),
    [
        (AaveV4(), 0.83, 1600.0, "761.904761"),
        (EulerV1(), 0.8272, 1600.0, "3084.80"),
        (EulerV2(), 0.85, 1700.0, "646.875"),
        (EulerV2(), 0.85, 1600.0, "2400.0"),
        (EulerV2(), 0.85, 1500.0, "3250.0"),
        (MorphoBlue(), 0.86, 1600.0, "671.999999"),
        (MorphoBlue(), 0.86, 1500.0, "1629.999999"),
        (Silo(), 0.83, 1600.0, "761.90"),
    ],
)
def test_what_the_collateral_does_not_pay_for_stays_as_debt(
    design: SpotDesign, threshold: float, price: float, left: str
) -> None:
    at = position(price, threshold)
    taking = design.take(at, INF)
    assert taking.seized == at.collateral_units
    assert at.debt_units - taking.repaid == stated(left)


def test_repeated_compound_calls_repay_what_the_collateral_pays_for() -> None:
    collateral, debt = 10.0, 16_000.0
    while collateral > 0.0:
        taking = CompoundV2().take(position(1600.0, 0.825, collateral, debt), INF)
        collateral, debt = collateral - taking.seized, debt - taking.repaid
    assert debt == stated("1185.185185")


def test_bad_debt_begins_at_a_higher_price_where_the_discount_grows() -> None:
    """Euler v2 leaves debt behind below 16 000 / sqrt(0.85) of collateral; a flat five percent only below 16 800."""
    worth = 16_000.0 / math.sqrt(0.85) / 10.0
    assert EulerV2().take(position(worth * 1.0001, 0.85), INF).repaid == 16_000.0
    assert EulerV2().take(position(worth * 0.9999, 0.85), INF).repaid < 16_000.0
    assert FixedSpread(liquidation_bonus=0.05, close_factor=1.0).take(position(worth, 0.85), INF).repaid == 16_000.0


# Refusals


@pytest.mark.parametrize("design", BY_NAME, ids=NAMES)
def test_a_healthy_account_cannot_be_taken_and_a_senseless_amount_not_repaid(design: SpotDesign) -> None:
    well, ill = position(2000.0, 0.83), position(1900.0, 0.83)
    assert design.offer(well) is None
    with pytest.raises(NotLiquidatable, match=r"health is 1\.0375"):
        design.take(well, 100.0)
    for repay in (0.0, -1.0, math.nan):
        with pytest.raises(InvalidRepayment, match="positive amount"):
            design.take(ill, repay)
    well.health = math.nan
    assert design.offer(well) is None


@pytest.mark.parametrize("design", BY_NAME, ids=NAMES)
def test_nothing_to_seize_or_nothing_owed_is_no_offer(design: SpotDesign) -> None:
    empty, free = position(1900.0, 0.83), position(1900.0, 0.83)
    empty.collateral_units = empty.collateral_usd = empty.health = 0.0
    free.debt_units = 0.0
    for at in (empty, free):
        assert design.offer(at) is None
        assert design.fit(at, INF) == 0.0
        with pytest.raises(NotLiquidatable, match="nothing is offered at health"):
            design.take(at, 1.0)


@pytest.mark.parametrize(
    ("design", "at", "closing"),
    [
        (Gearbox(), position(1900.0, 0.83), 16_000.0),
        (Gearbox(), position(1600.0, 0.83), 15_360.0),
        (Silo(), position(1700.0, 0.83), 16_000.0),
        (Kamino(), position(1.9, 0.83, 1.0, 1.6), 1.6),
    ],
)
def test_a_position_that_is_closed_whole_is_not_closed_in_part(
    design: SpotDesign, at: Position, closing: float
) -> None:
    assert design.fit(at, closing * 0.999) == 0.0
    with pytest.raises(MustCloseInFull, match="closes only a part; repay"):
        design.take(at, closing * 0.999)
    assert design.fit(at, closing * (1.0 - 1e-14)) == pytest.approx(closing, rel=1e-12)
    assert design.take(at, closing).repaid == pytest.approx(closing, rel=1e-12)


def test_aave_v4_closes_what_would_be_dust_and_refuses_to_leave_it() -> None:
    """At 1700 the target is 15 070.03, which would leave less than the thousand dollars that must stay."""
    at = position(1700.0, 0.83)
    assert AaveV4().fit(at, 15_900.0) == pytest.approx(15_000.0, rel=1e-12)
    with pytest.raises(MustNotLeaveDust, match=r"930\.00 usd of debt"):
        AaveV4().take(at, 15_070.0)
    assert AaveV4(dust_usd=0.0).take(at, INF).repaid == stated("15070.03")


def test_aave_v4_takes_all_collateral_rather_than_leave_dust_of_it() -> None:
    at = position(1800.0, 0.83)
    at.collateral_units, at.collateral_usd = 6.0, 18_000.0  # the rest of the account's collateral is something else
    taking = AaveV4().take(at, INF)
    assert taking.seized == 6.0
    assert taking.repaid == pytest.approx(6.0 * 1800.0 / 1.0415, rel=1e-12)


def test_toxic_halt_stops_at_the_loan_to_value_set() -> None:
    """The frontier of five percent is at 0.952; a rule may halt there or let the bonus shrink to nothing first."""
    shrinking, halting = ToxicHalt(), ToxicHalt(halt_ltv=1.0 / 1.05)
    before, beyond, under = position(1690.0, 0.83), position(1640.0, 0.83), position(1590.0, 0.83)
    assert shrinking.offer(before) == halting.offer(before) is not None
    assert shrinking.offer(beyond) is not None
    assert halting.offer(beyond) is None
    assert shrinking.offer(under) is None
    with pytest.raises(NotLiquidatable, match=r"nothing is offered at health 0\.8\d+, loan-to-value 1\.006"):
        shrinking.take(under, 1.0)


# Limits and nested cases


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


# Parameters


def test_every_design_is_usable_by_its_name_alone() -> None:
    assert [design.design for design in BY_NAME] == NAMES
    for design in BY_NAME:
        assert design.offer(position(1900.0, 0.83)) is not None
        assert design.source
        assert design.leaves_out


MOVES: list[tuple[type[SpotDesign], float, dict[str, Any]]] = [
    (AaveV2, 1900, {"close_factor": 0.4, "liquidation_bonus": 0.1}),
    (
        AaveV4,
        1800,
        {
            "target_health_factor": 1.1,
            "max_bonus": 0.06,
            "bonus_factor": 0.2,
            "hf_for_max_bonus": 0.5,
            "protocol_fee": 0.0,
            "dust_usd": 8000.0,
        },
    ),
    (CompoundV2, 1900, {"close_factor": 0.4, "liquidation_incentive": 1.1, "protocol_seize_share": 0.0}),
    (EulerV1, 1900, {"target_health": 1.2, "reserves_fee": 0.01, "booster": 1.5, "max_discount": 0.01}),
    (EulerV2, 1600, {"max_discount": 0.1}),
    (MorphoBlue, 1900, {"cursor": 0.2, "max_incentive": 0.01}),
    (Fluid, 1700, {"liquidation_penalty": 0.02}),
    (Fluid, 1660, {"max_limit": 0.97, "absorption": False}),
    (Gearbox, 1900, {"liquidation_premium": 0.05, "liquidation_fee": 0.01}),
    (Kamino, 1900, {"min_bonus": 0.03, "close_factor": 0.5, "max_bonus": 0.01, "insolvency_ltv": 0.8}),
    (Kamino, 1900, {"max_repay_usd": 100.0, "full_below_usd": 1e5, "protocol_fee": 0.5}),
    (Kamino, 1600, {"bad_debt_bonus": 0.0}),
    (Silo, 1900, {"liquidation_fee": 0.06, "target_ltv": 0.7, "full_close_share": 0.1}),
    (ToxicHalt, 1900, {"liquidation_bonus": 0.1, "protocol_fee": 0.1, "close_factor": 0.4, "halt_ltv": 0.8}),
]


@pytest.mark.parametrize(("kind", "price", "changes"), MOVES)
def test_every_parameter_moves_the_offer(kind: type[SpotDesign], price: float, changes: dict[str, Any]) -> None:
    at = position(float(price), 0.83)
    for name, other in changes.items():
        assert kind.model_validate({name: other}).offer(at) != kind().offer(at), name


def test_the_bound_on_the_booster_moves_the_offer() -> None:
    at = position(1800.0, 0.83)
    assert EulerV1(booster=2.0, max_booster_discount=0.05).offer(at) != EulerV1(booster=2.0).offer(at)


def test_no_parameter_is_without_a_test() -> None:
    tested: dict[type[SpotDesign], set[str]] = {EulerV1: {"max_booster_discount"}}
    for kind, _, changes in MOVES:
        tested.setdefault(kind, set()).update(changes)
    for kind, names in tested.items():
        assert names == set(kind.model_fields) - {"design", *WRAPPERS}, kind.__name__


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("aave_v2", {"close_factor": 0.0}),
        ("aave_v4", {"target_health_factor": 0.99}),
        ("aave_v4", {"hf_for_max_bonus": 1.0}),
        ("compound_v2", {"liquidation_incentive": 0.08}),
        ("euler_v1", {"booster": 0.5}),
        ("euler_v2", {"max_discount": 1.0}),
        ("morpho_blue", {"cursor": 1.0}),
        ("fluid", {"max_limit": 0.0}),
        ("gearbox", {"liquidation_premium": 1.0}),
        ("kamino", {"max_repay_usd": 0.0}),
        ("silo", {"target_ltv": 1.0}),
        ("toxic_halt", {"halt_ltv": 1.1}),
        ("silo", {"liquidation_bonus": 0.1}),
    ],
)
def test_parameters_that_make_no_rule_are_refused(name: str, wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        read({"design": name, **wrong})


# In a world


@pytest.mark.parametrize("name", NAMES)
def test_a_world_liquidates_by_the_rule(name: str, play: Callable[..., Run]) -> None:
    """The first call is the rule's on the worked position; checks are on for all that follow."""
    run = play(
        pools__0__liquidation={"design": name},
        assets__ETH__price={"kind": "path", "prices": [2000.0, 1900.0, 1700.0, 1500.0]},
        time__steps=40,
    )
    first, taking = run.liquidations.iloc[0], read({"design": name}).take(position(1900.0, 0.83), INF)
    assert first["repaid"] == pytest.approx(taking.repaid, rel=1e-9)
    assert first["seized"] == pytest.approx(taking.seized, rel=1e-9)
    assert first["protocol_fee"] == pytest.approx(taking.protocol_fee, rel=1e-9, abs=1e-12)
    assert first["profit_usd"] == pytest.approx(taking.received * 1900.0 - taking.repaid, rel=1e-9)


# Properties


@st.composite
def accounts(draw: st.DrawFn) -> Position:
    """An unhealthy account of one threshold, with or without other collateral and other debt beside the pair."""
    threshold = draw(st.floats(0.3, 0.98))
    health = draw(st.floats(0.3, 0.9999))
    units, price = draw(st.floats(1e-3, 1e5)), draw(st.floats(1e-2, 1e5))
    debt_price = draw(st.floats(1e-2, 1e4))
    worth = units * price * (1.0 + draw(st.sampled_from([0.0, 0.0, 0.3, 5.0])))
    owed = threshold / health * worth
    pair = owed / (1.0 + draw(st.sampled_from([0.0, 0.0, 0.3, 5.0])))
    return Position(health, units, price, pair / debt_price, debt_price, worth, owed, threshold)


def fractions(high: float) -> st.SearchStrategy[float]:
    return st.floats(0.0, high)


any_design = st.one_of(
    st.builds(AaveV2, close_factor=st.floats(0.1, 1.0), liquidation_bonus=fractions(0.3)),
    st.builds(
        AaveV4,
        target_health_factor=st.floats(1.0, 1.5),
        max_bonus=fractions(0.3),
        bonus_factor=fractions(1.0),
        hf_for_max_bonus=fractions(0.99),
        protocol_fee=fractions(1.0),
        dust_usd=st.sampled_from([0.0, 1000.0]),
    ),
    st.builds(CompoundV2, liquidation_incentive=st.floats(1.0, 1.3), protocol_seize_share=fractions(1.0)),
    st.builds(EulerV1, target_health=st.floats(1.0, 1.5), booster=st.floats(1.0, 2.0), max_discount=fractions(0.5)),
    st.builds(EulerV2, max_discount=fractions(0.5)),
    st.builds(MorphoBlue, cursor=fractions(0.9), max_incentive=fractions(0.3)),
    st.builds(Fluid, liquidation_penalty=fractions(0.1), max_limit=st.floats(0.5, 1.0), absorption=st.booleans()),
    st.builds(Gearbox, liquidation_premium=fractions(0.2), liquidation_fee=fractions(0.2)),
    st.builds(Kamino, min_bonus=fractions(0.1), max_bonus=fractions(0.3), full_below_usd=st.sampled_from([0.0, 1e4])),
    st.builds(Silo, liquidation_fee=fractions(0.2), target_ltv=fractions(0.95), full_close_share=fractions(1.0)),
    st.builds(ToxicHalt, liquidation_bonus=fractions(0.3), protocol_fee=fractions(1.0), halt_ltv=st.floats(0.3, 1.0)),
)


@given(at=accounts(), design=any_design, part=st.floats(0.001, 1.5))
@settings(deadline=None, max_examples=500)
def test_what_is_offered_or_fitted_can_be_taken_and_takes_no_more_than_there_is(
    at: Position, design: SpotDesign, part: float
) -> None:
    offer = design.offer(at)
    wanted = part * at.debt_units
    fitting = design.fit(at, wanted)
    assert 0.0 <= fitting <= wanted
    if offer is None:
        assert fitting == 0.0
        return
    assert fitting <= offer.max_repay
    assert 0.0 <= offer.taker_share <= 1.0
    for repay in (fitting, offer.max_repay):
        if repay <= 0.0:
            continue
        taking = design.take(at, repay)
        assert taking.repaid == pytest.approx(repay, rel=1e-11)
        assert taking.repaid <= at.debt_units
        assert 0.0 < taking.seized <= at.collateral_units
        assert taking.seized == pytest.approx(taking.repaid * offer.seized_per_repaid, rel=1e-11)
        # A difference rounds by what it is taken from.
        assert taking.received == pytest.approx(taking.seized * offer.taker_share, rel=1e-9, abs=1e-15 * taking.seized)


@given(at=accounts(), design=any_design, part=st.floats(0.001, 1.0))
@settings(deadline=None, max_examples=500)
def test_health_falls_only_above_the_frontier(at: Position, design: SpotDesign, part: float) -> None:
    """A call worsens an account only where the threshold times what a dollar buys is more than health."""
    offer = design.offer(at)
    assume(offer is not None)
    assert offer is not None
    taking = design.take(at, design.fit(at, part * offer.max_repay) or INF)
    assume(taking.repaid * at.debt_price < at.debt_usd * 0.999)
    given_for_a_dollar = offer.seized_per_repaid * at.collateral_price / at.debt_price
    if at.health >= at.liquidation_threshold * given_for_a_dollar:
        assert health_after(at, taking) >= at.health * (1.0 - 1e-9)
    else:
        assert health_after(at, taking) <= at.health * (1.0 + 1e-9)


@given(at=accounts(), bonus=fractions(0.3), part=st.floats(0.01, 1.0))
@settings(deadline=None, max_examples=200)
def test_calls_that_must_not_make_matters_worse_do_not(at: Position, bonus: float, part: float) -> None:
    """Toxic halt anywhere, Kamino below a loan-to-value of 0.99 and Silo closing in full raise no loan-to-value."""
    rules: list[SpotDesign] = [ToxicHalt(liquidation_bonus=bonus), ToxicHalt(liquidation_bonus=bonus, close_factor=1.0)]
    if at.ltv < 0.99:
        rules.append(Kamino(max_bonus=bonus, close_factor=0.9, full_below_usd=0.0))
    if at.ltv < 1.0:
        rules.append(Silo(liquidation_fee=bonus, full_close_share=0.0))
    for rule in rules:
        repay = rule.fit(at, part * at.debt_units)
        if repay <= 0.0:
            continue
        taking = rule.take(at, repay)
        debt, collateral = taking.repaid * at.debt_price, taking.seized * at.collateral_price
        assert collateral * at.debt_usd <= debt * at.collateral_usd * (1.0 + 1e-9)


@given(at=accounts(), target=st.floats(1.0, 1.5))
@settings(deadline=None, max_examples=300)
def test_a_full_call_reaches_the_target_or_closes_a_side(at: Position, target: float) -> None:
    healths = {AaveV4(target_health_factor=target, dust_usd=0.0): target, EulerV1(target_health=target): target}
    healths[Fluid(absorption=False)] = 1.0
    for design, aim in healths.items():
        taking = design.take(at, INF)
        if taking.repaid == at.debt_units or taking.seized == at.collateral_units:
            continue
        assert health_after(at, taking) == pytest.approx(aim, rel=1e-6)
    silo = Silo(target_ltv=0.5 * at.liquidation_threshold)
    if at.ltv < 1.0:
        taking = silo.take(at, INF)
        if taking.repaid != at.debt_units and taking.seized != at.collateral_units:
            assert ltv_after(at, taking) == pytest.approx(silo.target_ltv, rel=1e-6)


@given(at=accounts(), premium=fractions(0.2), fee=fractions(0.2))
@settings(deadline=None, max_examples=200)
def test_gearbox_pays_the_premium_before_the_pool(at: Position, premium: float, fee: float) -> None:
    at.collateral_usd, at.debt_usd = at.collateral_units * at.collateral_price, at.debt_units * at.debt_price
    at.health = at.liquidation_threshold / at.ltv
    assume(at.health < 1.0)
    taking = Gearbox(liquidation_premium=premium, liquidation_fee=fee).take(at, INF)
    gain = taking.received * at.collateral_price - taking.repaid * at.debt_price
    assert gain == pytest.approx(premium * at.collateral_usd, rel=1e-9, abs=1e-9 * at.collateral_usd)


@given(
    at=accounts(),
    design=st.one_of(
        any_design,
        st.builds(
            AaveV3, liquidation_bonus=fractions(0.3), protocol_fee=fractions(1.0), close_factor=st.floats(0.1, 1.0)
        ),
        st.builds(FixedSpread, liquidation_bonus=fractions(0.3), protocol_fee=fractions(1.0)),
    ),
    spread=st.sampled_from([0.0, 0.1]),
    part=st.floats(0.0, 1.0 / SLACK**2),
)
@settings(deadline=None, max_examples=500)
def test_no_offer_is_above_its_ceiling(at: Position, design: SpotDesign, spread: float, part: float) -> None:
    """Whatever thresholds the pool has beside, and with as much slack as who compares allows for."""
    figures = (np.array([value]) for value in (at.health, at.debt_usd, at.collateral_usd, at.ltv))
    thresholds = (1.0 - spread) * at.liquidation_threshold, min((1.0 + spread) * at.liquidation_threshold, 1.0)
    pair = at.debt_units * at.debt_price, at.collateral_units * at.collateral_price
    single = pair == (at.debt_usd, at.collateral_usd)
    ceiling = design.ceiling(Accounts(*figures, *thresholds, INF, single))
    offer = design.offer(at)
    assume(offer is not None)
    assert offer is not None
    rate = offer.seized_per_repaid * offer.taker_share * at.collateral_price / at.debt_price
    assert rate <= np.broadcast_to(ceiling.rate, 1)[0] * SLACK
    assert offer.max_repay * at.debt_price <= ceiling.repaid_usd[0] * SLACK + (SLACK - 1.0) * at.debt_usd
    least = np.broadcast_to(ceiling.least_usd, 1)[0]
    assert offer.max_repay * at.debt_price >= least / SLACK
    assert design.fit(at, part * least / at.debt_price) == 0.0 or least == 0.0


@pytest.mark.parametrize("design", BY_NAME, ids=NAMES)
def test_the_ceiling_of_every_design_binds(design: SpotDesign) -> None:
    """Somewhere below health 1 it says less than that anything may be."""
    tops = []
    for price in (1850.0, 1700.0, 1650.0, 1500.0):
        at = position(price, 0.83)
        figures = (np.array([value]) for value in (at.health, at.debt_usd, at.collateral_usd, at.ltv))
        ceiling, offer = design.ceiling(Accounts(*figures, 0.83, 0.83, price, single=True)), design.offer(at)
        rate = offer.seized_per_repaid * offer.taker_share * price if offer is not None else 0.0
        tops.append(float(np.broadcast_to(ceiling.rate, 1)[0]) == pytest.approx(rate, rel=1e-3, abs=1e-9))
    assert any(tops)
