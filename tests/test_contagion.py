"""Contagion without defaults: DebtRank, forced sales of common collateral, and the unwinding of loops."""

from math import inf

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.clearing import clear
from models.debtrank import (
    InvalidClaims,
    amplification,
    debtrank,
    debtrank_rounds,
    leverage_matrix,
    spectral_radius,
)
from models.fire_sales import Deleveraging, InvalidHoldings, Unsettled, contagion_index, fire_sale, overlap
from models.looping import (
    InvalidLoop,
    fall_to_bad_debt,
    fall_to_liquidation,
    joint_haircut,
    leverage,
    rounds_to_unwind,
    unwind,
)

RULE = Deleveraging(limit=0.7, target=0.5)


@pytest.mark.parametrize(
    ("claims", "equity", "message"),
    [
        ([[0.0, 1.0]], [1.0, 1.0], "claims have the shape"),
        ([[0.0, -1.0], [0.0, 0.0]], [1.0, 1.0], "claims hold an amount"),
        ([[0.0]], [0.0], "equity holds an amount that is not above 0"),
    ],
)
def test_what_is_no_network_of_claims_is_refused(claims, equity, message) -> None:
    with pytest.raises(InvalidClaims, match=message):
        leverage_matrix(claims, equity)


@pytest.mark.parametrize(("shock", "message"), [([0.1, 0.1], "give one part for each of 1"), ([1.5], "outside 0 to 1")])
def test_a_shock_of_another_shape_or_size_is_refused(shock, message) -> None:
    with pytest.raises(InvalidClaims, match=message):
        debtrank(np.zeros((1, 1)), shock)


def test_distress_that_nobody_fails_of_is_a_geometric_series() -> None:
    """Two with claims of half their equity on each other: h = (I - Λ)⁻¹ h(1)."""
    lever = leverage_matrix([[0.0, 5.0], [10.0, 0.0]], [10.0, 20.0])
    assert debtrank(lever, [0.3, 0.0]) == pytest.approx([0.4, 0.2], rel=1e-12)
    assert debtrank_rounds(lever, [0.3, 0.0], 3) == pytest.approx(
        np.array([[0.3, 0.0], [0.3, 0.15], [0.375, 0.15], [0.375, 0.1875]]), rel=1e-12
    )
    assert amplification([10.0, 20.0], [0.3, 0.0], np.array([0.4, 0.2])) == pytest.approx(8.0 / 3.0, rel=1e-12)


def test_beyond_a_spectral_radius_of_one_the_least_shock_ends_in_failure() -> None:
    lever = np.array([[0.0, 2.0], [1.0, 0.0]])
    assert spectral_radius(lever) == pytest.approx(2.0**0.5, rel=1e-12)
    assert debtrank(lever, [1e-9, 0.0]).tolist() == [1.0, 1.0]
    assert debtrank(lever, [0.0, 0.0]).tolist() == [0.0, 0.0]
    assert amplification([1.0, 1.0], [0.0, 0.0], np.zeros(2)) == 1.0


def test_what_a_shock_does_not_reach_is_left_alone_however_unstable() -> None:
    """The last two would bring each other down, but hold no claims on the first two."""
    lever = np.zeros((4, 4))
    lever[1, 0], lever[2, 3], lever[3, 2] = 0.5, 3.0, 3.0
    assert debtrank(lever, [0.4, 0.0, 0.0, 0.0]) == pytest.approx([0.4, 0.2, 0.0, 0.0], rel=1e-12)


levers = st.integers(1, 4).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0, 2.0]), min_size=n * n, max_size=n * n),
        st.lists(st.sampled_from([0.0, 0.0, 0.125, 0.5, 1.0]), min_size=n, max_size=n),
    )
)


@settings(max_examples=80)
@given(levers)
def test_rounds_of_mark_downs_end_at_the_exact_limit(drawn) -> None:
    shock = np.array(drawn[1])
    lever = np.array(drawn[0]).reshape(shock.size, shock.size)
    np.fill_diagonal(lever, 0.0)
    limit, rounds = debtrank(lever, shock), debtrank_rounds(lever, shock, 2000)
    assert (np.diff(rounds, axis=0) >= 0.0).all()
    assert rounds[-1] == pytest.approx(limit, rel=1e-9, abs=1e-12)
    if not lever.any():
        assert limit.tolist() == shock.tolist()


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_clearing_never_takes_more_equity_than_debtrank(seed: int) -> None:
    """Clearing waits for a default, and recovers what is there."""
    rng = np.random.default_rng(seed)
    n = 5
    owed = rng.uniform(0.0, 10.0, (n, n)) * (rng.random((n, n)) < 0.5)
    np.fill_diagonal(owed, 0.0)
    outside, equity = rng.uniform(0.0, 20.0, n), rng.uniform(1.0, 10.0, n)
    assets = np.maximum(equity + owed.sum(axis=1) + outside - owed.sum(axis=0), 0.0)
    equity = assets + owed.sum(axis=0) - owed.sum(axis=1) - outside
    hit = rng.random(n) * np.minimum(assets, equity)
    lost = 1.0 - clear(owed, outside, assets - hit).equity / equity
    assert (lost <= debtrank(leverage_matrix(owed.T, equity), hit / equity) + 1e-9).all()


@pytest.mark.parametrize("wrong", [{"limit": 0.0}, {"target": 1.0}, {"target": 0.8}, {"goal": 1.0}])
def test_a_rule_out_of_bounds_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Deleveraging(**({"limit": 0.7, "target": 0.5} | wrong))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holdings_usd": [1.0]}, "holdings_usd has the shape"),
        ({"holdings_usd": [[-1.0]]}, "holdings_usd holds an amount"),
        ({"depth_usd": [0.0]}, "depth_usd holds a depth"),
        ({"debt_usd": [1.0, 1.0]}, "debt_usd has the shape"),
        ({"debt_usd": [float("nan")]}, "debt_usd holds an amount"),
        ({"shock": [1.1]}, "shock holds a part outside 0 to 1"),
    ],
)
def test_what_cannot_be_sold_is_refused(change, message) -> None:
    given_ones = {"holdings_usd": [[1.0]], "debt_usd": [0.5], "depth_usd": [1.0], "shock": [0.1]}
    with pytest.raises(InvalidHoldings, match=message):
        fire_sale(**(given_ones | change), rule=RULE)


@pytest.mark.parametrize(
    ("impact", "factor"), [("linear", 0.95), ("exponential", np.exp(-0.05)), ("constant_product", 1.05**-2)]
)
def test_one_round_by_hand(impact, factor: float) -> None:
    """100 of collateral fall by a fifth; a debt of 60 is back at a half once half of the collateral is sold."""
    sale = fire_sale([[100.0]], [60.0], [1000.0], [0.2], RULE, impact, rounds=1)
    assert sale.part_sold == pytest.approx([0.5], rel=1e-12)
    assert sale.price == pytest.approx([0.8 * factor], rel=1e-12)
    assert sale.loss_usd == pytest.approx([100.0 - 80.0 * factor], rel=1e-12)
    assert sale.indirect_usd == pytest.approx([80.0 - 80.0 * factor], rel=1e-12)
    assert (sale.rounds, sale.bad_debt_usd[0]) == (1, 0.0)


def test_the_fixed_point_is_the_higher_root_of_its_equation() -> None:
    """With the target 0 all debt is repaid: p = 1 - d / (D p), the larger of two roots."""
    rule = Deleveraging(limit=0.1, target=0.0)
    sale = fire_sale([[1.0]], [0.2], [1.25], [0.0], rule)
    assert sale.price == pytest.approx([(1.0 + (1.0 - 4.0 * 0.16) ** 0.5) / 2.0], rel=1e-12)
    with pytest.raises(Unsettled, match="give a number of rounds"):
        fire_sale([[1.0]], [0.2], [0.8], [0.0], rule)


def test_a_holder_without_debt_loses_through_one_who_has_to_sell() -> None:
    sale = fire_sale([[100.0, 0.0], [50.0, 50.0]], [60.0, 0.0], [1000.0, 1000.0], [0.2, 0.0], RULE, rounds=1)
    assert sale.indirect_usd == pytest.approx([4.0, 2.0], rel=1e-12)
    assert sale.price[1] == 1.0


def test_debts_beyond_the_collateral_sell_all_of_it_and_stay() -> None:
    sale = fire_sale([[100.0], [0.0]], [90.0, 5.0], [1e9], [0.5], RULE)
    assert sale.part_sold.tolist() == [1.0, 1.0]
    assert sale.bad_debt_usd == pytest.approx([40.0, 5.0], rel=1e-6)


@st.composite
def sales(draw: st.DrawFn):
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    held = rng.uniform(0.0, 100.0, (n, m)) * (rng.random((n, m)) < 0.6)
    debt = held.sum(axis=1) * rng.uniform(0.3, 0.7, n)
    return held, debt, rng.uniform(200.0, 2000.0, m), rng.uniform(0.0, 0.4, m)


@settings(max_examples=80)
@given(sales(), st.sampled_from(["linear", "exponential", "constant_product"]))
def test_prices_settle_where_the_sales_they_force_leave_them(drawn, impact) -> None:
    held, debt, depth, shock = drawn
    sale = fire_sale(held, debt, depth, shock, RULE, impact)
    again = fire_sale(held, debt, depth, shock, RULE, impact, rounds=sale.rounds + 1)
    assert again.price.tolist() == sale.price.tolist()
    assert sale.part_sold == pytest.approx(RULE.part_sold(held @ sale.price, debt), rel=1e-9, abs=1e-12)
    first = fire_sale(held, debt, depth, shock, RULE, impact, rounds=1)
    assert (sale.price <= first.price).all()
    assert (first.price <= 1.0 - shock).all()
    harder = fire_sale(held, debt, depth, np.minimum(shock + 0.05, 1.0), RULE, impact)
    assert (harder.price <= sale.price).all()
    endless = fire_sale(held, debt, np.full(depth.shape, np.inf), shock, RULE, impact)
    assert not endless.indirect_usd.any()


@settings(max_examples=40)
@given(sales())
def test_a_first_round_costs_the_overlap_times_what_is_sold(drawn) -> None:
    held, debt, depth, shock = drawn
    sale = fire_sale(held, debt, depth, shock, RULE, rounds=1)
    left = 1.0 - shock
    assert sale.indirect_usd == pytest.approx(overlap(held * left, depth * left) @ sale.part_sold, rel=1e-9, abs=1e-9)


def test_the_contagion_index_is_the_share_in_the_first_eigenvector() -> None:
    shared = overlap([[10.0, 0.0], [10.0, 0.0], [0.0, 1.0]], [100.0, 100.0])
    assert shared.tolist() == [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.01]]
    assert contagion_index(shared) == pytest.approx([0.5, 0.5, 0.0], abs=1e-12)
    assert contagion_index(np.zeros((2, 2))).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("ltv", "expected"), [(0.0, 1.0), (0.8, 5.0), (0.93, 1.0 / 0.07)])
def test_leverage_is_a_geometric_series(ltv: float, expected: float) -> None:
    assert leverage(ltv) == pytest.approx(expected, rel=1e-12)
    assert leverage(ltv, 4) == pytest.approx(sum(ltv**k for k in range(5)), rel=1e-12)
    assert leverage(ltv, 0) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: leverage(1.0),
        lambda: leverage(0.5, -1),
        lambda: unwind(0.5, -1.0, 0.0),
        lambda: rounds_to_unwind(0.5, 0.0, 0.0),
    ],
)
def test_a_loop_that_cannot_be_built_or_sold_is_refused(call) -> None:
    with pytest.raises(InvalidLoop):
        call()


def test_how_far_a_price_may_fall() -> None:
    """The bad debt begins at 1 - ltv (1 + bonus) where the haircut is that of a liquidation bonus."""
    assert fall_to_liquidation(0.8, 0.86) == pytest.approx(1.0 - 0.8 / 0.86, rel=1e-12)
    assert fall_to_liquidation(0.9, 0.86) == 0.0
    assert fall_to_bad_debt(0.8, 1.0 - 1.0 / 1.05) == pytest.approx(1.0 - 0.8 * 1.05, rel=1e-9)
    assert fall_to_bad_debt(0.8, 1.0) == 0.0


@pytest.mark.parametrize("loops", [None, 0, 3])
@given(st.floats(0.0, 0.95), st.floats(0.0, 2.0), st.floats(0.0, 1.0))
def test_unwinding_pays_the_debt_or_sells_everything(loops, ltv: float, price: float, haircut: float) -> None:
    size, end = leverage(ltv, loops), unwind(ltv, price, haircut, loops)
    assert end.repaid_usd + end.bad_debt_usd == pytest.approx(size - 1.0, rel=1e-9, abs=1e-12)
    assert end.sold * price * (1.0 - haircut) == pytest.approx(end.repaid_usd, rel=1e-9, abs=1e-12)
    assert end.equity_usd * end.bad_debt_usd == 0.0
    left_and_paid = (size - end.sold) * price + end.repaid_usd - (size - 1.0) + end.bad_debt_usd
    assert end.equity_usd == pytest.approx(left_and_paid, rel=1e-9, abs=1e-9)


def test_a_loop_has_bad_debt_from_the_fall_on_that_the_formula_gives() -> None:
    fall = fall_to_bad_debt(0.8, 0.05)
    assert unwind(0.8, 1.0 - fall + 1e-6, 0.05).bad_debt_usd == 0.0
    assert unwind(0.8, 1.0 - fall - 1e-6, 0.05).bad_debt_usd > 0.0


@settings(max_examples=60)
@given(st.floats(0.05, 0.9), st.floats(0.5, 0.95), st.floats(0.0, 0.6))
def test_rounds_to_unwind_are_those_of_doing_it(ltv: float, threshold: float, haircut: float) -> None:
    """Withdraw what is free, sell it, repay; as often as the formula says, and not once less."""
    assume(abs(1.0 - haircut - ltv) > 1e-3)  # there the last dollar takes for ever
    assume(abs(threshold - ltv) > 1e-6)  # there what the first round frees is a rounding, of which the rest is made
    expected = rounds_to_unwind(ltv, threshold, haircut)
    collateral, debt, done = 1.0, ltv, 0
    while debt > 1e-9 and done < 5000:
        free = collateral - debt / threshold
        if free <= 0.0:
            break
        collateral, debt, done = collateral - free, debt - (1.0 - haircut) * free, done + 1
    if debt > 1e-9:
        assert expected == inf
    else:
        assert abs(expected - done) <= (debt > -1e-9)


def test_without_debt_there_is_nothing_to_unwind() -> None:
    assert rounds_to_unwind(0.0, 0.8, 0.1) == 0.0
    assert rounds_to_unwind(0.5, 0.8, 0.2) == pytest.approx(2.0)


def test_all_loopers_who_leave_through_one_pool_pay_its_curve() -> None:
    """Half of a pool's dollars for their debt: they sell as many units as it has, at half the price on average."""
    base, quote, debt = 100.0, 200.0, 100.0
    haircut = joint_haircut(500.0, debt, base, quote)
    sold = debt / (quote / base * (1.0 - haircut))
    assert haircut == pytest.approx(0.5, rel=1e-12)
    assert quote - base * quote / (base + sold) == pytest.approx(debt, rel=1e-12)


def test_loopers_whose_collateral_is_not_enough_sell_all_of_it() -> None:
    assert joint_haircut(50.0, 1e9, 100.0, 200.0) == pytest.approx(1.0 / 3.0, rel=1e-12)
    with pytest.raises(InvalidLoop, match="buys nothing"):
        joint_haircut(1.0, 1.0, 0.0, 1.0)
