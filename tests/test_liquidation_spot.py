"""The spot designs against the published rules: worked figures, refusals, limits and what each of them promises.

The worked position is 10 ETH against 16 000 dollars. Figures are compared to the last digit that they are stated with;
those of contracts round to whole units of a token, which shows below a relative 1e-9.
"""

import math
from collections.abc import Callable

import pytest

from abm import Run
from builders.loans import INF, position, stated
from builders.spot_designs import BY_NAME, NAMES, read
from models.liquidation import (
    AaveV2,
    AaveV4,
    CompoundV2,
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
    ToxicHalt,
)
from models.liquidation.spot import SpotDesign

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
