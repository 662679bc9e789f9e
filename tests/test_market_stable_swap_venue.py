"""Stable pools beside other sources on a venue: the split over curves, its proceeds and the depth."""

from collections.abc import Callable
from math import inf

import numpy as np
import pytest

from builders.stable_pools import POOLS
from models.market import Concentrated, ConstantProduct, Fill, OrderBook, Source, StableSwap, Venue
from models.market.ladder import GET, GIVE
from models.types import Side


def book_around_one() -> OrderBook:
    book = OrderBook(0.0001)
    for k in range(10):
        book.limit("buy", 0.9998 - 0.0002 * k, 1e4 + k, "bidder")
        book.limit("sell", 1.0003 + 0.0002 * k, 1e4 + k, "asker")
    return book


def two_curves() -> list[Source]:
    return [StableSwap(1e6, 1.02e6, 200.0, 0.0004), ConstantProduct(1e6, 1e6, 0.0003)]


def all_kinds() -> list[Source]:
    return [
        StableSwap(1.4e6, 8e5, 2000.0, 0.0001),
        book_around_one(),
        StableSwap(5e4, 6e5, 5.0, 0.0, 1.0),
        Concentrated(1.0, [(0.9, 1.1, 1e6), (0.99, 1.02, 1e7)], 0.0005),
        StableSwap(1e6, 1e6, 1e6, 0.0004),
        ConstantProduct(1e6, 1e6, 0.003),
    ]


def marginal_after(source: Source, side: Side, part: Fill) -> float:
    """The taker's price of the next unit, as a rate that falls."""
    price = part.price_after if part.amount_in > 0.0 else (source.bid if side == "sell" else source.ask)
    return price if side == "sell" else 1.0 / price


@pytest.mark.parametrize("make", [two_curves, all_kinds])
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3, 3e4, 4e5, 1.2e6, 3e6])
@pytest.mark.parametrize("row", [GIVE, GET])
def test_the_split_over_curves_is_optimal(make: Callable[[], list[Source]], side: Side, size: float, row: int) -> None:
    """All curves end at one marginal price, to 1e-11, or have a worse one and nothing; levels better are taken whole.

    What a wrong share loses is at most its size times the difference of the prices, so the proceeds are optimal.
    """
    sources = make()
    fill = Venue(sources).quote_in(side, size) if row == GIVE else Venue(sources).quote_out(side, size)
    if not fill.complete:
        assert row == GET
        return
    assert (fill.amount_in if row == GIVE else fill.amount_out) == size
    rates = [marginal_after(source, side, part) for source, part in zip(sources, fill.parts, strict=True)]
    curves = [k for k, source in enumerate(sources) if not isinstance(source, OrderBook | Concentrated)]
    used = [rates[k] for k in curves if fill.parts[k].amount_in > 1e-9 * fill.amount_in]
    if not used:
        return
    assert max(used) == pytest.approx(min(used), rel=1e-11)
    assert all(rates[k] <= max(used) * (1.0 + 1e-11) for k in curves)
    for source, part in zip(sources, fill.parts, strict=True):
        price = min(used) * (1.0 + 1e-9) if side == "sell" else 1.0 / (min(used) * (1.0 + 1e-9))
        assert source.quote_to(side, price).amount_in <= part.amount_in + 1e-9 * fill.amount_in


def test_the_proceeds_are_the_best_of_all_splits() -> None:
    """Golden-section search of the exact proceeds over two sources finds no more than 1e-14 beyond the venue's."""
    for size in (10.0, 2e4, 3e5, 9e5, 4e6):
        first, second = two_curves()
        low, high, ratio = 0.0, size, (5.0**0.5 - 1.0) / 2.0

        def proceeds(share: float, size: float = size, first: Source = first, second: Source = second) -> float:
            return first.quote_in("sell", share).amount_out + second.quote_in("sell", size - share).amount_out

        while high - low > 1e-9 * size:
            inner, outer = high - ratio * (high - low), low + ratio * (high - low)
            if proceeds(inner) < proceeds(outer):
                low = inner
            else:
                high = outer
        best = max(proceeds(share) for share in (low, high, 0.0, size))
        assert Venue([first, second]).quote_in("sell", size).amount_out >= best * (1.0 - 1e-14)


def test_a_quote_does_not_depend_on_the_one_before() -> None:
    """The arcs laid for one amount are not kept for the next: bit for bit the same, and a change is followed."""
    sources = all_kinds()
    venue, sizes = Venue(sources), (1e3, 1e6, 7.0, 3e5)
    fresh = [Venue(sources).quote_in("sell", size) for size in sizes]
    assert [venue.quote_in("sell", size) for size in sizes] == fresh
    venue.quote_out("buy", 1e5)
    assert [venue.quote_in("sell", size) for size in reversed(sizes)] == fresh[::-1]
    venue.settle(venue.quote_in("sell", 2e5))
    assert venue.quote_in("sell", 1e4) == Venue(sources).quote_in("sell", 1e4)


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_depth_is_what_trades_to_a_price(side: Side) -> None:
    venue = Venue(all_kinds())
    fractions = np.array([0.2, 0.0, 1e-4, 0.001, 0.01, 0.5, 0.99])
    for fraction, units in zip(fractions.tolist(), venue.depths(side, fractions).tolist(), strict=True):
        price = venue.mid * (1.0 - fraction) if side == "sell" else venue.mid * (1.0 + fraction)
        assert units == pytest.approx(venue.quote_to(side, price).base, rel=1e-9, abs=1e-6)
    if side == "sell":
        assert venue.depth("sell", 1.0) == inf


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("row", [GIVE, GET])
def test_the_arcs_meet_the_curve(pool: tuple[float, ...], side: Side, row: int) -> None:
    """They begin at the marginal price, fall without a gap, and give and get at the points asked for what it does."""
    source = StableSwap(*pool)
    own, other = (source.base, source.quote) if side == "sell" else (source.quote, source.base)
    points = np.array([0.01, 0.2, 0.6, 0.9]) * (own if row == GIVE else other * (1.0 - source.fee))
    start, end, *sizes = source.arcs(side, row, points)
    best = source.bid if side == "sell" else 1.0 / source.ask
    assert start[0] == pytest.approx(best, rel=1e-14)
    assert (start >= end).all()
    assert (start[1:] == end[:-1]).all()
    assert end[-1] == 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (start - end) / (np.sqrt(start) + np.sqrt(end))
        given_ = np.where(start > end, sizes[0] * apart / np.sqrt(start * end), sizes[0]).cumsum()
        got = np.where(start > end, sizes[1] * apart, sizes[1]).cumsum()
    for point in points.tolist():
        fill = source.quote_in(side, point) if row == GIVE else source.quote_out(side, point)
        k = int(np.argmin(np.abs((given_ if row == GIVE else got) - point)))
        assert (given_[k], got[k]) == pytest.approx(fill[1:3], rel=1e-9)
    assert got[-1] == pytest.approx(other * (1.0 - source.fee), rel=1e-9)
