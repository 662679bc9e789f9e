"""Trades on bands: quotes against the printed equations in 50 digits, limits, edges and refusals."""

from decimal import Decimal, localcontext
from math import inf, isnan, nan, sqrt

import numpy as np
import pytest

from builders.bands import example, sums, trade
from builders.digits import near
from models.market import Bands, ConstantProduct, InvalidAmount, InvalidPrice, InvalidSide, StaleFill
from models.market.band_curve import virtual
from models.types import Side


def exact_sale(pool: Bands, side: Side, net: Decimal) -> Decimal:
    """What is got for an amount without fee: band after band, from the equation for y0 as it is printed."""
    got, n = Decimal(0), pool.active_band
    bands, p, a = pool.bands(), Decimal(pool.oracle_price), Decimal(pool.amplification)
    while net > 0 and min(bands) <= n <= max(bands):
        x, y = (Decimal(units) for units in bands.get(n, (0.0, 0.0)))
        if (x if side == "sell" else y) > 0:
            u = Decimal(pool.base_price) * ((a - 1) / a) ** n
            half = (u / p * (a - 1) * x + p**2 / u * a * y) / 2
            y0 = (half + (half**2 + p * a * x * y).sqrt()) / (p * a)
            f, g = a * y0 * p**2 / u, (a - 1) * y0 * u / p
            product = (f + x) * (g + y)
            paid = min(net, product / f - g - y if side == "sell" else product / g - f - x)
            got += f + x - product / (g + y + paid) if side == "sell" else g + y - product / (f + x + paid)
            net -= paid
        n += -1 if side == "sell" else 1
    return got


@pytest.mark.parametrize("fee", [0.0, 0.006, 0.3])
@pytest.mark.parametrize("share", [1e-9, 1e-3, 0.2, 0.5, 0.97])
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_quotes_against_the_printed_equations(side: Side, share: float, fee: float) -> None:
    """Given, got and price afterwards agree in 50 digits to 1e-12, whichever of the three was asked for."""
    pool = example(fee, 1800.0)
    trade(pool, pool.quote_out("buy", 20.0))
    pool.set_oracle(1850.0, 1200.0)
    asked = share * (pool.quote if side == "sell" else pool.base)
    fill = pool.quote_out(side, asked)
    assert fill.complete
    with localcontext(prec=60):
        keep = 1 - Decimal(fee)
        assert near(asked, exact_sale(pool, side, keep * Decimal(fill.amount_in)))
        step = Decimal("1e-20") * Decimal(fill.amount_in)
        further = exact_sale(pool, side, keep * (Decimal(fill.amount_in) + step))
        rate = (further - exact_sale(pool, side, keep * Decimal(fill.amount_in))) / step
        assert near(fill.price_after, rate if side == "sell" else 1 / rate, 1e-11)
    same = pool.quote_in(side, fill.amount_in)
    assert same[1:7] == pytest.approx(fill[1:7], rel=1e-12)
    to = pool.quote_to(side, fill.price_after)
    assert to.price_after == fill.price_after
    assert to.amount_in == pytest.approx(fill.amount_in, rel=1e-12 + 1e-13 / share)


def exact_sale_to(pool: Bands, side: Side, price: Decimal) -> Decimal:
    """What is given, fee included, until the marginal taker price is there; at most two bands are on the way."""
    keep, sells = 1 - Decimal(pool.fee), side == "sell"
    bands, p, a = pool.bands(), Decimal(pool.oracle_price), Decimal(pool.amplification)
    given_ = Decimal(0)
    for n in sorted(bands, reverse=sells):
        if n > pool.active_band if sells else n < pool.active_band:
            continue
        x, y = (Decimal(units) for units in bands[n])
        u = Decimal(pool.base_price) * ((a - 1) / a) ** n
        half = (u / p * (a - 1) * x + p**2 / u * a * y) / 2
        y0 = (half + (half**2 + p * a * x * y).sqrt()) / (p * a)
        f, g = a * y0 * p**2 / u, (a - 1) * y0 * u / p
        product = (f + x) * (g + y)
        growth = (product * keep / price).sqrt() - g - y if sells else (product * keep * price).sqrt() - f - x
        room = product / f - g - y if sells else product / g - f - x
        given_ += min(max(growth, Decimal(0)), room)
        if growth <= room:
            break
    return given_ / keep


@pytest.mark.parametrize("fee", [0.0, 0.006, 0.3])
@pytest.mark.parametrize("distance", [1e-14, 1e-12, 1e-8, 1e-5, 1e-3, 0.008, 0.0101, 0.03])
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_the_trade_to_a_price_near_the_present_one_keeps_its_digits(side: Side, distance: float, fee: float) -> None:
    """To 1e-12 at any distance, from within a band, from its end, and from what little one has left."""
    for left in (1.0, 0.0, 1e-7):
        pool = example(fee, 1800.0)
        trade(pool, pool.quote_out("buy", 20.0))
        pool.set_oracle(1850.0, 1200.0)
        own = pool.bands()[pool.active_band]
        trade(pool, pool.quote_out(side, (own.quote if side == "sell" else own.base) * (1.0 - left)))
        target = pool.bid * (1.0 - distance) if side == "sell" else pool.ask * (1.0 + distance)
        fill = pool.quote_to(side, target)
        with localcontext(prec=60):
            exact = exact_sale_to(pool, side, Decimal(target))
        assert near(fill.amount_in, exact, 1e-12)
        assert fill.price_after == target


# Limits


@pytest.mark.parametrize("fee", [0.0, 0.01])
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_one_band_is_a_constant_product_until_it_is_used_up(side: Side, fee: float) -> None:
    """Of its virtual reserves, to 1e-12, for any of the three questions; beyond what it holds there is nothing."""
    pool = Bands(2000.0, 100.0, fee)
    pool.deposit("anna", 10.0, 3, 3)
    pool.set_oracle(1925.0, 600.0)
    trade(pool, pool.quote_out("buy", 4.0))
    (quote, base), upper = pool.bands()[3], 2000.0 * 0.99**3
    f, g = virtual(quote, base, upper, 1925.0, 100.0)
    product = ConstantProduct(g + base, f + quote, fee)
    assert (pool.bid, pool.ask) == pytest.approx((product.bid, product.ask), rel=1e-13)
    most = quote if side == "sell" else base
    better = pool.bid * 0.999 if side == "sell" else pool.ask * 1.001
    for ours, theirs in (
        (pool.quote_out(side, 0.3 * most), product.quote_out(side, 0.3 * most)),
        (pool.quote_in(side, 0.01), product.quote_in(side, 0.01)),
        (pool.quote_to(side, better), product.quote_to(side, better)),
    ):
        assert ours[1:7] == pytest.approx(theirs[1:7], rel=1e-12)
    whole = pool.quote_in(side, 1e9)
    assert not whole.complete
    assert whole.amount_out == most
    assert whole.amount_in == pytest.approx(product.quote_out(side, most).amount_in, rel=1e-12)
    ends = 1925.0**3 / upper**2, 1925.0**3 / (0.99 * upper) ** 2
    assert whole.price_after == pytest.approx(ends[0] * (1 - fee) if side == "sell" else ends[1] / (1 - fee), rel=1e-12)


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_a_trade_to_a_price_between_two_deposits_leaves_no_dust(side: Side) -> None:
    """A trade in what rounding had left would fix the oracle anew, and with it the fee of everybody who comes after."""
    for oracle in np.linspace(1500.0, 1990.0, 50).tolist():
        pool = Bands(2000.0, 100.0)
        pool.deposit("anna", 10.0, 3, 6)
        pool.deposit("bert", 30.0, 40, 43)
        first, last = (3, 6) if side == "buy" else (40, 43)
        if side == "sell":
            trade(pool, pool.quote_out("buy", 40.0))
        pool.set_oracle(oracle, 600.0)
        edges = [oracle**3 / (2000.0 * 0.99**n) ** 2 for n in (7, 40)]
        trade(pool, pool.quote_to(side, sqrt(edges[0] * edges[1])))
        assert all(not held[side == "buy"] for n, held in pool.bands().items() if first <= n <= last)
        assert pool.active_band == (last if side == "buy" else first)
        assert pool.quote_to(side, sqrt(edges[0] * edges[1])).amount_in == 0.0


def test_a_trade_ends_after_fifty_bands() -> None:
    """Counted from the first that holds anything; the next trade begins where this one ended."""
    pool = Bands(2000.0, 100.0, 0.0)
    pool.deposit("anna", 50.0, 1, 50)
    pool.deposit("bert", 50.0, 51, 100)
    pool.set_oracle(1200.0, 600.0)
    first = trade(pool, pool.quote_in("buy", 1e9))
    assert (first.complete, first.amount_out) == (False, pytest.approx(50.0, rel=1e-14))
    assert pool.active_band == 50
    assert pool.segments("buy").shape == (4, 49)
    second = pool.quote_in("buy", 1e9)
    assert second.amount_out == pytest.approx(49.0, rel=1e-14)
    assert pool.segments("sell").shape == (4, 50)


def test_a_trade_ends_fifty_bands_from_the_oracle() -> None:
    """Where the oracle has gone far off, what lies on beyond is out of reach until it comes back."""
    pool = example(oracle=4000.0)
    assert isnan(pool.ask)
    assert pool.quote_in("buy", 1.0)[1:3] == (0.0, 0.0)
    assert pool.segments("buy").shape == (4, 0)
    pool.set_oracle(2000.0 * 0.99**-39.5, 1200.0)
    assert trade(pool, pool.quote_in("buy", 1e9)).amount_out == pytest.approx(22.0, rel=1e-14)
    assert pool.active_band == 11
    pool.set_oracle(900.0, 1800.0)
    last = pool.bands()[11].quote
    assert pool.segments("sell").shape == (4, 1)
    sold = trade(pool, pool.quote_in("sell", 1e9))
    assert (sold.complete, sold.amount_out, pool.active_band) == (False, last, 11)
    assert isnan(pool.bid)
    pool.set_oracle(2000.0, 2400.0)
    trade(pool, pool.quote_in("sell", 1e9))
    assert sums(pool)[0] == 0.0


def test_a_pool_that_was_drained_gives_all_that_is_left() -> None:
    """After large trades a band with a billionth of what there was is got whole, to its last digits."""
    pool = Bands(2000.0, 100.0, 0.0)
    pool.deposit("anna", 1e6 / 3.0, 1, 3)
    pool.deposit("bert", 1e-4 / 3.0, 4, 4)
    trade(pool, pool.quote_out("buy", 1e6 / 3.0))
    assert pool.quote_in("buy", 1.0).amount_out == pytest.approx(pool.bands()[4].base, rel=1e-14)


# Happy path and edges


def test_what_an_untouched_pool_says() -> None:
    """It begins at its base price; base lies below, nothing to sell to; the price is that of the empty active band."""
    pool = Bands(2000.0, 100.0, 0.006)
    assert (pool.base, pool.quote, pool.active_band, pool.bands(), pool.dynamic_fee) == (0.0, 0.0, 0, {}, 0.006)
    assert pool.price == pytest.approx(2000.0 * 100 / 99, rel=1e-15)
    assert isnan(pool.bid)
    assert isnan(pool.ask)
    pool.deposit("anna", 10.0, 1, 4)
    assert pool.bands() == dict.fromkeys((1, 2, 3, 4), (0.0, 2.5))
    assert (pool.base, pool.quote, pool.span("anna"), pool.balances("anna")) == (10.0, 0.0, (1, 4), (0.0, 10.0))
    assert isnan(pool.bid)
    assert pool.ask == pytest.approx(2000.0 / 0.99**2 / 0.994, rel=1e-14)
    assert pool.y_up("anna") == pytest.approx(10.0, rel=1e-14)
    half_band = sqrt(0.99)
    assert pool.x_down("anna") == pytest.approx(
        sum(2.5 * 2000.0 * 0.99**n * half_band for n in (1, 2, 3, 4)), rel=1e-14
    )


def test_a_trade_leaves_its_fee_in_the_bands() -> None:
    """Less the administrator's part of it, which stays in the pool beside them."""
    for admin_fee in (0.0, 0.5, 1.0):
        pool = Bands(2000.0, 100.0, 0.01, admin_fee)
        pool.deposit("anna", 10.0, 1, 10)
        pool.set_oracle(1900.0, 600.0)
        fill = trade(pool, pool.quote_in("buy", 5000.0))
        assert fill.fee == pytest.approx(50.0, rel=1e-14)
        assert pool.admin_fees == pytest.approx((50.0 * admin_fee, 0.0), rel=1e-14)
        assert sums(pool) == pytest.approx((5000.0 - 50.0 * admin_fee, 10.0 - fill.amount_out), rel=1e-14)
        assert (pool.quote, pool.base) == (5000.0, 10.0 - fill.amount_out)
        left = pool.withdraw("anna")
        assert left == pytest.approx((5000.0 - 50.0 * admin_fee, 10.0 - fill.amount_out), rel=1e-12)
        assert (pool.quote, pool.base) == pytest.approx((50.0 * admin_fee, 0.0), abs=1e-12)
        assert pool.bands() == {}


def test_empty_fills() -> None:
    """Nothing asked, a price that is there already, or nothing to get: nothing moves."""
    pool = example()
    state, before = pool.state, pool.bands()
    for fill in (pool.quote_in("buy", 0.0), pool.quote_to("buy", pool.ask), pool.quote_to("buy", 0.0)):
        assert fill[1:4] == (0.0, 0.0, 0.0)
        assert fill.complete
        assert fill.price_before == fill.price_after == pool.ask
        assert pool.settle(fill) == []
        assert pool.state is state
    for fill in (pool.quote_in("sell", 1.0), pool.quote_out("sell", 1.0), pool.quote_to("sell", 1.0)):
        assert fill[1:4] == (0.0, 0.0, 0.0)
        assert not fill.complete
        assert isnan(fill.price_before)
    assert pool.bands() == before
    everything = pool.quote_to("buy", inf)
    assert (everything.complete, everything.amount_out) == (False, pytest.approx(50.0, rel=1e-14))
    assert trade(pool, everything).amount_in == pool.quote
    assert sums(pool)[1] == 0.0
    assert pool.quote_to("sell", 0.0).amount_out == pool.quote


def test_a_stale_fill_settles_only_while_the_pool_gives_as_much() -> None:
    """At the amounts quoted; what it would give by now on top stays in the band where the trade ends."""
    pool = example()
    old = pool.quote_in("buy", 3000.0)
    trade(pool, pool.quote_in("buy", 1.0))
    with pytest.raises(StaleFill):
        pool.check(old)
    bands = pool.bands()
    with pytest.raises(StaleFill):
        pool.settle(old)
    assert pool.bands() == bands
    pool.set_oracle(1850.0, 1200.0)
    quote, base = pool.quote, pool.base
    better = pool.quote_in("buy", 3000.0).amount_out
    assert better > old.amount_out * 1.01
    pool.settle(old)
    assert (pool.quote - quote, base - pool.base) == pytest.approx((old.amount_in, old.amount_out), rel=1e-12)
    assert sums(pool) == pytest.approx((pool.quote, pool.base), rel=1e-14)
    active = pool.active_band
    assert all(not held.base for n, held in pool.bands().items() if n < active)
    assert all(not held.quote for n, held in pool.bands().items() if n > active)


# Refusals


@pytest.mark.parametrize("price", [0.0, -1.0, inf, nan])
def test_prices_that_are_none(price: float) -> None:
    with pytest.raises(InvalidPrice, match="base price"):
        Bands(price)
    with pytest.raises(InvalidPrice, match="oracle price"):
        Bands(2000.0).set_oracle(price, 0.0)


def test_parameters_that_are_none() -> None:
    for arguments, name in (
        ((2000.0, 1.0), "amplification"),
        ((2000.0, nan), "amplification"),
        ((2000.0, 100.0, 1.0), "fee"),
        ((2000.0, 100.0, -0.1), "fee"),
        ((2000.0, 100.0, 0.0, 1.1), "admin_fee"),
    ):
        with pytest.raises(InvalidAmount, match=rf"^{name} is"):
            Bands(*arguments)


def test_trades_that_make_no_sense() -> None:
    pool = example()
    for amount in (-1.0, inf, nan):
        with pytest.raises(InvalidAmount):
            pool.quote_in("buy", amount)
        with pytest.raises(InvalidAmount):
            pool.quote_out("sell", amount)
        with pytest.raises(InvalidAmount):
            pool.swap_many(np.array([True]), np.array([amount]))
    with pytest.raises(InvalidAmount, match="number of amounts"):
        pool.swap_many(np.array([True]), np.array([1.0, 2.0]))
    with pytest.raises(InvalidPrice):
        pool.quote_to("buy", nan)
    with pytest.raises(InvalidSide):
        pool.segments("up")  # type: ignore[arg-type]
