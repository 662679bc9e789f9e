"""Stable swaps against the invariant in 70 digits and the contract's whole numbers."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from builders.digits import near
from builders.stable_pools import POOLS
from models.market import (
    ConstantProduct,
    EndlessFill,
    InvalidAmount,
    InvalidPrice,
    InvalidSide,
    SourceTerms,
    StableSwap,
    StableSwapTerms,
    StaleFill,
    Venue,
)
from models.types import Side


class Exact:
    """The invariant in decimal digits, with nothing but its definition and bisection of it."""

    def __init__(self, pool: StableSwap, side: Side) -> None:
        rate, base, quote = Decimal(pool.rate), Decimal(pool.base), Decimal(pool.quote)
        self.a, self.keep = 2 * Decimal(pool.amplification), 1 - Decimal(pool.fee)
        self.unit_in, self.unit_out = (rate, Decimal(1)) if side == "sell" else (Decimal(1), rate)
        self.x, self.y = (rate * base, quote) if side == "sell" else (quote, rate * base)
        self.d = bisected(lambda d: self.excess(self.x, self.y, d) < 0, Decimal(0), 2 * (self.x + self.y))

    def excess(self, x: Decimal, y: Decimal, d: Decimal) -> Decimal:
        """D less the value of the pool by the invariant: rises with D."""
        return d**3 / (4 * x * y) + self.a * d - d - self.a * (x + y)

    def left(self, x: Decimal) -> Decimal:
        """The positive root of the quadratic in the other reserve."""
        b, c = self.a * (x - self.d) + self.d, self.d**3 / (4 * x)
        return (
            2 * c / (b + (b * b + 4 * self.a * c).sqrt())
            if b > 0
            else ((b * b + 4 * self.a * c).sqrt() - b) / (2 * self.a)
        )

    def marginal(self, x: Decimal) -> Decimal:
        """-dy/dx by the invariant's partial derivatives."""
        y = self.left(x)
        k = self.d**3 / (4 * x * y)
        return (self.a + k / x) / (self.a + k / y)

    def price(self, side: Side, x: Decimal) -> Decimal:
        rate = self.keep * self.marginal(x) * self.unit_in / self.unit_out
        return rate if side == "sell" else 1 / rate

    def trade(self, grown: Decimal) -> tuple[Decimal, Decimal]:
        """(given, got) in units when the reserve given to has grown to `grown`."""
        return (grown - self.x) / self.unit_in, self.keep * (self.y - self.left(grown)) / self.unit_out


def bisected(below: Callable[[Decimal], bool], low: Decimal, high: Decimal) -> Decimal:
    for _ in range(330):
        middle = (low + high) / 2
        if below(middle):
            low = middle
        else:
            high = middle
    return low


# Reference


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("share", [1e-15, 1e-9, 1e-3, 0.4, 7.0, 1e4])
def test_amounts_given_and_got_are_the_invariants(pool: tuple[float, ...], side: Side, share: float) -> None:
    """To 1e-14 of the amount however small it is; the prices at both ends to 1e-12."""
    source = StableSwap(*pool)
    with localcontext(prec=70):
        exact = Exact(source, side)
        assert near(source.invariant, exact.d, 1e-15)
        amount = share * (source.base if side == "sell" else source.quote)
        grown = exact.x + Decimal(amount) * exact.unit_in
        given_, got = exact.trade(grown)
        for fill in (source.quote_in(side, amount), source.quote_out(side, float(got))):
            # Where nearly all is got, the amount in hangs on the digits of what is left.
            room = 1e-14 + 4e-16 * float(exact.y / exact.left(grown)) * (fill.amount_in != amount)
            assert near(fill.amount_in, given_, room)
            assert near(fill.amount_out, got, 1e-14)
            assert fill.fee == source.fee * fill.amount_in
            assert near(fill.price_before, exact.price(side, exact.x), 1e-14)
            assert near(fill.price_after, exact.price(side, grown), 1e-12 + 4.0 * room)
            assert fill.complete


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("left", [1e-3, 1e-6, 1e-9, 1e-12])
def test_what_drains_a_pool_is_the_invariants_too(pool: tuple[float, ...], side: Side, left: float) -> None:
    """However little of what there is to get is left: to 1e-13 of what is given, which is nearly all for that."""
    source = StableSwap(*pool)
    with localcontext(prec=70):
        exact = Exact(source, side)
        amount = float(exact.keep * exact.y / exact.unit_out * (1 - Decimal(left)))
        # The curve is the same in both reserves: what is left of the one says how far the other has grown.
        grown = exact.left(exact.y - Decimal(amount) * exact.unit_out / exact.keep)
        fill = source.quote_out(side, amount)
        assert near(fill.amount_in, (grown - exact.x) / exact.unit_in, 1e-13)
        assert near(fill.price_after, exact.price(side, grown), 1e-12)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("distance", [1e-15, 1e-12, 1e-7, 1e-3, 0.1, 0.9, 0.999999])
def test_the_trade_to_a_price_is_exact(pool: tuple[float, ...], side: Side, distance: float) -> None:
    """Given and got are right to the last digit, 4e-16, near a price and far from it; nothing where it is reached."""
    source = StableSwap(*pool)
    price = source.bid * (1.0 - distance) if side == "sell" else source.ask / (1.0 - distance)
    fill = source.quote_to(side, price)
    with localcontext(prec=70):
        exact = Exact(source, side)
        sign = 1 if side == "sell" else -1
        better = lambda x: (exact.price(side, x) - Decimal(price)) * sign > 0  # noqa: E731
        if not better(exact.x):
            assert fill.amount_in == 0.0
            return
        x, reach = bisected(better, exact.x, 1000 * (exact.x + exact.y) / (1 - Decimal(distance))), exact.trade
        given_, got = reach(x)
        assert near(fill.amount_in, given_, 4e-16)
        assert near(fill.amount_out, got, 4e-16)
    assert fill.price_after == price
    assert fill.complete
    source.settle(fill._replace(fee=0.0))


def contract(x: int, y: int, amplification: int, dx: int) -> int:
    """What Curve's contract gives for dx, less one, before its fee: whole numbers of 18 digits, two coins."""
    ann, total = 2 * amplification, x + y

    def fixed(step: Callable[[int], int], value: int) -> int:
        for _ in range(255):
            value, last = step(value), value
            if abs(value - last) <= 1:
                return value
        raise AssertionError

    def invariant(d: int) -> int:
        d_p = d * d // (2 * x) * d // (2 * y)
        return (ann * total + 2 * d_p) * d // ((ann - 1) * d + 3 * d_p)

    d = fixed(invariant, total)
    grown = x + dx
    c = d * d // (2 * grown) * d // (2 * ann)
    b = grown + d // ann
    left = fixed(lambda other: (other * other + c) // (2 * other + b - d), d)
    return y - left - 1


@pytest.mark.parametrize("amplification", [1, 85, 2000])
@pytest.mark.parametrize(("x", "y"), [(1_000_000, 1_000_000), (250_000, 4_000_000), (31_000_000, 900_000)])
@pytest.mark.parametrize("dx", [1, 10_000, 2_000_000])
def test_amplification_is_that_of_the_contracts(amplification: int, x: int, y: int, dx: int) -> None:
    """Curve's own iteration in whole numbers agrees to 1e-15 of the pool: the same A, the fee on what is got."""
    wei = 10**18
    dy = contract(x * wei, y * wei, amplification, dx * wei)
    dy -= dy * 4 // 10_000
    fill = StableSwap(float(x), float(y), float(amplification), 0.0004).quote_in("sell", float(dx))
    assert fill.amount_out == pytest.approx(dy / wei, rel=1e-13, abs=1e-15 * y)


# Limits


@pytest.mark.parametrize("amplification", [0.0, 1e-14])
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_without_amplification_it_is_a_constant_product(amplification: float, side: Side) -> None:
    """Any rate gives the same curve; without a fee every quote is a constant product's."""
    product = ConstantProduct(70.0, 900.0, 0.0)
    for rate in (1.0, 900.0 / 70.0, 300.0):
        pool = StableSwap(70.0, 900.0, amplification, 0.0, rate)
        assert (pool.bid, pool.ask) == pytest.approx((product.bid, product.ask), rel=1e-11)
        price = 0.3 * pool.bid if side == "sell" else pool.ask / 0.3
        for ours, theirs in (
            (pool.quote_in(side, 55.0), product.quote_in(side, 55.0)),
            (pool.quote_in(side, 1e-9), product.quote_in(side, 1e-9)),
            (pool.quote_out(side, 55.0), product.quote_out(side, 55.0)),
            (pool.quote_to(side, price), product.quote_to(side, price)),
        ):
            assert ours[1:6] == pytest.approx(theirs[1:6], rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("amplification", [1e9, 1e15, 1e30])
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_with_endless_amplification_it_is_a_constant_sum(amplification: float, side: Side) -> None:
    """Units trade at the rate until one of them is all gone."""
    pool = StableSwap(100.0, 250.0, amplification, 0.001, 2.0)
    assert (pool.bid, pool.ask) == pytest.approx((1.998, 2.0 / 0.999), rel=1e-8)
    amount, out = (100.0, 199.8) if side == "sell" else (100.0, 49.95)
    fill = pool.quote_in(side, amount)
    assert fill.amount_out == pytest.approx(out, rel=1e-7)
    assert pool.quote_out(side, out).amount_in == pytest.approx(amount, rel=1e-7)
    most = (125.0, 249.75) if side == "sell" else (200.0, 99.9)
    to = pool.quote_to(side, 1.0 if side == "sell" else 4.0)
    assert to[1:3] == pytest.approx(most, rel=1e-3)
    assert pool.quote_in(side, 1e9).amount_out == pytest.approx(most[1], rel=1e-7)


def test_amplification_flattens() -> None:
    """The more of it, the more a balanced pool gives, between constant product and constant sum."""
    outs = [StableSwap(1e6, 1e6, amplification, 0.0).quote_in("sell", 3e5).amount_out for amplification in
            (0.0, 1.0, 10.0, 100.0, 1e4)]  # fmt: skip
    assert outs == sorted(outs)
    assert outs[0] == pytest.approx(ConstantProduct(1e6, 1e6, 0.0).quote_in("sell", 3e5).amount_out)
    assert 0.999 < outs[-1] / 3e5 < 1.0


# Happy path and edges


def test_the_fee_is_withheld_from_what_is_got_and_stays() -> None:
    """The taker gets 1 - fee of it; the fill says its worth in what is given; the pool's value rises by it."""
    free, paid = StableSwap(1e3, 1e3, 100.0, 0.0), StableSwap(1e3, 1e3, 100.0, 0.01)
    gross, fill = free.quote_in("sell", 50.0), paid.quote_in("sell", 50.0)
    assert fill.amount_out == pytest.approx(0.99 * gross.amount_out, rel=1e-15)
    assert fill.fee == 0.5
    assert (fill.amount_in - fill.fee) * gross.amount_out / gross.amount_in == pytest.approx(fill.amount_out, rel=1e-14)
    before = paid.invariant
    paid.settle(fill)
    assert (paid.base, paid.quote) == (1050.0, 1000.0 - fill.amount_out)
    assert paid.invariant - before == pytest.approx(0.01 * gross.amount_out, rel=0.01)


def test_at_balance_the_price_is_the_rate() -> None:
    for rate in (1.0, 1.15, 2000.0):
        pool = StableSwap(50.0, 50.0 * rate, 30.0, 0.002, rate)
        assert pool.bid == pytest.approx(0.998 * rate, rel=1e-15)
        assert pool.ask == pytest.approx(rate / 0.998, rel=1e-15)
        assert pool.invariant == pytest.approx(100.0 * rate, rel=1e-15)
        assert pool.quote_to("sell", 0.998 * rate * (1.0 + 1e-14)).amount_in == 0.0
        assert pool.quote_to("buy", rate).amount_in == 0.0


def test_trading_back_to_balance() -> None:
    """A pool off balance is brought back to exactly its rate."""
    pool = StableSwap(1.3e6, 0.7e6, 75.0, 0.0)
    fill = pool.quote_to("buy", 1.0)
    pool.settle(fill)
    assert pool.base == pytest.approx(pool.quote, rel=1e-14)
    assert pool.ask == pytest.approx(1.0, rel=1e-15)


def test_the_last_unit_has_no_end() -> None:
    """All there is can be quoted, as endless and incomplete, but never settled."""
    pool = StableSwap(100.0, 1000.0, 50.0, 0.0, 10.0)
    for fill in (
        pool.quote_out("sell", 1000.0),
        pool.quote_out("buy", 2000.0),
        pool.quote_to("sell", 0.0),
        pool.quote_to("buy", inf),
        pool.quote_in("sell", 1e300),
    ):
        assert fill.amount_in >= 1e30
        assert fill.amount_out == (1000.0 if fill.side == "sell" else 100.0)
        with pytest.raises(EndlessFill, match="no end"):
            pool.settle(fill)
    assert (pool.base, pool.quote) == (100.0, 1000.0)
    with_fee = StableSwap(100.0, 1000.0, 50.0, 0.01, 10.0)
    assert not with_fee.quote_out("sell", 990.0).complete
    far = with_fee.quote_to("sell", 1e-290)
    assert far.complete
    assert far.amount_out == pytest.approx(990.0, rel=1e-12)


def test_zero_is_an_empty_fill() -> None:
    pool = StableSwap(100.0, 1000.0, 50.0)
    for fill in (pool.quote_in("sell", 0.0), pool.quote_out("buy", 0.0)):
        assert (fill.amount_in, fill.amount_out, fill.fee, fill.complete) == (0.0, 0.0, 0.0, True)
        assert fill.price_after == fill.price_before
        pool.settle(fill)
    assert (pool.base, pool.quote) == (100.0, 1000.0)


def test_a_fill_that_no_longer_holds_is_refused_and_a_better_pool_keeps_the_rest() -> None:
    pool = StableSwap(1e3, 1e3, 100.0)
    first, second, purchase = pool.quote_in("sell", 5.0), pool.quote_in("sell", 5.0), pool.quote_in("buy", 5.0)
    pool.settle(first)
    with pytest.raises(StaleFill, match="quote it again"):
        pool.settle(second)
    held = pool.base
    pool.settle(purchase)
    assert pool.base == held - purchase.amount_out


# Refusals


def test_impossible_pools_and_requests_are_refused() -> None:
    for base, quote, amplification, fee in (
        (0.0, 1.0, 1.0, 0.0), (1.0, -1.0, 1.0, 0.0), (inf, 1.0, 1.0, 0.0), (1.0, 1.0, -1.0, 0.0), (1.0, 1.0, inf, 0.0),
        (1.0, 1.0, nan, 0.0), (1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, -0.1),
    ):  # fmt: skip
        with pytest.raises(InvalidAmount):
            StableSwap(base, quote, amplification, fee)
    for rate in (0.0, -1.0, inf):
        with pytest.raises(InvalidPrice, match="rate"):
            StableSwap(1.0, 1.0, 1.0, 0.0, rate)
    pool = StableSwap(1.0, 1.0, 1.0)
    with pytest.raises(InvalidSide):
        pool.quote_in("bid", 1.0)
    for amount in (-1.0, inf, nan):
        with pytest.raises(InvalidAmount, match="amount is"):
            pool.quote_out("sell", amount)
    with pytest.raises(InvalidPrice):
        pool.quote_to("buy", nan)


def test_terms_build_the_pool_that_they_describe() -> None:
    """Value or units, balanced at the reference price, which is the rate where none is given."""
    read = TypeAdapter(SourceTerms).validate_python
    terms = read({"kind": "stable_swap", "value": 4000, "amplification": 10})
    assert isinstance(terms, StableSwapTerms)
    for given_, base, quote, rate in (
        ({"value": 4000.0}, 20.0, 2000.0, 100.0),
        ({"base": 30.0}, 30.0, 3000.0, 100.0),
        ({"quote": 500.0, "rate": 90.0}, 5.0, 500.0, 90.0),
        ({"base": 30.0, "quote": 500.0}, 30.0, 500.0, 100.0),
    ):
        pool = read({"kind": "stable_swap", "amplification": 10, "fee": 0.001} | given_).build(100.0)
        assert (pool.base, pool.quote, pool.rate) == (base, quote, rate)
        assert (pool.amplification, pool.fee) == (10.0, 0.001)
    for wrong in ({"value": 1.0}, {"amplification": 1.0}, {"amplification": 1.0, "value": 1.0, "base": 1.0},
                  {"amplification": -1.0, "value": 1.0}, {"amplification": 1.0, "value": 1.0, "fee": 1.0}):  # fmt: skip
        with pytest.raises(ValidationError):
            read({"kind": "stable_swap"} | wrong)


# Invariants


FEES = st.sampled_from([0.0, 0.0004, 0.01])
AMPLIFICATIONS = st.sampled_from([0.0, 0.5, 20.0, 300.0, 1e5])
STABLE = st.builds(StableSwap, st.floats(1e2, 1e6), st.floats(1e2, 1e6), AMPLIFICATIONS, FEES, st.floats(0.5, 2.0))
SIDES = st.sampled_from(["sell", "buy"])


@settings(max_examples=150)
@given(STABLE, SIDES, st.floats(1e-6, 1e6))
def test_in_out_and_to_are_one_trade_that_never_loses_value(pool: StableSwap, side: Side, amount: float) -> None:
    """What a fill gives costs what it takes; the price is the one that it said; D does not fall, nor does a reserve
    vanish; there and back returns no more than was given.
    """
    before, value = (pool.bid, pool.ask), pool.invariant
    fill = pool.quote_in(side, amount)
    assert (pool.bid, pool.ask) == before
    held = pool.quote if side == "sell" else pool.base
    left = held * (1.0 - pool.fee) - fill.amount_out
    share = left / fill.amount_out
    if share > 1e-6:
        assert pool.quote_out(side, fill.amount_out).amount_in == pytest.approx(
            amount, rel=1e-14 / min(share, 1.0) + 1e-12
        )
    to = pool.quote_to(side, fill.price_after)
    # A price near the end of a flat stretch says little about the amount.
    assert to.amount_in == pytest.approx(
        amount, rel=1e-9, abs=1e-14 * (1.0 + pool.amplification) * (pool.base + pool.quote)
    )
    pool.settle(fill)
    kept = pool.quote if side == "sell" else pool.base
    assert kept > 0.0
    # What is left of a reserve has lost the digits that it had in common with what was got.
    assert pool.invariant >= value * (1.0 - 1e-14 - 2e-16 * held / kept)
    if not pool.fee:
        assert (pool.bid if side == "sell" else pool.ask) == pytest.approx(
            fill.price_after, rel=1e-12 + 3e-15 * held / kept
        )
    back = pool.quote_in("buy" if side == "sell" else "sell", fill.amount_out)
    assert back.amount_out <= amount * (1.0 + 1e-12 + 2e-16 * held / kept) + 1e-15 * (pool.base + pool.quote)


@settings(max_examples=60)
@given(st.lists(STABLE, min_size=2, max_size=3), SIDES, st.floats(1e-3, 1e6), st.floats(1e-3, 1.0))
def test_no_other_split_gives_more(pools: list[StableSwap], side: Side, amount: float, moved: float) -> None:
    """Moving a part of the largest share to any other pool never pays."""
    fill = Venue(pools).quote_in(side, amount)
    shares = [part.amount_in for part in fill.parts]
    assert sum(shares) == pytest.approx(amount, rel=1e-14)
    giver = shares.index(max(shares))
    less = pools[giver].quote_in(side, shares[giver] * (1.0 - moved)).amount_out
    for taker, pool in enumerate(pools):
        if taker != giver:
            more = pool.quote_in(side, shares[taker] + moved * shares[giver]).amount_out
            assert less + more <= fill.parts[giver].amount_out + fill.parts[taker].amount_out + 1e-13 * fill.amount_out
