"""Bands: whole histories of the contract, its formulas in 50 digits, and what must hold for any bands and oracle."""

from copy import deepcopy
from decimal import Decimal, localcontext
from math import inf, isnan, nan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from abm import Scenario
from models.market import (
    AlreadyDeposited,
    Bands,
    BandsTerms,
    ConstantProduct,
    Fill,
    InvalidAmount,
    InvalidBands,
    InvalidPrice,
    InvalidSide,
    OrderBook,
    SourceTerms,
    StaleFill,
    UnknownOwner,
    Venue,
)
from models.market.band_curve import virtual
from models.market.band_oracle import report
from models.types import FloatArray, Side

# Histories of the contract in whole wei. First base price, A, fee and the administrator's part of it; then what is
# done, what comes of it, and afterwards (active band, oracle price as believed, fee of a trade, price). "deposit" is
# for (owner, base, n1, n2); "oracle" says (price, seconds); "give" and "get" trade (side, amount) and come to (given,
# got), "give" also to the fee; "to" asks what must be given until the price without fee is (side, price); "withdraw"
# takes (owner, fraction) and comes to (quote, base). At the end, by owner: span, debt, (quote, base), (x_down, y_up),
# and health and full health at a discount of 6 %; and the administrator's (quote, base).
HISTORIES: list[Any] = [
    (2000.0, 50.0, 0.0, 0.0, [
        ("deposit", ("u0", 12.9533732309508, 12, 21), (), ()),
        ("deposit", ("u1", 34.221686157136794, 1, 50), (), ()),
        ("oracle", (2058.0732308212364, 600.0), (), (0, 2058.0732308212364, 0.0, 2223.803475168851)),
        ("give", ("sell", 7.129006303602382), (0.0, 0.0, 0.0), (0, 2058.0732308212364, 0.0, 2223.803475168851)),
        ("oracle", (1964.6411601769196, 612.0), (), (0, 1964.6411601769196, 0.11709376223307157, 1934.4773469749625)),
        ("to", ("buy", 1964.6411601769196), (0.0,), ()),
        ("oracle", (1921.859961786299, 4212.0), (), (0, 1921.859961786299, 0.0, 1810.8361281374218)),
        ("to", ("buy", 1921.859961786299), (1254.913708877628,), ()),
        ("give", ("buy", 1251.5254418636584), (1251.5254418636584, 0.664163636609181, 0.0),
         (1, 1921.859961786299, 0.0, 1921.6580186287795)),
        ("oracle", (2031.1536398093294, 4272.0), (), (1, 2031.1536398093294, 0.07644784502143255, 2268.025191605535)),
        ("to", ("sell", 2031.1536398093294), (0.6092509679926561,), ()),
        ("give", ("sell", 0.6076059903790759), (0.6076059903790759, 1248.2113828431955, 0.046450168586593635),
         (1, 2031.1536398093294, 0.07644784502143255, 2181.5145620201056)),
        ("oracle", (2051.7906762642842, 4872.0), (), (1, 2051.7906762642842, 0.0, 2248.6802026691435)),
        ("give", ("sell", 5.15170651605569), (0.001473848635729723, 3.314059020462984, 0.0),
         (0, 2051.7906762642842, 0.0, 2203.5001726660535)),
        ("oracle", (2078.670387249949, 5472.0), (), (0, 2078.670387249949, 0.0, 2291.2412549370306)),
        ("give", ("buy", 14465.445155224721), (14465.445155224721, 5.260199847267427, 0.0),
         (8, 2078.670387249949, 0.0, 3199.548609143097)),
        ("oracle", (2130.0731485054584, 6072.0), (), (8, 2130.0731485054584, 0.0, 3440.9632371247394)),
        ("get", ("sell", 3590.045456060506), (1.0790346037065786, 3590.045456060506),
         (7, 2130.0731485054584, 0.0, 3214.927189385666)),
        ("oracle", (2072.5426061364687, 9672.0), (), (7, 2072.5426061364687, 0.0, 2962.06050897591)),
        ("get", ("buy", 4.141636282689691), (13901.568686521538, 4.141636282689691),
         (12, 2072.5426061364687, 0.0, 3677.1166456445553)),
        ("oracle", (1978.8254677824275, 13272.0), (), (12, 1978.8254677824275, 0.0, 3204.921879641162)),
        ("get", ("sell", 2975.3446347122126), (0.936704642262845, 2975.3446347122126),
         (12, 1978.8254677824275, 0.0, 3148.123502493829)),
        ("oracle", (1967.8337309138205, 13332.0), (),
         (12, 1967.8337309138205, 0.008285819954922531, 3095.9910801368887)),
        ("give", ("sell", 10.28693858348303), (8.789896154847087, 21801.62375097354, 0.0728314969615288),
         (0, 1967.8337309138205, 0.008285819954922531, 1943.9233425332154)),
        ("withdraw", ("u1", 0.5), (0.0, 17.74373797740287),
         (0, 1967.8337309138205, 0.008285819954922531, 1943.9233425332154)),
    ], [
        ("u0", (12, 21), 14562.12024205192, (0.0, 13.036298906546874), (18536.011368851992, 13.036298906546874),
         (0.19651880338173291, 0.5531746401076095)),
        ("u1", (1, 50), 38450.9665926393, (0.0, 17.74373797740287), (22216.026832405263, 17.74373797740287),
         (-0.45689102061588716, -0.45327603558331536)),
    ], (0.0, 0.0)),
    (0.05, 100.0, 0.01, 0.0, [
        ("deposit", ("u0", 31.473155053348673, 10, 29), (), ()),
        ("deposit", ("u1", 13.338023709236378, 1, 20), (), ()),
        ("deposit", ("u2", 27.278207338637422, 12, 31), (), ()),
        ("oracle", (0.046137167822646645, 60.0), (),
         (0, 0.046137167822646645, 0.1071626384377132, 0.03968054157194816)),
        ("give", ("buy", 0.16184510079398928), (0.16184510079398928, 3.4225057299094113, 0.01734374801930152),
         (6, 0.046137167822646645, 0.1071626384377132, 0.04444827450977793)),
        ("oracle", (0.04692202902408434, 3660.0), (), (6, 0.04692202902408434, 0.01, 0.04674969542494591)),
        ("to", ("buy", 0.04692202902408434), (0.005840525361069345,), ()),
        ("give", ("buy", 0.005824755942594457), (0.005824755942594457, 0.12312246399449188, 5.8247559425945e-05),
         (6, 0.04692202902408434, 0.01, 0.04692273985657344)),
        ("oracle", (0.046803865372254505, 4260.0), (), (6, 0.046803865372254505, 0.01, 0.04657068133519135)),
        ("to", ("buy", 0.046803865372254505), (0.007919421682513974,), ()),
        ("give", ("buy", 0.007898039243971186), (0.007898039243971186, 0.1674789579296377, 7.8980392439712e-05),
         (6, 0.046803865372254505, 0.01, 0.046804239613541854)),
        ("oracle", (0.0474564672536181, 4320.0), (),
         (6, 0.0474564672536181, 0.02034502594029208, 0.04877951561674524)),
        ("to", ("sell", 0.0474564672536181), (0.9443803674093108,), ()),
        ("give", ("sell", 0.9418305404173056), (0.9418305404173056, 0.04439042587812328, 0.01916156677614939),
         (5, 0.0474564672536181, 0.02034502594029208, 0.047456833072566214)),
        ("oracle", (0.048798718239391255, 4920.0), (), (5, 0.048798718239391255, 0.01, 0.051585315705860606)),
        ("give", ("sell", 12.665476958145511), (2.677698191371166, 0.13117747010243164, 0.026776981913711657),
         (0, 0.048798718239391255, 0.01, 0.04695156158891624)),
        ("oracle", (0.05993459956133818, 5040.0), (), (0, 0.05993459956133818, 0.01, 0.08698765449771652)),
        ("give", ("buy", 0.9068442561621688), (0.9068442561621688, 8.982282565309038, 0.009068442561621684),
         (11, 0.05993459956133818, 0.01, 0.10823681435562853)),
        ("oracle", (0.065, 5160.0), (), (11, 0.065, 0.01, 0.13791247038712168)),
        ("give", ("sell", 6.214269527466066), (6.214269527466066, 0.7970406470930249, 0.06214269527466065),
         (2, 0.065, 0.01, 0.1164484518488238)),
        ("oracle", (0.06472789482139504, 5172.0), (),
         (2, 0.06472789482139504, 0.011255580233716159, 0.11499467950127139)),
        ("get", ("sell", 0.4190826584486677), (0.9843314464367209, 0.10980360906914394),
         (0, 0.06472789482139504, 0.011255580233716159, 0.10957191303179156)),
        ("withdraw", ("u2", 1.0), (0.0, 27.278207338637422),
         (0, 0.06472789482139504, 0.011255580233716159, 0.10957191303179156)),
    ], [
        ("u0", (10, 29), 0.9821977072329329, (0.0, 31.041363150084635), (1.2698932966980772, 31.041363150084635),
         (0.21533545650305713, 0.831891027538432)),
        ("u1", (1, 20), 0.47581051117552503, (0.0, 11.892555601049093), (0.5300553394916239, 11.892555601049093),
         (0.04716480073371646, 0.42777553041883964)),
    ], (0.0, 0.0)),
    (30000.0, 100.0, 0.0, 0.5, [
        ("deposit", ("u0", 4.959962087068685, 8, 12), (), ()),
        ("deposit", ("u1", 40.12239139904252, 9, 18), (), ()),
        ("deposit", ("u2", 27.06566040465327, 4, 53), (), ()),
        ("deposit", ("u3", 13.455119141286769, 3, 6), (), ()),
        ("oracle", (28647.74935949304, 120.0), (), (0, 28647.74935949304, 0.0, 26387.231123743728)),
        ("get", ("sell", 23505.913525302585), (0.0, 0.0), (0, 28647.74935949304, 0.0, 26387.231123743728)),
        ("oracle", (28271.60795615551, 3720.0), (), (0, 28271.60795615551, 0.0, 25361.435133233834)),
        ("to", ("buy", 28271.60795615551), (296916.1841920515,), ()),
        ("give", ("buy", 296114.510494733), (296114.510494733, 10.773251409966933, 0.0),
         (5, 28271.60795615551, 0.0, 28267.46484050846)),
        ("oracle", (28912.876810908372, 3732.0), (),
         (5, 28912.876810908372, 0.058565874473408955, 30231.070716732906)),
        ("to", ("sell", 28912.876810908372), (8.448654187601575,), ()),
        ("give", ("sell", 8.425842821295051), (8.425842821295051, 234652.51457527373, 0.4934668530046399),
         (3, 28912.876810908372, 0.058565874473408955, 28912.962412555473)),
        ("oracle", (35389.99857524123, 3852.0), (), (3, 35389.99857524123, 0.0, 52869.3975500736)),
        ("to", ("sell", 35389.99857524123), (1.1687200628271504,), ()),
        ("give", ("sell", 1.165564518657517), (1.165564518657517, 61296.92581060861, 0.0),
         (3, 35389.99857524123, 0.0, 52311.887424190296)),
        ("oracle", (34139.19048289878, 4452.0), (), (3, 34139.19048289878, 0.0, 46959.106562079716)),
        ("to", ("sell", 34139.19048289878), (0.003515244482418944,), ()),
        ("give", ("sell", 0.003505753322316412), (0.003505753322316412, 164.6244266422304, 0.0),
         (3, 34139.19048289878, 0.0, 46957.613484988105)),
        ("withdraw", ("u3", 0.5), (0.22284110421830397, 6.033492360264833),
         (3, 34139.19048289878, 0.0, 46957.613484988105)),
    ], [
        ("u0", (8, 12), 100953.04883282156, (0.0, 4.959962087068685), (133910.00357601585, 4.959962087068685),
         (0.24687074651806526, 0.5641046471924352)),
        ("u1", (9, 18), 944287.3677578701, (0.0, 40.12239139904252), (1046120.537843942, 40.12239139904252),
         (0.04137081480629576, 0.3274818814441896)),
        ("u2", (4, 53), 488582.51960507483, (0.0, 27.028723082216), (612028.0456905838, 27.028723082216),
         (0.1775009130784569, 0.4718794747273772)),
        ("u3", (3, 6), 360297.7619178241, (0.22284110421830397, 6.033492360264833),
         (171894.00075099725, 6.0334971058448845), (-0.5515365961590671, -0.5515365961590671)),
    ], (0.0, 0.24673342650231994)),
]  # fmt: skip


def near(value: float, exact: Any, tolerance: float = 1e-12, floor: float = 0.0) -> bool:
    return abs(Decimal(value) - Decimal(exact)) <= Decimal(tolerance) * max(abs(Decimal(exact)), Decimal(floor))


def sums(pool: Bands) -> tuple[float, float]:
    """Quote and base in all bands."""
    held = np.array(list(pool.bands().values())).reshape(-1, 2).sum(axis=0)
    return float(held[0]), float(held[1])


def example(fee: float = 0.006, oracle: float = 1900.0) -> Bands:
    """Two owners whose bands overlap, after a fall of the oracle; nobody has traded yet."""
    pool = Bands(2000.0, 100.0, fee)
    pool.deposit("anna", 10.0, 1, 10)
    pool.deposit("bert", 40.0, 6, 25)
    pool.set_oracle(oracle, 600.0)
    return pool


def trade(pool: Bands, fill: Fill) -> Fill:
    pool.settle(fill)
    return fill


# Reference


@pytest.mark.parametrize("history", HISTORIES)
def test_a_history_of_the_contract(history: Any) -> None:
    """Every amount, price, fee and active band after every step, to 1e-12; what is left after large trades to 1e-9."""
    base_price, amplification, fee, admin_fee, steps, owners, admin = history
    pool = Bands(base_price, amplification, fee, admin_fee)
    for done, what, result, after in steps:
        if done == "deposit":
            pool.deposit(*what)
        elif done == "oracle":
            pool.set_oracle(*what)
        elif done == "withdraw":
            assert pool.withdraw(*what) == pytest.approx(result, rel=1e-9)
        elif done == "to":
            side, price = what
            keep = 1.0 - pool.dynamic_fee
            fill = pool.quote_to(side, price * keep if side == "sell" else price / keep)
            assert fill.amount_in == pytest.approx(result[0], rel=1e-11)
        else:
            fill = trade(pool, pool.quote_in(*what) if done == "give" else pool.quote_out(*what))
            assert (fill.amount_in, fill.amount_out, fill.fee)[: len(result)] == pytest.approx(result, rel=1e-11)
        if after:
            assert pool.active_band == after[0]
            assert (pool.oracle_price, pool.dynamic_fee, pool.price) == pytest.approx(after[1:], rel=1e-12)
    assert pool.admin_fees == pytest.approx(admin, rel=1e-12)
    assert (pool.quote, pool.base) == pytest.approx(np.add(sums(pool), admin), rel=1e-9)
    for owner, span, debt, balances, converted, health in owners:
        assert pool.span(owner) == span
        assert pool.balances(owner) == pytest.approx(balances, rel=1e-9)
        assert (pool.x_down(owner), pool.y_up(owner)) == pytest.approx(converted, rel=1e-12)
        found = pool.health(owner, debt, 0.06), pool.health(owner, debt, 0.06, full=True)
        assert found == pytest.approx(health, rel=1e-12, abs=1e-12)


def test_a_band_at_a_point() -> None:
    """f, g and the price of a band in which both assets are, against their values to 18 digits."""
    upper = 2000.0 * 0.99**10
    assert upper == pytest.approx(1808.764150017608982, rel=1e-15)
    f, g = virtual(900.0, 0.5, upper, 1800.0, 100.0)
    y0 = 0.997493732561182862
    assert f == pytest.approx(100.0 * y0 * 1800.0**2 / upper, rel=1e-15)
    assert g == pytest.approx(99.0 * y0 * upper / 1800.0, rel=1e-15)
    assert (f + 900.0) / (g + 0.5) == pytest.approx(1800.601907715697593341, rel=1e-15)


@pytest.mark.parametrize(
    ("price", "elapsed", "believed", "fee"),
    [
        (1900.0, 0.0, 1900.0, 0.142625),
        (1900.0, 60.0, 1900.0, 0.0713125),
        (1500.0, 0.0, 1600.0, 0.488),
        (3000.0, 0.0, 2500.0, 0.488),
        (1500.0, 120.0, 1500.0, 0.0),
        (2000.0, 0.0, 2000.0, 0.0),
    ],
)
def test_a_step_of_the_oracle(price: float, elapsed: float, believed: float, fee: float) -> None:
    """From 2000: within two minutes a step is limited to a factor 1.25 and costs 1 - r³, and the fee fades."""
    assert report(2000.0, 0.0, elapsed, price) == pytest.approx((believed, fee), rel=1e-14)


def test_a_borrower_in_a_fall() -> None:
    """Ten units in ten bands against 16000, sold to arbitrage as the oracle falls to 1686; then a fall without any.

    The published path charges more fee where a trade runs through bands that the oracle has left behind, a rule of
    later contracts: what the arbitrageur gets and where it stops is the same, what it pays only within one band.
    """
    pool = Bands(2000.0, 100.0, 0.006)
    pool.deposit("anna", 10.0, 7, 16)
    assert pool.health("anna", 16000.0, 0.06) == pytest.approx(0.041936233, abs=1e-9)
    assert pool.health("anna", 16000.0, 0.06, full=True) == pytest.approx(0.126854549, abs=1e-9)
    pool.set_oracle(1864.0, 600.0)
    assert pool.price == pytest.approx(1635.47, abs=0.005)
    assert trade(pool, pool.quote_to("buy", 1864.0)).amount_in == 0.0
    path = [
        (1850.0, 1598.90, 0.457469, 842.4202, 7),
        (1800.0, 1694.49, 2.726270, None, 10),
        (1750.0, 1644.63, 2.803114, None, 12),
        (1700.0, 1594.65, 2.884138, None, 15),
        (1686.0, 1648.49, 0.822700, 1375.6449, 16),
    ]
    for number, (oracle, before, bought, paid, active) in enumerate(path):
        pool.set_oracle(oracle, 1200.0 + 600.0 * number)
        assert pool.price == pytest.approx(before, abs=0.006) or number == 0
        fill = trade(pool, pool.quote_out("buy", bought))
        assert pool.price / (1.0 - 0.006) == pytest.approx(oracle, rel=1e-6)
        assert pool.active_band == active
        if paid is not None:
            assert fill.amount_in == pytest.approx(paid, rel=2e-6)
        if oracle == 1850.0:
            assert pool.health("anna", 16000.0, 0.06) == pytest.approx(0.041296, abs=1e-6)
    for oracle, health in (
        (1900.0, 0.06435),
        (1850.0, 0.041),
        (1800.0, 0.02281),
        (1750.0, -0.01809),
        (1600.0, -0.23302),
    ):
        alone = Bands(2000.0, 100.0, 0.006)
        alone.deposit("anna", 10.0, 7, 16)
        alone.set_oracle(oracle, 600.0)
        assert alone.health("anna", 16000.0, 0.06, full=True) == pytest.approx(health, abs=6e-6)


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


def test_the_price_moves_with_the_cube_of_the_oracle() -> None:
    """While nobody trades; and neighbouring bands meet at one price."""
    pool = example(0.0, 2000.0)
    price, ask = pool.price, pool.ask
    pool.set_oracle(1800.0, 1200.0)
    assert (pool.price, pool.ask) == pytest.approx((price * 0.9**3, ask * 0.9**3), rel=1e-14)
    segments = pool.segments("buy")
    assert segments.shape == (4, 25)
    np.testing.assert_allclose(segments[0, 1:], segments[1, :-1], rtol=1e-14)
    assert (segments[0, 1:] <= segments[1, :-1]).all()


@pytest.mark.parametrize("start", [0.0, 1000.0])
def test_slower_moves_come_to_x_down_and_y_up(start: float) -> None:
    """Without fee and with arbitrage at every step, a fall ends at x_down of its beginning and a rise at y_up."""

    def moved(steps: int, prices: tuple[float, float]) -> float:
        pool = Bands(2000.0, 50.0, 0.0)
        pool.deposit("anna", 10.0, 5, 12)
        if start:
            pool.set_oracle(1700.0, 600.0)
            trade(pool, pool.quote_in("buy", 10.0 * start))
        pool.set_oracle(prices[0], 1200.0)
        falls = prices[1] < prices[0]
        expected = pool.x_down("anna") if falls else pool.y_up("anna")
        for number, oracle in enumerate(np.geomspace(*prices, steps)):
            pool.set_oracle(float(oracle), 1800.0 + 600.0 * number)
            side: Side = "buy" if pool.price < oracle else "sell"
            trade(pool, pool.quote_to(side, float(oracle)))
        quote, base = pool.balances("anna")
        assert (base if falls else quote) == pytest.approx(0.0, abs=1e-9)
        return (quote if falls else base) / expected - 1.0

    for prices in ((1900.0, 1400.0), (1400.0, 1900.0)):
        coarse, fine, finest = (moved(steps, prices) for steps in (30, 300, 3000))
        assert coarse < fine < finest <= 1e-12
        assert finest > -2e-4


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


@pytest.mark.parametrize("amplification", [2.0, 20.0, 50.0, 100.0, 200.0])
def test_the_last_band_of_a_trade_begins_fifty_bands_from_the_oracle_whatever_the_rounding(
    amplification: float,
) -> None:
    """With the oracle at an edge of bands, no rounding of that edge's price moves the end of a trade by a band."""
    ends = set()
    for base_price in (0.003, 0.7, 1.126, 1999.0, 6402.0, 27161.842453188892):
        down = Bands(base_price, amplification, 0.0)
        down.deposit("anna", 20.0, 41, 60)
        trade(down, down.quote_out("buy", 15.0))
        up = Bands(base_price, amplification, 0.0)
        up.deposit("anna", 20.0, -60, -41)
        up.set_oracle(base_price * (1.0 - 1.0 / amplification) ** -50, 0.0)
        trade(up, up.quote_out("buy", 20.0))
        up.set_oracle(base_price, 600.0)
        trade(up, up.quote_to("sell", 0.0))
        ends.add((down.active_band, up.active_band, round(down.base, 9)))
    assert ends == {(50, -51, 10.0)}


def test_owners_who_share_bands_share_what_they_earn() -> None:
    """Two equal deposits are one of twice the size, also after trades; a later one has no part in earlier fees."""
    both, one, free = Bands(2000.0), Bands(2000.0), Bands(2000.0, fee=0.0)
    both.deposit("anna", 5.0, 1, 10)
    both.deposit("bert", 5.0, 1, 10)
    one.deposit("anna", 10.0, 1, 10)
    free.deposit("anna", 10.0, 1, 10)
    for pool in (both, one, free):
        pool.set_oracle(1850.0, 600.0)
        trade(pool, pool.quote_in("buy", 3000.0))
        pool.set_oracle(2000.0, 1200.0)
        trade(pool, pool.quote_in("sell", 1e3))
    assert both.bands() == one.bands()
    earned = tuple(both.balances("anna"))
    assert both.balances("bert") == earned == pytest.approx(tuple(np.array(one.balances("anna")) / 2), rel=1e-14)
    assert both.base > free.base
    both.deposit("carl", 100.0, 1, 10)
    assert both.balances("carl") == pytest.approx((0.0, 100.0), rel=1e-14)
    assert both.balances("anna") == pytest.approx(earned, rel=1e-13)


def test_a_small_owner_keeps_its_part_when_a_large_one_leaves() -> None:
    pool = Bands(2000.0)
    pool.deposit("anna", 1e-9, 1, 4)
    pool.deposit("bert", 1e9, 1, 4)
    assert pool.balances("anna").base == pytest.approx(1e-9, rel=1e-14)
    assert pool.withdraw("bert") == (0.0, 1e9)
    assert pool.balances("anna").base == pytest.approx(1e-9, rel=1e-14)


def test_a_small_owner_does_not_answer_for_the_rounding_of_a_large_trade() -> None:
    """A trade through a giant's band that ends in a tiny one: that one's own curve holds, whatever is carried in."""
    for part in np.linspace(0.05, 0.95, 19).tolist():
        pool = Bands(2000.0, 100.0, 0.0)
        pool.deposit("giant", 1e8, 1, 1)
        pool.deposit("tiny", 1e-2, 2, 2)
        pool.set_oracle(1950.0, 600.0)
        trade(pool, pool.quote_out("buy", 1e8 + part * 1e-2))
        quote, base = pool.bands()[2]
        f, g = virtual(0.0, 1e-2, pool.base_price * 0.99**2, 1950.0, 100.0)
        assert 0.0 < base < 1e-2
        assert (f + quote) * (g + base) == pytest.approx(f * (g + 1e-2), rel=1e-12)
        assert pool.balances("tiny") == pytest.approx((quote, base), rel=1e-14)


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


def test_the_oracle_is_limited_after_a_trade_only() -> None:
    """Until the first deposit it is taken as it is; then a step counts from what was believed at the last trade."""
    pool = Bands(2000.0, 100.0, 0.006)
    pool.set_oracle(1000.0, 50.0)
    assert (pool.oracle_price, pool.dynamic_fee) == (1000.0, 0.006)
    pool.set_oracle(2000.0, 10.0)
    pool.deposit("anna", 10.0, 1, 10)
    state = pool.state
    pool.set_oracle(2000.0, 20.0)
    assert pool.state is state
    pool.set_oracle(1500.0, 70.0)
    assert pool.oracle_price == 1600.0
    assert pool.dynamic_fee == pytest.approx(0.488 / 2, rel=1e-14)
    trade(pool, pool.quote_in("buy", 0.0))
    assert pool.oracle_price == 1600.0
    trade(pool, pool.quote_in("buy", 1.0))
    # The trade has fixed 1600, so that 1500 is within reach of the next one, at the fee of both steps.
    assert pool.oracle_price == 1500.0
    assert pool.dynamic_fee == pytest.approx(0.488 / 2 + 1.0 - 0.9375**3, rel=1e-14)
    pool.set_oracle(1500.0, 190.0)
    assert pool.dynamic_fee == 0.006


def test_no_fee_is_above_all_that_is_given() -> None:
    """Steps in a row add up; even then something trades, and the bands gain."""
    pool = example(oracle=1500.0)
    for number in range(5):
        trade(pool, pool.quote_in("buy", 10.0))
        pool.set_oracle(1500.0 * (1.3 if number % 2 else 0.7), 600.0 + number)
    assert pool.dynamic_fee == 1.0
    fill = trade(pool, pool.quote_in("buy", 1.0))
    assert (fill.complete, fill.fee) == (True, 1.0)
    assert 0.0 < fill.amount_out < 1e-18


def test_a_fruitless_trade_still_fixes_the_oracle() -> None:
    """As in the contract: who asked for something and found nothing has begun the two minutes."""
    pool = example(oracle=1900.0)
    assert not trade(pool, pool.quote_in("sell", 1.0)).complete
    pool.set_oracle(1800.0, 600.0)
    assert pool.dynamic_fee == pytest.approx(1.0 - (18 / 19) ** 3, rel=1e-12)


def test_deposits_above_the_active_band() -> None:
    """They move it up while no quote is in the way; after a trade they have to stay below it."""
    pool = Bands(2000.0)
    pool.deposit("anna", 10.0, -5, 4)
    assert (pool.active_band, len(pool.bands())) == (-6, 10)
    pool.deposit("bert", 10.0, -2, -2)
    assert pool.active_band == -6
    pool.set_oracle(2000.0, 600.0)
    trade(pool, pool.quote_out("buy", 1.5))
    assert pool.active_band == -4
    with pytest.raises(InvalidBands, match=r"bands are -4 to 0: deposit from band -3 on"):
        pool.deposit("carl", 1.0, -4, 0)
    pool.deposit("carl", 1.0, -3, 0)
    assert pool.active_band == -4


def test_withdrawing() -> None:
    """A fraction of each band; the last owner takes what is left, and the pool can begin anew."""
    pool = example(0.0, 1850.0)
    trade(pool, pool.quote_in("buy", 8000.0))
    before, others = pool.balances("anna"), tuple(pool.balances("bert"))
    assert pool.withdraw("anna", 0.25) == pytest.approx(np.array(before) / 4, rel=1e-14)
    assert pool.balances("anna") == pytest.approx(np.array(before) * 0.75, rel=1e-14)
    assert pool.balances("bert") == pytest.approx(others, rel=1e-14)
    pool.withdraw("bert")
    assert set(pool.bands()) == set(range(1, 11))
    quote, base = pool.quote, pool.base
    assert pool.withdraw("anna") == (quote, base)
    assert (pool.quote, pool.base, pool.bands()) == (0.0, 0.0, {})
    assert isnan(pool.bid)
    assert isnan(pool.ask)
    pool.deposit("anna", 1.0, 30, 30)
    assert pool.quote_in("buy", 1e6).amount_out == pytest.approx(1.0, rel=1e-14)


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


def test_time_runs_forward_from_the_first_deposit_on() -> None:
    pool = example()
    with pytest.raises(InvalidAmount, match=r"time_seconds is 599\.0: give a time from 600\.0 on"):
        pool.set_oracle(1900.0, 599.0)
    with pytest.raises(InvalidAmount, match="time_seconds"):
        pool.set_oracle(1900.0, nan)


def test_deposits_and_withdrawals_that_make_no_sense() -> None:
    pool = example()
    for base in (0.0, -1.0, inf, nan):
        with pytest.raises(InvalidAmount, match="base is"):
            pool.deposit("carl", base, 1, 10)
    for n1, n2 in ((5, 4), (1, 51)):
        with pytest.raises(InvalidBands, match="give from 1 to 50 bands"):
            pool.deposit("carl", 1.0, n1, n2)
    for n1, n2 in ((6870, 6880), (-6880, -6870)):
        with pytest.raises(InvalidBands, match="give numbers from -6873 to 6873"):
            pool.deposit("carl", 1.0, n1, n2)
    with pytest.raises(AlreadyDeposited, match="anna"):
        pool.deposit("anna", 1.0, 11, 20)
    for fraction in (0.0, -0.1, 1.1, nan):
        with pytest.raises(InvalidAmount, match="fraction"):
            pool.withdraw("anna", fraction)
    for ask in (pool.withdraw, pool.balances, pool.x_down, pool.y_up, pool.span):
        with pytest.raises(UnknownOwner, match="'carl'"):
            ask("carl")
    with pytest.raises(UnknownOwner):
        pool.health("carl", 1.0, 0.0)
    for debt, discount, name in ((0.0, 0.1, "debt"), (inf, 0.1, "debt"), (1.0, 1.0, "liquidation_discount")):
        with pytest.raises(InvalidAmount, match=name):
            pool.health("anna", debt, discount)


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


# Properties


@st.composite
def pools(draw: st.DrawFn) -> tuple[Bands, FloatArray]:
    """Any bands after any history, at rest: no step of the oracle costs a fee. And the most (quote, base) they had."""
    pool = Bands(
        2000.0,
        draw(st.sampled_from([3.0, 20.0, 100.0, 1000.0])),
        draw(st.sampled_from([0.0, 0.006, 0.3])),
        draw(st.sampled_from([0.0, 0.5])),
    )
    for owner in range(draw(st.integers(1, 4))):
        first = draw(st.integers(-3, 12))
        pool.deposit(owner, draw(st.floats(1e-3, 1e6)), first, first + draw(st.integers(0, 20)))
    most = np.array([pool.quote, pool.base])
    clock = 0.0
    for factor in draw(st.lists(st.floats(0.5, 2.0), max_size=6)):
        clock += draw(st.sampled_from([12.0, 600.0]))
        pool.set_oracle(pool.oracle_price * factor if 100.0 < pool.oracle_price < 4e4 else 2000.0, clock)
        side: Side = draw(st.sampled_from(["sell", "buy"]))
        trade(pool, pool.quote_out(side, draw(st.floats(0.0, 1.1)) * (pool.quote if side == "sell" else pool.base)))
        most = np.maximum(most, [pool.quote, pool.base])
    pool.set_oracle(pool.oracle_price, clock + 600.0)
    return pool, most


def assert_books_agree(pool: Bands, most: FloatArray) -> None:
    """Bands and the administrator's part are the totals, up to what rounding may explain; each on its side."""
    held = np.add(sums(pool), pool.admin_fees)
    assert (np.abs(held - [pool.quote, pool.base]) <= 1e-10 * most).all()
    assert all(min(part) >= 0.0 for part in pool.bands().values())
    active = pool.active_band
    assert all(not part.base for n, part in pool.bands().items() if n < active)
    assert all(not part.quote for n, part in pool.bands().items() if n > active)


SIDES: st.SearchStrategy[Side] = st.sampled_from(["sell", "buy"])


@given(drawn=pools(), side=SIDES, share=st.floats(1e-6, 1.2))
@settings(max_examples=100, deadline=None)
def test_any_trade(drawn: tuple[Bands, FloatArray], side: Side, share: float) -> None:
    """Quotes change nothing and agree with one another; a trade is what was quoted; going back never gains."""
    pool, most = drawn
    before, state = pool.bands(), pool.state
    asked = share * (pool.quote if side == "sell" else pool.base)
    fill = pool.quote_out(side, asked)
    again = pool.quote_in(side, fill.amount_in)
    assert again.amount_out == pytest.approx(fill.amount_out, rel=1e-9)
    alone = Venue([pool]).quote_out(side, asked)
    assert alone.parts == (fill,)
    assert (pool.bands(), pool.state) == (before, state)
    assert fill.amount_in >= 0.0
    assert fill.fee == pytest.approx(pool.dynamic_fee * fill.amount_in, rel=1e-12)
    quote, base = pool.quote, pool.base
    trade(pool, fill)
    most = np.maximum(most, [pool.quote, pool.base])
    moved = (-fill.amount_out, fill.amount_in) if side == "sell" else (fill.amount_in, -fill.amount_out)
    once_a_band = np.finfo(float).eps * len(before) * most
    assert (np.abs([pool.quote - quote - moved[0], pool.base - base - moved[1]]) <= once_a_band).all()
    assert_books_agree(pool, most)
    back = pool.quote_in("buy" if side == "sell" else "sell", fill.amount_out)
    assert back.amount_out <= fill.amount_in * (1.0 + 1e-9)


@given(drawn=pools(), side=SIDES, share=st.floats(1e-3, 0.9), cut=st.floats(0.1, 0.9))
@settings(max_examples=60, deadline=None)
def test_a_trade_in_two(drawn: tuple[Bands, FloatArray], side: Side, share: float, cut: float) -> None:
    """Without fee it comes to the same; every second trade finds the fee of the first in the way."""
    pool, _ = drawn
    whole = pool.quote_out(side, share * (pool.quote if side == "sell" else pool.base))
    if whole.amount_in == 0.0 or not whole.complete:
        return
    first = trade(pool, pool.quote_in(side, cut * whole.amount_in))
    second = pool.quote_in(side, (1.0 - cut) * whole.amount_in)
    got = first.amount_out + second.amount_out
    if pool.dynamic_fee == 0.0:
        assert got == pytest.approx(whole.amount_out, rel=1e-9)
        assert second.price_after == pytest.approx(whole.price_after, rel=1e-9)
    else:
        assert got <= whole.amount_out * (1.0 + 1e-9)


@given(drawn=pools(), orders=st.lists(st.tuples(st.booleans(), st.floats(1e-9, 0.7) | st.just(0.0)), max_size=12))
@settings(max_examples=40, deadline=None)
def test_many_swaps_at_once_are_one_after_the_other(
    drawn: tuple[Bands, FloatArray], orders: list[tuple[bool, float]]
) -> None:
    """Amounts, bands, totals, fees and what is believed of the oracle, within the two minutes too."""
    pool, _ = drawn
    clock = 1e5
    pool.set_oracle(2000.0, clock)
    trade(pool, pool.quote_in("buy", 1e-6))
    pool.set_oracle(1400.0, clock + 30.0)
    twin = deepcopy(pool)
    sells = np.array([sell for sell, _ in orders], dtype=bool)
    amounts = np.array([share * (1.0 if sell else 2000.0) * 10.0 for sell, share in orders])
    trades = twin.swap_many(sells, amounts)
    for k, (sell, amount) in enumerate(zip(sells.tolist(), amounts.tolist(), strict=True)):
        fill = trade(pool, pool.quote_in("sell" if sell else "buy", amount))
        assert trades[:, k] == pytest.approx((fill.amount_in, fill.amount_out), rel=1e-12)
    assert (twin.active_band, twin.oracle_price) == (pool.active_band, pool.oracle_price)
    assert twin.dynamic_fee == pytest.approx(pool.dynamic_fee, rel=1e-14)
    assert (twin.quote, twin.base, *twin.admin_fees) == pytest.approx(
        (pool.quote, pool.base, *pool.admin_fees), rel=1e-12
    )
    assert twin.bands() == {n: pytest.approx(tuple(held), rel=1e-9) for n, held in pool.bands().items()}


@given(drawn=pools(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_owners_come_and_go(drawn: tuple[Bands, FloatArray], data: st.DataObject) -> None:
    """Owners' balances add up to the bands; each takes out its balance and leaves the others theirs."""
    pool, most = drawn
    held = pool.withdraw(0, 0.5) if data.draw(st.booleans()) else None
    if held is not None:
        assert held == pytest.approx(tuple(pool.balances(0)), rel=1e-12)
    pool.deposit("late", 1.0, pool.active_band + 1, pool.active_band + 5)
    most = np.maximum(most, [pool.quote, pool.base])
    owners = [owner for owner in (0, 1, 2, 3, "late") if _has(pool, owner)]
    np.testing.assert_allclose(np.sum([pool.balances(owner) for owner in owners], axis=0), sums(pool), rtol=1e-9)
    while owners:
        owner = owners.pop(data.draw(st.integers(0, len(owners) - 1)))
        expected = [tuple(pool.balances(other)) for other in owners]
        balance = tuple(pool.balances(owner))
        taken = pool.withdraw(owner)
        assert (np.abs(np.subtract(taken, balance)) <= 1e-10 * most).all()
        for other, was in zip(owners, expected, strict=True):
            assert pool.balances(other) == pytest.approx(was, rel=1e-12)
        assert_books_agree(pool, most)
    assert (np.abs(np.subtract((pool.quote, pool.base), pool.admin_fees)) <= 1e-10 * most).all()


def _has(pool: Bands, owner: int | str) -> bool:
    try:
        pool.span(owner)
    except UnknownOwner:
        return False
    return True


# On a venue


@pytest.mark.parametrize("fee", [0.0, 0.006])
@pytest.mark.parametrize(("side", "size"), [("sell", 3.0), ("sell", 12.0), ("buy", 1e4), ("buy", 3e4)])
def test_a_venue_splits_to_one_price(side: Side, size: float, fee: float) -> None:
    """Bands beside a pool and a book: all reach the last unit's price, and no shift between them gets more."""
    bands = example(fee, 1850.0)
    trade(bands, bands.quote_in("buy", 15_000.0))
    book = OrderBook(0.01)
    for level in range(5):
        book.limit("buy", 1845.0 - level, 0.3, "bidder")
        book.limit("sell", 1855.0 + level, 0.3, "asker")
    sources = [bands, ConstantProduct(60.0, 60.0 * 1850.0, 0.003), book]
    fill = Venue(sources).quote_in(side, size)
    assert fill.complete
    assert fill.parts[0].amount_in > 0.0
    assert fill.parts[1].amount_in > 0.0
    for part in fill.parts[:2]:
        assert part.price_after == pytest.approx(fill.price_after, rel=1e-12)
    for shift in (-0.01, 0.01):
        shares = [part.amount_in for part in fill.parts]
        moved = shift * min(shares[:2])
        shares[0], shares[1] = shares[0] + moved, shares[1] - moved
        got = sum(source.quote_in(side, share).amount_out for source, share in zip(sources, shares, strict=True))
        assert got < fill.amount_out
    again = Venue(sources).quote_out(side, fill.amount_out)
    assert again.amount_in == pytest.approx(size, rel=1e-9)


def test_terms_build_a_pool_with_deposits() -> None:
    """At the reference price where no base price is given; owners of their own."""
    described = {"kind": "bands", "deposits": [{"base": 10.0, "n1": 1, "n2": 4}, {"base": 5.0, "n1": 3, "n2": 3}]}
    terms: BandsTerms = TypeAdapter(SourceTerms).validate_python(described)
    pool = terms.build(2000.0)
    assert (pool.base_price, pool.amplification, pool.fee, pool.admin_fee) == (2000.0, 100.0, 0.006, 0.0)
    assert pool.bands() == {1: (0.0, 2.5), 2: (0.0, 2.5), 3: (0.0, 7.5), 4: (0.0, 2.5)}
    other = described | {"base_price": 2500.0, "amplification": 50.0, "fee": 0.0, "admin_fee": 1.0}
    pool = TypeAdapter(SourceTerms).validate_python(other).build(2000.0)
    assert (pool.base_price, pool.amplification, pool.fee, pool.admin_fee) == (2500.0, 50.0, 0.0, 1.0)
    # The oracle begins at the reference price: that is no step, and costs nothing.
    assert (pool.oracle_price, pool.dynamic_fee) == (2000.0, 0.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"deposits": []}, "at least 1 item"),
        ({"deposits": [{"base": 1.0, "n1": 5, "n2": 4}]}, "give from 1 to 50 bands"),
        ({"deposits": [{"base": 1.0, "n1": 9000, "n2": 9001}]}, "give numbers from -6873 to 6873"),
        ({"amplification": 1.0}, "greater than or equal to 2"),
        ({"base_price": 0.0}, "greater than 0"),
        ({"owner": "me"}, "Extra inputs"),
    ],
)
def test_terms_that_describe_no_pool(change: dict[str, Any], sentence: str) -> None:
    described = {"kind": "bands", "deposits": [{"base": 1.0, "n1": 1, "n2": 4}]} | change
    with pytest.raises(ValidationError, match=sentence):
        TypeAdapter(SourceTerms).validate_python(described)


def test_bands_of_a_world_follow_its_oracle(small_world: Any, model_of: Any) -> None:
    """Every block they hear the price of the pair as the protocol believes it, in the quote; trades move the ledger."""
    source = {"kind": "bands", "fee": 0.0, "deposits": [{"base": 100.0, "n1": 1, "n2": 10}]}
    world = small_world(
        markets__0__sources=[source],
        assets__DAI__price={"kind": "constant", "price": 0.5},
        assets__ETH__price={"kind": "path", "prices": [1000.0, 950.0, 900.0, 990.0]},
        time={"step_seconds": 600.0, "steps": 4},
        agents__arbitrageurs=[{"market": "ETH/DAI", "capital_usd": inf}],
    )
    model = model_of(world)
    pool = model.world.exchanges[0].bands[0]
    held = []
    for price in (2000.0, 1900.0, 1800.0, 1980.0):
        model.step()
        assert pool.oracle_price == price
        held.append(pool.quote)
        ledger = model.world.ledger.balances[model.world.exchanges[0].source_accounts[0]]
        assert (ledger[model.world.index["DAI"]], ledger[model.world.index["ETH"]]) == (pool.quote, pool.base)
    assert held[0] == 0.0
    assert max(held) > 0.0


def test_bands_on_an_oracle_that_reads_their_venue_are_refused(small_world: Any) -> None:
    """They would follow themselves."""
    source = {"kind": "bands", "deposits": [{"base": 100.0, "n1": 1, "n2": 10}]}
    world = small_world(markets__0__sources=[source], assets__ETH__oracle={"kind": "venue"})
    with pytest.raises(ValueError, match=r"markets\.0\.sources\.0\.kind = 'bands' follows the oracle of ETH"):
        Scenario.from_dict(world)
