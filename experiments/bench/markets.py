"""Cases of `underwater bench` that drive one market: swaps, routes and orders a second.

Swaps are sells and buys at random, of exponential size around the price that the pool starts at, so that the price goes
back and forth. "From Python" quotes and settles each by a call of its own; "compiled" is one call for all of them.
"""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from experiments.bench.order_flow import WARM_UP, Caller, mixed
from models.market import Bands, Concentrated, ConstantProduct, Fill, MakerTrade, OrderBook, Venue
from models.types import BoolArray, FloatArray, Side

Timed = Callable[[], object]

WARM = 1_000
"""Size of the run that is not counted."""
PRICE = 2000.0
FEE = 0.003
REQUOTE = 100
"""Swaps on a venue after which its market maker places new orders."""


@dataclass(frozen=True)
class Rate:
    """Something done many times over.

    Attributes:
        what: for the reader.
        unit: what is counted.
        count: how many a timed run does.
        prepare: makes the input for a count, and returns what makes a run from a fresh state.
    """

    what: str
    unit: str
    count: int
    prepare: Callable[[int], Callable[[], Timed]]


class Pool(Protocol):
    """What swaps are made on."""

    @property
    def bid(self) -> float:
        """Marginal price of a sale."""

    @property
    def ask(self) -> float:
        """Marginal price of a purchase."""

    def quote_in(self, side: Side, amount: float) -> Fill:
        """A quote for an amount given."""

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Apply it."""


class Batch(Pool, Protocol):
    """A pool that makes many swaps in one compiled call."""

    def swap_many(self, sells: BoolArray, amounts: FloatArray) -> FloatArray:
        """Quote and settle, one after the other."""


def constant_product() -> ConstantProduct:
    """20 million in quote on either side."""
    return ConstantProduct(1e4, 1e4 * PRICE, FEE)


def concentrated() -> Concentrated:
    """Four positions, one within the other; swaps cross their bounds now and then."""
    widths = ((0.25, 1e5), (0.1, 2e5), (0.02, 3e5), (0.005, 5e5))
    return Concentrated(PRICE, [(PRICE * (1.0 - w), PRICE * (1.0 + w), liquidity) for w, liquidity in widths], FEE)


def bands() -> Bands:
    """Twenty owners with ten base over ten bands each, and half of it all sold."""
    pool = Bands(PRICE, 100.0, 0.006)
    pool.set_oracle(PRICE, 0.0)
    for owner in range(20):
        pool.deposit(owner, 10.0, owner, owner + 9)
    pool.settle(pool.quote_out("buy", 100.0))
    return pool


def venue() -> Venue:
    """Two constant products and ten levels of a book on either side."""
    book = OrderBook(0.5)
    _quote(book)
    return Venue([ConstantProduct(1000.0, 1000.0 * PRICE, FEE), ConstantProduct(500.0, 500.0 * PRICE, 0.0005), book])


def _quote(book: OrderBook) -> None:
    away = 0.5 * np.arange(1.0, 11.0)
    sizes = np.full(10, 5.0)
    book.requote("maker", np.column_stack((PRICE - away, sizes)), np.column_stack((PRICE + away, sizes)))


def swaps(price: float, size: float, count: int) -> tuple[BoolArray, FloatArray]:
    """Sides and amounts given, shape (count,): `size` base on average, or as much quote at `price`."""
    rng = np.random.default_rng(1)
    sells = rng.random(count) < 0.5
    amounts: FloatArray = rng.exponential(size, count) * np.where(sells, 1.0, price)
    return sells, amounts


def _middle(pool: Pool) -> float:
    return 0.5 * (pool.bid + pool.ask)


def _calls(build: Callable[[], Pool], size: float) -> Callable[[int], Callable[[], Timed]]:
    def prepare(count: int) -> Callable[[], Timed]:
        sells, amounts = swaps(_middle(build()), size, count)
        sides: list[Side] = ["sell" if sell else "buy" for sell in sells]
        trades = list(zip(sides, amounts.tolist(), strict=True))

        def fresh() -> Timed:
            pool = build()

            def run() -> None:
                quote_in, settle = pool.quote_in, pool.settle
                for side, amount in trades:
                    settle(quote_in(side, amount))

            return run

        return fresh

    return prepare


def _batch(build: Callable[[], Batch], size: float) -> Callable[[int], Callable[[], Timed]]:
    def prepare(count: int) -> Callable[[], Timed]:
        sells, amounts = swaps(_middle(build()), size, count)

        def fresh() -> Timed:
            pool = build()
            return lambda: pool.swap_many(sells, amounts)

        return fresh

    return prepare


def _venue_calls(count: int) -> Callable[[], Timed]:
    sells, amounts = swaps(PRICE, 2.0, count)
    sides: list[Side] = ["sell" if sell else "buy" for sell in sells]
    trades = list(zip(sides, amounts.tolist(), strict=True))

    def fresh() -> Timed:
        market = venue()
        book = market.sources[-1]
        assert isinstance(book, OrderBook)

        def run() -> None:
            for first in range(0, count, REQUOTE):
                _quote(book)
                for side, amount in trades[first : first + REQUOTE]:
                    market.settle(market.quote_in(side, amount))

        return run

    return fresh


def _routes(count: int) -> Callable[[], Timed]:
    amounts = np.random.default_rng(1).uniform(1.0, 60.0, count).tolist()

    def fresh() -> Timed:
        market = venue()

        def run() -> None:
            for amount in amounts:
                market.quote_in("sell", amount)

        return run

    return fresh


def _routes_at_once(count: int) -> Callable[[], Timed]:
    amounts = np.random.default_rng(1).uniform(1.0, 60.0, count)

    def fresh() -> Timed:
        market = venue()
        return lambda: market.splits("sell", amounts)

    return fresh


def _order_calls(count: int) -> Callable[[], Timed]:
    flow = mixed(count)

    def fresh() -> Timed:
        caller = Caller(OrderBook(1.0), flow)
        caller.send(0, WARM_UP)
        return lambda: caller.send(WARM_UP, WARM_UP + count)

    return fresh


def _order_batch(count: int) -> Callable[[], Timed]:
    flow = mixed(count)

    def fresh() -> Timed:
        book = OrderBook(1.0)
        return lambda: book.stream(*flow)  # with the warm-up, since cancellations name rows of the batch

    return fresh


_CP, _CL, _BANDS = "constant product", "concentrated liquidity, four positions", "LLAMMA, 20 owners over 29 bands"

RATES = {
    "swaps-constant-product": Rate(f"{_CP}, from Python", "swaps", 200_000, _calls(constant_product, 1.0)),
    "swaps-constant-product-compiled": Rate(f"{_CP}, compiled", "swaps", 2_000_000, _batch(constant_product, 1.0)),
    "swaps-concentrated": Rate(f"{_CL}, from Python", "swaps", 100_000, _calls(concentrated, 1.0)),
    "swaps-concentrated-compiled": Rate(f"{_CL}, compiled", "swaps", 1_000_000, _batch(concentrated, 1.0)),
    "swaps-bands": Rate(f"{_BANDS}, from Python", "swaps", 100_000, _calls(bands, 0.5)),
    "swaps-bands-compiled": Rate(f"{_BANDS}, compiled", "swaps", 1_000_000, _batch(bands, 0.5)),
    "swaps-venue": Rate("two constant products and a book, from Python", "swaps", 20_000, _venue_calls),
    "routes-venue": Rate("best split over the same, ten levels a side, from Python", "routes", 50_000, _routes),
    "routes-venue-compiled": Rate("the same, compiled", "routes", 500_000, _routes_at_once),
    "orders-calls": Rate("order book of 2 x 95 levels, one call an event", "events", 1_000_000, _order_calls),
    "orders-compiled": Rate("order book of 2 x 95 levels, compiled", "events", 1_000_000, _order_batch),
}


def measure(rate: Rate, repeat: int) -> dict[str, Any]:
    """Time `repeat` runs from a fresh state, after a small one; how many a second, the collector of garbage off."""
    rate.prepare(min(WARM, rate.count))()()
    fresh = rate.prepare(rate.count)
    rates: list[float] = []
    for _ in range(repeat):
        run = fresh()
        gc.collect()
        gc.disable()
        start = time.perf_counter()
        run()
        wall = time.perf_counter() - start
        gc.enable()
        rates.append(rate.count / wall)
    return {
        "what": rate.what,
        "unit": rate.unit,
        "count": rate.count,
        "per_second": statistics.median(rates),
        "fastest_per_second": max(rates),
        "slowest_per_second": min(rates),
    }


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines for the reader, one for each measured rate under a heading."""
    heading = f"{'one market':<62}{'a run of':>17}{'a second':>13}{'(fastest':>13}{'slowest)':>13}{'peak MiB':>10}"
    return [heading] + [
        f"{row['what']:<62}{format(row['count'], ',') + ' ' + row['unit']:>17}{row['per_second']:>13,.0f}"
        f"{row['fastest_per_second']:>13,.0f}{row['slowest_per_second']:>13,.0f}{row['peak_mib']:>10,.0f}"
        for row in rows
    ]
