"""The designs that absorb: Compound III's reserves and Liquity's stability pools, by worked figures and properties.

The worked position is 10 ETH against 16 000 dollars.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from builders.loans import (
    HOUR,
    INF,
    WORKED_HOUSE,
    absorbed,
    accounts,
    exactly,
    houses,
    one_lot,
    opened,
    position,
    stores,
)
from models.liquidation import (
    Absorption,
    CompoundV3,
    House,
    LiquityV1,
    LiquityV2,
    NotForSale,
    Position,
    Reward,
    TimedDesign,
    share_out,
)

# Compound III: USDC with WETH, a liquidation collateral factor of 0.895


@pytest.mark.parametrize(
    ("price", "borne", "credit", "unit_price", "cost", "reserves", "buyer"),
    [
        (1780.0, 16_000.0, 910.0, 1735.5, 17_355.0, 445.0, 445.0),
        (1700.0, 16_000.0, 150.0, 1657.5, 16_575.0, 425.0, 425.0),
        (1600.0, 16_000.0, 0.0, 1560.0, 15_600.0, -400.0, 400.0),
        (1500.0, 16_000.0, 0.0, 1462.5, 14_625.0, -1375.0, 375.0),
    ],
)
def test_the_reserves_absorb_and_sell_at_a_discount(
    price: float, borne: float, credit: float, unit_price: float, cost: float, reserves: float, buyer: float
) -> None:
    comet, at = CompoundV3(), position(price, 0.895)
    opening = opened(comet, at)
    assert opening.rewards == ()
    absorption = absorbed(comet, at)
    assert absorption == Absorption(
        debt_from_reserves=borne, credit=pytest.approx(credit, abs=1e-8), units_to_protocol=10.0
    )
    (store,) = opening.lots
    offer = comet.offer(store, 0.0, price, House())
    assert offer is not None
    assert offer.price == pytest.approx(unit_price, rel=1e-12)
    taking = comet.take(store, INF, 0.0, price, House())
    assert (taking.paid, taking.to_debt, taking.units) == (pytest.approx(cost, rel=1e-12), 0.0, 10.0)
    assert taking.penalty - borne - credit == pytest.approx(reserves, rel=1e-9)
    assert 10.0 * price - taking.paid == pytest.approx(buyer, rel=1e-9)
    assert store.closed


def test_the_store_front_follows_the_feed_and_sells_in_any_size_until_the_reserves_are_full() -> None:
    comet, store = CompoundV3(), one_lot(CompoundV3(), position(1700.0, 0.895))
    full = House(reserves=5_000_000.0)
    assert comet.offer(store, 0.0, 1700.0, full) is None
    with pytest.raises(NotForSale):
        comet.take(store, 100.0, 0.0, 1700.0, full)
    taking = comet.take(store, 100.0, HOUR, 2000.0, House(reserves=-400.0))
    assert taking.units == pytest.approx(100.0 / 1950.0, rel=1e-12)
    assert store.units == pytest.approx(10.0 - taking.units, rel=1e-12)
    assert not store.closed
    assert comet.offer(store, HOUR, 0.0, House()) is None


@pytest.mark.parametrize(("debt", "credit"), [(12_000.0, 350.0), (16_000.0, 0.0)])
def test_of_several_collaterals_each_is_absorbed_with_its_part_of_the_debt(debt: float, credit: float) -> None:
    """Together the reserves bear max(debt, 0.95 * 13 000): the debt, and what the collateral is worth beyond it."""
    comet, at = CompoundV3(), position(1000.0, 0.5, debt=debt)
    at.collateral_usd += 3000.0
    first = absorbed(comet, at)
    assert first.debt_from_reserves == pytest.approx(debt * 10.0 / 13.0, rel=1e-12)
    rest = absorbed(comet, position(3000.0, 0.5, 1.0, debt - first.debt_from_reserves))
    assert first.debt_from_reserves + rest.debt_from_reserves == pytest.approx(debt, rel=1e-12)
    assert first.credit + rest.credit == pytest.approx(credit, rel=1e-9)


def test_of_several_debts_the_largest_is_absorbed_as_far_as_the_collateral_pays_for_it() -> None:
    comet, at = CompoundV3(), position(1000.0, 0.5, debt=12_000.0)
    at.collateral_usd += 3000.0
    at.debt_usd += 1000.0
    assert absorbed(comet, at) == Absorption(debt_from_reserves=9500.0, units_to_protocol=10.0)


# Liquity


@pytest.mark.parametrize(
    ("price", "house", "expected", "gas"),
    [
        (1750.0, WORKED_HOUSE, Absorption(16_000.0, 9.95), 0.05),
        (1750.0, replace(WORKED_HOUSE, stability_pool=6000.0), Absorption(6000.0, 3.73125, 10_000.0, 6.21875), 0.05),
        (1700.0, WORKED_HOUSE, Absorption(16_000.0, 9.95), 0.05),
        (1500.0, WORKED_HOUSE, Absorption(16_000.0, 9.95), 0.05),
        (1500.0, replace(WORKED_HOUSE, stability_pool=0.0), Absorption(0.0, 0.0, 16_000.0, 9.95), 0.05),
        (1500.0, replace(WORKED_HOUSE, collateral_usd=1.4, debt_usd=1.0), Absorption(0.0, 0.0, 16_000.0, 9.95), 0.05),
        (1750.0, replace(WORKED_HOUSE, collateral_usd=1.4, debt_usd=1.0), Absorption(16_000.0, 9.95), 0.05),
        (2000.0, replace(WORKED_HOUSE, collateral_usd=1.4, debt_usd=1.0), Absorption(16_000.0, 8.756), 0.044),
    ],
)
def test_liquity_v1_offsets_against_the_pool_and_redistributes_the_rest(
    price: float, house: House, expected: Absorption, gas: float
) -> None:
    opening = opened(LiquityV1(), position(price, 1.0 / 1.1), house)
    assert opening.rewards == (Reward("position", units=pytest.approx(gas)), Reward("set_aside", debt=200.0))
    surplus = 1.2 if price == 2000.0 else 0.0
    assert opening.absorption is not None
    assert_absorption(opening.absorption, replace(expected, surplus_units=surplus))


@pytest.mark.parametrize(("price", "gain"), [(1750.0, 1412.5), (1700.0, 915.0), (1600.0, -80.0), (1500.0, -1075.0)])
def test_the_pool_of_liquity_v1_bears_the_loss_of_a_position_underwater(price: float, gain: float) -> None:
    absorption = absorbed(LiquityV1(), position(price, 1.0 / 1.1))
    assert absorption.units_to_pool * price - absorption.debt_offset == pytest.approx(gain, rel=1e-9)


@pytest.mark.parametrize(
    ("price", "pool", "expected", "gas"),
    [
        (1750.0, 1e6, Absorption(16_000.0, 9.6, surplus_units=0.35), 0.05),
        (1750.0, 6001.0, Absorption(6000.0, 3.6, 10_000.0, 6.285714286, surplus_units=0.095535714), 0.01875),
        (1750.0, 0.5, Absorption(0.0, 0.0, 16_000.0, 10.0), 0.0),
        (1700.0, 1e6, Absorption(16_000.0, 9.882352941, surplus_units=0.067647059), 0.05),
        (1600.0, 1e6, Absorption(16_000.0, 9.95), 0.05),
        (1500.0, 1e6, Absorption(16_000.0, 9.95), 0.05),
    ],
)
def test_liquity_v2_takes_no_more_than_the_penalties(
    price: float, pool: float, expected: Absorption, gas: float
) -> None:
    opening = opened(LiquityV2(), position(price, 1.0 / 1.1), replace(WORKED_HOUSE, stability_pool=pool))
    assert opening.rewards == (Reward("position", units=pytest.approx(gas)), Reward("set_aside", units=0.0375))
    assert opening.absorption is not None
    assert_absorption(opening.absorption, expected)


@pytest.mark.parametrize(("price", "gain"), [(1750.0, 800.0), (1700.0, 800.0), (1600.0, -80.0), (1500.0, -1075.0)])
def test_the_pool_of_liquity_v2_earns_its_penalty_or_bears_the_loss(price: float, gain: float) -> None:
    absorption = absorbed(LiquityV2(), position(price, 1.0 / 1.1))
    assert absorption.units_to_pool * price - absorption.debt_offset == pytest.approx(gain, rel=1e-9)


def test_the_gas_compensation_of_liquity_v2_is_capped() -> None:
    opening = opened(LiquityV2(), position(1750.0, 1.0 / 1.1, 1000.0, 1_600_000.0), House(0.0, 2e6, stakes_units=1.0))
    assert opening.rewards[0].units == 2.0


def assert_absorption(found: Absorption, expected: Absorption) -> None:
    for name in Absorption.__dataclass_fields__:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("design", [LiquityV1(), LiquityV2()])
def test_the_last_borrower_is_never_liquidated(design: TimedDesign) -> None:
    assert design.open(position(1500.0, 1.0 / 1.1), 0.0, replace(WORKED_HOUSE, stakes_units=0.0)) is None


def test_recovery_mode_skips_whom_the_pool_cannot_take_and_whoever_is_above_the_ratio_of_all() -> None:
    at, recovering = position(2000.0, 1.0 / 1.1), replace(WORKED_HOUSE, collateral_usd=1.4, debt_usd=1.0)
    assert LiquityV1().open(at, 0.0, replace(recovering, stability_pool=15_999.0)) is None
    assert LiquityV1().open(at, 0.0, replace(recovering, collateral_usd=1.25)) is None
    assert LiquityV1().open(at, 0.0, replace(recovering, collateral_usd=1.5)) is None
    assert LiquityV1(critical_collateral_ratio=1.3).open(at, 0.0, recovering) is None


def test_what_is_shared_out_is_in_proportion_and_all_of_it() -> None:
    assert share_out(10.0, np.array([1.0, 0.0, 3.0])) == pytest.approx([2.5, 0.0, 7.5])
    assert share_out(10.0, np.zeros(2)) == pytest.approx([0.0, 0.0])


@given(
    deposits=st.lists(st.floats(1.0, 1e6), min_size=1, max_size=6),
    shares=st.lists(st.floats(0.0, 0.9), min_size=1, max_size=6),
)
@settings(max_examples=50)
def test_offsets_shared_out_one_by_one_are_the_running_product_of_the_pool(
    deposits: list[float], shares: list[float]
) -> None:
    """A deposit d is d * P in the end, and has gained d * S, with P the product of what each offset leaves."""
    held, gained = np.array(deposits), np.zeros(len(deposits))
    product, total = 1.0, 0.0
    for units, share in enumerate(shares, start=1):
        pool = float(held.sum())
        total += units / pool * product
        product *= 1.0 - share
        gained += share_out(float(units), held)
        held = held - share_out(share * pool, held)
    assert held == pytest.approx(np.array(deposits) * product, rel=1e-9)
    assert gained == pytest.approx(np.array(deposits) * total, rel=1e-9)


# Properties


@given(
    design=st.one_of(
        st.builds(LiquityV1, gas_compensation_share=st.floats(0.0, 0.1)),
        st.builds(LiquityV2, stability_pool_penalty=st.floats(0.0, 0.5), redistribution_penalty=st.floats(0.0, 0.5)),
        stores,
    ),
    at=accounts(),
    house=houses,
    health=st.floats(0.3, 1.6),
)
@settings(max_examples=150)
def test_absorbing_creates_and_loses_nothing(design: Any, at: Position, house: House, health: float) -> None:
    at = position(at.collateral_price, at.liquidation_threshold, at.collateral_units, at.debt_units)
    at.debt_units *= at.health / health
    at.health, at.debt_usd = health, at.debt_units
    opening = design.open(at, 0.0, house)
    assume(opening is not None)
    assert opening is not None
    found, gas = opening.absorption, sum(r.units for r in opening.rewards if r.payer == "position")
    assert min(getattr(found, name) for name in Absorption.__dataclass_fields__) >= -1e-9 * at.collateral_units
    placed = found.units_to_pool + found.units_redistributed + found.units_to_protocol + found.surplus_units + gas
    assert placed == exactly(at.collateral_units)
    assert found.debt_offset + found.debt_redistributed + found.debt_from_reserves == exactly(at.debt_units)
    assert found.debt_offset <= house.stability_pool
    assert sum(lot.units for lot in opening.lots) == found.units_to_protocol
