"""Stakes of several owners in one pool: shares of a whole pool, and positions around the price."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market import Concentrated, ConstantProduct, Infinite, InvalidAmount, StableSwap
from models.market.stakes import STAKED, NoStakes, stakes_in

FEE = 0.003
POOLS = {
    "constant_product": lambda fee=FEE: ConstantProduct(100.0, 200_000.0, fee),
    "stable_swap": lambda fee=FEE: StableSwap(100.0, 200_000.0, 50.0, fee, 2000.0),
    "concentrated": lambda fee=FEE: Concentrated(2000.0, [(1000.0, 4000.0, 5000.0)], fee),
}
every_pool = pytest.mark.parametrize("kind", POOLS)
EVERYTHING = 1e9, 1e9


def opened(kind, owners=3, fee=FEE):
    pool = POOLS[kind](fee)
    return pool, stakes_in(pool, owners, 0.8, 1.25)


def put(stakes, owner, amounts):
    """One owner puts amounts in."""
    return tuple(stakes.add(np.array([owner]), np.array(amounts, dtype=float)[:, None])[:, 0])


def take(stakes, owner):
    """One owner takes everything out."""
    return tuple(stakes.remove(np.array([owner]))[:, 0])


def units(stakes, size=1.0):
    """So many units of base and what belongs to them."""
    base, quote = stakes.ratio()
    return size, size * quote / base


def test_every_kind_that_takes_stakes_is_tried():
    assert set(POOLS) == set(STAKED), "a new pool of shares is added to POOLS"
    with pytest.raises(NoStakes, match="nobody has a stake in a Infinite"):
        stakes_in(Infinite(2000.0, 0.0), 1, 0.8, 1.25)


@every_pool
def test_who_comes_and_goes_moves_no_price_and_gets_back_what_was_put_in(kind):
    pool, stakes = opened(kind)
    before = pool.bid, pool.ask, pool.base, pool.quote
    taken = put(stakes, 1, units(stakes, 7.0))
    assert taken == pytest.approx(units(stakes, 7.0), rel=1e-12)
    assert (pool.bid, pool.ask) == pytest.approx(before[:2], rel=1e-12)
    np.testing.assert_allclose(stakes.amounts()[:, 1], taken, rtol=1e-12)
    assert take(stakes, 1) == pytest.approx(taken, rel=1e-12)
    assert (pool.bid, pool.ask, pool.base, pool.quote) == pytest.approx(before, rel=1e-12)
    assert not stakes.amounts().any()


@every_pool
def test_no_more_is_taken_than_the_ratio_lets(kind):
    """A wallet with too much of one side keeps the rest of it."""
    _, stakes = opened(kind)
    base, quote = units(stakes)
    assert put(stakes, 0, (base, 5.0 * quote)) == pytest.approx((base, quote), rel=1e-12)
    assert put(stakes, 1, (5.0 * base, quote)) == pytest.approx((base, quote), rel=1e-12)


@every_pool
def test_nothing_is_put_in_where_it_would_be_rounding(kind):
    pool, stakes = opened(kind)
    state = pool.state
    assert put(stakes, 0, (0.0, 100.0)) == (0.0, 0.0)
    assert put(stakes, 0, units(stakes, 1e-14)) == (0.0, 0.0)
    assert take(stakes, 0) == (0.0, 0.0)
    assert pool.state is state


@every_pool
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_a_fee_is_earned_in_proportion_to_what_is_in_the_pool(kind, side):
    """Two owners, one with three times the other's; who comes after the trade has nothing of it."""
    pool, stakes = opened(kind)
    put(stakes, 0, units(stakes, 5.0))
    put(stakes, 1, units(stakes, 15.0))
    fill = pool.quote_in(side, 2.0 if side == "sell" else 4000.0)
    pool.settle(fill)
    put(stakes, 2, units(stakes, 15.0))
    earned = stakes.earned()
    assert not earned[:, 2].any()
    np.testing.assert_allclose(earned[:, 1], 3.0 * earned[:, 0], rtol=1e-9)
    paid = np.array((fill.fee, 0.0) if side == "sell" else (0.0, fill.fee))
    if kind == "stable_swap":
        kept = FEE / (1.0 - FEE) * fill.amount_out
        paid = np.array((0.0, kept) if side == "sell" else (kept, 0.0))
    share = {"constant_product": 5.0 / 120.0, "stable_swap": 5.0 / 120.0}.get(kind)
    if share is None:
        ours = 5.0 / stakes_in(Concentrated(2000.0, [(1000.0, 4000.0, 1.0)]), 1, 0.8, 1.25).ratio()[0]
        share = ours / (4.0 * ours + 5000.0)
    np.testing.assert_allclose(earned[:, 0], share * paid, rtol=1e-9)
    inside = (stakes.amounts() - stakes.principal())[:, 0]
    np.testing.assert_allclose(inside + stakes.owed(0), earned[:, 0], rtol=1e-9, atol=1e-12)


@every_pool
def test_many_at_once_are_the_same_as_one_after_the_other(kind):
    pool, stakes = opened(kind)
    one_by_one, apart = opened(kind)
    wanted = np.array([units(stakes, size) for size in (5.0, 1e-14, 20.0)]).T
    together = stakes.add(np.arange(3), wanted)
    np.testing.assert_allclose(together, np.array([put(apart, k, wanted[:, k]) for k in range(3)]).T, rtol=1e-12)
    assert not together[:, 1].any()
    for source in (pool, one_by_one):
        source.settle(source.quote_in("sell", 3.0))
    np.testing.assert_allclose(stakes.amounts(), apart.amounts(), rtol=1e-12)
    np.testing.assert_allclose(
        stakes.remove(np.array([2, 1, 0])), np.array([take(apart, k) for k in (2, 1, 0)]).T, rtol=1e-9
    )
    assert (pool.base, pool.quote) == pytest.approx((one_by_one.base, one_by_one.quote), rel=1e-12)


@every_pool
def test_fees_are_remembered_after_leaving(kind):
    """What one stay has earned is neither forgotten nor counted twice in the next."""
    pool, stakes = opened(kind)
    for _ in range(2):
        put(stakes, 0, units(stakes, 50.0))
        pool.settle(pool.quote_in("sell", 2.0))
        now = stakes.earned()
        take(stakes, 0)
        np.testing.assert_allclose(stakes.earned(), now, rtol=1e-12)
        pool.settle(pool.quote_in("buy", 4000.0))
        np.testing.assert_allclose(stakes.earned(), now, rtol=1e-12)


def test_a_position_reaches_as_far_as_said_around_the_price_at_its_opening():
    pool, stakes = opened("concentrated")
    pool.settle(pool.quote_to("sell", 1500.0))
    put(stakes, 0, EVERYTHING)
    lower, upper, liquidity = pool.positions[-1]
    assert (lower, upper) == pytest.approx((0.8 * pool.price, 1.25 * pool.price), rel=1e-15)
    assert min(np.array(EVERYTHING) - stakes.amounts()[:, 0]) == pytest.approx(0.0, abs=1e-3)
    pool.settle(pool.quote_to("sell", 1100.0))
    np.testing.assert_allclose(
        stakes.amounts()[:, 0], (liquidity * (1.0 / sqrt(lower) - 1.0 / sqrt(upper)), 0.0), rtol=1e-12
    )


def test_the_pools_own_liquidity_is_nobodys_to_take():
    pool, stakes = opened("constant_product")
    put(stakes, 0, (10.0, 20_000.0))
    with pytest.raises(InvalidAmount, match="give some of the"):
        pool.remove(pool.shares.total)
    take(stakes, 0)
    assert pool.shares.total == pool.shares.background


@settings(max_examples=60)
@given(
    st.sampled_from(list(POOLS)),
    st.lists(
        st.tuples(st.sampled_from(["come", "come", "go", "sell", "buy"]), st.integers(0, 3), st.floats(1e-3, 1e3)),
        max_size=30,
    ),
)
def test_what_everybody_has_and_what_is_nobodys_is_the_whole_pool(kind, events):
    """After any coming, going and trading, the sums hold; when all have left, nobody's part is still there."""
    pool, stakes = opened(kind, owners=4)
    background = (pool.base, pool.quote)
    inside = [False] * 4
    for what, owner, size in events:
        if what == "come" and not inside[owner]:
            inside[owner] = put(stakes, owner, units(stakes, size))[0] > 0.0
        elif what == "go":
            take(stakes, owner)
            inside[owner] = False
        elif what in ("sell", "buy"):
            scale = 1.0 if what == "sell" else 2000.0
            fill = pool.quote_in(what, min(size, 30.0) * scale)
            pool.settle(fill)
        owned = stakes.amounts().sum(axis=1) + np.sum([stakes.owed(k) for k in range(4)], axis=0)
        rest = np.array((pool.base, pool.quote)) - owned
        if kind == "concentrated":
            background = np.add(pool.amounts(0), pool.fees(0))
        else:
            part = pool.shares.background / pool.shares.total
            background = (part * pool.base, part * pool.quote)
        np.testing.assert_allclose(rest, background, rtol=1e-8, atol=1e-8 * max(pool.base, pool.quote / 2000.0))
        assert (stakes.amounts() - stakes.principal() >= -1e-9 * max(pool.base, pool.quote)).all()
    for owner in range(4):
        take(stakes, owner)
    if kind != "concentrated":
        assert pool.shares.total == pytest.approx(pool.shares.background, rel=1e-12)
    assert not stakes.amounts().any()


@pytest.mark.parametrize("excess", [5e-10, -5e-10])
def test_the_side_in_excess_mints_nothing(excess):
    """As in Uniswap v2 the lesser of both parts of the reserves counts."""
    pool = POOLS["constant_product"]()
    start = pool.shares.total
    assert pool.add(10.0, 20_000.0 * (1.0 + excess)) == pytest.approx(0.1 * start * (1.0 + min(excess, 0.0)), rel=1e-13)


def test_shares_of_a_stable_swap_start_at_its_invariant():
    """Twice the reserves are twice the invariant and twice the shares."""
    pool = POOLS["stable_swap"]()
    start = pool.invariant
    assert pool.shares.total == start
    assert pool.add(100.0, 200_000.0) == pytest.approx(start, rel=1e-12)
    assert pool.invariant == pytest.approx(2.0 * start, rel=1e-12)
