"""Liquidation designs against the published rules: worked figures, refusals, and what every design must respect."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.liquidation import (
    AaveV3,
    Design,
    FixedSpread,
    InvalidRepayment,
    MustNotLeaveDust,
    NotLiquidatable,
    Position,
)

INF = float("inf")
AAVE = AaveV3()
COMPOUND = FixedSpread(liquidation_bonus=0.08, protocol_fee=0.028 * 1.08 / 0.08, close_factor=0.5)


def position(
    price: float, collateral: float = 10.0, debt: float = 16_000.0, threshold: float = 0.83, other_debt: float = 0.0
) -> Position:
    """Collateral against a dollar debt, as the only pair unless there is `other_debt`."""
    value = collateral * price
    return Position(
        health=value * threshold / (debt + other_debt),
        collateral_units=collateral,
        collateral_price=price,
        debt_units=debt,
        debt_price=1.0,
        collateral_usd=value,
        debt_usd=debt + other_debt,
        liquidation_threshold=threshold,
    )


# 10 ETH against 16 000 at threshold 0.83, bonus 5 %, protocol fee 10 % of it (Aave v3.3+, LiquidationLogic.sol).
AAVE_FIGURES = [
    # price, repaid, seized, to the liquidator, protocol fee, profit at the oracle price
    (1900.0, 8000.0, 4.421052631578947, 4.4, 0.021052631578947, 360.0),
    (1850.0, 8000.0, 4.540540540540540, 4.518918918918918, 0.021621621621621, 360.0),
    (1800.0, 16000.0, 9.333333333333333, 9.288888888888888, 0.044444444444444, 720.0),
    (1700.0, 16000.0, 9.882352941176471, 9.835294117647059, 0.047058823529412, 720.0),
    (1600.0, 15238.095238095238, 10.0, 9.952380952380953, 0.047619047619047, 685.714285714286),
    (1500.0, 14285.714285714286, 10.0, 9.952380952380953, 0.047619047619047, 642.857142857143),
]


@pytest.mark.parametrize(("price", "repaid", "seized", "received", "fee", "profit"), AAVE_FIGURES)
def test_aave_v3_gives_the_worked_figures(
    price: float, repaid: float, seized: float, received: float, fee: float, profit: float
) -> None:
    at = position(price)
    taking = AAVE.take(at, INF)
    assert taking.repaid == pytest.approx(repaid, rel=1e-12)
    assert taking.seized == pytest.approx(seized, rel=1e-12)
    assert taking.received == pytest.approx(received, rel=1e-12)
    assert taking.protocol_fee == pytest.approx(fee, rel=1e-12)
    assert taking.received * price - taking.repaid == pytest.approx(profit, rel=1e-9)
    offer = AAVE.offer(at)
    assert offer is not None
    assert offer.max_repay == pytest.approx(repaid, rel=1e-12)
    assert offer.price == pytest.approx(taking.repaid / taking.received, rel=1e-12)


@pytest.mark.parametrize(("price", "left_over"), [(1600.0, 761.904761904762), (1500.0, 1714.285714285714)])
def test_aave_v3_leaves_bad_debt_and_no_collateral_below_the_bonus(price: float, left_over: float) -> None:
    at = position(price)
    taking = AAVE.take(at, 16_000.0)
    assert taking.seized == at.collateral_units
    assert at.debt_units - taking.repaid == pytest.approx(left_over, rel=1e-12)


def test_aave_v2_is_a_fixed_spread_that_keeps_nothing() -> None:
    aave_v2 = FixedSpread(liquidation_bonus=0.05, protocol_fee=0.0, close_factor=0.5)
    at_1800, at_1600 = aave_v2.take(position(1800.0), INF), aave_v2.take(position(1600.0), INF)
    assert (at_1800.repaid, at_1800.protocol_fee) == (8000.0, 0.0)
    assert at_1800.seized == pytest.approx(4.666666666666667, rel=1e-12)
    assert at_1600.repaid == 8000.0
    assert at_1600.seized == pytest.approx(5.25, rel=1e-12)


def test_compound_v2_gives_the_worked_figures() -> None:
    taking = COMPOUND.take(position(1900.0, threshold=0.825), INF)
    assert taking.repaid == 8000.0
    assert taking.seized == pytest.approx(4.547368421052632, rel=1e-12)
    assert taking.protocol_fee == pytest.approx(0.127326315789474, rel=1e-12)
    assert taking.received == pytest.approx(4.420042105263158, rel=1e-12)
    assert taking.received * 1900.0 - taking.repaid == pytest.approx(398.08, rel=1e-9)


def test_compound_v2_calls_in_turn_repay_what_the_collateral_pays_for() -> None:
    collateral, debt, calls = 10.0, 16_000.0, 0
    while collateral > 0.0:
        taking = COMPOUND.take(position(1600.0, collateral, debt, 0.825), INF)
        collateral, debt, calls = collateral - taking.seized, debt - taking.repaid, calls + 1
    assert calls == 4
    assert debt == pytest.approx(1185.185185185185, rel=1e-9)


@pytest.mark.parametrize("design", [AAVE, COMPOUND])
def test_a_healthy_account_gets_no_offer_and_cannot_be_taken(design: AaveV3 | FixedSpread) -> None:
    at = position(2000.0)
    assert design.offer(at) is None
    with pytest.raises(NotLiquidatable, match=r"health is 1\.03"):
        design.take(at, 100.0)
    at.health = 1.0
    assert design.offer(at) is None
    at.health = float("nan")
    assert design.offer(at) is None


@pytest.mark.parametrize("design", [AAVE, COMPOUND])
@pytest.mark.parametrize("repay", [0.0, -1.0, float("nan")])
def test_a_repayment_that_is_no_amount_is_refused(design: AaveV3 | FixedSpread, repay: float) -> None:
    with pytest.raises(InvalidRepayment, match="positive amount"):
        design.take(position(1800.0), repay)


@pytest.mark.parametrize("design", [AAVE, COMPOUND])
def test_a_position_with_nothing_to_seize_or_nothing_owed_gets_no_offer(design: AaveV3 | FixedSpread) -> None:
    empty = position(1800.0)
    empty.collateral_units = empty.collateral_usd = empty.health = 0.0
    assert design.offer(empty) is None
    other = position(1800.0)
    other.debt_units = 0.0
    assert design.offer(other) is None


def test_dust_is_refused_on_either_side_and_fit_finds_what_is_admissible() -> None:
    at = position(1800.0)
    with pytest.raises(MustNotLeaveDust, match=r"500\.00 usd of debt"):
        AAVE.take(at, 15_500.0)
    assert AAVE.fit(at, 15_500.0) == pytest.approx(15_000.0, rel=1e-12)
    short = position(1650.0)
    with pytest.raises(MustNotLeaveDust, match=r"855\.00 usd of collateral"):
        AAVE.take(short, 14_900.0)
    assert AAVE.fit(short, 14_900.0) == pytest.approx(15_500.0 / 1.05, rel=1e-12)


def test_half_of_the_whole_account_is_cut_to_what_leaves_no_dust_of_the_pair() -> None:
    at = position(2.3, collateral=1000.0, debt=2000.0, other_debt=0.0)
    at.health, at.debt_usd = 0.97, 3500.0
    offer = AAVE.offer(at)
    assert offer is not None
    assert offer.max_repay == pytest.approx(1000.0, rel=1e-12)
    with pytest.raises(MustNotLeaveDust):
        AAVE.take(at, INF)


def test_a_pair_without_an_admissible_repayment_has_no_offer() -> None:
    at = position(2.2, collateral=1000.0, debt=2100.0)
    at.health, at.debt_usd = 0.97, 2100.0
    assert AaveV3(min_leftover_usd=2050.0).fit(at, INF) == pytest.approx(50.0, rel=1e-12)
    strict = AaveV3(min_leftover_usd=2150.0)
    assert strict.fit(at, INF) == 0.0
    assert strict.offer(at) is None


def test_close_factor_counts_the_whole_account_not_the_pair() -> None:
    at = position(1900.0, debt=10_000.0, other_debt=6000.0)
    assert AAVE.fit(at, INF) == 8000.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"health": 0.95}, 16_000.0),
        ({"health": 0.9500001}, 8000.0),
        ({"debt_units": 1999.0}, 1999.0),
        ({"debt_units": 16_000.0, "collateral_price": 199.0}, 1990.0 / 1.05),
    ],
)
def test_a_position_may_be_closed_when_it_is_very_unhealthy_or_small(change: dict[str, float], expected: float) -> None:
    at = position(1900.0)
    for name, value in change.items():
        setattr(at, name, value)
    assert AAVE.fit(at, INF) == pytest.approx(expected, rel=1e-12)


def test_debt_and_collateral_have_prices_of_their_own() -> None:
    at = Position(0.9, 30_000.0, 0.5, 8.0, 1500.0, 15_000.0, 12_000.0)
    taking = AAVE.take(at, 8.0)
    assert taking.repaid == 8.0
    assert taking.seized == pytest.approx(8.0 * 1500.0 * 1.05 / 0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("parameter", "other"),
    [
        ("liquidation_bonus", 0.10),
        ("protocol_fee", 0.5),
        ("close_factor", 0.25),
        ("full_close_health_factor", 0.99),
        ("full_close_below_usd", 50_000.0),
        ("min_leftover_usd", 9000.0),
    ],
)
def test_every_parameter_of_aave_v3_moves_the_offer(parameter: str, other: float) -> None:
    at = position(1900.0)
    assert AaveV3.model_validate({parameter: other}).offer(at) != AAVE.offer(at)


@pytest.mark.parametrize("wrong", [{"close_factor": 0.0}, {"close_factor": 1.1}, {"protocol_fee": 1.1}, {"bonus": 0.1}])
def test_parameters_that_make_no_rule_are_refused(wrong: dict[str, float]) -> None:
    for design in (AaveV3, FixedSpread):
        with pytest.raises(ValidationError):
            design.model_validate(wrong)


def test_a_design_is_chosen_by_its_name() -> None:
    read: Callable[[object], AaveV3 | FixedSpread] = TypeAdapter(Design).validate_python
    assert read({"design": "aave_v3"}) == AAVE
    assert read({"design": "fixed_spread", "liquidation_bonus": 0}) == FixedSpread(liquidation_bonus=0.0)
    with pytest.raises(ValidationError, match="'aave_v2', 'aave_v3'"):
        read({"design": "goodwill"})


def exact_aave(at: Position, design: AaveV3, wanted: float) -> tuple[Fraction, Fraction, Fraction] | None:
    """The published rule restated: repaid, seized, fee; None where it reverts for dust."""
    debt_price, price = Fraction(at.debt_price), Fraction(at.collateral_price)
    debt, collateral = Fraction(at.debt_units), Fraction(at.collateral_units)
    allowed = debt
    large = min(debt * debt_price, collateral * price) >= Fraction(design.full_close_below_usd)
    if large and at.health > design.full_close_health_factor:
        allowed = min(debt, Fraction(design.close_factor) * Fraction(at.debt_usd) / debt_price)
    repaid = min(Fraction(wanted), allowed)
    bonus = 1 + Fraction(design.liquidation_bonus)
    seized = repaid * debt_price / price * bonus
    if seized > collateral:
        seized, repaid = collateral, collateral * price / debt_price / bonus
    least = Fraction(design.min_leftover_usd)
    leftovers = ((debt - repaid) * debt_price, (collateral - seized) * price)
    if repaid < debt and seized < collateral and min(leftovers) < least:
        return None
    return repaid, seized, Fraction(design.protocol_fee) * (seized - seized / bonus)


positions = st.builds(
    Position,
    health=st.floats(0.01, 0.999),
    collateral_units=st.floats(1e-3, 1e6),
    collateral_price=st.floats(1e-3, 1e5),
    debt_units=st.floats(1e-3, 1e6),
    debt_price=st.floats(1e-3, 1e4),
    collateral_usd=st.just(0.0),
    debt_usd=st.just(0.0),
)
aave_designs = st.builds(
    AaveV3,
    liquidation_bonus=st.floats(0.0, 0.3),
    protocol_fee=st.floats(0.0, 1.0),
    close_factor=st.floats(0.1, 1.0),
    min_leftover_usd=st.floats(0.0, 3000.0),
)


def whole(at: Position, other_debt_usd: float) -> Position:
    at.collateral_usd = at.collateral_units * at.collateral_price
    at.debt_usd = at.debt_units * at.debt_price + other_debt_usd
    return at


@given(at=positions, other=st.floats(0.0, 1e6), design=aave_designs, part=st.floats(0.001, 1.5))
@settings(max_examples=300)
def test_aave_v3_agrees_with_the_rule_in_exact_arithmetic(
    at: Position, other: float, design: AaveV3, part: float
) -> None:
    whole(at, other)
    wanted = part * at.debt_units if abs(part - 1.0) > 1e-12 else at.debt_units  # short by rounding, it is all of it
    exact = exact_aave(at, design, wanted)
    if exact is None:
        # A leftover within rounding of the minimum counts as the minimum.
        assume(
            exact_aave(at, design.model_copy(update={"min_leftover_usd": design.min_leftover_usd * 0.99}), wanted)
            is None
        )
        with pytest.raises(MustNotLeaveDust):
            design.take(at, wanted)
        return
    taking = design.take(at, wanted)
    assert taking.repaid == pytest.approx(float(exact[0]), rel=1e-11)
    assert taking.seized == pytest.approx(float(exact[1]), rel=1e-11)
    assert taking.protocol_fee == pytest.approx(float(exact[2]), rel=1e-9, abs=1e-15)


@given(at=positions, part=st.floats(0.001, 1.5), bonus=st.floats(0.0, 0.3), fee=st.floats(0.0, 1.0))
@settings(max_examples=100)
def test_aave_v3_without_thresholds_is_a_fixed_spread(at: Position, part: float, bonus: float, fee: float) -> None:
    whole(at, 0.0)
    plain = AaveV3(
        liquidation_bonus=bonus,
        protocol_fee=fee,
        close_factor=0.5,
        full_close_health_factor=0.0,
        full_close_below_usd=0.0,
        min_leftover_usd=0.0,
    )
    spread = FixedSpread(liquidation_bonus=bonus, protocol_fee=fee, close_factor=0.5)
    one, other = plain.take(at, part * at.debt_units), spread.take(at, part * at.debt_units)
    assert one.repaid == pytest.approx(other.repaid, rel=1e-11)
    assert one.seized == pytest.approx(other.seized, rel=1e-11)
