"""Owners of bands: deposits, withdrawals, and each one's part of what is in a band."""

from math import inf, isnan, nan

import numpy as np
import pytest

from builders.bands import example, trade
from models.market import AlreadyDeposited, Bands, InvalidAmount, InvalidBands, UnknownOwner
from models.market.band_curve import virtual
from models.types import Side


@pytest.mark.parametrize("start", [0.0, 1000.0])
def test_slower_moves_come_to_x_down_and_y_up(start: float) -> None:
    """Without fee and with arbitrage at every step, a fall ends at x_down of its beginning and a rise at y_up."""

    def moved(steps: int, prices: tuple[float, float]) -> float:
        pool = Bands(2000.0, 50.0, 0.0)
        pool.deposit("anna", 10.0, 5, 12)
        if start:
            pool.set_oracle(1700.0, 600.0)
            trade(pool, pool.quote_in("buy", 10.0 * start))
        pool.set_oracle(prices[0], 1200.0)
        falls = prices[1] < prices[0]
        expected = pool.x_down("anna") if falls else pool.y_up("anna")
        for number, oracle in enumerate(np.geomspace(*prices, steps)):
            pool.set_oracle(float(oracle), 1800.0 + 600.0 * number)
            side: Side = "buy" if pool.price < oracle else "sell"
            trade(pool, pool.quote_to(side, float(oracle)))
        quote, base = pool.balances("anna")
        assert (base if falls else quote) == pytest.approx(0.0, abs=1e-9)
        return (quote if falls else base) / expected - 1.0

    for prices in ((1900.0, 1400.0), (1400.0, 1900.0)):
        coarse, fine, finest = (moved(steps, prices) for steps in (30, 300, 3000))
        assert coarse < fine < finest <= 1e-12
        assert finest > -2e-4


def test_owners_who_share_bands_share_what_they_earn() -> None:
    """Two equal deposits are one of twice the size, also after trades; a later one has no part in earlier fees."""
    both, one, free = Bands(2000.0), Bands(2000.0), Bands(2000.0, fee=0.0)
    both.deposit("anna", 5.0, 1, 10)
    both.deposit("bert", 5.0, 1, 10)
    one.deposit("anna", 10.0, 1, 10)
    free.deposit("anna", 10.0, 1, 10)
    for pool in (both, one, free):
        pool.set_oracle(1850.0, 600.0)
        trade(pool, pool.quote_in("buy", 3000.0))
        pool.set_oracle(2000.0, 1200.0)
        trade(pool, pool.quote_in("sell", 1e3))
    assert both.bands() == one.bands()
    earned = tuple(both.balances("anna"))
    assert both.balances("bert") == earned == pytest.approx(tuple(np.array(one.balances("anna")) / 2), rel=1e-14)
    assert both.base > free.base
    both.deposit("carl", 100.0, 1, 10)
    assert both.balances("carl") == pytest.approx((0.0, 100.0), rel=1e-14)
    assert both.balances("anna") == pytest.approx(earned, rel=1e-13)


def test_a_small_owner_keeps_its_part_when_a_large_one_leaves() -> None:
    pool = Bands(2000.0)
    pool.deposit("anna", 1e-9, 1, 4)
    pool.deposit("bert", 1e9, 1, 4)
    assert pool.balances("anna").base == pytest.approx(1e-9, rel=1e-14)
    assert pool.withdraw("bert") == (0.0, 1e9)
    assert pool.balances("anna").base == pytest.approx(1e-9, rel=1e-14)


def test_a_small_owner_does_not_answer_for_the_rounding_of_a_large_trade() -> None:
    """A trade through a giant's band that ends in a tiny one: that one's own curve holds, whatever is carried in."""
    for part in np.linspace(0.05, 0.95, 19).tolist():
        pool = Bands(2000.0, 100.0, 0.0)
        pool.deposit("giant", 1e8, 1, 1)
        pool.deposit("tiny", 1e-2, 2, 2)
        pool.set_oracle(1950.0, 600.0)
        trade(pool, pool.quote_out("buy", 1e8 + part * 1e-2))
        quote, base = pool.bands()[2]
        f, g = virtual(0.0, 1e-2, pool.base_price * 0.99**2, 1950.0, 100.0)
        assert 0.0 < base < 1e-2
        assert (f + quote) * (g + base) == pytest.approx(f * (g + 1e-2), rel=1e-12)
        assert pool.balances("tiny") == pytest.approx((quote, base), rel=1e-14)


def test_deposits_above_the_active_band() -> None:
    """They move it up while no quote is in the way; after a trade they have to stay below it."""
    pool = Bands(2000.0)
    pool.deposit("anna", 10.0, -5, 4)
    assert (pool.active_band, len(pool.bands())) == (-6, 10)
    pool.deposit("bert", 10.0, -2, -2)
    assert pool.active_band == -6
    pool.set_oracle(2000.0, 600.0)
    trade(pool, pool.quote_out("buy", 1.5))
    assert pool.active_band == -4
    with pytest.raises(InvalidBands, match=r"bands are -4 to 0: deposit from band -3 on"):
        pool.deposit("carl", 1.0, -4, 0)
    pool.deposit("carl", 1.0, -3, 0)
    assert pool.active_band == -4


def test_withdrawing() -> None:
    """A fraction of each band; the last owner takes what is left, and the pool can begin anew."""
    pool = example(0.0, 1850.0)
    trade(pool, pool.quote_in("buy", 8000.0))
    before, others = pool.balances("anna"), tuple(pool.balances("bert"))
    assert pool.withdraw("anna", 0.25) == pytest.approx(np.array(before) / 4, rel=1e-14)
    assert pool.balances("anna") == pytest.approx(np.array(before) * 0.75, rel=1e-14)
    assert pool.balances("bert") == pytest.approx(others, rel=1e-14)
    pool.withdraw("bert")
    assert set(pool.bands()) == set(range(1, 11))
    quote, base = pool.quote, pool.base
    assert pool.withdraw("anna") == (quote, base)
    assert (pool.quote, pool.base, pool.bands()) == (0.0, 0.0, {})
    assert isnan(pool.bid)
    assert isnan(pool.ask)
    pool.deposit("anna", 1.0, 30, 30)
    assert pool.quote_in("buy", 1e6).amount_out == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize(("n1", "n2"), [(6824, 6873), (-6873, -6824)])
def test_the_farthest_fifty_bands_take_a_deposit(n1: int, n2: int) -> None:
    pool = Bands(2000.0)
    pool.deposit("anna", 50.0, n1, n2)
    assert pool.balances("anna") == pytest.approx((0.0, 50.0))


@pytest.mark.parametrize(("leaves", "stays"), [("bert", ("anna", 10.0, 1, 10)), ("anna", ("bert", 40.0, 6, 25))])
def test_where_bands_are_shared_who_stays_has_all_of_its_own(leaves: str, stays: tuple[str, float, int, int]) -> None:
    """The pool sells them as if the one who has left had never been there."""
    pool, alone = example(), Bands(2000.0, 100.0, 0.006)
    alone.deposit(*stays)
    alone.set_oracle(1900.0, 600.0)
    pool.withdraw(leaves)
    for part in (0.5, 0.99, 2.0):
        fill, expected = (one.quote_out("buy", part * stays[1]) for one in (pool, alone))
        assert (fill.amount_in, fill.amount_out) == pytest.approx((expected.amount_in, expected.amount_out), rel=1e-9)
        assert fill.complete is expected.complete is (part < 1.0)


def test_deposits_and_withdrawals_that_make_no_sense() -> None:
    pool = example()
    for base in (0.0, -1.0, inf, nan):
        with pytest.raises(InvalidAmount, match="base is"):
            pool.deposit("carl", base, 1, 10)
    for n1, n2 in ((5, 4), (1, 51)):
        with pytest.raises(InvalidBands, match="give from 1 to 50 bands"):
            pool.deposit("carl", 1.0, n1, n2)
    for n1, n2 in ((6870, 6880), (-6880, -6870)):
        with pytest.raises(InvalidBands, match="give numbers from -6873 to 6873"):
            pool.deposit("carl", 1.0, n1, n2)
    with pytest.raises(AlreadyDeposited, match="anna"):
        pool.deposit("anna", 1.0, 11, 20)
    for fraction in (0.0, -0.1, 1.1, nan):
        with pytest.raises(InvalidAmount, match="fraction"):
            pool.withdraw("anna", fraction)
    for ask in (pool.withdraw, pool.balances, pool.x_down, pool.y_up, pool.span):
        with pytest.raises(UnknownOwner, match="'carl'"):
            ask("carl")
    with pytest.raises(UnknownOwner):
        pool.health("carl", 1.0, 0.0)
    for debt, discount, name in ((0.0, 0.1, "debt"), (inf, 0.1, "debt"), (1.0, 1.0, "liquidation_discount")):
        with pytest.raises(InvalidAmount, match=name):
            pool.health("anna", debt, discount)
