"""What must hold for any positions and any trades."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market import Concentrated, ConstantProduct, Venue
from models.types import Side

BOUNDS = st.tuples(st.integers(-60, 60), st.integers(1, 60))
POSITIONS = st.lists(
    st.builds(
        lambda bounds, depth: (100.0 * 1.01 ** bounds[0], 100.0 * 1.01 ** (bounds[0] + bounds[1]), depth),
        BOUNDS,
        st.floats(1.0, 1e6),
    ),
    min_size=1,
    max_size=6,
)
POOLS = st.builds(Concentrated, st.floats(60.0, 160.0), POSITIONS, st.sampled_from([0.0, 0.0005, 0.01]))
SIDES = st.sampled_from(["sell", "buy"])
TRADES = st.lists(st.tuples(SIDES, st.floats(1e-6, 1e5)), min_size=1, max_size=8)


@settings(max_examples=100)
@given(POOLS, TRADES)
def test_the_pool_holds_what_its_positions_and_their_fees_are(pool: Concentrated, trades: list) -> None:
    """After any trades base and quote are the positions' amounts and fees; amounts are what the takers exchanged."""
    for side, amount in trades:
        base, quote_ = pool.base, pool.quote
        fill = pool.quote_in(side, amount)
        assert (pool.base, pool.quote) == (base, quote_)
        pool.settle(fill)
        sign = 1.0 if side == "sell" else -1.0
        assert pool.base == pytest.approx(base + sign * fill.base, rel=1e-12, abs=1e-9)
        assert pool.quote == pytest.approx(quote_ - sign * fill.quote, rel=1e-12, abs=1e-9)
    parts = [np.add(pool.amounts(number), pool.fees(number)) for number in range(len(pool.positions))]
    assert [pool.base, pool.quote] == pytest.approx(np.sum(parts, axis=0).tolist(), rel=1e-10, abs=1e-7)


@settings(max_examples=100)
@given(POOLS, SIDES, st.floats(1e-6, 1e5))
def test_in_out_and_to_are_one_trade(pool: Concentrated, side: Side, amount: float) -> None:
    """What a fill gives costs what it takes and ends where it ends; afterwards the price is the one that it said."""
    fill = pool.quote_in(side, amount)
    if fill.amount_in == 0.0:
        return
    assert pool.quote_out(side, fill.amount_out).amount_in == pytest.approx(fill.amount_in, rel=1e-9)
    to = pool.quote_to(side, fill.price_after)
    reserve = max(depth for _, _, depth in pool.positions)
    assert to.amount_in == pytest.approx(fill.amount_in, rel=1e-9, abs=1e-12 * 20.0 * reserve)
    pool.settle(fill)
    after = pool.bid if side == "sell" else pool.ask
    assert (
        isnan(after)
        or after == pytest.approx(fill.price_after, rel=1e-12)
        or (after < fill.price_after) == (side == "sell")
    )


@settings(max_examples=80)
@given(POOLS, SIDES, st.floats(1e-3, 1e4), st.integers(2, 5))
def test_a_trade_in_parts_is_the_trade(pool: Concentrated, side: Side, amount: float, parts: int) -> None:
    """Fees stay outside, so the path does not matter, with a fee either; a round trip never gains."""
    whole = pool.quote_in(side, amount)
    got = given_ = 0.0
    for _ in range(parts):
        fill = pool.quote_in(side, amount / parts)
        pool.settle(fill)
        given_, got = given_ + fill.amount_in, got + fill.amount_out
    assert given_ == pytest.approx(whole.amount_in, rel=1e-10)
    assert got == pytest.approx(whole.amount_out, rel=1e-10)
    back = pool.quote_in("buy" if side == "sell" else "sell", got)
    assert back.amount_out <= whole.amount_in * (1.0 + 1e-9)


@settings(max_examples=60)
@given(POOLS, TRADES)
def test_many_swaps_at_once_are_the_swaps_one_by_one(pool: Concentrated, trades: list) -> None:
    """Same amounts, same price, same fees as quoting and settling each."""
    twin = Concentrated(pool.price, pool.positions, pool.fee)
    sells = np.array([side == "sell" for side, _ in trades])
    given_, got = pool.swap_many(sells, np.array([amount for _, amount in trades]))
    for k, (side, amount) in enumerate(trades):
        fill = twin.quote_in(side, amount)
        twin.settle(fill)
        assert (given_[k], got[k]) == (fill.amount_in, fill.amount_out)
    assert (pool.price, pool.base, pool.quote, pool.bid, pool.ask) == pytest.approx(
        (twin.price, twin.base, twin.quote, twin.bid, twin.ask), rel=0.0, abs=0.0, nan_ok=True
    )
    for number in range(len(pool.positions)):
        assert pool.fees(number) == twin.fees(number)


@settings(max_examples=80)
@given(POOLS, SIDES, st.floats(0.3, 1.0))
def test_the_ladder_lists_the_pool(pool: Concentrated, side: Side, share: float) -> None:
    """The arcs are in order without overlap, begin at the marginal price, and add up to what the pool gives."""
    start, end, weight, _ = pool.segments(side)
    best = pool.bid if side == "sell" else pool.ask
    if isnan(best):
        assert not start.size
        return
    assert (start > end).all()
    assert (end[:-1] >= start[1:]).all()
    assert start[0] == pytest.approx(best if side == "sell" else 1.0 / best, rel=1e-14)
    assert (weight * (np.sqrt(start) - np.sqrt(end))).sum() == pytest.approx(
        pool.quote_out(side, 1e12).amount_out, rel=1e-9
    )
    venue = Venue([pool, ConstantProduct(1.0, 1.0)])
    price = best * share if side == "sell" else best / share
    mid = venue.mid
    fraction = abs(price / mid - 1.0)
    reached = venue.quote_to(side, mid * (1.0 - fraction if side == "sell" else 1.0 + fraction))
    assert venue.depth(side, fraction) == pytest.approx(reached.base, rel=1e-8, abs=1e-9)
