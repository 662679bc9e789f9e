"""Concentrated pools: limits, fees, positions that come and go, and refusals."""

from itertools import pairwise
from math import inf, isnan, sqrt

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from builders.ranges import overlapping
from models.market import (
    Concentrated,
    ConcentratedTerms,
    ConstantProduct,
    InvalidAmount,
    InvalidPrice,
    InvalidSide,
    OrderBook,
    SourceTerms,
    StaleFill,
    UnknownPosition,
)
from models.types import Side

# Limits


@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("size", [1e-9, 1.0, 300.0, 1e5, 1e8])
def test_one_position_over_all_prices_is_a_constant_product(side: Side, size: float) -> None:
    """Quotes are those of a constant product to 1e-13; the difference is that fees do not stay in."""
    base, price, fee = 5000.0, 2000.0, 0.003
    pool = Concentrated(price, [(1e-30, 1e30, base * sqrt(price))], fee)
    product = ConstantProduct(base, base * price, fee)
    amount, out = (size, 1e-5 * size * price) if side == "sell" else (size * price, 1e-5 * size)
    for ours, theirs in (
        (pool.quote_in(side, amount), product.quote_in(side, amount)),
        (pool.quote_out(side, out), product.quote_out(side, out)),
        (pool.quote_to(side, 1999.0), product.quote_to(side, 1999.0)),
        (pool.quote_to(side, 2001.0 + size), product.quote_to(side, 2001.0 + size)),
    ):
        assert ours[1:6] == pytest.approx(theirs[1:6], rel=1e-13, abs=1e-300)
    fill = pool.quote_in(side, amount)
    pool.settle(fill)
    without = ConstantProduct(base, base * price, 0.0)
    without.settle(without.quote_in(side, amount - fill.fee))
    assert pool.price == pytest.approx(without.bid, rel=1e-12)
    assert pool.fees(0) == pytest.approx((fill.fee, 0.0) if side == "sell" else (0.0, fill.fee), rel=1e-15)


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_many_tiny_ranges_are_one(side: Side) -> None:
    """A position cut into a thousand trades as the whole does, within ranges and across them."""
    bounds = np.geomspace(50.0, 200.0, 1001).tolist()
    whole = Concentrated(100.0, [(50.0, 200.0, 1e4)], 0.003)
    cut = Concentrated(100.0, [(low, high, 1e4) for low, high in pairwise(bounds)], 0.003)
    assert (cut.base, cut.quote) == pytest.approx((whole.base, whole.quote), rel=1e-12)
    for amount in (1e-6, 0.1, 10.0, 1e3):
        assert cut.quote_in(side, amount)[1:6] == pytest.approx(whole.quote_in(side, amount)[1:6], rel=1e-12)
        fill, other = cut.quote_out(side, 0.2 * amount), whole.quote_out(side, 0.2 * amount)
        assert fill[1:6] == pytest.approx(other[1:6], rel=1e-12)
    assert cut.quote_in(side, 1e9)[1:3] == pytest.approx(whole.quote_in(side, 1e9)[1:3], rel=1e-12)


def test_ever_finer_ranges_come_to_any_curve() -> None:
    """Ranges whose liquidity is that of x² y = k at their middle come to that curve as their width squared."""

    def error(count: int) -> float:
        # Along x² y = k with y = k/x², price p = 2k/x³: L = dy/d√p = 2 √p · dy/dp and y = k^(1/3) (p/2)^(2/3).
        bounds = np.geomspace(10.0, 1000.0, count + 1)
        middle = np.sqrt(bounds[:-1] * bounds[1:])
        depth = 2.0 * np.sqrt(middle) * (2.0 / 3.0) * (middle / 2.0) ** (2.0 / 3.0) / middle * 1e3
        pool = Concentrated(
            100.0, list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), depth.tolist(), strict=True)), 0.0
        )
        out = pool.quote_to("sell", 20.0).amount_out
        return abs(out / (1e3 * (50.0 ** (2.0 / 3.0) - 10.0 ** (2.0 / 3.0))) - 1.0)

    assert error(200) < 1e-4
    assert error(3200) < 1e-6


# Happy path and edges


def test_fees_go_to_the_liquidity_in_range() -> None:
    """Each range's fee is split by liquidity; who is out of range gets nothing; collecting pays once."""
    pool = Concentrated(100.0, [(90.0, 110.0, 3e3), (90.0, 110.0, 1e3), (99.0, 100.0, 4e3), (101.0, 102.0, 5e3)], 0.01)
    within = pool.quote_to("sell", 99.5 * 0.99)
    pool.settle(within)
    shares = [pool.fees(number)[0] / within.fee for number in range(4)]
    assert shares == pytest.approx([3 / 8, 1 / 8, 4 / 8, 0.0], rel=1e-12)
    across = pool.quote_to("sell", 98.0 * 0.99)
    pool.settle(across)
    beyond = pool.fees(0)[0] + pool.fees(1)[0] - within.fee / 2
    assert pool.fees(0)[0] == pytest.approx(3.0 * pool.fees(1)[0], rel=1e-14)
    assert sum(pool.fees(number)[0] for number in range(4)) == pytest.approx(within.fee + across.fee, rel=1e-14)
    assert beyond + pool.fees(2)[0] - within.fee / 2 == pytest.approx(across.fee, rel=1e-12)
    held = pool.base, pool.quote
    paid = pool.fees(0)
    assert pool.collect(0) == paid
    assert pool.fees(0) == (0.0, 0.0)
    assert pool.collect(0) == (0.0, 0.0)
    assert (held[0] - pool.base, held[1] - pool.quote) == pytest.approx(paid, rel=1e-12)
    assert shares[1] * within.fee < pool.fees(1)[0]


def test_a_late_position_has_no_part_in_earlier_fees() -> None:
    """Neither in its own range nor by cutting that of others, and those keep theirs."""
    pool = Concentrated(100.0, [(50.0, 200.0, 1e3)], 0.01)
    first = pool.quote_in("buy", 100.0)
    pool.settle(first)
    number = pool.add(pool.price * 0.99, pool.price * 1.01, 1e3)
    assert number == 1
    assert pool.fees(0) == pytest.approx((0.0, first.fee), rel=1e-15)
    assert pool.fees(1) == (0.0, 0.0)
    second = pool.quote_in("buy", 1.0)
    pool.settle(second)
    assert pool.fees(1)[1] == pytest.approx(second.fee / 2, rel=1e-12)
    assert pool.fees(0)[1] == pytest.approx(first.fee + second.fee / 2, rel=1e-12)


def test_adding_and_removing_leave_no_trace() -> None:
    """A position takes out what it brought; the others' quotes are as before; its fees stay collectable."""
    pool = overlapping()
    before, held = pool.quote_in("sell", 50.0), (pool.base, pool.quote)
    number = pool.add(98.0, 103.0, 1e5)
    brought = pool.amounts(number)
    assert (pool.base - held[0], pool.quote - held[1]) == pytest.approx(brought, rel=1e-9)
    assert pool.quote_in("sell", 50.0).amount_out > before.amount_out
    assert pool.remove(number) == brought
    assert pool.quote_in("sell", 50.0)[:7] == before[:7]
    assert (pool.base, pool.quote) == pytest.approx(held, rel=1e-12)
    assert pool.remove(number) == (0.0, 0.0)
    assert pool.positions[number] == (98.0, 103.0, 0.0)
    pool.settle(pool.quote_in("sell", 1.0))
    owed = pool.fees(0)
    pool.remove(0)
    assert pool.fees(0) == owed
    assert pool.collect(0) == owed
    assert pool.collect(0) == (0.0, 0.0)


def test_a_pool_without_positions_trades_nothing() -> None:
    for pool in (Concentrated(100.0, []), Concentrated(100.0, [(90.0, 110.0, 1.0)])):
        if pool.positions:
            pool.remove(0)
            assert (pool.base, pool.quote) == pytest.approx((0.0, 0.0), abs=1e-15)
        assert isnan(pool.bid)
        assert isnan(pool.ask)
        for fill in (pool.quote_in("sell", 1.0), pool.quote_out("buy", 1.0), pool.quote_to("buy", 200.0)):
            assert (fill.amount_in, fill.amount_out, fill.fee, fill.complete) == (0.0, 0.0, 0.0, False)
            assert isnan(fill.price_before)
            pool.settle(fill)
        assert pool.segments("sell").shape == pool.segments("buy").shape == (4, 0)


def test_a_gap_is_crossed_without_trade() -> None:
    """Between two ranges the next unit has the price of the next range, on either side; a target within is reached."""
    pool = Concentrated(100.0, [(80.0, 90.0, 1e3), (110.0, 120.0, 1e3)], 0.01)
    assert pool.bid == pytest.approx(0.99 * 90.0, rel=1e-15)
    assert pool.ask == pytest.approx(110.0 / 0.99, rel=1e-15)
    for side, target in (("sell", 95.0), ("buy", 105.0)):
        fill = pool.quote_to(side, target)
        assert (fill.amount_in, fill.complete) == (0.0, True)
    state = pool.state
    assert pool.settle(pool.quote_in("sell", 0.0)) == []
    assert pool.state is state
    fill = pool.quote_in("sell", 1.0)
    assert fill.price_before == pool.bid
    pool.settle(fill)
    assert pool.price < 90.0
    assert pool.ask == pytest.approx(pool.price / 0.99, rel=1e-15)
    back = pool.quote_to("buy", 111.5)
    assert back.complete
    assert back.price_before == pool.ask
    assert back.price_after == 111.5
    pool.settle(back)
    assert pool.ask == pytest.approx(111.5, rel=1e-15)


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_positions_run_out(side: Side) -> None:
    """Beyond the last bound a fill is incomplete and of all there is; settling it leaves that side empty."""
    pool = overlapping()
    out = pool.quote if side == "sell" else pool.base
    all_in = pool.quote_in(side, 1e12).amount_in
    for fill in (
        pool.quote_in(side, 1e12),
        pool.quote_out(side, 1e12),
        pool.quote_to(side, 0.0 if side == "sell" else inf),
    ):
        assert not fill.complete
        assert (fill.amount_in, fill.amount_out) == pytest.approx((all_in, out), rel=1e-12)
    assert pool.quote_in(side, all_in).complete
    assert pool.quote_out(side, out * (1.0 - 1e-13)).complete
    fill = pool.quote_in(side, 1e12)
    pool.settle(fill)
    assert isnan(pool.bid if side == "sell" else pool.ask)
    assert (pool.quote if side == "sell" else pool.base) == pytest.approx(0.0, abs=1e-9)
    assert pool.quote_in("buy" if side == "sell" else "sell", 1.0).complete
    assert pool.price == pytest.approx(20.0 if side == "sell" else 200.0, rel=1e-15)


def test_fills_that_no_longer_hold_are_refused_and_better_ones_are_settled_as_quoted() -> None:
    """The state is compared; what the pool gives by now beyond the fill goes to the liquidity that gives it."""
    pool = overlapping()
    sale, more = pool.quote_in("sell", 5.0), pool.quote_in("sell", 5.0)
    pool.settle(sale)
    with pytest.raises(StaleFill, match="quote it again"):
        pool.settle(more)
    purchase = pool.quote_in("buy", 500.0)
    pool.settle(pool.quote_in("sell", 1.0))
    held, owed = pool.base, sum(pool.fees(number)[0] for number in range(5))
    surplus = pool.quote_in("buy", 500.0).amount_out - purchase.amount_out
    assert surplus > 0.0
    pool.settle(purchase)
    assert pool.base == held - purchase.amount_out
    assert sum(pool.fees(number)[0] for number in range(5)) == pytest.approx(owed + surplus, rel=1e-12)
    with pytest.raises(StaleFill):
        pool.check(OrderBook(0.1).quote_in("sell", 5.0)._replace(amount_in=5.0, amount_out=1e9))


# Refusals


def test_impossible_pools_positions_and_requests_are_refused() -> None:
    for price in (0.0, -1.0, inf, float("nan")):
        with pytest.raises(InvalidPrice, match="price is"):
            Concentrated(price, [])
    with pytest.raises(InvalidAmount, match="fee is"):
        Concentrated(1.0, [], 1.0)
    pool = overlapping()
    state = pool.state
    for lower, upper in ((0.0, 1.0), (2.0, 2.0), (3.0, 2.0), (1.0, inf)):
        with pytest.raises(InvalidPrice, match="bound"):
            pool.add(lower, upper, 1.0)
    for liquidity in (0.0, -1.0, inf):
        with pytest.raises(InvalidAmount, match="liquidity is"):
            pool.add(1.0, 2.0, liquidity)
    for number in (-1, 5):
        for ask in (pool.amounts, pool.fees, pool.collect, pool.remove):
            with pytest.raises(UnknownPosition, match="from 0 to 4"):
                ask(number)
    with pytest.raises(InvalidSide):
        pool.quote_in("bid", 1.0)
    with pytest.raises(InvalidAmount):
        pool.quote_out("sell", -1.0)
    with pytest.raises(InvalidPrice):
        pool.quote_to("sell", -1.0)
    with pytest.raises(InvalidAmount, match="one for each"):
        pool.swap_many(np.array([True]), np.array([1.0, 2.0]))
    with pytest.raises(InvalidAmount, match="amount is -1"):
        pool.swap_many(np.array([True, True]), np.array([1.0, -1.0]))
    assert pool.state is state


def test_terms_build_the_pool_that_they_describe() -> None:
    """Positions as they are, ranges by their worth at the price; the reference price where none is given."""
    read = TypeAdapter(SourceTerms).validate_python
    terms = read({"kind": "concentrated", "positions": [[1500, 2500, 1e6]], "fee": 0.0005})
    assert isinstance(terms, ConcentratedTerms)
    pool = terms.build(2000.0)
    assert (pool.price, pool.fee, pool.positions) == (2000.0, 0.0005, [(1500.0, 2500.0, 1e6)])
    spans = [{"lower": 0.9, "upper": 1.2, "value": 3e5}, {"lower": 1.1, "upper": 1.2, "value": 1e5}]
    pool = read({"kind": "concentrated", "price": 1900, "ranges": spans}).build(2000.0)
    assert pool.price == 1900.0
    for number, value in enumerate((3e5, 1e5)):
        base, quote_ = pool.amounts(number)
        assert 1900.0 * base + quote_ == pytest.approx(value, rel=1e-12)
        assert pool.positions[number][:2] == (spans[number]["lower"] * 1900.0, 1.2 * 1900.0)
    for wrong in (
        {},
        {"positions": [[1.0, 2.0]]},
        {"positions": [[2.0, 1.0, 1.0]]},
        {"positions": [[1.0, 2.0, 0.0]]},
        {"ranges": [{"lower": 1.1, "upper": 0.9, "value": 1.0}]},
        {"positions": [[1.0, 2.0, 1.0]], "fee": 1.0},
    ):
        with pytest.raises(ValidationError):
            read({"kind": "concentrated"} | wrong)
