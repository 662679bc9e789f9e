"""What each of the spot designs promises for any position."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from builders.loans import INF, accounts, position
from builders.spot_designs import BY_NAME, NAMES, health_after, ltv_after
from models.liquidation import (
    AaveV2,
    AaveV3,
    AaveV4,
    CompoundV2,
    EulerV1,
    EulerV2,
    FixedSpread,
    Fluid,
    Gearbox,
    Kamino,
    MorphoBlue,
    Position,
    Silo,
    ToxicHalt,
)
from models.liquidation.ceiling import SLACK, Accounts
from models.liquidation.spot import SpotDesign


def fractions(high: float) -> st.SearchStrategy[float]:
    return st.floats(0.0, high)


any_design = st.one_of(
    st.builds(
        FixedSpread,
        liquidation_bonus=fractions(0.3),
        protocol_fee=fractions(1.0),
        close_factor=st.floats(0.1, 1.0),
    ),
    st.builds(AaveV2, close_factor=st.floats(0.1, 1.0), liquidation_bonus=fractions(0.3)),
    st.builds(
        AaveV3,
        liquidation_bonus=fractions(0.3),
        protocol_fee=fractions(1.0),
        close_factor=st.floats(0.1, 1.0),
        min_leftover_usd=st.floats(0.0, 3000.0),
    ),
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
@settings(max_examples=500)
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
@settings(max_examples=500)
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
@settings(max_examples=200)
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
@settings(max_examples=300)
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
@settings(max_examples=200)
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
@settings(max_examples=500)
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
def test_the_ceiling_of_every_design_that_states_one_binds(design: SpotDesign) -> None:
    """Somewhere below health 1 it says less than that anything may be."""
    if type(design).ceiling is SpotDesign.ceiling:
        pytest.skip("states none, which is allowed")
    tops = []
    for price in (1850.0, 1700.0, 1650.0, 1500.0):
        at = position(price, 0.83)
        figures = (np.array([value]) for value in (at.health, at.debt_usd, at.collateral_usd, at.ltv))
        ceiling, offer = design.ceiling(Accounts(*figures, 0.83, 0.83, price, single=True)), design.offer(at)
        rate = offer.seized_per_repaid * offer.taker_share * price if offer is not None else 0.0
        tops.append(float(np.broadcast_to(ceiling.rate, 1)[0]) == pytest.approx(rate, rel=1e-3, abs=1e-9))
    assert any(tops)
