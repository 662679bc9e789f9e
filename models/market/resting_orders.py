"""Orders that rest on a grid of prices, as their owners see them: strict price-time priority.

**Source**: price-time priority, time in force and self-trade prevention as exchanges publish them; the rules are in
`models.market.matching`, the queues in `models.market.queues`.
**Models**: limit and market orders (gtc, ioc, fok, post-only), four rules for trading with oneself, cancellation,
quotes that replace one another, and many events at once.
**Leaves out**: hidden and pegged orders, auctions, maker rebates, lots (sizes are real numbers).
**Units**: sizes in base, prices in quote per base on a grid of `tick`.
**Invariants**: no crossed book; first come, first served at a price; a partly filled order keeps its place.
"""

from collections.abc import Hashable, KeysView, Sequence
from math import inf
from typing import Literal

import numpy as np

from models.market import matching, queues
from models.market.fill import InvalidAmount, InvalidPrice, selling
from models.market.orders import (
    EVENT_OWNER,
    FORCES,
    MARKET_FORCES,
    SELF_TRADES,
    SIDES,
    InvalidOrder,
    SelfTrade,
    TimeInForce,
    batch,
    unknown,
)
from models.market.ticks import Grid
from models.types import FloatArray, IntArray, Side

Trade = tuple[int, float, float]
"""(maker's order id, price, size)."""

_NO_ORDERS = np.empty((0, 2))


class _Numbers(dict[Hashable, int]):
    """Numbers of owners: who is new gets the next one by being looked up."""

    def __missing__(self, owner: Hashable) -> int:
        self[owner] = number = len(self)
        return number


class RestingOrders:
    """Orders on a grid of prices, in one piece of memory. A side is that of its orders' owners: "buy" bids.

    Attributes:
        tick: step of the price grid.

    Raises:
        InvalidPrice: a tick that is not positive and finite.
    """

    def __init__(self, tick: float) -> None:
        self._grid = Grid(tick)
        self.tick = self._grid.tick
        self._state: object = None  # from a change on, until somebody looks
        self._slots = _Numbers()  # the names are its keys, listed when somebody asks
        self._names: list[Hashable] = []
        self._memory = queues.empty(self._grid.numerator, self._grid.denominator)
        self._grow(64)

    def limit(
        self,
        side: Side,
        price: float,
        size: float,
        owner: Hashable,
        tif: TimeInForce = "gtc",
        self_trade: SelfTrade = "allow",
    ) -> tuple[int | None, list[Trade]]:
        """Place an order at a limit price.

        Args:
            side: "buy" or "sell", of this order.
            price: on the grid, quote per base.
            size: base.
            owner: anything hashable.
            tif: "gtc" rests what is left, "ioc" drops it, "fok" trades all or nothing, "post_only" only rests.
            self_trade: what happens when the next order in line is the owner's own.

        Returns:
            (id of the order that rests or None, trades as (maker's order id, price, size) in order). A "fok" that
            cannot fill and a "post_only" that would cross change nothing.

        Raises:
            InvalidSide, InvalidPrice, OffTick, InvalidAmount, InvalidOrder: the order cannot be used.
        """
        try:
            number, force, rule = SIDES[side], FORCES[tif], SELF_TRADES[self_trade]
        except KeyError:
            raise unknown(side, tif, self_trade, FORCES) from None
        slot = self._slots[owner]
        order_id, trades = matching.limit(self._memory, number, float(price), float(size), slot, force, rule)
        if order_id < 0:
            self._grid.ticks(float(price))
            if order_id == matching.BAD_SIZE:
                raise InvalidAmount("size", size, "give a positive, finite size")
            self._grow(1)
            order_id, trades = matching.limit(self._memory, number, float(price), float(size), slot, force, rule)
        self._state = None
        return order_id or None, self._made(trades) if trades else []

    def market(
        self,
        side: Side,
        size: float,
        owner: Hashable,
        tif: Literal["ioc", "fok"] = "ioc",
        self_trade: SelfTrade = "allow",
    ) -> list[Trade]:
        """Trade at any price; what cannot be filled is dropped ("ioc"), or nothing is done ("fok").

        Returns:
            Trades as (maker's order id, price, size) in order.

        Raises:
            InvalidSide, InvalidAmount, InvalidOrder: the order cannot be used.
        """
        try:
            number, force, rule = SIDES[side], MARKET_FORCES[tif], SELF_TRADES[self_trade]
        except KeyError:
            raise unknown(side, tif, self_trade, MARKET_FORCES) from None
        failed, trades = matching.market(self._memory, number, float(size), self._slots[owner], force, rule)
        if failed:
            raise InvalidAmount("size", size, "give a positive, finite size")
        self._state = None
        return self._made(trades) if trades else []

    def cancel(self, order_id: int | None) -> float:
        """Take an order out; returns the size that remained, 0.0 for one that is unknown, closed or never rested."""
        if order_id is None or not 0 < order_id <= queues.LAST_ID:
            return 0.0
        remaining: float = matching.cancel(self._memory, order_id)
        if remaining:
            self._state = None
        return remaining

    def requote(
        self,
        owner: Hashable,
        bids: FloatArray | Sequence[tuple[float, float]],
        asks: FloatArray | Sequence[tuple[float, float]],
    ) -> tuple[float, float, float, float]:
        """Replace all of an owner's orders by new ones that only rest.

        Args:
            owner: anything hashable.
            bids, asks: (price, size) each. Bids are rounded down to a tick, asks up; an order that would cross (the
                other side, or an own bid just placed) or has no size is left out.

        Returns:
            (base released, quote released, base committed, quote committed): asks commit base, bids price times size.

        Raises:
            InvalidPrice, InvalidAmount: an order cannot be used; nothing is done.
        """
        slot = self._slots[owner]
        quotes = _orders(bids), _orders(asks)
        while True:
            outcome = matching.requote(self._memory, slot, *quotes)
            if outcome[0] != matching.NO_ROOM:
                break
            self._grow(sum(map(len, quotes)))
        if outcome[0] > 0:
            price, size = np.concatenate(quotes)[outcome[0] - 1].tolist()
            if 0.0 < price < inf:
                raise InvalidAmount("size", size, "give a finite size of zero or more")
            raise InvalidPrice(price, "give a positive, finite price")
        self._state = None
        return outcome[1], outcome[2], outcome[3], outcome[4]

    def cancel_all(self, owner: Hashable) -> tuple[float, float]:
        """Take all of an owner's orders out; returns (base released, quote released)."""
        return self.requote(owner, _NO_ORDERS, _NO_ORDERS)[:2]

    def stream(
        self,
        what: IntArray,
        side: IntArray,
        price: FloatArray,
        size: FloatArray,
        owner: IntArray,
        placed: IntArray,
        self_trade: SelfTrade = "allow",
    ) -> tuple[IntArray, FloatArray]:
        """Work through many events in one compiled call; all arrays have shape (events,).

        Args:
            what: `matching.GTC`, `IOC`, `FOK`, `POST_ONLY`, `MARKET` or `CANCEL`.
            side: `queues.BUY` or `SELL`, of the order.
            price: on the grid; not read for market orders and cancellations.
            size: base; not read for cancellations.
            owner: small non-negative integers.
            placed: for a cancellation the row of the event that placed the order; not read otherwise.
            self_trade: one rule for all.

        Returns:
            ids (events,): of the orders that came to rest, 0 elsewhere; trades (trades, 4): maker's order id, price,
            size, row of the taker's event.

        Raises:
            InvalidOrder, InvalidAmount, InvalidPrice, OffTick: an event cannot be used; nothing is done.
        """
        rule = SELF_TRADES.get(self_trade)
        if rule is None:
            raise InvalidOrder("self_trade", self_trade, tuple(SELF_TRADES))
        owners = np.asarray(owner, np.int64)
        events = batch(self._grid, what, side, price, size, owners, placed)
        events[:, EVENT_OWNER] = self._slots_of(owners)
        amounts = np.ascontiguousarray(size, np.float64)
        ids = np.zeros(len(events), np.int64)
        trades = np.empty((len(events) + self._trades.shape[0], 5))
        event = made = 0
        while True:
            event, made = matching.stream(self._memory, trades, made, event, events, amounts, ids, rule)
            self._state = None
            if event == len(events):
                break
            self._grow(1)
            if made + self._trades.shape[0] > len(trades):
                trades = np.concatenate([trades[:made], np.empty((made + self._trades.shape[0], 5))])
        return ids, trades[:made, (matching.MAKER, matching.PRICE, matching.SIZE, matching.TAKER)]

    # What anyone sees.

    def levels(self, side: Side) -> list[tuple[float, float]]:
        """(price, size) of the resting orders of a side, best first."""
        rows = queues.depth(self._memory, queues.SELL if selling(side) else queues.BUY, 1.0)
        return list(zip(rows[7].tolist(), rows[3 if side == "sell" else 2].tolist(), strict=True))

    def orders(self, side: Side) -> list[tuple[int, float, float, Hashable]]:
        """(order id, price, remaining size, owner) of the resting orders of a side, in the order they would trade."""
        number = queues.SELL if selling(side) else queues.BUY
        nodes, sizes, levels, counters, _, _ = self._columns
        owners = self._owners()
        resting = []
        for level in range(counters[number] - 1, -1, -1):
            node = int(levels[number, level, queues.HEAD])
            while node != queues.NONE:
                row = nodes[node].tolist()
                price = self._grid.price(abs(row[queues.KEY]))
                resting.append((row[queues.ID], price, float(sizes[node]), owners[row[queues.OWNER]]))
                node = row[queues.NEXT]
        return resting

    @property
    def owners(self) -> KeysView[Hashable]:
        """Everybody who ever had an order: nobody else commits anything."""
        return self._slots.keys()

    def committed(self, owner: Hashable) -> tuple[float, float]:
        """(base, quote) that an owner's orders may have to give: sizes of the asks, price times size of the bids."""
        committed: tuple[float, float] = queues.commitment(self._memory, self._slots.get(owner, queues.NONE))
        return committed

    def _slots_of(self, owners: IntArray) -> IntArray:
        """The slots of many owners that are numbers, shape (owners,)."""
        present = np.flatnonzero(np.bincount(owners))
        slots = np.zeros(present.max(initial=0) + 1, np.int64)
        for number in present.tolist():
            slots[number] = self._slots[number]
        return slots[owners]

    def _made(self, trades: int) -> list[Trade]:
        """The last trades, as their owners see them."""
        return [(int(maker), price, traded) for maker, price, traded, _, _ in self._trades[:trades].tolist()]

    def _owners(self) -> list[Hashable]:
        """Owners by slot."""
        if len(self._names) < len(self._slots):
            self._names = list(self._slots)
        return self._names

    def _grow(self, orders: int) -> None:
        """Make room for at least `orders` more, in both queues and levels, and for every owner known."""
        memory = self._memory
        room, owners, needed = memory.item(queues.ORDERS), memory.item(queues.OWNERS), len(self._slots)
        if memory.item(queues.LIVE) + orders > room:
            room = max(2 * room, room + orders)
        if needed > owners:
            owners = 2 * needed
        self._memory = queues.grown(memory, room, owners)
        self._columns: queues.Columns = queues.columns(self._memory)
        self._trades = self._columns[5]


def _orders(quoted: FloatArray | Sequence[tuple[float, float]]) -> FloatArray:
    return np.ascontiguousarray(quoted, np.float64).reshape(-1, 2)
