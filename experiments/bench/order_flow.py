"""A mixed stream of orders, as the throughput of order books is usually measured.

Design: `WARM_UP` limit orders fill the book. Then half of the events are limit orders, 40 % cancel an order that rests
and 10 % are market orders; while fewer than `LIVE` orders rest, a limit order takes the place of either. One limit
order in twenty crosses the mid by a tick, the others lie behind it by an exponential number of ticks; the mid walks
slowly. The book comes to rest at about 95 levels on either side.
"""

from math import fsum
from typing import NamedTuple

import numpy as np

from models.market import OrderBook, matching
from models.market.resting_orders import Trade
from models.types import FloatArray, IntArray, Side

WARM_UP = 5_000
LIVE = 2_000
MID = 10_000.0
OFFSET, FURTHEST = 25.0, 99.0
"""Ticks behind the mid, on average and at most."""

SIDES: tuple[Side, Side] = ("buy", "sell")


class Flow(NamedTuple):
    """Events as `OrderBook.stream` takes them, each shape (events,); the tick is 1 and sizes are whole."""

    what: IntArray
    side: IntArray
    price: FloatArray
    size: FloatArray
    owner: IntArray
    placed: IntArray


class _Resting:
    """The orders that rest while a flow is drawn, to cancel one of them at random."""

    def __init__(self) -> None:
        self.left: dict[int, float] = {}
        self._rows: list[tuple[int, int]] = []

    def add(self, order_id: int, row: int, size: float) -> None:
        self.left[order_id] = size
        self._rows.append((order_id, row))

    def fill(self, trades: list[Trade]) -> None:
        for maker, _, size in trades:
            self.left[maker] -= size
            if self.left[maker] == 0.0:
                del self.left[maker]

    def take(self, chance: float) -> tuple[int, int]:
        """(id, row) of an order that rests; those filled since they were added are dropped on the way."""
        rows = self._rows
        while True:
            number = int(chance * len(rows))
            rows[number], rows[-1] = rows[-1], rows[number]
            order_id, row = rows.pop()
            if self.left.pop(order_id, None) is not None:
                return order_id, row


def mixed(events: int, seed: int = 1) -> Flow:
    """Warm-up and so many events after it, drawn against a book that works through them."""
    count = WARM_UP + events
    rng = np.random.default_rng(seed)
    mids = (MID + np.cumsum(rng.choice([-1.0, 0.0, 1.0], count, p=[0.01, 0.98, 0.01]))).tolist()
    behind = np.minimum(np.ceil(rng.exponential(OFFSET, count)), FURTHEST)
    offsets = np.where(rng.random(count) < 0.05, -1.0, behind).tolist()
    sides = rng.integers(0, 2, count)
    lots = rng.integers(1, 101, count).astype(float).tolist()
    market_lots = rng.integers(1, 201, count).astype(float).tolist()
    kinds, chances = rng.random(count).tolist(), rng.random(count).tolist()

    what, placed = np.full(count, matching.GTC), np.zeros(count, np.int64)
    price, size = np.zeros(count), np.zeros(count)
    book, resting = OrderBook(1.0), _Resting()
    for row, side in enumerate(sides.tolist()):
        if row < WARM_UP or kinds[row] < 0.5 or len(resting.left) < LIVE:
            price[row] = mids[row] + (offsets[row] if side else -offsets[row])
            size[row] = lots[row]
            order_id, trades = book.limit(SIDES[side], price.item(row), lots[row], "all")
            resting.fill(trades)
            if order_id:
                resting.add(order_id, row, lots[row] - fsum(traded for *_, traded in trades))
        elif kinds[row] < 0.9:
            order_id, placed[row] = resting.take(chances[row])
            what[row] = matching.CANCEL
            book.cancel(order_id)
        else:
            what[row], size[row] = matching.MARKET, market_lots[row]
            resting.fill(book.market(SIDES[side], market_lots[row], "all"))
    return Flow(what, sides, price, size, np.zeros(count, np.int64), placed)


class Caller:
    """Sends a flow to a book, one Python call for each event, and keeps the ids and the trades."""

    def __init__(self, book: OrderBook, flow: Flow) -> None:
        self._book = book
        self._events = [
            (what, SIDES[side], price, size, placed)
            for what, side, price, size, _, placed in zip(*(column.tolist() for column in flow), strict=True)
        ]
        self.ids: list[int | None] = []
        self.trades: list[list[Trade]] = []

    def send(self, first: int, end: int) -> None:
        """Send the events from row `first` up to `end`."""
        limit, market, cancel = self._book.limit, self._book.market, self._book.cancel
        ids, kept = self.ids, self.trades
        for what, side, price, size, placed in self._events[first:end]:
            order_id: int | None = None
            if what == matching.GTC:
                order_id, trades = limit(side, price, size, "all")
                if trades:
                    kept.append(trades)
            elif what == matching.CANCEL:
                cancel(ids[placed] or 0)
            else:
                trades = market(side, size, "all")
                if trades:
                    kept.append(trades)
            ids.append(order_id)
