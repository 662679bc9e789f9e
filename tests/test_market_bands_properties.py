"""What must hold for any bands, any oracle and any trades."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.bands import sums, trade
from models.market import Bands, UnknownOwner, Venue
from models.types import FloatArray, Side


@st.composite
def pools(draw: st.DrawFn) -> tuple[Bands, FloatArray]:
    """Any bands after any history, at rest: no step of the oracle costs a fee. And the most (quote, base) they had."""
    pool = Bands(
        2000.0,
        draw(st.sampled_from([3.0, 20.0, 100.0, 1000.0])),
        draw(st.sampled_from([0.0, 0.006, 0.3])),
        draw(st.sampled_from([0.0, 0.5])),
    )
    for owner in range(draw(st.integers(1, 4))):
        first = draw(st.integers(-3, 12))
        pool.deposit(owner, draw(st.floats(1e-3, 1e6)), first, first + draw(st.integers(0, 20)))
    most = np.array([pool.quote, pool.base])
    clock = 0.0
    for factor in draw(st.lists(st.floats(0.5, 2.0), max_size=6)):
        clock += draw(st.sampled_from([12.0, 600.0]))
        pool.set_oracle(pool.oracle_price * factor if 100.0 < pool.oracle_price < 4e4 else 2000.0, clock)
        side: Side = draw(st.sampled_from(["sell", "buy"]))
        trade(pool, pool.quote_out(side, draw(st.floats(0.0, 1.1)) * (pool.quote if side == "sell" else pool.base)))
        most = np.maximum(most, [pool.quote, pool.base])
    pool.set_oracle(pool.oracle_price, clock + 600.0)
    return pool, most


def assert_books_agree(pool: Bands, most: FloatArray) -> None:
    """Bands and the administrator's part are the totals, up to what rounding may explain; each on its side."""
    held = np.add(sums(pool), pool.admin_fees)
    assert (np.abs(held - [pool.quote, pool.base]) <= 1e-10 * most).all()
    assert all(min(part) >= 0.0 for part in pool.bands().values())
    active = pool.active_band
    assert all(not part.base for n, part in pool.bands().items() if n < active)
    assert all(not part.quote for n, part in pool.bands().items() if n > active)


SIDES: st.SearchStrategy[Side] = st.sampled_from(["sell", "buy"])


@given(drawn=pools(), side=SIDES, share=st.floats(1e-6, 1.2))
@settings(max_examples=100)
def test_any_trade(drawn: tuple[Bands, FloatArray], side: Side, share: float) -> None:
    """Quotes change nothing and agree with one another; a trade is what was quoted; going back never gains."""
    pool, most = drawn
    before, state = pool.bands(), pool.state
    asked = share * (pool.quote if side == "sell" else pool.base)
    fill = pool.quote_out(side, asked)
    again = pool.quote_in(side, fill.amount_in)
    assert again.amount_out == pytest.approx(fill.amount_out, rel=1e-9)
    alone = Venue([pool]).quote_out(side, asked)
    assert alone.parts == (fill,)
    assert (pool.bands(), pool.state) == (before, state)
    assert fill.amount_in >= 0.0
    assert fill.fee == pytest.approx(pool.dynamic_fee * fill.amount_in, rel=1e-12)
    quote, base = pool.quote, pool.base
    trade(pool, fill)
    most = np.maximum(most, [pool.quote, pool.base])
    moved = (-fill.amount_out, fill.amount_in) if side == "sell" else (fill.amount_in, -fill.amount_out)
    # Amounts below the smallest normal float round by more than a part of themselves.
    once_a_band = np.finfo(float).eps * len(before) * most + np.finfo(float).tiny
    assert (np.abs([pool.quote - quote - moved[0], pool.base - base - moved[1]]) <= once_a_band).all()
    assert_books_agree(pool, most)
    back = pool.quote_in("buy" if side == "sell" else "sell", fill.amount_out)
    assert back.amount_out <= fill.amount_in * (1.0 + 1e-9)


@given(drawn=pools(), side=SIDES, share=st.floats(1e-3, 0.9), cut=st.floats(0.1, 0.9))
@settings(max_examples=60)
def test_a_trade_in_two(drawn: tuple[Bands, FloatArray], side: Side, share: float, cut: float) -> None:
    """Without fee it comes to the same; every second trade finds the fee of the first in the way."""
    pool, _ = drawn
    whole = pool.quote_out(side, share * (pool.quote if side == "sell" else pool.base))
    if whole.amount_in == 0.0 or not whole.complete:
        return
    first = trade(pool, pool.quote_in(side, cut * whole.amount_in))
    second = pool.quote_in(side, (1.0 - cut) * whole.amount_in)
    got = first.amount_out + second.amount_out
    if pool.dynamic_fee == 0.0:
        assert got == pytest.approx(whole.amount_out, rel=1e-9)
        assert second.price_after == pytest.approx(whole.price_after, rel=1e-9)
    else:
        assert got <= whole.amount_out * (1.0 + 1e-9)


@given(drawn=pools(), orders=st.lists(st.tuples(st.booleans(), st.floats(1e-9, 0.7) | st.just(0.0)), max_size=12))
@settings(max_examples=40)
def test_many_swaps_at_once_are_one_after_the_other(
    drawn: tuple[Bands, FloatArray], orders: list[tuple[bool, float]]
) -> None:
    """Amounts, bands, totals, fees and what is believed of the oracle, within the two minutes too."""
    pool, _ = drawn
    clock = 1e5
    pool.set_oracle(2000.0, clock)
    trade(pool, pool.quote_in("buy", 1e-6))
    pool.set_oracle(1400.0, clock + 30.0)
    twin = deepcopy(pool)
    sells = np.array([sell for sell, _ in orders], dtype=bool)
    amounts = np.array([share * (1.0 if sell else 2000.0) * 10.0 for sell, share in orders])
    trades = twin.swap_many(sells, amounts)
    for k, (sell, amount) in enumerate(zip(sells.tolist(), amounts.tolist(), strict=True)):
        fill = trade(pool, pool.quote_in("sell" if sell else "buy", amount))
        assert trades[:, k] == pytest.approx((fill.amount_in, fill.amount_out), rel=1e-12)
    assert (twin.active_band, twin.oracle_price) == (pool.active_band, pool.oracle_price)
    assert twin.dynamic_fee == pytest.approx(pool.dynamic_fee, rel=1e-14)
    assert (twin.quote, twin.base, *twin.admin_fees) == pytest.approx(
        (pool.quote, pool.base, *pool.admin_fees), rel=1e-12
    )
    assert twin.bands() == {n: pytest.approx(tuple(held), rel=1e-9) for n, held in pool.bands().items()}


@given(drawn=pools(), data=st.data())
@settings(max_examples=60)
def test_owners_come_and_go(drawn: tuple[Bands, FloatArray], data: st.DataObject) -> None:
    """Owners' balances add up to the bands; each takes out its balance and leaves the others theirs."""
    pool, most = drawn
    held = pool.withdraw(0, 0.5) if data.draw(st.booleans()) else None
    if held is not None:
        assert held == pytest.approx(tuple(pool.balances(0)), rel=1e-12)
    pool.deposit("late", 1.0, pool.active_band + 1, pool.active_band + 5)
    most = np.maximum(most, [pool.quote, pool.base])
    owners = [owner for owner in (0, 1, 2, 3, "late") if _has(pool, owner)]
    np.testing.assert_allclose(np.sum([pool.balances(owner) for owner in owners], axis=0), sums(pool), rtol=1e-9)
    while owners:
        owner = owners.pop(data.draw(st.integers(0, len(owners) - 1)))
        expected = [tuple(pool.balances(other)) for other in owners]
        balance = tuple(pool.balances(owner))
        taken = pool.withdraw(owner)
        assert (np.abs(np.subtract(taken, balance)) <= 1e-10 * most).all()
        for other, was in zip(owners, expected, strict=True):
            assert pool.balances(other) == pytest.approx(was, rel=1e-12)
        assert_books_agree(pool, most)
    assert (np.abs(np.subtract((pool.quote, pool.base), pool.admin_fees)) <= 1e-10 * most).all()


def _has(pool: Bands, owner: int | str) -> bool:
    try:
        pool.span(owner)
    except UnknownOwner:
        return False
    return True
