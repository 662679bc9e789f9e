"""What every source of liquidity, and a venue over all of them, promises to its takers."""

import pickle
from collections.abc import Callable
from itertools import pairwise
from math import inf, isfinite, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market import (
    Bands,
    Concentrated,
    ConstantProduct,
    EndlessFill,
    Infinite,
    InvalidAmount,
    InvalidPrice,
    InvalidSide,
    OrderBook,
    Source,
    StableSwap,
    Venue,
)
from models.types import Side

PRICE = 2000.0


def bands(fee: float) -> Bands:
    pool = Bands(PRICE * 1.05, 50, fee)
    pool.set_oracle(PRICE, 0.0)
    for owner, (first, last) in enumerate([(2, 11), (4, 30), (-3, 1)]):
        if last >= pool.active_band:
            pool.deposit(owner, 40.0, first if first > pool.active_band else pool.active_band + 1, last + 4)
    # So that there is quote to be had as well.
    pool.settle(pool.quote_in("buy", 30_000.0))
    return pool


def book(fee: float) -> OrderBook:
    made = OrderBook(0.5, fee)
    for level in range(12):
        made.limit("buy", PRICE - 1.0 - 3.5 * level, 1.0 + level, "bidder")
        made.limit("sell", PRICE + 1.0 + 3.5 * level, 2.0 + level, "asker")
    return made


def ranges(fee: float) -> Concentrated:
    spans = [(0.5, 2.0, 1e3), (0.97, 1.02, 2e4), (0.9, 0.95, 5e3), (1.05, 1.3, 5e3)]
    return Concentrated(PRICE, [(low * PRICE, high * PRICE, liquidity) for low, high, liquidity in spans], fee)


POOLS: dict[str, Callable[[float], Source]] = {
    "constant_product": lambda fee: ConstantProduct(100.0, 100.0 * PRICE, fee),
    "concentrated": ranges,
    "stable_swap": lambda fee: StableSwap(100.0, 100.0 * PRICE, 20.0, fee, PRICE),
    "bands": bands,
    "order_book": book,
    "infinite": lambda fee: Infinite(PRICE, fee),
}
MARKETS: dict[str, Callable[[float], Source | Venue]] = {
    **POOLS,
    "venue": lambda fee: Venue([make(fee) for name, make in POOLS.items() if name not in ("infinite", "bands")]),
}


def whole(fee: float) -> Venue:
    """Everything on one ladder; the bands trade apart from the others, so that there is something to arbitrage."""
    return Venue([make(fee) for name, make in POOLS.items() if name != "infinite"])


markets = st.sampled_from(list(MARKETS))
sides = st.sampled_from(["sell", "buy"])
fees = st.sampled_from([0.0, 0.003])
shares = st.floats(1e-6, 0.6)


def seen(market: Source | Venue) -> bytes:
    """The whole state of a market as bytes; what identifies a state and what is only remembered of it are apart."""
    sources = market.sources if isinstance(market, Venue) else (market,)
    return b"".join(pickle.dumps(source) for source in sources)


def units(side: Side, base: float) -> float:
    """An amount to give that is worth so much base."""
    return base if side == "sell" else base * PRICE


@settings(max_examples=120)
@given(name=markets, side=sides, fee=fees, share=shares)
def test_a_quote_changes_nothing_and_settles_as_quoted(name: str, side: Side, fee: float, share: float) -> None:
    market = MARKETS[name](fee)
    amount = units(side, 100.0 * share)
    market.quote_in(side, amount)  # what is only remembered is remembered from now on
    before = seen(market)
    fill = market.quote_in(side, amount)
    market.quote_out(side, units("buy" if side == "sell" else "sell", share))
    market.quote_to(side, PRICE * (1.0 - share if side == "sell" else 1.0 + share))
    assert seen(market) == before
    assert market.quote_in(side, amount)[:7] == fill[:7]
    held = [(s.base, s.quote) for s in _pools(market)]
    market.settle(fill)
    moved = np.array([(s.base, s.quote) for s in _pools(market)]) - np.array(held)
    if not isinstance(market, Venue) and moved.size:
        # To a rounding of what the pool holds; a fee of the bands' owners or of a book is not the pool's.
        into, out = (0, 1) if side == "sell" else (1, 0)
        scale = 1e-9 * np.abs(held[0])
        assert moved[0, into] == pytest.approx(fill.amount_in, abs=scale[into])
        assert -moved[0, out] == pytest.approx(fill.amount_out, abs=scale[out])


def _pools(market: Source | Venue) -> list[ConstantProduct | Concentrated | StableSwap | Bands]:
    sources = market.sources if isinstance(market, Venue) else (market,)
    return [s for s in sources if isinstance(s, ConstantProduct | Concentrated | StableSwap | Bands)]


@settings(max_examples=150)
@given(name=markets, side=sides, fee=fees, share=shares)
def test_a_fill_is_between_its_prices(name: str, side: Side, fee: float, share: float) -> None:
    market = MARKETS[name](fee)
    fill = market.quote_in(side, units(side, 100.0 * share))
    assert fill.side == side
    assert fill.price_before == (market.bid if side == "sell" else market.ask)
    assert fill.amount_in <= units(side, 100.0 * share) * (1 + 1e-15)
    assert fill.complete == (fill.amount_in == units(side, 100.0 * share))
    assert 0.0 <= fill.fee <= fill.amount_in
    if fill.amount_in > 0.0:
        average = fill.quote / fill.base
        low, high = sorted((fill.price_before, fill.price_after))
        assert low * (1 - 1e-12) <= average <= high * (1 + 1e-12)
        assert (fill.price_after <= fill.price_before) if side == "sell" else (fill.price_after >= fill.price_before)


@settings(max_examples=120)
@given(name=markets, side=sides, fee=fees, share=shares)
def test_in_out_and_to_are_one_trade(name: str, side: Side, fee: float, share: float) -> None:
    market = MARKETS[name](fee)
    by_in = market.quote_in(side, units(side, 100.0 * share))
    by_out = market.quote_out(side, by_in.amount_out)
    assert by_out.amount_in == pytest.approx(by_in.amount_in, rel=1e-9)
    limit = PRICE * (1.0 - 0.2 * share if side == "sell" else 1.0 + 0.2 * share)
    to = market.quote_to(side, limit)
    if isfinite(to.amount_in) and to.amount_in > 0.0:
        again = market.quote_in(side, to.amount_in)
        assert again.amount_out == pytest.approx(to.amount_out, rel=1e-9)
        if side == "sell":
            assert to.price_after >= limit * (1 - 1e-12)
        else:
            assert to.price_after <= limit * (1 + 1e-12)


@settings(max_examples=120)
@given(name=markets, side=sides, fee=fees, share=shares)
def test_there_and_back_never_gains(name: str, side: Side, fee: float, share: float) -> None:
    market = MARKETS[name](fee)
    there = market.quote_in(side, units(side, 100.0 * share))
    market.settle(there)
    back: Side = "buy" if side == "sell" else "sell"
    if there.amount_out > 0.0:
        home = market.quote_in(back, there.amount_out)
        market.settle(home)
        assert home.amount_out <= there.amount_in * (1 + 1e-9)


@settings(max_examples=100)
@given(side=sides, fee=fees, share=shares)
def test_a_venue_leaves_no_better_price_unused(side: Side, fee: float, share: float) -> None:
    venue = whole(fee)
    fill = venue.quote_in(side, units(side, 300.0 * share))
    # What was better than the last unit's price is taken whole, and nothing worse than it is touched.
    beyond = 1 + 1e-9 if side == "sell" else 1 - 1e-9
    for source, part in zip(venue.sources, fill.parts, strict=True):
        better = source.quote_to(side, fill.price_after * beyond)
        assert better.amount_in <= part.amount_in * (1 + 1e-6) + 1e-9 * fill.amount_in
        if part.amount_in > 0.0:
            last = part.price_after
            assert last >= fill.price_after if side == "sell" else last <= fill.price_after


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_a_venue_with_one_source_is_that_source(name: str, side: Side) -> None:
    source = POOLS[name](0.003)
    venue = Venue([source])
    assert (venue.bid, venue.ask) == (source.bid, source.ask)
    for amount in (0.0, 1e-6, 3.0, 40.0):
        alone, within = source.quote_in(side, units(side, amount)), venue.quote_in(side, units(side, amount))
        assert within[:7] == alone[:7]
        assert within.parts == (alone,)
        assert venue.quote_out(side, amount)[:7] == source.quote_out(side, amount)[:7]
    limit = PRICE * (0.99 if side == "sell" else 1.01)
    assert venue.quote_to(side, limit)[:7] == source.quote_to(side, limit)[:7]


@pytest.mark.parametrize("name", MARKETS)
def test_senseless_requests_are_refused_alike(name: str) -> None:
    market = MARKETS[name](0.003)
    for amount in (-1.0, inf, float("nan")):
        for quote in (market.quote_in, market.quote_out):
            with pytest.raises(InvalidAmount):
                quote("sell", amount)
    with pytest.raises(InvalidSide):
        market.quote_in("hold", 1.0)  # type: ignore[arg-type]
    for price in (-1.0, float("nan")):
        with pytest.raises(InvalidPrice):
            market.quote_to("buy", price)
    endless = market.quote_to("sell", 0.0)
    if endless.amount_in == inf:
        with pytest.raises(EndlessFill):
            market.settle(endless)


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_nothing_asked_is_nothing_done(name: str, side: Side) -> None:
    market = MARKETS[name](0.003)
    for fill in (market.quote_in(side, 0.0), market.quote_out(side, 0.0), market.quote_to(side, PRICE)):
        if fill.amount_in == 0.0:
            assert fill.amount_out == 0.0
            assert fill.price_after == fill.price_before or isnan(fill.price_before)
    before = seen(market)
    market.settle(market.quote_in(side, 0.0))
    assert seen(market) == before


def test_a_book_with_one_level_a_tick_comes_to_the_pool() -> None:
    """What a pool would trade between two ticks, resting at the far one: halve the tick, halve the gap."""
    pool = ConstantProduct(100.0, 100.0 * PRICE, 0.0)
    fill = pool.quote_in("sell", 3.0)
    liquidity = np.sqrt(100.0 * 100.0 * PRICE)
    gaps = []
    for tick in (4.0, 2.0, 1.0, 0.5):
        resting = OrderBook(tick)
        prices = np.arange(PRICE, 0.9 * PRICE, -tick)
        for high, low in zip(prices[:-1].tolist(), prices[1:].tolist(), strict=True):
            resting.limit("buy", low, liquidity * (low**-0.5 - high**-0.5), "maker")
        by_book = resting.quote_in("sell", 3.0)
        assert by_book.complete
        assert by_book.amount_out < fill.amount_out  # the far end of each step is the makers' gain
        gaps.append(1.0 - by_book.amount_out / fill.amount_out)
    assert gaps[0] < 1.1 * 4.0 / 2.0 / PRICE
    for coarse, fine in pairwise(gaps):
        assert coarse / fine == pytest.approx(2.0, rel=0.02)
