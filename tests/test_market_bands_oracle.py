"""What bands make of their oracle: prices that move with its cube, limited steps and the fee on them."""

from math import nan

import numpy as np
import pytest

from builders.bands import example, trade
from models.market import Bands, InvalidAmount


def test_the_price_moves_with_the_cube_of_the_oracle() -> None:
    """While nobody trades; and neighbouring bands meet at one price."""
    pool = example(0.0, 2000.0)
    price, ask = pool.price, pool.ask
    pool.set_oracle(1800.0, 1200.0)
    assert (pool.price, pool.ask) == pytest.approx((price * 0.9**3, ask * 0.9**3), rel=1e-14)
    segments = pool.segments("buy")
    assert segments.shape == (4, 25)
    np.testing.assert_allclose(segments[0, 1:], segments[1, :-1], rtol=1e-14)
    assert (segments[0, 1:] <= segments[1, :-1]).all()


def test_the_oracle_is_limited_after_a_trade_only() -> None:
    """Until the first deposit it is taken as it is; then a step counts from what was believed at the last trade."""
    pool = Bands(2000.0, 100.0, 0.006)
    pool.set_oracle(1000.0, 50.0)
    assert (pool.oracle_price, pool.dynamic_fee) == (1000.0, 0.006)
    pool.set_oracle(2000.0, 10.0)
    pool.deposit("anna", 10.0, 1, 10)
    state = pool.state
    pool.set_oracle(2000.0, 20.0)
    assert pool.state is state
    pool.set_oracle(1500.0, 70.0)
    assert pool.oracle_price == 1600.0
    assert pool.dynamic_fee == pytest.approx(0.488 / 2, rel=1e-14)
    trade(pool, pool.quote_in("buy", 0.0))
    assert pool.oracle_price == 1600.0
    trade(pool, pool.quote_in("buy", 1.0))
    # The trade has fixed 1600, so that 1500 is within reach of the next one, at the fee of both steps.
    assert pool.oracle_price == 1500.0
    assert pool.dynamic_fee == pytest.approx(0.488 / 2 + 1.0 - 0.9375**3, rel=1e-14)
    pool.set_oracle(1500.0, 190.0)
    assert pool.dynamic_fee == 0.006


def test_no_fee_is_above_all_that_is_given() -> None:
    """Steps in a row add up; even then something trades, and the bands gain."""
    pool = example(oracle=1500.0)
    for number in range(5):
        trade(pool, pool.quote_in("buy", 10.0))
        pool.set_oracle(1500.0 * (1.3 if number % 2 else 0.7), 600.0 + number)
    assert pool.dynamic_fee == 1.0
    fill = trade(pool, pool.quote_in("buy", 1.0))
    assert (fill.complete, fill.fee) == (True, 1.0)
    assert 0.0 < fill.amount_out < 1e-18


def test_a_fruitless_trade_still_fixes_the_oracle() -> None:
    """As in the contract: who asked for something and found nothing has begun the two minutes."""
    pool = example(oracle=1900.0)
    assert not trade(pool, pool.quote_in("sell", 1.0)).complete
    pool.set_oracle(1800.0, 600.0)
    assert pool.dynamic_fee == pytest.approx(1.0 - (18 / 19) ** 3, rel=1e-12)


def test_time_runs_forward_from_the_first_deposit_on() -> None:
    pool = example()
    with pytest.raises(InvalidAmount, match=r"time_seconds is 599\.0: give a time from 600\.0 on"):
        pool.set_oracle(1900.0, 599.0)
    with pytest.raises(InvalidAmount, match="time_seconds"):
        pool.set_oracle(1900.0, nan)


@pytest.mark.parametrize("amplification", [2.0, 20.0, 50.0, 100.0, 200.0])
def test_the_last_band_of_a_trade_begins_fifty_bands_from_the_oracle_whatever_the_rounding(
    amplification: float,
) -> None:
    """With the oracle at an edge of bands, no rounding of that edge's price moves the end of a trade by a band."""
    ends = set()
    for base_price in (0.003, 0.7, 1.126, 1999.0, 6402.0, 27161.842453188892):
        down = Bands(base_price, amplification, 0.0)
        down.deposit("anna", 20.0, 41, 60)
        trade(down, down.quote_out("buy", 15.0))
        up = Bands(base_price, amplification, 0.0)
        up.deposit("anna", 20.0, -60, -41)
        up.set_oracle(base_price * (1.0 - 1.0 / amplification) ** -50, 0.0)
        trade(up, up.quote_out("buy", 20.0))
        up.set_oracle(base_price, 600.0)
        trade(up, up.quote_to("sell", 0.0))
        ends.add((down.active_band, up.active_band, round(down.base, 9)))
    assert ends == {(50, -51, 10.0)}
