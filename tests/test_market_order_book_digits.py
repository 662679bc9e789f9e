"""Prices and sizes of the order book, to their last digits."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market import OrderBook
from models.market.orders import TimeInForce


@pytest.mark.parametrize("tick", [0.01, 0.05, 0.025, 0.3, 1e-8, 0.1, 7.0, 1 / 3])
def test_prices_come_back_as_they_went_in(tick: float) -> None:
    """A price on the grid is reported as the decimal that it is, at any number of ticks."""
    book = OrderBook(tick)
    for ticks in (1, 3, 199999, 123456789):
        price = float(f"{ticks * tick:.8f}") if tick != 1 / 3 else ticks * tick
        order_id, _ = book.limit("buy", price, 1.0, "a")
        assert book.levels("buy") == [(pytest.approx(price, rel=1e-15, abs=0), 1.0)]
        if tick != 1 / 3:
            assert book.levels("buy")[0][0] == price
        assert book.bid == pytest.approx(price, rel=1e-15, abs=0)
        assert book.market("sell", 0.5, "b") == [(order_id, pytest.approx(price, rel=1e-15, abs=0), 0.5)]
        assert order_id is not None
        book.cancel(order_id)


def test_real_sizes_leave_no_crumbs() -> None:
    """0.1 and 0.2 are gone after 0.3, though the floats do not add up."""
    for size, makers in ((0.3, (0.1, 0.2)), (0.1 + 0.2, (0.3,)), (0.7, (0.1, 0.6))):
        book = OrderBook(1.0)
        for maker in makers:
            book.limit("buy", 10.0, maker, "m")
        order_id, trades = book.limit("sell", 10.0, size, "t")
        assert order_id is None
        assert [traded for _, _, traded in trades] == list(makers)
        assert book.levels("buy") == book.levels("sell") == []


SIZES = st.floats(-6.0, 6.0).map(lambda power: float(10.0**power))


@settings(max_examples=100)
@given(makers=st.lists(SIZES, min_size=1, max_size=40), part=st.floats(0.0, 1.2), whole=st.integers(0, 40))
def test_orders_are_exact_however_their_sizes_differ(makers: list[float], part: float, whole: int) -> None:
    """Against fractions: each trade to the last digits of the taker's size, and as many orders hit as there are."""
    total = sum((Fraction(maker) for maker in makers[:whole]), Fraction(0))
    taker = float(total) if total and part > 0.6 else part * sum(makers)
    if taker == 0.0:
        return
    crumb = 2.0**-49 * taker
    for as_limit in (False, True):
        book = OrderBook(1.0)
        for maker in makers:
            book.limit("buy", 10.0, maker, "m")
        trades = book.limit("sell", 10.0, taker, "t")[1] if as_limit else book.market("sell", taker, "t")
        left = Fraction(taker)
        for (_, _, traded), maker in zip(trades, makers, strict=False):
            assert abs(Fraction(traded) - min(left, Fraction(maker))) <= crumb
            left -= Fraction(traded)
        if len(trades) < len(makers):
            assert abs(left) <= crumb
        rests = float(max(left, 0)) if as_limit else 0.0  # a market order drops what it does not get
        assert sum(size for _, size in book.levels("sell")) == pytest.approx(rests, abs=crumb)


@pytest.mark.parametrize("tif", ["gtc", "ioc", "fok"])
def test_a_small_order_behind_a_giant_is_hit_as_asked(tif: TimeInForce) -> None:
    """A taker for both takes both, one for a half of it that half: sizes apart by a factor of 1e12."""
    for taken in (1.0, 0.5):
        book = OrderBook(1.0)
        book.limit("sell", 10.0, 1e12, "giant")
        small, _ = book.limit("sell", 10.0, 1.0, "small")
        _, trades = book.limit("buy", 10.0, 1e12 + taken, "t", tif=tif)
        assert [traded for _, _, traded in trades] == [1e12, taken]
        assert trades[1][0] == small
        assert book.levels("buy") == []
        assert book.levels("sell") == ([(10.0, 0.5)] if taken == 0.5 else [])


def test_a_giant_keeps_what_a_taker_does_not_ask_for() -> None:
    book = OrderBook(1.0)
    book.limit("sell", 10.0, 1e12, "giant")
    assert [traded for _, _, traded in book.market("buy", 1e12 - 0.5, "t")] == [1e12 - 0.5]
    assert book.levels("sell") == [(10.0, 0.5)]


def test_a_quote_for_levels_of_very_different_sizes_settles_as_quoted() -> None:
    """All of both: nothing stays behind. All of the first but for a rounding: the second is not touched."""
    for asked, left in ((1e6 + 1e-6, []), (1e6 + 1e-7, [(10.0, 1e-6)]), (1e6, [(10.0, 1e-6)])):
        book = OrderBook(1.0)
        book.limit("sell", 9.0, 1e6, "a")
        book.limit("sell", 10.0, 1e-6, "b")
        fill = book.quote_out("buy", asked)
        assert fill.price_after == (9.0 if left else 10.0)
        book.settle(fill)
        assert book.levels("sell") == left
