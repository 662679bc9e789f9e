"""Constant-product pools and the source without end, against the published formulas in exact arithmetic."""

from fractions import Fraction
from math import inf, isclose, isqrt, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.market import (
    ConstantProduct,
    EndlessFill,
    Infinite,
    InvalidAmount,
    InvalidPrice,
    InvalidSide,
    OrderBook,
    SourceTerms,
    StaleFill,
)
from models.types import Side

# x, y, fee, side, kind, in, out, fee amount, bid, ask, x and y after with the fee in the pool, last marginal price
SWAPS = [
    ("946.618719859763", "4936.779404215738461585922147", "0.3", "buy", "out",
     "7262.513057810414765958634383412075844132", "480.251789678310292500012",
     "2178.75391734312442978759031502362275324", "3.6506203716983", "7.450245656527142857142857142857142857143",
     "466.366930181452707499988", "12199.29246202615322754455653041207584413",
     "30.69483305401443819912125098352040476538"),
    ("28922.31936439077", "4.75507361033751359683419", "0.01", "buy", "in",
     "0.00002415923563410289478181618049032", "0.1454762417074439321993415922565547509637",
     "0.0000002415923563410289478181618049032", "0.00016276436253",
     "0.0001660691383838383838383838383838383838384", "28922.17388814906255606780065840774344525",
     "4.75509776957314769972897181618049032", "0.0001660708090172401688851927041893379038384"),
    ("21.74772781224", "0.00026635468744403065728", "0.3", "sell", "out",
     "827.004378385355418933939450212835473413", "0.00025671079899067119846967181952",
     "248.1013135156066256801818350638506420239", "0.0000085732304",
     "0.00001749638857142857142857142857142857142857", "848.752106197595418933939450212835473413",
     "0.00000964388845335945881032818048", "0.0000000112390127501683880646224"),
    ("156008.35907013458", "3801021.47963315307402670218604", "0.0001", "sell", "in", "0.43629594113436069898502",
     "10.62891616640485641289417043461205818845", "0.000043629594113436069898502", "24.3617803567601562",
     "24.36665344378237823782378237823782378238", "156008.79536607571436069898502",
     "3801010.850716986669170289291869565387942", "24.36164410972213037398876073615714278221"),
    ("1.236775549289", "0.000989935855747161796438", "0.0", "buy", "out",
     "0.0007780945065287871996499436350403852784218", "0.544293967594599945905", "0.0", "0.000800416742",
     "0.000800416742", "0.692481581694400054095", "0.001768030362275948996087943635040385278422",
     "0.002553180343006149109098373316538564786376"),
    ("18479848.80650136", "31346408.64014553008744323656", "0.05", "buy", "out",
     "152156.8156627266495026009739583662011982", "84825.72151553357363664",
     "7607.840783136332475130048697918310059908", "1.61143570599245", "1.785524327969473684210526315789473684211",
     "18395023.08498582642636336", "31498565.4558082567369458375339583662012",
     "1.802029618757289479839571228130270044233"),
]  # fmt: skip

# x, y, price, in, out: purchases without a fee up to a marginal price
PURCHASES_TO_A_PRICE = [
    ("311.977685567966", "1376.723446116627958667807918", "5.211175029756274407690954201222702060549",
     "119.3501230146571581031467845197565903793", "24.88819795939949744979626262069168696384"),
    ("2.865338498881", "43.644751120288007732895374", "16.14936749091013186060541161777070016423",
     "1.295111125977605512459627228211934040157", "0.08257550388688881062752241105204268768362"),
    ("9.111490758143", "18.27764181849475899378307", "3.168929706107696269160106852695250236564",
     "4.695008582110426683935197319979982671273", "1.862150276929921695756830680533609263401"),
]  # fmt: skip


def near(value: float, exact: str | Fraction | float, tolerance: float = 1e-12) -> bool:
    return abs(Fraction(value) - Fraction(exact)) <= Fraction(tolerance) * abs(Fraction(exact))


def root_of(value: Fraction) -> Fraction:
    """The square root, to 60 digits."""
    scale = 10**60
    return Fraction(isqrt(value.numerator * scale * scale // value.denominator), scale)


@pytest.mark.parametrize("case", SWAPS)
def test_swap_gives_the_exact_amounts_prices_and_reserves(case: tuple[str, ...]) -> None:
    """Real swaps agree with exact rational arithmetic to a relative 1e-12."""
    x, y, fee, side, kind, given_, got, fee_amount, bid, ask, x_after, y_after, end_price = case
    pool = ConstantProduct(float(x), float(y), float(fee))
    assert near(pool.bid, bid)
    assert near(pool.ask, ask)
    fill = pool.quote_in(side, float(given_)) if kind == "in" else pool.quote_out(side, float(got))
    assert near(fill.amount_in, given_)
    assert near(fill.amount_out, got)
    assert near(fill.fee, fee_amount)
    assert near(fill.price_after, end_price)
    assert fill.complete
    assert pool.settle(fill) == []
    assert near(pool.base, x_after)
    assert near(pool.quote, y_after)


@pytest.mark.parametrize(("x", "y", "price", "given_", "got"), PURCHASES_TO_A_PRICE)
def test_purchase_to_a_price(x: str, y: str, price: str, given_: str, got: str) -> None:
    """Trading to a marginal price agrees with 40 digits to a relative 1e-12."""
    fill = ConstantProduct(float(x), float(y), 0.0).quote_to("buy", float(price))
    assert near(fill.amount_in, given_)
    assert near(fill.amount_out, got)
    assert near(fill.price_after, price)


@pytest.mark.parametrize(("side", "got", "after"), [("sell", 200_000.0, 0.0), ("buy", 100.0, inf)])
def test_an_amount_that_floats_cannot_square_still_has_a_quote(side: Side, got: float, after: float) -> None:
    fill = ConstantProduct(100.0, 200_000.0, 0.003).quote_in(side, 1e300)
    assert (fill.amount_out, fill.price_after) == (got, after)


@pytest.mark.parametrize("share", [0.999, 0.999999, 0.9999999999])
def test_a_nearly_drained_pool_is_still_right(share: float) -> None:
    """Getting nearly all of a reserve agrees with exact arithmetic to 1e-8 of the input that the floats stand for."""
    x, y, fee = 311.9, 1376.7, 0.003
    fill = ConstantProduct(x, y, fee).quote_out("sell", share * y)
    out = Fraction(share) * Fraction(y)
    assert near(
        fill.amount_in, Fraction(x) * out / (Fraction(y) - out) / (1 - Fraction(fee)), 1e-8 + 1e-15 / (1 - share)
    )


@pytest.mark.parametrize("fee", [0.0, 0.003, 0.3])
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("distance", [1e-12, 1e-9, 1e-6, 0.00999, 0.01001, 0.4])
def test_trading_to_a_near_price_keeps_its_digits(side: str, fee: float, distance: float) -> None:
    """The amount to a target price is exact to 1e-11 even where the target is almost the price: no cancellation."""
    x, y = 5123.7, 10_345_678.9
    pool = ConstantProduct(x, y, fee)
    price = pool.bid * (1 - distance) if side == "sell" else pool.ask * (1 + distance)
    fill = pool.quote_to(side, price)
    exact_x, exact_y, keep, target = Fraction(x), Fraction(y), 1 - Fraction(fee), Fraction(price)
    squared = keep * exact_x * exact_y / target if side == "sell" else keep * exact_x * exact_y * target
    assert near(fill.amount_in, (root_of(squared) - (exact_x if side == "sell" else exact_y)) / keep, 1e-11)
    assert fill.price_after == price


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_tiny_trades_keep_their_digits(side: str) -> None:
    """A trade of 1e-15 of the reserves is right to 1e-12 of itself, both ways."""
    x, y, fee = 5123.7, 10_345_678.9, 0.003
    pool = ConstantProduct(x, y, fee)
    reserve_in, reserve_out = (Fraction(x), Fraction(y)) if side == "sell" else (Fraction(y), Fraction(x))
    amount = float(reserve_in) * 1e-15
    net = (1 - Fraction(fee)) * Fraction(amount)
    out = reserve_out * net / (reserve_in + net)
    assert near(pool.quote_in(side, amount).amount_out, out)
    assert near(pool.quote_out(side, float(out)).amount_in, amount)


def test_price_reached_already_gives_an_empty_fill() -> None:
    """Nothing is traded toward a price that is no further than the present one."""
    pool = ConstantProduct(100.0, 1000.0, 0.003)
    for side, prices in (("sell", (pool.bid, 11.0, inf)), ("buy", (pool.ask, 9.0, 0.0))):
        for price in prices:
            fill = pool.quote_to(side, price)
            assert (fill.amount_in, fill.amount_out, fill.fee, fill.complete) == (0.0, 0.0, 0.0, True)
            assert fill.price_after == fill.price_before


def test_the_last_unit_of_a_pool_has_no_end() -> None:
    """The whole reserve can be quoted, as endless and incomplete, but never settled."""
    pool = ConstantProduct(100.0, 1000.0, 0.003)
    for fill in (
        pool.quote_out("sell", 1000.0),
        pool.quote_out("buy", 200.0),
        pool.quote_to("sell", 0.0),
        pool.quote_to("buy", inf),
        pool.quote_in("sell", 1e30),
    ):
        assert fill.amount_in >= 1e30
        assert fill.amount_out == (1000.0 if fill.side == "sell" else 100.0)
        with pytest.raises(EndlessFill, match="no end"):
            pool.settle(fill)
    assert (pool.base, pool.quote) == (100.0, 1000.0)


def test_zero_is_an_empty_fill() -> None:
    """Zero given or asked for is a complete, empty fill that settles to nothing."""
    pool = ConstantProduct(100.0, 1000.0, 0.003)
    for fill in (pool.quote_in("sell", 0.0), pool.quote_out("buy", 0.0)):
        assert (fill.amount_in, fill.amount_out, fill.complete) == (0.0, 0.0, True)
        pool.settle(fill)
    assert (pool.base, pool.quote) == (100.0, 1000.0)


@pytest.mark.parametrize("source", [ConstantProduct(100.0, 1000.0), Infinite(10.0, 0.1), OrderBook(0.1)])
def test_requests_that_make_no_sense_are_refused(source: ConstantProduct) -> None:
    """Sides, amounts and prices that cannot be meant are refused by every source, by name."""
    for amount in (-1.0, float("nan"), inf):
        with pytest.raises(InvalidAmount, match="amount is"):
            source.quote_in("sell", amount)
        with pytest.raises(InvalidAmount, match="amount is"):
            source.quote_out("buy", amount)
    for price in (-1.0, float("nan")):
        with pytest.raises(InvalidPrice, match="price is"):
            source.quote_to("sell", price)
    with pytest.raises(InvalidSide, match="'bid'"):
        source.quote_in("bid", 1.0)


@pytest.mark.parametrize(
    ("base", "quote", "fee"), [(0.0, 1.0, 0.0), (1.0, -1.0, 0.0), (inf, 1.0, 0.0), (1.0, 1.0, 1.0), (1.0, 1.0, -0.1)]
)
def test_impossible_pools_are_refused(base: float, quote: float, fee: float) -> None:
    with pytest.raises(InvalidAmount):
        ConstantProduct(base, quote, fee)


def test_a_fill_is_refused_once_the_pool_gives_less() -> None:
    """A quote holds while the pool gives at least as much; then it is applied as quoted."""
    pool = ConstantProduct(100.0, 1000.0, 0.003)
    stale = pool.quote_in("sell", 1.0)
    pool.settle(pool.quote_in("sell", 1.0))
    with pytest.raises(StaleFill, match="quote it again"):
        pool.settle(stale)
    pool.settle(pool.quote_in("buy", 100.0))
    base, quote = pool.base, pool.quote
    pool.settle(stale)
    assert (pool.base, pool.quote) == (base + stale.amount_in, quote - stale.amount_out)


def test_a_fill_of_another_pool_is_checked_anew() -> None:
    """A fill quoted elsewhere is no free pass."""
    stale = ConstantProduct(100.0, 2000.0, 0.003).quote_in("sell", 1.0)
    with pytest.raises(StaleFill):
        ConstantProduct(100.0, 1000.0, 0.003).settle(stale)


def test_liquidity_is_added_and_removed_in_proportion() -> None:
    """A quarter of the pool is a quarter of its shares, √(xy) at the start; the price stays, all comes out again."""
    pool = ConstantProduct(100.0, 1000.0, 0.003)
    shares = pool.add(25.0, 250.0)
    assert shares == pytest.approx(0.25 * sqrt(100.0 * 1000.0), rel=1e-15)
    assert pool.bid == pytest.approx(9.97, rel=1e-15)
    assert pool.remove(shares) == pytest.approx((25.0, 250.0), rel=1e-15)
    with pytest.raises(InvalidAmount, match="pool's ratio"):
        pool.add(1.0, 11.0)
    with pytest.raises(InvalidAmount, match="positive"):
        pool.add(0.0, 0.0)
    with pytest.raises(InvalidAmount, match="shares"):
        pool.remove(1.0)
    with pytest.raises(InvalidAmount, match="shares"):
        pool.remove(-1.0)


POOLS = st.builds(
    ConstantProduct,
    st.floats(1e-3, 1e9),
    st.floats(1e-3, 1e9),
    st.sampled_from([0.0, 0.0001, 0.003, 0.3]),
)
SIDES = st.sampled_from(["sell", "buy"])


@settings(max_examples=100)
@given(POOLS, SIDES, st.floats(1e-9, 10.0))
def test_quotes_are_pure_agree_with_each_other_and_settle_exactly(
    pool: ConstantProduct, side: str, size: float
) -> None:
    """In, out and to-price describe one trade; quotes change nothing; settling moves the quote; k never falls."""
    before = pool.base, pool.quote, pool.state
    amount = size * (pool.base if side == "sell" else pool.quote)
    fill = pool.quote_in(side, amount)
    assert isclose(pool.quote_out(side, fill.amount_out).amount_in, amount, rel_tol=1e-9)
    assert isclose(pool.quote_to(side, fill.price_after).amount_in, amount, rel_tol=1e-6, abs_tol=1e-15 * pool.base)
    assert (pool.base, pool.quote, pool.state) == before
    k = pool.base * pool.quote
    pool.settle(fill)
    sign = 1.0 if side == "sell" else -1.0
    assert pool.base == before[0] + sign * fill.base
    assert pool.quote == before[1] - sign * fill.quote
    assert pool.base * pool.quote >= k * (1.0 - 1e-14)


@settings(max_examples=100)
@given(POOLS, SIDES, st.floats(1e-6, 10.0))
def test_a_round_trip_never_gains(pool: ConstantProduct, side: str, size: float) -> None:
    """Trading there and back returns at most what was given, less the fee both ways."""
    amount = size * (pool.base if side == "sell" else pool.quote)
    out = pool.quote_in(side, amount)
    pool.settle(out)
    back = pool.quote_in("buy" if side == "sell" else "sell", out.amount_out)
    assert back.amount_out <= amount * (1.0 + 1e-12)
    if pool.fee > 0.0:
        assert back.amount_out < amount


def test_splitting_is_path_independent_without_a_fee_and_worse_with_one() -> None:
    """Without a fee ten trades equal one; a fee kept in the pool makes the later ones dearer."""
    for fee in (0.0, 0.01):
        whole, parts = ConstantProduct(100.0, 1000.0, fee), ConstantProduct(100.0, 1000.0, fee)
        at_once = whole.quote_in("sell", 50.0).amount_out
        in_parts = 0.0
        for _ in range(10):
            fill = parts.quote_in("sell", 5.0)
            parts.settle(fill)
            in_parts += fill.amount_out
        assert in_parts == pytest.approx(at_once, rel=1e-12) if fee == 0.0 else in_parts < at_once


def test_infinite_fills_any_size_at_its_price() -> None:
    """Sales get price (1 - spread), purchases pay price (1 + spread), whatever the size."""
    source = Infinite(2000.0, 0.01)
    assert (source.bid, source.ask) == (1980.0, 2020.0)
    assert source.quote_in("sell", 1e9).amount_out == 1980.0 * 1e9
    assert source.quote_out("buy", 3.0).amount_in == 6060.0
    assert source.quote_in("buy", 4040.0).base == 2.0
    assert source.quote_out("sell", 1980.0).base == 1.0
    assert source.settle(source.quote_in("sell", 1.0)) == []
    source.set_reference(1000.0)
    assert (source.bid, source.ask) == (990.0, 1010.0)


def test_infinite_to_a_price_is_nothing_or_everything() -> None:
    """Up to its own price there is nothing to trade, beyond it no end."""
    source = Infinite(2000.0, 0.01)
    assert source.quote_to("sell", 1980.0).amount_in == 0.0
    assert source.quote_to("buy", 2020.0).complete
    endless = source.quote_to("sell", 1979.0)
    assert (endless.amount_in, endless.complete) == (inf, False)
    with pytest.raises(EndlessFill):
        source.settle(endless)


def test_infinite_refuses_a_fill_whose_price_is_gone() -> None:
    """A quote made before the reference fell cannot be settled after it."""
    source = Infinite(2000.0)
    fill = source.quote_in("sell", 1.0)
    source.set_reference(1999.0)
    with pytest.raises(StaleFill):
        source.settle(fill)
    source.set_reference(2001.0)
    assert source.settle(fill) == []


def test_impossible_infinite_sources_are_refused() -> None:
    for price in (0.0, -1.0, inf, float("nan")):
        with pytest.raises(InvalidPrice):
            Infinite(price)
    with pytest.raises(InvalidAmount, match="spread"):
        Infinite(1.0, 1.0)


TERMS: TypeAdapter[SourceTerms] = TypeAdapter(SourceTerms)


@pytest.mark.parametrize(
    ("terms", "base", "quote"),
    [
        ({"base": 10.0, "quote": 30_000.0}, 10.0, 30_000.0),
        ({"base": 10}, 10.0, 20_000.0),
        ({"quote": 40_000.0}, 20.0, 40_000.0),
        ({"value": 80_000.0}, 20.0, 40_000.0),
    ],
)
def test_pool_terms_size_a_pool_each_way(terms: dict[str, float], base: float, quote: float) -> None:
    """Reserves in units, one of them, or the value of both make the pool that they describe."""
    pool = TERMS.validate_python({"kind": "constant_product", "fee": 0.01, **terms}).build(2000.0)
    assert isinstance(pool, ConstantProduct)
    assert (pool.base, pool.quote, pool.fee) == (base, quote, 0.01)


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": "constant_product"},
        {"kind": "constant_product", "value": 1.0, "base": 1.0},
        {"kind": "constant_product", "base": 0.0},
        {"kind": "constant_product", "base": 1.0, "fee": 1.0},
        {"kind": "constant_product", "base": 1.0, "depth": 1.0},
        {"kind": "order_book"},
        {"kind": "order_book", "tick": 0.0},
        {"kind": "infinite", "spread": 1.0},
        {"kind": "fountain"},
    ],
)
def test_terms_that_cannot_be_used_are_refused(terms: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TERMS.validate_python(terms)


def test_book_and_infinite_terms_build_their_sources() -> None:
    book = TERMS.validate_python({"kind": "order_book", "tick": 0.01, "taker_fee": 0.001}).build(2000.0)
    assert isinstance(book, OrderBook)
    assert (book.tick, book.taker_fee) == (0.01, 0.001)
    source = TERMS.validate_python({"kind": "infinite", "spread": 0.01}).build(2000.0)
    assert (source.bid, source.ask) == (1980.0, 2020.0)


def test_depth_of_a_pool_without_fee_is_the_square_root_law() -> None:
    """Without a fee, selling x (√(1/(1 - e)) - 1) moves the price by e."""
    pool = ConstantProduct(100.0, 1000.0, 0.0)
    assert pool.quote_to("sell", 10.0 * 0.81).amount_in == pytest.approx(100.0 * (1.0 / sqrt(0.81) - 1.0), rel=1e-13)


@settings(max_examples=60)
@given(
    st.floats(1.0, 1e6),
    st.floats(1.0, 1e6),
    st.sampled_from([0.0, 0.003, 0.3]),
    st.lists(st.tuples(st.sampled_from(["sell", "buy"]), st.floats(0.0, 1e7)), max_size=20),
)
def test_many_swaps_at_once_are_the_swaps_one_by_one(
    base: float, quote: float, fee: float, trades: list[tuple[Side, float]]
) -> None:
    """Same amounts, same reserves, same fees for the shares as quoting and settling each."""
    pool, twin = ConstantProduct(base, quote, fee), ConstantProduct(base, quote, fee)
    state = pool.state
    sells = np.array([side == "sell" for side, _ in trades], np.bool_)
    given_, got = pool.swap_many(sells, np.array([amount for _, amount in trades]))
    for k, (side, amount) in enumerate(trades):
        fill = twin.quote_in(side, amount)
        twin.settle(fill)
        assert (given_[k], got[k]) == (fill.amount_in, fill.amount_out)
    assert (pool.base, pool.quote) == (twin.base, twin.quote)
    for ours, theirs in (
        (pool.shares.base_fees, twin.shares.base_fees),
        (pool.shares.quote_fees, twin.shares.quote_fees),
    ):
        assert ours == pytest.approx(theirs, rel=1e-12)
    assert (pool.state is state) == (not trades)


def test_many_swaps_that_cannot_all_be_made_are_none() -> None:
    """A wrong shape, an amount that is none, and a trade that empties the pool refuse the batch and change nothing."""
    pool = ConstantProduct(100.0, 1000.0, 0.003)
    state = pool.state
    with pytest.raises(InvalidAmount, match="one for each"):
        pool.swap_many(np.array([True]), np.array([1.0, 2.0]))
    for amount in (-1.0, inf, float("nan")):
        with pytest.raises(InvalidAmount, match=f"amount is {amount!r}"):
            pool.swap_many(np.array([True, False]), np.array([1.0, amount]))
    with pytest.raises(EndlessFill, match="buy of 1e"):
        pool.swap_many(np.array([True, False]), np.array([1.0, 1e300]))
    assert (pool.base, pool.quote, pool.shares.base_fees) == (100.0, 1000.0, 0.0)
    assert pool.state is state
