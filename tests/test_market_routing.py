"""Routing over several venues: the split against brute force, round trips, and what must hold of any trip."""

from collections.abc import Callable
from fractions import Fraction
from math import inf, isnan, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market import (
    Bands,
    Concentrated,
    ConstantProduct,
    Infinite,
    InvalidAmount,
    InvalidPrice,
    NoRoute,
    OrderBook,
    Router,
    Source,
    StableSwap,
    Trip,
    UnusableVenues,
    Venue,
)
from models.market.ladder import GET, GIVE, parallel, reach
from models.market.series import series
from models.types import FloatArray, Side

ETH, DAI, USDC, BTC = range(4)
PRICES = {ETH: 2000.0, DAI: 1.0, USDC: 1.0, BTC: 60_000.0}
Pair = tuple[int, int]


def pool(base: float, quote: float, fee: float = 0.003) -> Venue:
    return Venue([ConstantProduct(base, quote, fee)])


def triangle() -> Router:
    """ETH sells for DAI at 2,000 directly, and at 2,014 through USDC."""
    return Router(
        [pool(100.0, 200_000.0), pool(300.0, 605_000.0, 0.0005), pool(500_000.0, 500_000.0, 0.0001)],
        [(ETH, DAI), (ETH, USDC), (USDC, DAI)],
    )


def settle(venues: list[Venue], trip: Trip) -> None:
    for leg in trip.legs:
        venues[leg.venue].settle(leg.fill)


# Refusals


def test_venues_that_make_no_market_are_refused():
    venue = pool(1.0, 1.0)
    shared = ConstantProduct(1.0, 1.0)
    for venues, pairs, reason in (
        ([venue], [], "1 venues have 0 pairs"),
        ([venue, venue], [(ETH, DAI), (ETH, USDC)], "a source is on two venues"),
        ([Venue([shared]), Venue([shared])], [(ETH, DAI), (ETH, USDC)], "a source is on two venues"),
        ([venue], [(ETH, ETH)], "trades an asset for itself"),
    ):
        with pytest.raises(UnusableVenues, match=reason):
            Router(venues, pairs)


def test_assets_without_a_route_are_refused():
    """BTC is nowhere, ETH for ETH is no trade, and three legs are more than a route has."""
    router = Router([pool(1.0, 1.0), pool(1.0, 1.0), pool(1.0, 1.0)], [(ETH, DAI), (DAI, USDC), (USDC, 7)])
    for give, get in ((ETH, BTC), (ETH, ETH), (ETH, 7)):
        assert not router.connects(give, get)
        assert router.best(give, get) == 0.0
        with pytest.raises(NoRoute, match=f"asset {give} for asset {get}"):
            router.quote(give, get, 1.0)
        with pytest.raises(NoRoute):
            router.quote_to(give, get, 1.0)
    with pytest.raises(NoRoute):
        router.cycle((ETH, DAI, USDC))


@pytest.mark.parametrize("amount", [-1.0, inf, nan])
def test_amounts_and_rates_that_make_no_sense_are_refused(amount: float):
    router = triangle()
    with pytest.raises(InvalidAmount):
        router.quote(ETH, DAI, amount)
    if amount != inf:
        with pytest.raises(InvalidPrice):
            router.quote_to(ETH, DAI, amount)
        with pytest.raises(InvalidAmount, match="cost"):
            router.cycle((ETH, DAI, USDC), cost=amount)
        with pytest.raises(InvalidAmount, match="most"):
            router.cycle((ETH, DAI, USDC), most=amount)


# Curves side by side and in a row


def curve(*segments: tuple[float, float, float, float]) -> FloatArray:
    return np.array(segments).T


def arc(start: float, end: float, weight: float) -> tuple[float, float, float, float]:
    return (start, end, weight, weight)


def level(rate: float, given: float) -> tuple[float, float, float, float]:
    return (rate, rate, given, given * rate)


def reached(segments: FloatArray, row: int, rate: float) -> float:
    return float(reach(segments, np.array([[0], [segments.shape[1]]]), row, np.array([rate]))[0, 0])


def got_for(segments: FloatArray, amount: float) -> float:
    """What a curve gives for an amount, segment by segment."""
    got = 0.0
    for start, end, a_give, a_get in segments.T:
        if start == end:
            taken = min(amount, a_give)
            got += taken * start
        else:
            size = a_give * (1.0 / sqrt(end) - 1.0 / sqrt(start)) if end else inf
            taken = min(amount, size)
            root = 1.0 / (1.0 / sqrt(start) + taken / a_give)
            got += a_get * (sqrt(start) - root)
        amount -= taken
        if amount <= 0.0:
            break
    return got


def test_two_pools_in_a_row_are_one_arc():
    """The composition of y = s x / (1 + k x) with itself, in exact fractions."""
    first, second = (Fraction(9), Fraction(30)), (Fraction(4), Fraction(10))  # (rate at the start, weight)
    (s1, a1), (s2, a2) = first, second
    x = Fraction(7, 3)
    y = s1 * x / (1 + 3 * x / a1)
    z = s2 * y / (1 + 2 * y / a2)
    whole = series(curve(arc(9.0, 0.0, 30.0)), curve(arc(4.0, 0.0, 10.0)))
    assert whole.shape == (4, 1)
    assert whole[:2, 0].tolist() == [36.0, 0.0]
    assert whole[GIVE, 0] == pytest.approx(float(1 / (1 / (a1 * 2) + 3 / a2)), rel=1e-15)
    assert got_for(whole, float(x)) == pytest.approx(float(z), rel=1e-15)


def test_a_level_before_or_after_an_arc_is_an_arc_and_two_levels_are_a_level():
    bounded, endless = level(4.0, 2.0), level(4.0, inf)
    assert series(curve(endless), curve(arc(9.0, 0.0, 10.0))).T.tolist() == [[36.0, 0.0, 5.0, 5.0]]
    assert series(curve(arc(9.0, 0.0, 10.0)), curve(endless)).T.tolist() == [[36.0, 0.0, 20.0, 20.0]]
    assert series(curve(bounded), curve(endless)).T.tolist() == [[16.0, 16.0, 2.0, 32.0]]
    assert series(curve(endless), curve(endless)).T.tolist() == [[16.0, 16.0, inf, inf]]
    assert series(curve(bounded), np.empty((4, 0))).shape == (4, 0)


@st.composite
def curves(draw: st.DrawFn) -> FloatArray:
    """Levels and arcs that fall from a rate of about one; some with the two weights of a curve that is followed."""
    rate = draw(st.floats(0.5, 2.0))
    segments: list[tuple[float, float, float, float]] = []
    for _ in range(draw(st.integers(1, 5))):
        size = draw(st.floats(0.01, 100.0))
        if draw(st.booleans()):
            segments.append(level(rate, size))
        else:
            end = rate * draw(st.floats(0.5, 0.999))
            segments.append((rate, end, size, size * draw(st.sampled_from([1.0, 1.0, 0.999]))))
            rate = end
        rate *= draw(st.sampled_from([1.0, 0.9]))
    if draw(st.booleans()):
        segments.append(arc(rate, 0.0, 10.0))
    return curve(*segments)


def assert_is_a_curve(segments: FloatArray) -> None:
    starts, ends = segments[0], segments[1]
    assert (starts >= ends).all()
    assert (ends[:-1] >= starts[1:] * (1.0 - 1e-15)).all()
    assert (segments[2:] > 0.0).all()


@given(first=curves(), second=curves(), part=st.floats(1e-6, 2.0))
@settings(max_examples=150)
def test_a_row_of_curves_gives_what_they_give_one_after_the_other(first: FloatArray, second: FloatArray, part: float):
    whole = series(first, second)
    assert_is_a_curve(whole)
    amount = part * min(reached(first, GIVE, 1e-3), 1e3)
    assert got_for(whole, amount) == pytest.approx(got_for(second, got_for(first, amount)), rel=1e-11)


@given(several=st.lists(curves(), min_size=1, max_size=4), rate=st.floats(1e-3, 2.0))
@settings(max_examples=150)
def test_curves_side_by_side_reach_a_rate_with_what_each_has_there(several: list[FloatArray], rate: float):
    ends = np.cumsum([one.shape[1] for one in several])
    together = parallel(np.hstack(several), np.array([ends - [one.shape[1] for one in several], ends]))
    assert_is_a_curve(together)
    for row in (GIVE, GET):
        assert reached(together, row, rate) == pytest.approx(
            sum(reached(one, row, rate) for one in several), rel=1e-12, abs=1e-12
        )


# One venue


@pytest.mark.parametrize("pair", [(ETH, DAI), (DAI, ETH)])
def test_a_router_over_one_venue_is_that_venue(pair: Pair):
    """To the last bit, whichever way round, for amounts and for rates."""
    book = OrderBook(0.01, 0.001)
    book.limit("buy", 1999.0, 3.0, "a")
    book.limit("sell", 2003.0, 4.0, "b")
    venue = Venue([ConstantProduct(500.0, 1e6), book])
    side: Side = "sell" if pair == (ETH, DAI) else "buy"
    router = Router([venue], [(ETH, DAI)])
    assert router.best(*pair) == (venue.bid if side == "sell" else 1.0 / venue.ask)
    for amount in (0.0, 1e-9, 2.5, 1e4):
        trip, fill = router.quote(*pair, amount), venue.quote_in(side, amount)
        assert (trip.amount_in, trip.amount_out, trip.complete) == (fill.amount_in, fill.amount_out, fill.complete)
        assert trip.rate_before == (fill.price_before if side == "sell" else 1.0 / fill.price_before)
        assert [leg.fill.parts for leg in trip.legs] == ([fill.parts] if amount else [])
        if amount:
            assert trip.rate_after == (fill.price_after if side == "sell" else 1.0 / fill.price_after)
    price = 1950.0 if side == "sell" else 2050.0
    trip = router.quote_to(*pair, price if side == "sell" else 1.0 / price)
    assert trip.amount_in == pytest.approx(venue.quote_to(side, price).amount_in, rel=1e-12)
    assert trip.complete


def test_an_empty_venue_trades_nothing():
    router = Router([Venue([OrderBook(0.01)])], [(ETH, DAI)])
    for give, get in ((ETH, DAI), (DAI, ETH)):
        trip = router.quote(give, get, 5.0)
        assert trip[:2] == (0.0, 0.0)
        assert isnan(trip.rate_before)
        assert not trip.complete
        assert trip.legs == ()
        assert router.connects(give, get)
        assert router.best(give, get) == 0.0


@pytest.mark.parametrize("pair", [(ETH, DAI), (DAI, ETH)])
def test_two_trips_without_anybody_to_trade_with_are_equal(pair: Pair):
    """Whichever way round: the rate that there is not is the one nan that equals itself in a tuple."""
    router = Router([Venue([OrderBook(0.01)])], [(ETH, DAI)])
    assert router.quote(*pair, 5.0) == router.quote(*pair, 5.0)
    assert router.quote_to(*pair, 5.0) == router.quote_to(*pair, 5.0)


# Several venues


def gap_above(price: float) -> Concentrated:
    """Base around a price, and again far above it."""
    return Concentrated(price, [(0.75 * price, 1.081 * price, 2075.0), (2.0 * price, 2.5 * price, 1000.0)], 0.003)


def test_a_range_that_ends_on_the_way_carries_nothing_across_its_gap():
    """On two venues of a pair, and as the second of two legs: the last rate is that of the offer behind the range."""
    book = OrderBook(0.01)
    book.limit("sell", 3500.0, 1000.0, "a")
    router = Router([Venue([gap_above(2000.0)]), Venue([book])], [(ETH, DAI)] * 2)
    for amount in np.linspace(4e4, 9e4, 40).tolist():
        trip = router.quote(DAI, ETH, amount)
        assert 1.0 / trip.rate_after == pytest.approx(3500.0, rel=1e-12)
    through = Router(
        [Venue([gap_above(2000.0)]), pool(1e9, 1e9, 0.0), Venue([book])], [(ETH, USDC), (USDC, DAI), (ETH, DAI)]
    )
    for amount in np.linspace(4e4, 9e4, 40).tolist():
        trip = through.quote(DAI, ETH, amount)
        assert [leg.venue for leg in trip.legs] == [2, 1, 0]
        assert 1.0 / trip.rate_after == pytest.approx(3500.0, rel=1e-12)


def best_of_two(direct: Callable[[float], float], via: Callable[[float], float], amount: float) -> float:
    """The most that a split over two concave routes gets, by golden section."""
    ratio = (sqrt(5.0) - 1.0) / 2.0
    low, high = 0.0, amount
    for _ in range(120):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if direct(amount - a) + via(a) < direct(amount - b) + via(b):
            low = a
        else:
            high = b
    return max(direct(amount - low) + via(low), direct(amount), via(amount))


@pytest.mark.parametrize("amount", [1e-9, 0.3, 5.0, 40.0, 1000.0])
@pytest.mark.parametrize("swap", [ConstantProduct(5e5, 5e5, 0.0001), StableSwap(5e5, 5.1e5, 100.0)])
def test_the_split_over_a_pool_and_a_way_round_it_is_the_best_there_is(swap: Source, amount: float):
    direct, first, second = pool(100.0, 200_000.0), pool(300.0, 605_000.0, 0.0005), Venue([swap])
    router = Router([direct, first, second], [(ETH, DAI), (ETH, USDC), (USDC, DAI)])
    trip = router.quote(ETH, DAI, amount)
    best = best_of_two(
        lambda x: direct.quote_in("sell", x).amount_out,
        lambda x: second.quote_in("sell", first.quote_in("sell", x).amount_out).amount_out,
        amount,
    )
    assert trip.amount_in == amount
    assert trip.amount_out == pytest.approx(best, rel=1e-12)
    used = {leg.venue: leg.fill for leg in trip.legs}
    if len(used) == 3:
        assert used[0].price_after == pytest.approx(used[1].price_after * used[2].price_after, rel=1e-8)
    else:  # the better route alone: the other one's first unit is worth less than this one's last
        assert set(used) == {1, 2}
        assert used[1].price_after * used[2].price_after >= direct.bid


def test_a_pair_on_two_venues_is_one_ladder():
    """Two equal pools, one of them quoted the other way round, halve an amount; as one pool twice as deep would."""
    router = Router([pool(100.0, 200_000.0), pool(200_000.0, 100.0)], [(ETH, DAI), (DAI, ETH)])
    trip = router.quote(ETH, DAI, 10.0)
    assert [leg.fill.side for leg in trip.legs] == ["sell", "buy"]
    assert [leg.fill.amount_in for leg in trip.legs] == pytest.approx([5.0, 5.0], rel=1e-12)
    assert trip.amount_out == pytest.approx(pool(200.0, 400_000.0).quote_in("sell", 10.0).amount_out, rel=1e-14)
    to = router.quote_to(ETH, DAI, 1500.0)
    assert to.amount_in == pytest.approx(pool(200.0, 400_000.0).quote_to("sell", 1500.0).amount_in, rel=1e-12)
    assert to.rate_after == pytest.approx(1500.0, rel=1e-15)


def test_an_endless_way_round_takes_all_beyond_its_price():
    """A pool against two endless venues at 2,010: it is used down to that and no further."""
    direct = pool(100.0, 210_000.0, 0.0)
    router = Router([direct, Venue([Infinite(2010.0)]), Venue([Infinite(1.0)])], [(ETH, DAI), (ETH, USDC), (USDC, DAI)])
    trip = router.quote(ETH, DAI, 50.0)
    within = direct.quote_to("sell", 2010.0)
    assert trip.amount_out == pytest.approx(within.amount_out + (50.0 - within.amount_in) * 2010.0, rel=1e-12)
    assert trip.rate_after == pytest.approx(2010.0, rel=1e-12)
    assert router.quote_to(ETH, DAI, 2010.0).amount_in == pytest.approx(within.amount_in, rel=1e-12)
    endless = router.quote_to(ETH, DAI, 2000.0)
    assert endless.amount_in == inf
    assert not endless.complete
    assert endless.legs == ()


def test_a_way_round_that_runs_out_takes_only_what_its_second_leg_takes():
    """A book that buys 100 USDC for DAI: no more ETH is sold for USDC than that."""
    book = OrderBook(0.01)
    book.limit("buy", 1.0, 100.0, "a")
    venues = [pool(300.0, 600_000.0), Venue([book])]
    trip = Router(venues, [(ETH, USDC), (USDC, DAI)]).quote(ETH, DAI, 10.0)
    assert not trip.complete
    assert trip.amount_out == pytest.approx(100.0, rel=1e-12)
    assert trip.amount_in == pytest.approx(venues[0].quote_out("sell", 100.0).amount_in, rel=1e-12)


def test_a_rate_is_reached_on_every_route():
    router = triangle()
    trip = router.quote_to(ETH, DAI, 1800.0)
    after = {leg.venue: leg.fill.price_after for leg in trip.legs}
    assert after[0] == 1800.0
    assert after[1] * after[2] == pytest.approx(1800.0, rel=1e-12)
    assert trip.complete
    assert router.quote(ETH, DAI, trip.amount_in).amount_out == pytest.approx(trip.amount_out, rel=1e-13)
    assert router.quote_to(ETH, DAI, 3000.0)[:2] == (0.0, 0.0)


SOURCES = st.sampled_from(["pool", "deep", "ranges", "bands", "curve", "book", "endless"])


def source_of(kind: str, price: float, skew: float) -> Source:
    if kind == "pool":
        return ConstantProduct(1e5 / price, 1e5 * skew, 0.003)
    if kind == "deep":
        return ConstantProduct(1e6 / price, 1e6 * skew, 0.0005)
    if kind == "ranges":
        spans = [(0.9, 1.1, 1e5), (1.05, 1.3, 2e5), (0.5, 0.8, 3e4)]
        scaled = [(low * price, high * price, size * 5.0 / sqrt(price)) for low, high, size in spans]
        return Concentrated(price * skew, scaled, 0.001)
    if kind == "bands":
        bands = Bands(1.05 * price, 50.0)
        bands.set_oracle(price * skew, 0.0)
        bands.deposit("a", 2e4 / price, 0, 4)
        bands.deposit("b", 3e4 / price, 8, 12)
        bands.settle(bands.quote_out("buy", 1.5e4 / price))
        return bands
    if kind == "curve":
        return StableSwap(2e5 / price, 2e5 * skew, 60.0, 0.0, price)  # a fee on what is got would lift its price
    if kind == "endless":
        return Infinite(price, 0.02)
    book = OrderBook(1e-6)
    for step in range(1, 5):
        book.limit("buy", round(price * skew * (1.0 - 0.002 * step), 6), 3000.0 * step / price, "a")
        book.limit("sell", round(price * skew * (1.0 + 0.002 * step), 6), 3000.0 * step / price, "b")
    return book


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[Venue], list[Pair]]:
    """Up to seven venues between four assets, near their prices but not at them, quoted either way round."""
    venues, pairs = [], []
    for _ in range(draw(st.integers(1, 7))):
        base, quote = draw(st.permutations([ETH, DAI, USDC, BTC]))[:2]
        skew = draw(st.floats(0.97, 1.03))
        price = PRICES[base] / PRICES[quote]
        kinds = draw(st.lists(SOURCES, min_size=1, max_size=2))
        venues.append(Venue([source_of(kind, price, skew) for kind in kinds]))
        pairs.append((base, quote))
    return venues, pairs


@given(market=markets(), usd=st.floats(1e-3, 1e6), data=st.data())
@settings(max_examples=150)
def test_any_trip_is_one_that_nobody_can_better(
    market: tuple[list[Venue], list[Pair]], usd: float, data: st.DataObject
):
    """It adds up, uses a venue once, leaves no better rate behind, and does not depend on the order of the venues."""
    venues, pairs = market
    router = Router(venues, pairs)
    joined = [(give, get) for give in PRICES for get in PRICES if router.connects(give, get)]
    give, get = data.draw(st.sampled_from(joined))
    amount = usd / PRICES[give]
    trip = router.quote(give, get, amount)
    assert trip == router.quote(give, get, amount)
    assert len({leg.venue for leg in trip.legs}) == len(trip.legs)
    flows = dict.fromkeys(PRICES, 0.0)
    for leg in trip.legs:
        base, quote = pairs[leg.venue]
        given_asset, got_asset = (base, quote) if leg.fill.side == "sell" else (quote, base)
        flows[given_asset] -= leg.fill.amount_in
        flows[got_asset] += leg.fill.amount_out
    assert flows.pop(give) == pytest.approx(-trip.amount_in, rel=2e-12)
    assert flows.pop(get) == pytest.approx(trip.amount_out, rel=1e-12)
    assert all(abs(flow) * PRICES[asset] <= 1e-9 * usd for asset, flow in flows.items())
    if trip.complete:
        assert trip.amount_in == pytest.approx(amount, rel=1e-8)
        assert trip.rate_after <= trip.rate_before * (1.0 + 1e-12)

    order = data.draw(st.permutations(range(len(venues))))
    shuffled = Router([venues[k] for k in order], [pairs[k] for k in order]).quote(give, get, amount)
    assert shuffled.amount_out == pytest.approx(trip.amount_out, rel=1e-9)
    assert shuffled.complete == trip.complete

    settle(venues, trip)
    if trip.complete and trip.amount_in > 0.0:
        assert router.quote_to(give, get, trip.rate_after * (1.0 + 1e-6)).amount_in <= 1e-8 * amount
    else:
        assert router.quote(give, get, amount).amount_out * PRICES[get] <= 1e-6 * usd


@given(market=markets(), share=st.floats(0.0, 1.0), usd=st.floats(1.0, 1e5))
@settings(max_examples=60)
def test_no_split_by_hand_gets_more(market: tuple[list[Venue], list[Pair]], share: float, usd: float):
    """Part of the amount in one go, the rest in another: what is got in all is the same, or less if it runs out."""
    venues, pairs = market
    router = Router(venues, pairs)
    (give, get), amount = pairs[0], usd / PRICES[pairs[0][0]]
    whole = router.quote(give, get, amount)
    first = router.quote(give, get, share * amount)
    settle(venues, first)
    second = router.quote(give, get, amount - share * amount)
    assert first.amount_out + second.amount_out <= whole.amount_out * (1.0 + 1e-9)


# Round trips


def test_a_round_trip_ends_where_one_unit_more_brings_nothing():
    """Three pools of one size without fees, one of them 10 % dear: the best amount by golden section."""
    venues = [pool(1000.0, 1100.0, 0.0), pool(1000.0, 1000.0, 0.0), pool(1000.0, 1000.0, 0.0)]
    pairs = [(ETH, DAI), (DAI, USDC), (USDC, ETH)]
    router = Router(venues, pairs)
    trip = router.cycle((ETH, DAI, USDC))

    def profit(amount: float) -> float:
        given_ = amount
        for venue in venues:
            amount = venue.quote_in("sell", amount).amount_out
        return amount - given_

    best = best_of_two(lambda _: 0.0, profit, 500.0)
    assert trip.amount_out - trip.amount_in == pytest.approx(best, rel=1e-9)
    # The composition is x -> 1.1 x / (1 + k x) with k = (1 + 1.1 + 1.1) / 1000, so x = (√1.1 - 1) / k.
    assert trip.amount_in == pytest.approx((sqrt(1.1) - 1.0) / 0.0032, rel=1e-9)
    assert router.cycle((ETH, USDC, DAI)).legs == ()
    assert router.cycle((ETH, DAI, USDC), cost=0.11).legs == ()
    small = router.cycle((ETH, DAI, USDC), most=2.0)
    assert small.amount_in == 2.0
    assert small.amount_out - 2.0 == pytest.approx(profit(2.0), rel=1e-12)


def test_three_endless_venues_at_one_price_leave_nothing_to_earn():
    """Their product is one but for rounding; that is no reason to trade without end."""
    prices = [(1.0 / 3.0, 7.0), (7.0, 11.0), (11.0, 1.0 / 3.0)]
    venues = [Venue([Infinite(a / b)]) for a, b in prices]
    router = Router(venues, [(0, 1), (1, 2), (2, 0)])
    assert router.cycle((0, 1, 2)).amount_in == 0.0
    assert router.cycle((0, 2, 1)).amount_in == 0.0


@given(market=markets(), cost=st.sampled_from([0.0, 0.001, 0.01]), most_usd=st.sampled_from([inf, inf, 500.0]))
@settings(max_examples=100)
def test_a_round_trip_pays_and_after_it_none_does(market: tuple[list[Venue], list[Pair]], cost: float, most_usd: float):
    venues, pairs = market
    for pair in ((ETH, DAI), (USDC, DAI), (ETH, USDC)):
        if pair not in pairs:
            venues.append(Venue([source_of("pool", PRICES[pair[0]] / PRICES[pair[1]], 1.01)]))
            pairs.append(pair)
    router = Router(venues, pairs)
    for assets in ((DAI, ETH, USDC), (DAI, USDC, ETH)):
        trip = router.cycle(assets, cost, most_usd)
        assert trip.amount_in <= most_usd
        if not trip.legs:
            continue
        assert trip.amount_out > trip.amount_in * (1.0 + cost)
        less = router.cycle(assets, cost, 0.999 * trip.amount_in)
        assert less.amount_out - less.amount_in * (1.0 + cost) <= trip.amount_out - trip.amount_in * (1.0 + cost) + 1e-9
        settle(venues, trip)
        if trip.complete:
            again = router.cycle(assets, cost)
            assert again.amount_in <= 1e-6 * trip.amount_in or again.amount_out - again.amount_in < 1e-6
