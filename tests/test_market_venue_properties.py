"""The venue: segments that end, and what must hold for any sources and any split."""

from math import inf, isnan

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from builders.venues import book_of
from models.market import Bands, Concentrated, ConstantProduct, Fill, OrderBook, Source, Venue
from models.types import Side

# Segments that end


def gapped(kind: str, side: Side) -> Source:
    """About 16.7 base (85.9 in bands) on offer from 2000 on, or the quote for them below, and nothing for a while."""
    if kind == "bands":
        bands = Bands(2000.0, 100.0, 0.006)
        bands.set_oracle(2000.0, 0.0)
        bands.deposit("u", 85.91, 0, 8)
        if side == "sell":
            bands.settle(bands.quote_to("buy", inf))
            bands.set_oracle(2000.0, 600.0)
        return bands
    spans = [(1500.0, 2162.0, 2075.0), (4000.0, 5000.0, 1000.0), (400.0, 900.0, 1000.0)]
    return Concentrated(2000.0, spans, 0.003)


@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("kind", ["ranges", "bands"])
def test_a_segment_that_is_used_up_leaves_no_dust_and_carries_none_on(kind: str, side: Side) -> None:
    """An order through all of it ends at the offer behind it, whose price then is the venue's."""
    offer = 3000.0 if side == "buy" else 1200.0
    book = book_of([(offer, 1000.0)], []) if side == "sell" else book_of([], [(offer, 1000.0)])
    venue = Venue([gapped(kind, side), book])
    within = venue.quote_to(side, offer)
    for beyond in np.linspace(1e-9, 3.0, 60).tolist():
        fills = [venue.quote_in(side, (1.0 + beyond) * within.amount_in)]
        fills.append(venue.quote_out(side, (1.0 + beyond) * within.amount_out))
        for fill in fills:
            assert fill.complete
            assert fill.price_after == offer
            assert fill.parts[0].amount_in == pytest.approx(within.parts[0].amount_in, rel=1e-12)
            assert sum(part.amount_in for part in fill.parts) == pytest.approx(fill.amount_in, rel=1e-15)
    venue.settle(fills[0])
    assert (venue.bid if side == "sell" else venue.ask) == offer


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_an_order_for_all_of_a_range_ends_in_it(side: Side) -> None:
    """Whatever its amount was rounded to: the next range, far off, is not touched."""
    pool = gapped("ranges", side)
    most = pool.quote_to(side, 1200.0 if side == "sell" else 3000.0)
    for step in range(-6, 7):
        for fill in (
            pool.quote_in(side, most.amount_in * (1.0 + step * 2.0**-52)),
            pool.quote_out(side, most.amount_out * (1.0 + step * 2.0**-52)),
        ):
            assert fill.complete
            assert fill.price_after == most.price_after


def test_of_orders_of_very_different_sizes_the_small_one_is_taken_too() -> None:
    """A dear one of 1e-6 behind a cheap one of 1e6, and a pool that begins behind both."""
    book = book_of([], [(100.0, 1e6), (101.0, 1e-6)])
    venue = Venue([book, ConstantProduct(1e6, 1.05e8, 0.0)])
    fill = venue.quote_out("buy", 1.1e6)
    assert fill.parts[0].amount_out == 1e6 + 1e-6
    venue.settle(fill)
    assert book.levels("sell") == []


# Properties


FEES = st.sampled_from([0.0, 0.0005, 0.003])
POOL = st.builds(
    lambda base, price, fee: ConstantProduct(base, base * price, fee),
    st.floats(1.0, 1e5),
    st.floats(90.0, 110.0),
    FEES,
)
LEVELS = st.lists(st.tuples(st.integers(1, 40), st.floats(0.01, 100.0)), max_size=8)
BOOK = st.builds(
    lambda bids, asks, fee: book_of(
        [(100.0 - 0.25 * tick, size) for tick, size in bids],
        [(100.0 + 0.25 * tick, size) for tick, size in asks],
        fee,
        0.25,
    ),
    LEVELS,
    LEVELS,
    st.sampled_from([0.0, 0.001]),
)
WIDTHS = st.floats(-4.0, -0.3).map(lambda power: float(10.0**power))
GAPPED_POOL = st.builds(
    lambda price, spans, fee: Concentrated(
        price, [(low, low * (1.0 + width), size) for low, width, size in spans], fee
    ),
    st.floats(95.0, 105.0),
    st.lists(st.tuples(st.floats(50.0, 160.0), WIDTHS, st.floats(1.0, 1e5)), min_size=1, max_size=4),
    st.sampled_from([0.0, 0.0005, 0.003]),
)


def bands_of(deposits: list[tuple[float, int, int]], amplification: float, moved: float, taken: float) -> Bands:
    bands = Bands(105.0, amplification, 0.001)
    bands.set_oracle(100.0 * moved, 0.0)
    for owner, (base, first, count) in enumerate(deposits):
        bands.deposit(owner, base, first, first + count)
    bands.settle(bands.quote_out("buy", taken * bands.base))
    bands.set_oracle(100.0, 600.0)
    return bands


BANDS = st.builds(
    bands_of,
    st.lists(st.tuples(st.floats(1e-3, 1e3), st.integers(0, 20), st.integers(0, 6)), min_size=1, max_size=3),
    st.sampled_from([20.0, 100.0]),
    st.floats(0.95, 1.05),
    st.floats(0.0, 1.0),
)


@settings(max_examples=200)
@given(data=st.data(), side=st.sampled_from(["sell", "buy"]), asks_out=st.booleans(), nudge=st.integers(-3, 3))
def test_after_any_order_the_venue_offers_nothing_better_than_its_last_unit(
    data: st.DataObject, side: Side, asks_out: bool, nudge: int
) -> None:
    """Over ranges, bands and books with gaps, for amounts that end where a segment does or anywhere else."""
    sources = data.draw(st.lists(GAPPED_POOL | BANDS | BOOK, min_size=1, max_size=4))
    venue = Venue(sources)
    ends = [segments[1] for segments in (source.segments(side) for source in sources) if segments.shape[1]]
    if not ends:
        return
    rate = data.draw(st.sampled_from(np.concatenate(ends).tolist()))
    to = venue.quote_to(side, rate if side == "sell" else 1.0 / rate)
    share = data.draw(st.sampled_from([1.0, 1.0, 0.3, 1.7])) * (1.0 + nudge * 2.0**-52)
    asked = share * (to.amount_out if asks_out else to.amount_in)
    fill = venue.quote_out(side, asked) if asks_out else venue.quote_in(side, asked)
    if fill.amount_in == 0.0:
        return
    for sums, whole in ((1, fill.amount_in), (2, fill.amount_out)):
        assert sum(part[sums] for part in fill.parts) == pytest.approx(whole, rel=4e-15)
    assert all(part.complete for part in fill.parts if part.amount_in > 0.0) or not fill.complete
    venue.settle(fill)
    left = venue.bid if side == "sell" else venue.ask
    if isnan(left):
        return
    assert fill.complete
    if side == "sell":
        assert left <= fill.price_after * (1.0 + 1e-9)
    else:
        assert left >= fill.price_after * (1.0 - 1e-9)


VENUES = st.builds(Venue, st.lists(POOL | BOOK, min_size=1, max_size=4))
SEVERAL = st.builds(Venue, st.lists(POOL | BOOK, min_size=2, max_size=4))
CALM_POOL = st.builds(lambda base, fee: ConstantProduct(base, 100.0 * base, fee), st.floats(1.0, 1e5), FEES)
UNCROSSED = st.builds(Venue, st.lists(CALM_POOL | BOOK, min_size=1, max_size=4))
SIDES = st.sampled_from(["sell", "buy"])


def state_of(venue: Venue) -> list[object]:
    return [
        [column.tobytes() for column in source._columns] if isinstance(source, OrderBook) else (source.bid, source.ask)
        for source in venue.sources
    ]


@settings(max_examples=150)
@given(VENUES, SIDES, st.floats(1e-6, 1e4))
def test_no_better_price_is_left_unused(venue: Venue, side: Side, size: float) -> None:
    """After the fill no source offers better than the last unit; sums hold; quoting changed nothing."""
    before = state_of(venue)
    fill = venue.quote_in(side, size if side == "sell" else 100.0 * size)
    assert state_of(venue) == before
    assert fill.amount_in == pytest.approx(sum(part.amount_in for part in fill.parts), rel=1e-15)
    assert fill.amount_out == pytest.approx(sum(part.amount_out for part in fill.parts), rel=1e-15)
    if isnan(fill.price_after):
        assert fill.amount_in == 0.0
        return
    better = fill.price_after * (1.0 + 1e-8 if side == "sell" else 1.0 - 1e-8)
    for source, part in zip(venue.sources, fill.parts, strict=True):
        assert part[:6] == source.quote_in(side, part.amount_in)[:6] or part.amount_in == 0.0
        assert source.quote_to(side, better).amount_in <= part.amount_in * (1.0 + 1e-10)


@settings(max_examples=100)
@given(SEVERAL, SIDES, st.floats(1e-3, 1e3), st.floats(1e-4, 1.0))
def test_no_other_split_gives_more(venue: Venue, side: Side, size: float, moved: float) -> None:
    """Moving a part of the largest share to any other source never pays."""
    fill = venue.quote_in(side, size if side == "sell" else 100.0 * size)
    shares = [part.amount_in for part in fill.parts]
    giver = shares.index(max(shares))
    amount = moved * shares[giver]
    less = venue.sources[giver].quote_in(side, shares[giver] - amount)
    for taker, source in enumerate(venue.sources):
        if taker != giver:
            gained = source.quote_in(side, shares[taker] + amount).amount_out - fill.parts[taker].amount_out
            assert less.amount_out + gained <= fill.parts[giver].amount_out + 1e-12 * fill.amount_out


ANY_VENUE = st.lists(POOL | BOOK | GAPPED_POOL | BANDS, min_size=2, max_size=4).map(Venue)


def numbers_of(fill: Fill) -> list[object]:
    return [*fill[:7], [part[:7] for part in fill.parts]]


@given(ANY_VENUE, SIDES, st.floats(-9.0, 4.0))
@settings(max_examples=300)
def test_what_one_source_takes_alone_is_what_the_walk_gives_it(venue: Venue, side: Side, digits: float) -> None:
    """Bit for bit, on either side of the amount from which on others have a share."""
    amount = 10.0**digits
    quick, alone = venue.quote_in(side, amount), venue._alone
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Venue, "_alone", lambda *_: None)
        np.testing.assert_equal(numbers_of(venue.quote_in(side, amount)), numbers_of(quick))
    if alone(side, amount) is not None and not venue._selling.curved:
        event("alone")


@settings(max_examples=100)
@given(VENUES, SIDES, st.floats(1e-6, 1e3))
def test_in_and_out_are_one_trade_and_settling_conserves(venue: Venue, side: Side, size: float) -> None:
    """Asking for what a fill gives costs what it takes; settling moves base from the taker to pools and makers."""
    fill = venue.quote_in(side, size if side == "sell" else 100.0 * size)
    assert venue.quote_out(side, fill.amount_out).amount_in == pytest.approx(fill.amount_in, rel=1e-9)
    pools = [source for source in venue.sources if isinstance(source, ConstantProduct)]
    held = sum(pool.base for pool in pools)
    trades = venue.settle(fill)
    gained = sum(pool.base for pool in pools) - held if side == "sell" else held - sum(pool.base for pool in pools)
    assert gained + sum(base for _, base, _ in trades) == pytest.approx(fill.base, rel=1e-9, abs=1e-12 * held)


@settings(max_examples=60)
@given(VENUES, SIDES, st.floats(1e-2, 1e3))
def test_fills_take_queues_from_the_front(venue: Venue, side: Side, size: float) -> None:
    """Whatever the pools take, a book loses its first orders and at most a part of the next one."""
    met: Side = "buy" if side == "sell" else "sell"
    books = [source for source in venue.sources if isinstance(source, OrderBook)]
    before = [book.orders(met) for book in books]
    venue.settle(venue.quote_in(side, size if side == "sell" else 100.0 * size))
    for queue, book in zip(before, books, strict=True):
        left = book.orders(met)
        kept = queue[len(queue) - len(left) :]
        assert [order[0] for order in left] == [order[0] for order in kept]
        assert left[1:] == kept[1:]


@settings(max_examples=60)
@given(UNCROSSED, SIDES, st.floats(1e-3, 1e3))
def test_a_round_trip_through_a_venue_never_gains(venue: Venue, side: Side, size: float) -> None:
    """Where the venue itself is not crossed, there and back returns no more than was given."""
    there = venue.quote_in(side, size if side == "sell" else 100.0 * size)
    venue.settle(there)
    back = venue.quote_in("buy" if side == "sell" else "sell", there.amount_out)
    assert back.amount_out <= there.amount_in * (1.0 + 1e-9)
