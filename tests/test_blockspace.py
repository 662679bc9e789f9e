"""Room in a block: order, capacity, cost."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.blockspace import gas_cost_usd, included, order
from models.types import FloatArray

few = settings(max_examples=150)

# (bid in gwei, gas); few distinct values, so that ties and exact fits happen
intents = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=20)


def columns(rows: list[tuple[int, int]]) -> tuple[FloatArray, FloatArray]:
    """Bids and gas of the intents, in order of execution."""
    bids, gas = np.array(rows, dtype=np.float64).reshape(-1, 2).T
    turn = order(bids.tolist(), range(len(rows)))
    return bids[turn], gas[turn]


def test_highest_bid_goes_first_and_at_equal_bids_the_first_to_arrive() -> None:
    assert order([10.0, 30.0, 10.0, 20.0, 30.0], [4, 3, 1, 2, 0]) == [4, 1, 3, 2, 0]


def test_intents_equal_in_all_keep_the_order_they_are_listed_in() -> None:
    assert order([7.0] * 4, [0] * 4) == [0, 1, 2, 3]


def test_nobody_in_an_empty_block() -> None:
    assert order([], []) == []
    assert included([], [], 10.0, 1e6) == []


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30),
)
@few
def test_order_is_a_sort_by_bid_then_arrival(rows: list[tuple[int, int]]) -> None:
    bids, arrivals = [float(bid) for bid, _ in rows], [arrival for _, arrival in rows]
    expected = sorted(range(len(rows)), key=lambda i: (-rows[i][0], rows[i][1], i))
    assert order(bids, arrivals) == expected


def test_bid_at_the_going_price_enters_and_one_below_does_not() -> None:
    assert included([11.0, 10.0, 9.9], [1.0] * 3, 10.0, None) == [True, True, False]


def test_intent_that_does_not_fit_lets_a_smaller_one_behind_it_in() -> None:
    bids, gas = [9.0, 8.0, 7.0, 6.0], [5.0, 6.0, 4.0, 1.0]
    assert included(bids, gas, 0.0, 10.0) == [True, False, True, True]
    assert included(bids, gas, 7.0, 10.0) == [True, False, True, False]


def test_block_that_is_exactly_full_takes_everybody() -> None:
    assert included([2.0, 1.0], [6.0, 4.0], 0.0, 10.0) == [True, True]


def test_intent_priced_out_takes_no_room() -> None:
    assert included([2.0, 1.0], [10.0, 1e9], 1.5, 10.0) == [True, False]


@given(rows=intents, base=st.integers(0, 5), capacity=st.integers(1, 60))
@few
def test_gas_never_exceeds_the_capacity_and_whoever_fits_is_in(
    rows: list[tuple[int, int]], base: int, capacity: int
) -> None:
    bids, gas = columns(rows)
    inside = included(bids.tolist(), gas.tolist(), base, capacity)
    room = float(capacity)
    for bid, units, enters in zip(bids, gas, inside, strict=True):
        assert enters == (bid >= base and units <= room)
        room -= units * enters
    assert room >= 0.0


@given(rows=intents, base=st.integers(0, 5))
@few
def test_capacity_beyond_all_that_is_asked_is_no_capacity(rows: list[tuple[int, int]], base: int) -> None:
    bids, gas = columns(rows)
    unlimited = included(bids.tolist(), gas.tolist(), base, None)
    assert unlimited == (bids >= base).tolist()
    assert included(bids.tolist(), gas.tolist(), base, float(gas.sum()) + 1.0) == unlimited


def test_cost_of_gas_is_the_published_product() -> None:
    """500,000 gas at 200 gwei with ether at 150 dollars: 0.1 ether, 15 dollars."""
    assert gas_cost_usd(500_000, 200, 150) == pytest.approx(15.0, rel=1e-15)


@given(gas=st.floats(0, 1e8), gwei=st.floats(0, 1e4), eth=st.floats(0, 1e5))
@few
def test_cost_of_gas_is_exact_to_rounding(gas: float, gwei: float, eth: float) -> None:
    exact = Fraction(gas) * Fraction(gwei) * Fraction(eth) / 10**9
    assert gas_cost_usd(gas, gwei, eth) == pytest.approx(float(exact), rel=1e-14, abs=1e-300)
