"""The order book as a source of liquidity: quotes, and their settlement with the makers."""

from math import inf, isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market import Infinite, OrderBook, StaleFill
from models.types import Side


def priced_book() -> OrderBook:
    book = OrderBook(0.5, taker_fee=0.01)
    for price, size, owner in ((99.0, 4.0, "a"), (99.0, 1.0, "b"), (98.0, 5.0, "a"), (97.0, 10.0, "c")):
        book.limit("buy", price, size, owner)
    for price, size, owner in ((101.0, 2.0, "d"), (102.0, 3.0, "e")):
        book.limit("sell", price, size, owner)
    return book


def test_quotes_walk_the_levels_net_of_the_fee() -> None:
    """A sale receives p (1 - f), a purchase pays p / (1 - f), and the fee is f of what is given."""
    book = priced_book()
    assert book.bid == pytest.approx(99.0 * 0.99)
    assert book.ask == pytest.approx(101.0 / 0.99)
    sale = book.quote_in("sell", 7.0)
    assert sale.amount_out == pytest.approx((5 * 99 + 2 * 98) * 0.99, rel=1e-15)
    assert (sale.fee, sale.price_after, sale.complete) == (pytest.approx(0.07), pytest.approx(98 * 0.99), True)
    assert book.quote_out("sell", sale.amount_out).amount_in == pytest.approx(7.0, rel=1e-15)
    purchase = book.quote_out("buy", 3.0)
    assert purchase.amount_in == pytest.approx((2 * 101 + 102) / 0.99, rel=1e-15)
    assert purchase.fee == pytest.approx(0.01 * purchase.amount_in)
    assert book.quote_in("buy", purchase.amount_in).amount_out == pytest.approx(3.0, rel=1e-15)


def test_a_quote_to_a_price_takes_better_levels_whole_and_none_at_it() -> None:
    """Levels strictly better than the price are taken, the level at it is not, and an exhausted side says so."""
    book = priced_book()
    at_the_second = book.quote_to("sell", 98.0 * 0.99)
    assert (at_the_second.base, at_the_second.complete) == (5.0, True)
    assert at_the_second.price_after == book.bid
    assert book.quote_to("sell", 97.5).base == 5.0
    assert book.quote_to("sell", book.bid).base == 0.0
    below_all = book.quote_to("sell", 1.0)
    assert (below_all.base, below_all.complete) == (20.0, False)
    assert book.quote_to("buy", 102.0 / 0.99).base == 2.0
    assert book.quote_to("buy", inf).base == 5.0


def test_more_than_the_book_holds_is_incomplete() -> None:
    book = priced_book()
    for fill in (book.quote_in("sell", 21.0), book.quote_out("sell", 1e6)):
        assert (fill.amount_in, fill.complete) == (20.0, False)
    assert book.quote_in("sell", 20.0).complete
    assert book.quote_in("buy", 1e6).amount_out == 5.0


def test_an_empty_book_quotes_nothing() -> None:
    """No orders: no price, an empty and incomplete fill, which still settles to nothing."""
    book = OrderBook(0.1)
    assert isnan(book.bid)
    assert isnan(book.ask)
    for fill in (book.quote_in("sell", 1.0), book.quote_out("buy", 1.0), book.quote_to("sell", 0.0)):
        assert (fill.amount_in, fill.amount_out, fill.complete) == (0.0, 0.0, False)
        assert isnan(fill.price_before)
        assert book.settle(fill) == []


def test_settling_pays_the_makers_in_order() -> None:
    """The makers get what the taker gives, in their order; the fee is what their quote and the taker's differ by."""
    book = priced_book()
    sale = book.quote_in("sell", 7.0)
    trades = book.settle(sale)
    assert trades == [("a", 4.0, 396.0), ("b", 1.0, 99.0), ("a", 2.0, 196.0)]
    assert sum(quote for *_, quote in trades) * 0.99 == pytest.approx(sale.amount_out, rel=1e-15)
    assert book.levels("buy") == [(98.0, 3.0), (97.0, 10.0)]
    purchase = book.quote_in("buy", 101.0 / 0.99)
    assert book.settle(purchase) == [("d", pytest.approx(1.0), pytest.approx(101.0))]
    assert purchase.amount_in - purchase.fee == pytest.approx(101.0)


def test_a_fill_is_refused_once_the_orders_are_gone() -> None:
    """A stale fill is refused where the book gives less, and applied as quoted where it gives more."""
    book = priced_book()
    sale, purchase = book.quote_in("sell", 7.0), book.quote_out("buy", 1.0)
    book.cancel(book.orders("buy")[0][0])
    with pytest.raises(StaleFill):
        book.settle(sale)
    assert book.levels("buy")[0] == (99.0, 1.0)
    book.limit("buy", 100.0, 7.0, "z")
    assert book.settle(sale) == [("z", 7.0, pytest.approx(sale.amount_out / 0.99))]
    book.limit("sell", 100.5, 1.0, "y")
    assert book.settle(purchase) == [("y", 1.0, pytest.approx(101.0))]
    book.cancel_all("d")
    with pytest.raises(StaleFill):
        book.settle(purchase)


RESTING = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 12), st.floats(0.01, 50.0)), min_size=1, max_size=30
)


@settings(max_examples=80)
@given(RESTING, st.sampled_from(["sell", "buy"]), st.floats(0.0, 1.2), st.sampled_from([0.0, 0.003]))
def test_quotes_are_pure_and_settling_conserves(
    resting: list[tuple[str, int, float]], side: str, share: float, fee: float
) -> None:
    """Quoting leaves every byte; settling takes from the makers what the taker gets and the queue in order."""
    book = OrderBook(0.25, fee)
    for number, (own, offset, size) in enumerate(resting):
        book.limit(own, 100.0 + (-0.25 if own == "buy" else 0.25) * offset, size, number)
    meets = "sell" if side == "buy" else "buy"
    held = sum(size for _, size in book.levels(meets))
    before = [column.tobytes() for column in book._columns], book.state
    everything = book.quote_to(side, 0.0 if side == "sell" else inf)
    assert everything.base == pytest.approx(held, rel=1e-12)
    fill = book.quote_in(side, share * everything.amount_in)
    assert ([column.tobytes() for column in book._columns], book.state) == before
    queue = book.orders(meets)
    trades = book.settle(fill)
    assert sum(base for _, base, _ in trades) == pytest.approx(fill.base, rel=1e-11, abs=1e-300)
    paid = fill.quote / (1.0 - fee) if side == "sell" else fill.quote * (1.0 - fee)
    assert sum(quote for *_, quote in trades) == pytest.approx(paid, rel=1e-11, abs=1e-300)
    assert [owner for owner, *_ in trades] == [owner for *_, owner in queue[: len(trades)]]
    assert sum(size for _, size in book.levels(meets)) == pytest.approx(held - fill.base, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("side", "ticks", "tick"), [("sell", 999, 1e-6), ("sell", 12347, 1e-6), ("buy", 69, 0.01)])
def test_a_quote_to_the_price_of_a_level_means_that_level_however_the_price_was_worked_out(
    side: Side, ticks: int, tick: float
) -> None:
    """999 * 1e-6 is a rounding below 0.000999, and 69 * 0.01 one above 0.69: neither is beyond the level."""
    book = OrderBook(tick)
    resting: Side = "buy" if side == "sell" else "sell"
    price = ticks * tick
    book.limit(resting, price, 5.0, "a")
    assert price < book.bid if side == "sell" else price > book.ask
    assert book.quote_to(side, price).base == 0.0
    assert Infinite(book.bid if side == "sell" else book.ask).quote_to(side, price).base == 0.0
