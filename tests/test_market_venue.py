"""The venue: the split over books and pools against a 50-digit water-fill, and what it shows of its depth."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from math import inf, isnan, nan

import numpy as np
import pytest

from builders.venues import book_of
from models.market import (
    ConstantProduct,
    EndlessFill,
    Fill,
    Infinite,
    InvalidAmount,
    InvalidSide,
    OrderBook,
    Source,
    StableSwap,
    StaleFill,
    UnusableSources,
    Venue,
)
from models.market.ladder import GIVE, route
from models.types import Side


def example() -> Venue:
    """A pool at 2000 and ten levels a side."""
    bids = [(1999.0 - 2.0 * level, 1.0 + level) for level in range(10)]
    asks = [(2001.0 + 2.0 * level, 1.0 + level) for level in range(10)]
    return Venue([ConstantProduct(5000.0, 10_000_000.0, 0.0005), book_of(bids, asks, 0.0001)])


def traded_at(source: Source, side: Side, rate: Decimal, whole: bool) -> tuple[Decimal, Decimal]:
    """What a taker has given and got when the source's marginal rate has come down to `rate`, level at it included."""
    given_, got = Decimal(0), Decimal(0)
    if isinstance(source, ConstantProduct):
        keep = 1 - Decimal(source.fee)
        own, other = Decimal(source.base), Decimal(source.quote)
        reserve_in, reserve_out = (own, other) if side == "sell" else (other, own)
        if rate < keep * reserve_out / reserve_in:
            given_ = ((keep * reserve_in * reserve_out / rate).sqrt() - reserve_in) / keep
            got = reserve_out * keep * given_ / (reserve_in + keep * given_)
        return given_, got
    assert isinstance(source, OrderBook)
    keep = 1 - Decimal(source.taker_fee)
    for price, size in source.levels("buy" if side == "sell" else "sell"):
        level = Decimal(price) * keep if side == "sell" else keep / Decimal(price)
        if level > rate or (whole and level == rate):
            give = Decimal(size) if side == "sell" else Decimal(size) / level
            given_, got = given_ + give, got + give * level
    return given_, got


def water_fill(sources: list[Source], side: Side, amount: float, column: int) -> list[list[Decimal]]:
    """Bisection for the rate at which all sources together take the amount; (given, got) of each to 40 digits.

    Only for amounts whose last unit is a pool's, or a single level's: the last level is then filled in proportion.
    """
    with localcontext() as context:
        context.prec = 60
        low, high = Decimal("1e-30"), Decimal("1e30")
        for _ in range(400):
            rate = (low * high).sqrt()
            if sum(traded_at(source, side, rate, True)[column] for source in sources) > Decimal(amount):
                low = rate
            else:
                high = rate
        under = [traded_at(source, side, high, True) for source in sources]
        over = [traded_at(source, side, low, True) for source in sources]
        missing = Decimal(amount) - sum(pair[column] for pair in under)
        step = sum(pair[column] for pair in over) - sum(pair[column] for pair in under)
        share = missing / step if step else Decimal(0)
        return [[a + (b - a) * share for a, b in zip(u, o, strict=True)] for u, o in zip(under, over, strict=True)]


def two_pools_and_two_books() -> list[Source]:
    return [
        ConstantProduct(500.0, 1_000_000.0, 0.003),
        book_of([(1998.5, 2.0), (1991.0, 4.0)], [(2003.25, 1.0), (2010.0, 3.0)], 0.001),
        ConstantProduct(80.0, 160_400.0, 0.0005),
        book_of([(1996.0, 3.0), (1980.0, 9.0)], [(2004.0, 2.0), (2030.0, 8.0)]),
    ]


@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("size", [1e-9, 1e-4, 0.1, 2.5, 5.3, 9.0, 16.0, 60.0, 400.0])
@pytest.mark.parametrize("make", [two_pools_and_two_books, lambda: list(example().sources)])
def test_the_split_is_the_water_fill(make: Callable[[], list[Source]], side: Side, size: float) -> None:
    """Given and got agree with 50-digit bisection to 1e-12, each source's share to 1e-9, for amounts given and got."""
    sources = make()
    venue = Venue(sources)
    for column, quote in ((0, venue.quote_in), (1, venue.quote_out)):
        in_base = (side == "sell") == (column == 0)
        amount = size if in_base else size * 2000.0
        exact = water_fill(sources, side, amount, column)
        fill = quote(side, amount)
        assert fill.complete
        assert (fill.amount_in, fill.amount_out)[column] == amount
        assert fill.amount_in == pytest.approx(float(sum(pair[0] for pair in exact)), rel=1e-12)
        assert fill.amount_out == pytest.approx(float(sum(pair[1] for pair in exact)), rel=1e-12)
        for part, (given_, got) in zip(fill.parts, exact, strict=True):
            assert part.amount_in == pytest.approx(float(given_), rel=1e-9, abs=1e-9 * fill.amount_in)
            assert part.amount_out == pytest.approx(float(got), rel=1e-9, abs=1e-9 * fill.amount_out)


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_a_price_reaches_every_source(side: Side) -> None:
    """Trading to a price is each source's own trade to it."""
    sources = two_pools_and_two_books()
    fill = Venue(sources).quote_to(side, 1992.0 if side == "sell" else 2008.0)
    parts = [source.quote_to(side, 1992.0 if side == "sell" else 2008.0) for source in sources]
    assert list(fill.parts) == parts
    assert fill.amount_in == pytest.approx(sum(part.amount_in for part in parts), rel=1e-15)
    assert fill.complete
    assert fill.price_after == (1992.0 if side == "sell" else 2008.0)


def test_pools_at_one_price_act_as_one() -> None:
    """Equal fees, equal prices: the shares are in proportion to the reserves, whatever the size."""
    venue = Venue([ConstantProduct(10.0, 1000.0, 0.003), ConstantProduct(30.0, 3000.0, 0.003)])
    whole = ConstantProduct(40.0, 4000.0, 0.003)
    for amount in (1e-12, 1.0, 100.0, 1e6):
        fill = venue.quote_in("sell", amount)
        assert fill.parts[0].amount_in == pytest.approx(amount / 4.0, rel=1e-12)
        assert fill.amount_out == pytest.approx(whole.quote_in("sell", amount).amount_out, rel=1e-12)


def test_a_venue_with_one_source_is_that_source_bit_for_bit() -> None:
    """Nothing is added and nothing lost by the ladder of one."""
    for source in (*two_pools_and_two_books(), Infinite(2000.0, 0.001)):
        venue = Venue([source])
        assert (venue.bid, venue.ask) == (source.bid, source.ask)
        for own, other in (
            (source.quote_in("sell", 3.3), venue.quote_in("sell", 3.3)),
            (source.quote_out("buy", 2.2), venue.quote_out("buy", 2.2)),
            (source.quote_to("sell", 1995.0), venue.quote_to("sell", 1995.0)),
            (source.quote_to("buy", 2050.0), venue.quote_to("buy", 2050.0)),
            (source.quote_in("sell", 1e5), venue.quote_in("sell", 1e5)),
        ):
            assert other[:7] == own[:7]
            assert other.parts == (own,)


@pytest.mark.parametrize("pool_first", [True, False])
def test_at_equal_prices_the_book_fills_first(pool_first: bool) -> None:
    """An order at the pool's own price goes first, wherever it is listed."""
    pool = ConstantProduct(100.0, 10_000.0, 0.0)
    for side, book, amounts in (
        ("buy", book_of([], [(100.0, 2.0)]), (150.0, 200.0)),
        ("sell", book_of([(100.0, 2.0)], []), (1.5, 2.0)),
    ):
        venue = Venue([pool, book] if pool_first else [book, pool])
        for amount in amounts:
            shares = dict(zip(venue.sources, venue.quote_in(side, amount).parts, strict=True))
            assert shares[book].amount_in == amount
            assert shares[pool].amount_in == 0.0
    assert Venue([pool, book]).quote_in("sell", 3.0).parts[1].amount_in == 2.0


def test_a_source_without_end_comes_after_those_with_one() -> None:
    """At its own price the orders that can run out go first, wherever they are listed."""
    endless, book = Infinite(100.0), book_of([(100.0, 2.0)], [])
    assert [part.amount_in for part in Venue([endless, book]).quote_in("sell", 5.0).parts] == [3.0, 2.0]
    assert [part.amount_in for part in Venue([book, endless]).quote_in("sell", 5.0).parts] == [2.0, 3.0]


def test_equal_books_fill_in_the_order_of_the_sources() -> None:
    first, second = book_of([(100.0, 2.0)], []), book_of([(100.0, 2.0)], [])
    fill = Venue([first, second]).quote_in("sell", 3.0)
    assert [part.amount_in for part in fill.parts] == [2.0, 1.0]


def test_infinite_takes_everything_beyond_its_price() -> None:
    """The pool is used down to the price of the source without end, which takes the rest."""
    pool, endless = ConstantProduct(100.0, 10_000.0, 0.0), Infinite(100.0, 0.19)
    venue = Venue([pool, endless])
    fill = venue.quote_in("sell", 1000.0)
    assert fill.parts[0].amount_in == pytest.approx(100.0 / 9.0, rel=1e-12)
    assert fill.amount_in == 1000.0
    assert venue.quote_to("sell", 50.0).amount_in == inf
    with pytest.raises(EndlessFill):
        venue.settle(venue.quote_to("sell", 50.0))
    assert pool.base == 100.0


def test_books_alone_run_out() -> None:
    """More than all orders is an incomplete fill of all there is."""
    venue = Venue([book_of([(100.0, 2.0)], []), book_of([(99.0, 1.0)], [])])
    for fill in (venue.quote_in("sell", 5.0), venue.quote_out("sell", 5000.0), venue.quote_to("sell", 1.0)):
        assert (fill.amount_in, fill.amount_out, fill.complete) == (3.0, 299.0, False)
    assert venue.quote_in("sell", 3.0).complete
    assert not venue.quote_out("buy", 1.0).complete


def test_more_than_a_venue_holds_drains_its_pool_without_end() -> None:
    fill = example().quote_out("buy", 6000.0)
    assert (fill.amount_in, fill.amount_out, fill.complete) == (inf, 5055.0, False)


def test_bid_ask_and_mid_come_from_the_best_source() -> None:
    """The best price counts, an empty side is nan, and the mid is what there is."""
    venue = example()
    assert venue.bid == pytest.approx(2000.0 * 0.9995)
    assert venue.ask == pytest.approx(2000.0 / 0.9995)
    assert venue.mid == 0.5 * (venue.bid + venue.ask)
    empty = Venue([OrderBook(0.1), OrderBook(0.1)])
    assert isnan(empty.bid)
    assert isnan(empty.ask)
    assert isnan(empty.mid)
    for sources in ([OrderBook(1.0), book_of([(10.0, 1.0)], [])], [book_of([(10.0, 1.0)], []), OrderBook(1.0)]):
        assert Venue(sources).bid == Venue(sources).mid == 10.0
    assert Venue([book_of([], [(11.0, 1.0)])]).mid == 11.0


def test_depth_and_slippage() -> None:
    """Depth is the base up to a fraction from the mid; slippage how much worse the average is than the first price."""
    pool = ConstantProduct(100.0, 10_000.0, 0.0)
    venue = Venue([pool])
    assert venue.depth("sell", 0.19) == pytest.approx(100.0 / 9.0, rel=1e-12)
    assert venue.depth("buy", 0.21) == pytest.approx(100.0 / 11.0, rel=1e-12)
    assert venue.slippage("sell", 100.0) == pytest.approx(0.5)
    assert venue.slippage("buy", 10_000.0) == pytest.approx(1.0)
    assert venue.slippage("sell", 0.0) == 0.0
    empty = Venue([OrderBook(0.1)])
    assert empty.depth("sell", 0.1) == 0.0
    assert isnan(empty.slippage("sell", 1.0))
    with pytest.raises(InvalidAmount, match="fraction"):
        venue.depth("sell", -0.1)


def test_settling_settles_every_part_and_names_the_makers() -> None:
    """Pools move, orders are hit in their order, and the makers' trades come back."""
    venue = example()
    pool, book = venue.sources
    assert isinstance(pool, ConstantProduct)
    assert isinstance(book, OrderBook)
    fill = venue.quote_in("sell", 20.0)
    trades = venue.settle(fill)
    assert sum(base for _, base, _ in trades) == pytest.approx(fill.parts[1].base, rel=1e-12)
    assert [owner for owner, *_ in trades] == [f"bidder {number}" for number in range(len(trades))]
    assert pool.base == 5000.0 + fill.parts[0].base
    assert sum(size for _, size in book.levels("buy")) == pytest.approx(55.0 - fill.parts[1].base)


def test_all_parts_settle_or_none() -> None:
    """A stale part refuses the whole fill before any source has changed."""
    venue = example()
    pool, book = venue.sources
    assert isinstance(book, OrderBook)
    fill = venue.quote_in("sell", 20.0)
    state = pool.state
    book.cancel_all("bidder 0")
    with pytest.raises(StaleFill):
        venue.settle(fill)
    assert pool.state is state
    with pytest.raises(StaleFill):
        venue.settle(pool.quote_in("sell", 1.0))


def test_venues_and_requests_that_make_no_sense_are_refused() -> None:
    pool = ConstantProduct(1.0, 1.0)
    for sources in ([], [pool, pool]):
        with pytest.raises(UnusableSources, match="sources"):
            Venue(sources)
    for amount in (-1.0, inf, nan):
        with pytest.raises(InvalidAmount):
            example().quote_in("sell", amount)
    with pytest.raises(InvalidSide):
        example().quote_in("ask", 1.0)


def test_the_ladder_takes_adjacent_arcs_with_ends() -> None:
    """A curve cut into arcs, as concentrated liquidity is, routes beside another as the whole curve does."""
    whole, beside = ConstantProduct(100.0, 10_000.0, 0.0), ConstantProduct(50.0, 4_900.0, 0.0)
    cuts = [100.0, 99.0, 98.0, 90.0, 50.0, 0.0]
    arcs = np.array([cuts[:-1], cuts[1:], [1000.0] * 5, [1000.0] * 5])
    segments = np.concatenate([arcs, beside.segments("sell")], axis=1)
    shares = np.zeros(2)
    for amount in (0.1, 1.0, 30.0, 300.0):
        assert route(segments, np.array([[0, 5], [5, 6]]), GIVE, amount, shares)
        parts = Venue([whole, beside]).quote_in("sell", amount).parts
        assert shares.tolist() == pytest.approx([part.amount_in for part in parts], rel=1e-9, abs=1e-12)
    assert not route(arcs[:, :4].copy(), np.array([[0], [4]]), GIVE, 300.0, shares[:1])
    assert shares[0] == pytest.approx(whole.quote_to("sell", 50.0).amount_in, rel=1e-12)


# Depth and many amounts


def test_quotes_follow_every_change_of_a_source() -> None:
    """The kept ladder is renewed when a book or a pool changes, also beyond the room it had."""
    pool, book = ConstantProduct(100.0, 10_000.0, 0.003), OrderBook(0.01)
    venue = Venue([pool, book])

    def fresh() -> Fill:
        return Venue([pool, book]).quote_in("sell", 5.0)

    for number in range(40):
        book.limit("buy", 99.0 + 0.01 * number, 0.05, "m")
        assert venue.quote_in("sell", 5.0) == fresh()
    pool.settle(pool.quote_in("sell", 3.0))
    assert venue.quote_in("sell", 5.0) == fresh()
    book.cancel_all("m")
    assert venue.quote_in("sell", 5.0) == fresh()
    assert venue.quote_in("sell", 5.0).parts[1].amount_in == 0.0


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_the_depth_curve_is_the_quotes_to_its_prices(side: Side) -> None:
    """`depths` reads the ladder in one pass and must say what trading to each price would."""
    book = OrderBook(0.5, taker_fee=0.001)
    for k in range(1, 9):
        book.limit("buy", 100.0 - 0.5 * k, 3.0 + k, "maker")
        book.limit("sell", 100.0 + 0.5 * k, 2.0 + k, "maker")
    venue = Venue([ConstantProduct(500.0, 50_000.0, 0.003), book, ConstantProduct(90.0, 9_100.0, 0.01)])
    fractions = np.array([0.2, 0.0, 0.001, 0.01, 0.013, 0.03, 0.5, 0.9])
    mid = venue.mid
    for fraction, units in zip(fractions.tolist(), venue.depths(side, fractions).tolist(), strict=True):
        price = mid * (1.0 - fraction) if side == "sell" else mid * (1.0 + fraction)
        assert units == pytest.approx(venue.quote_to(side, price).base, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_each_sources_depth_is_its_own_quote_to_the_venues_price(side: Side) -> None:
    """Measured from the venue's mid, not from the source's own; of a curve that arcs only follow as well."""
    book = OrderBook(0.5, taker_fee=0.001)
    for k in range(1, 9):
        book.limit("buy", 100.0 - 0.5 * k, 3.0 + k, "maker")
        book.limit("sell", 100.0 + 0.5 * k, 2.0 + k, "maker")
    sources: list[Source] = [
        ConstantProduct(500.0, 51_000.0, 0.003),
        book,
        StableSwap(900.0, 89_000.0, 20.0, 0.001, 100.0),
    ]
    venue = Venue(sources)
    fractions = np.array([0.2, 0.0, 0.01, 0.03, 0.5])
    by_source = venue.depths_by_source(side, fractions)
    assert by_source.shape == (3, 5)
    np.testing.assert_array_equal(by_source.sum(axis=0), venue.depths(side, fractions))
    for source, units in zip(sources, by_source.tolist(), strict=True):
        for fraction, reached in zip(fractions.tolist(), units, strict=True):
            price = venue.mid * (1.0 - fraction if side == "sell" else 1.0 + fraction)
            assert reached == pytest.approx(source.quote_to(side, price).base, rel=1e-9, abs=1e-9)


def test_an_empty_venue_has_no_depth_of_any_source() -> None:
    venue = Venue([OrderBook(0.5), OrderBook(0.1)])
    np.testing.assert_array_equal(venue.depths_by_source("sell", np.array([0.1, 0.2, 0.3])), np.zeros((2, 3)))


@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("curved", [False, True])
def test_many_amounts_are_split_as_each_alone(side: Side, curved: bool) -> None:
    sources: list[Source] = [ConstantProduct(100.0, 2e5, 0.003), ConstantProduct(50.0, 1.01e5, 0.001)]
    if curved:
        sources.append(StableSwap(50.0, 1e5, 10.0, 0.001, 2000.0))
    venue = Venue(sources)
    amounts = np.array([0.0, 1e-6, 0.5, 30.0, 400.0]) * (1.0 if side == "sell" else 2000.0)
    venue.splits(side, amounts)
    venue.settle(venue.quote_in(side, amounts.item(3)))  # what is split afterwards meets what this has left
    shares = venue.splits(side, amounts)
    assert shares.shape == (len(sources), 5)
    for amount, parts in zip(amounts.tolist(), shares.T, strict=True):
        assert [part.amount_in for part in venue.quote_in(side, amount).parts] == parts.tolist()
    assert venue.splits(side, np.empty(0)).shape == (len(sources), 0)
    with pytest.raises(InvalidAmount):
        venue.splits(side, np.array([1.0, -1.0]))
