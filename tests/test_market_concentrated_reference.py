"""Concentrated pools against swaps of the contract in whole wei, and against its equations in 50 digits."""

from decimal import Decimal, localcontext
from math import sqrt

import numpy as np
import pytest

from builders.digits import near
from builders.ranges import overlapping
from models.market import Concentrated, ConstantProduct, Fill, OrderBook, Venue
from models.types import Side

# Uniswap v3 swaps across ticks, amounts in wei: fee in millionths, √price · 2^96, [lower tick, upper tick, liquidity],
# base given (or else quote), exact amount (negative: got), limit of √price · 2^96, and in exact real arithmetic: given,
# got, √price afterwards. The last is where a swap stopped at its limit.
SWAPS = [
    (3000, 1001881586330941800522061498656556,
     [(174840, 246840, 195007934725422), (177720, 178920, 102095104384693786640384),
      (188820, 188880, 642065257212905600), (192600, 192660, 2050393270468614291456),
      (-887220, 887220, 12372400864829696)],
     True, -672380524305769413214208, 4295128740,
     "11461954003222058.0108624362143652287029", "672380524305769413214208.0",
     "7667.103920092272506437807667682607653659"),
    (100, 872265217792298871809096436,
     [(-90229, -90225, 136934751293097584), (-90014, -90008, 11163365528752828), (-90683, -89883, 164324410816028),
      (-90242, -90202, 448122895807822), (-90040, -90035, 91156891157076033536), (-90585, -89785, 357695579456995008),
      (-90190, -90180, 7042589923352180), (-90160, -90140, 36460142308426312)],
     False, 306276869025779, 881664864788256308390865854,
     "295677802623825.6671977702863819453281884", "2404991644837201807.13036692813857458355",
     "0.01112817509341479757350588177087440415296"),
    (500, 81490217249084818374897823,
     [(-137620, -137560, 353127915314758272), (-138600, -136600, 1203728908697174),
      (-141600, -137600, 2136814640451765248), (-138480, -138450, 128314395095689773056),
      (-137620, -137560, 28277458323814154240), (-136840, -136740, 5953573986105497),
      (-137230, -137200, 779373928038966493184), (-139640, -139440, 645033576364354)],
     True, 433604860365165035520, 76400122628114744784176701,
     "363239795695956245663.3989914122534978217", "357755286516988.3796822774287715062140918",
     "0.0009643051183265744808001081343958759724298"),
    (10000, 22939197345119299987955453173,
     [(-62600, -61400, 314764413525929031106560), (-104800, -24800, 2215908921471388160),
      (-46600, -45800, 2582403399274058), (-71400, -31400, 399312985638491499003904),
      (-88600, 71400, 54999064782116344), (-28800, -24800, 588853794385372160),
      (-76800, -36800, 47641929727642343309312), (-50200, -49400, 14183673487275796480)],
     False, 1736508923265140, 27462866878745124425989639359,
     "1736508923265140.0", "18509356183206931.31548906824188961216343",
     "0.320791067846794489421632044462719916734"),
    (3000, 26767909059151318565566647665,
     [(-21720, -21480, 29505903720565800960), (-22020, -21420, 4259806664857581056),
      (-17400, -5400, 301193142887080832), (-45720, 2280, 316556703203499712),
      (-14940, -14700, 367421672518653675831296), (-35820, -29820, 9694646450302764),
      (-22020, -21120, 614281300775206)],
     True, -13877110079995670, 20250916025741481234396216425,
     "122182413489042867.2427299476480201696941", "13877110079995670.0",
     "0.3366066682723709917553747044461211248696"),
    (500, 14877463351806619874414480,
     [(-171630, -171610, 8582247165920493), (-171630, -171610, 635314114625132672),
      (-174130, -173130, 23903643144456372)],
     False, 18573682750, 15322381971513521821114843,
     "18573682750.0", "526399581593850919.8266413066075688441127",
     "0.000187808818655095001726006178128545977317"),
    (3000, 5794939189075991186744964211519,
     [(90000, 90600, 15318632515957537374208), (84600, 88200, 24202303157152194560),
      (82200, 85800, 672146054972521344), (82560, 86160, 809677375535023), (55980, 79980, 182146873282424576),
      (81960, 93960, 197043882632590098432)],
     False, 3524520600777981952000, 12120824794785942171147067107543,
     "3524520600777981952000.0", "537757640603270961.7655185238438047170047",
     "89.8569131884921747666161991657346771485"),
    (500, 587944998242959140099050093286590,
     [(178200, 178300, 15212149522275985408), (177550, 178550, 4017785935948448530432),
      (178200, 178350, 229729335678468768), (179550, 179600, 4399136177211920384),
      (-887270, 887270, 29519099606037467136)],
     True, 2283999342995541, 4295128740,
     "2283999342995541.0", "125194356621370817648755.4443850683408517",
     "7390.047167109509259982145252691882754239"),
]  # fmt: skip

# One pool through twelve swaps in whole wei: base given, exact amount, then base and quote paid in, √price · 2^96.
SEQUENCE = [
    (True, -2993986378642601, 2995484279133554, -2993986378642601, 79228158323901714654770935992),
    (True, 5237884763376750592, 5237884763376750592, -5234781140050928838, 79220831760432685346568830916),
    (False, 1590880085477688344576, -1512340953206246244744, 1590880085477688344576, 97789847102091544419582766774),
    (False, -100000000000000000000, -100000000000000000000, 173883367934766044338, 111559418605488177409543730451),
    (False, 80145897463131328, -40400437807170513, 80145897463131328, 111565765242771143414001510363),
    (True, 1129269325598677120, 1129269325598677120, -2234566803046053269, 111388724620950430595311707197),
    (False, 6382823198672406528, -3212965674804062011, 6382823198672406528, 111894171124957822431848821218),
    (True, 7513167076013487, 7513167076013487, -14978109415269585, 111892984436870913020345831471),
    (False, 6986958390704031, -3501243053150016, 6986958390704031, 111893537723963834692507646074),
    (True, 1717356309183170, 1717356309183170, -3423678679104913, 111893266472193049946555699671),
    (False, 5199762459642279936, -2596105378904172897, 5199762459642279936, 112305028113568565305616750665),
    (False, 1225477920220237824, -609079439124153852, 1225477920220237824, 112402071931207506548651314592),
]

# What a position holds, rounded up to whole wei: ticks, √price · 2^96, liquidity, base, quote.
MINTS = [
    (-19220, -15960, 32860647754959429346445339346, 36677753577753, 6969838112264, 1182165151849),
    (-17480, -12860, 32152072591662116570022050609, 110109363071198887936, 54422123752821977429, 0),
    (7270, 12000, 135490969819986020731704566850, 12911783916165165056, 463798463615185511, 3509522919729344533),
]

# Best price over a constant product (x, y, fee), a book (taker's side, fee) and a concentrated pool (√price, ticks and
# liquidity, fee): side, base traded, quote, and base by source, from a 50-digit bisection.
ROUTES = [
    ("buy", 1.56878131, (179.465497, 179.34781082120566, 0.003),
     ([(1.003309671531, 4.741366), (1.004309671531, 3.082446), (1.006809671531, 1.383446)], 0.001),
     (0.99974916359793145264, [(-6, 0, 1534.535339)], 0.0001),
     1.5736577273117369500, (0.17544691059462295055, 1.0083205006224614334, 0.38501389878291571142)),
    ("sell", 1273.66863631, (628.252412, 37701831.18733252, 0.003),
     ([(59542.798246325, 0.466286), (59482.798246325, 13.056242), (57742.798246325, 0.462027),
       (57622.798246325, 1.955355)], 0.0),
     (245.08220941821353479, [(103980, 109980, 4074453.0762840002), (109860, 109980, 466695.388904)], 0.0001),
     71051135.886316571250, (46.007860526187329792, 15.93991, 1211.7208657838126818)),
    ("sell", 0.00401177, (30.681579, 30.575871179305768, 0.01),
     ([(0.997399037543, 0.004576), (0.996399037543, 0.021482), (0.989399037543, 0.542926)], 0.0),
     (0.99932011327774421497, [(-770, 230, 225.511944), (-80, -20, 18.655707)], 0.0001),
     0.0040058449175820508497, (0.0, 0.0, 0.00401177)),
    ("buy", 0.607407, (2282.629302, 4549623.12734392, 0.0),
     ([(2020.376077991, 1.388285), (2026.376077991, 0.290545)], 0.0),
     (44.722462147083872136,
      [(75060, 76260, 808805.108342), (75480, 75840, 551910.656471), (74760, 75960, 165730.367746)], 0.0005),
     1210.9756444342042424, (0.607407, 0.0, 0.0)),
]  # fmt: skip


def price_of(root_x96: int) -> float:
    with localcontext(prec=60):
        return float((Decimal(root_x96) / 2**96) ** 2)


def tick(number: int) -> float:
    with localcontext(prec=60):
        return float(Decimal("1.0001") ** number)


def quote(pool: Concentrated, side: Side, amount: float) -> Fill:
    """Exact input for a positive amount, exact output for a negative one."""
    return pool.quote_in(side, amount) if amount > 0.0 else pool.quote_out(side, -amount)


def on_ticks(price: float, positions: list[tuple[int, int, float]], fee: float) -> Concentrated:
    return Concentrated(price, [(tick(low), tick(high), float(depth)) for low, high, depth in positions], fee)


@pytest.mark.parametrize("case", SWAPS)
def test_swap_across_ticks(case: tuple) -> None:
    """Amounts agree with exact real arithmetic to 1e-12, and the fees of all positions are the fee of the swap."""
    fee_pips, root, positions, base_in, amount, limit, given_, got, root_after = case
    fee = fee_pips / 1e6
    pool = on_ticks(price_of(root), positions, fee)
    side: Side = "sell" if base_in else "buy"
    taker = price_of(limit) * (1 - fee) if base_in else price_of(limit) / (1 - fee)
    fill = min(quote(pool, side, float(amount)), pool.quote_to(side, taker), key=lambda fill: fill.amount_in)
    assert near(fill.amount_in, given_, 1e-12)
    assert near(fill.amount_out, got, 1e-12)
    assert near(fill.fee, Decimal(given_) * fee_pips / 10**6, 1e-12)
    assert pool.settle(fill) == []
    assert near(sqrt(pool.price), root_after, 1e-13)
    owed = np.array([pool.fees(number) for number in range(len(positions))]).sum(axis=0)
    assert owed.tolist() == pytest.approx([fill.fee, 0.0] if base_in else [0.0, fill.fee], rel=1e-14)


def test_a_sequence_of_swaps() -> None:
    """Twelve swaps after one another agree with whole wei to 1e-12, and so does the price."""
    positions = [(-887270, 887270, 1e21), (-20, 20, 2204899872935311310848.0), (-100, 100, 171309299897758285824.0),
                 (-500, 500, 53231788921191474921472.0)]  # fmt: skip
    pool = on_ticks(1.0, positions, 0.0005)
    for base_in, amount, base, quote_, root in SEQUENCE:
        fill = quote(pool, "sell" if base_in else "buy", float(amount))
        pool.settle(fill)
        given_, got = (base, -quote_) if base_in else (quote_, -base)
        assert near(fill.amount_in, given_, 1e-12)
        assert near(fill.amount_out, got, 1e-12)
        assert near(pool.price, price_of(root), 1e-12)


@pytest.mark.parametrize(("low", "high", "root", "liquidity", "base", "quote_"), MINTS)
def test_what_a_position_holds(low: int, high: int, root: int, liquidity: int, base: int, quote_: int) -> None:
    """To half a wei and 1e-13."""
    pool = on_ticks(price_of(root), [(low, high, liquidity)], 0.003)
    assert pool.amounts(0) == pytest.approx((base, quote_), rel=1e-13, abs=1.0)
    assert (pool.base, pool.quote) == pool.amounts(0)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
@pytest.mark.parametrize(("side", "size", "product", "book", "ranges", "quote_", "bases"), ROUTES)
def test_a_venue_over_all_three_splits_best(side, size, product, book, ranges, quote_, bases, order) -> None:
    """The quote agrees with the optimum to 1e-9, each source's part to 1e-7 of the size, whatever the order."""
    levels, taker_fee = book
    orders = OrderBook(1e-9 if size > 100.0 else 1e-12, taker_fee)
    for number, (price, amount) in enumerate(levels):
        orders.limit("buy" if side == "sell" else "sell", price, amount, number)
    root, positions, fee = ranges
    sources = [ConstantProduct(*product), orders, on_ticks(root * root, positions, fee)]
    venue = Venue([sources[k] for k in order])
    fill = venue.quote_in(side, size) if side == "sell" else venue.quote_out(side, size)
    assert fill.complete
    assert fill.quote == pytest.approx(quote_, rel=1e-9)
    for part, k in zip(fill.parts, order, strict=True):
        assert part.base == pytest.approx(bases[k], abs=1e-7 * size)
    again = venue.quote_out(side, fill.amount_out) if side == "sell" else venue.quote_in(side, fill.amount_in)
    assert again.amount_in == pytest.approx(fill.amount_in, rel=1e-9)
    assert again.amount_out == pytest.approx(fill.amount_out, rel=1e-9)


def exact_amounts(pool: Concentrated, side: Side, price_after: Decimal) -> tuple[Decimal, Decimal]:
    """(given, got) until a price without the fee: every position's own amounts before and after, in 50 digits."""
    base = quote_ = Decimal(0)
    for lower, upper, liquidity in pool.positions:
        low, high = Decimal(lower).sqrt(), Decimal(upper).sqrt()
        for price, sign in ((Decimal(pool.price), 1), (price_after, -1)):
            root = min(max(price.sqrt(), low), high)
            base += sign * Decimal(liquidity) * (1 / root - 1 / high)
            quote_ += sign * Decimal(liquidity) * (root - low)
    keep = 1 - Decimal(pool.fee)
    return (-base / keep, quote_) if side == "sell" else (-quote_ / keep, base)


@pytest.mark.parametrize("fee", [0.0, 0.003, 0.3])
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("distance", [1e-12, 1e-9, 1e-6, 0.0005, 0.00999, 0.01001, 0.1, 0.4, 0.49, 0.7])
def test_trading_to_a_price_is_every_positions_own_amounts(side: Side, fee: float, distance: float) -> None:
    """What is given and got until a price, near or far, is the sum over positions; exact to 1e-11."""
    pool = overlapping(fee)
    with localcontext(prec=50):
        target = pool.bid * (1.0 - distance) if side == "sell" else pool.ask * (1.0 + distance)
        keep = 1 - Decimal(fee)
        after = Decimal(target) / keep if side == "sell" else Decimal(target) * keep
        given_, got = exact_amounts(pool, side, after)
    # The pool stands at the square of a rounded root: a relative 2e-16 beside the price that was given.
    tolerance = 1e-11 + 3e-16 / distance
    fill = pool.quote_to(side, target)
    assert near(fill.amount_in, given_, tolerance)
    assert near(fill.amount_out, got, tolerance)
    assert fill.complete
    assert (fill.price_before, fill.price_after) == ((pool.bid if side == "sell" else pool.ask), fill.price_after)
    assert near(fill.price_after, target, 1e-15) or distance in (0.4, 0.49, 0.7)
    assert near(pool.quote_in(side, fill.amount_in).amount_out, got, max(tolerance, 1e-11))
    assert near(pool.quote_out(side, fill.amount_out).amount_in, given_, max(tolerance, 1e-11))


@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("distance", [1e-13, 1e-9, 1e-5, 0.003])
@pytest.mark.parametrize("used_up", [False, True])
def test_trading_to_a_price_next_to_one_beyond_a_gap_keeps_its_digits(
    side: Side, distance: float, used_up: bool
) -> None:
    """The price at which a range begins is its bound, exactly: no root stands for it. So too where one has ended."""
    spans = [(1800.0, 1900.0, 5e4), (1990.0, 2010.0, 1e3), (2100.0, 2200.0, 5e4)]
    pool = Concentrated(2000.0, spans if used_up else [spans[0], spans[2]], 0.003)
    if used_up:
        pool.settle(pool.quote_to(side, 1950.0 if side == "sell" else 2050.0))
    target = pool.bid * (1.0 - distance) if side == "sell" else pool.ask * (1.0 + distance)
    with localcontext(prec=50):
        keep, liquidity = 1 - Decimal(pool.fee), Decimal(50_000)
        start = Decimal(1900).sqrt() if side == "sell" else Decimal(2100).sqrt()
        end = (Decimal(target) / keep if side == "sell" else Decimal(target) * keep).sqrt()
        quote, base = liquidity * abs(start - end), liquidity * abs(1 / start - 1 / end)
        given_, got = (base / keep, quote) if side == "sell" else (quote / keep, base)
    fill = pool.quote_to(side, target)
    assert near(fill.amount_in, given_, 1e-12)
    assert near(fill.amount_out, got, 1e-12)
    assert fill.price_after == target
