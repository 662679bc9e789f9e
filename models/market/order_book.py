"""A limit order book with strict price-time priority.

**Source**: price-time priority, time in force and self-trade prevention as exchanges publish them; the rules are in
`models.market.matching`, the queues in `models.market.queues`.
**Models**: limit and market orders (gtc, ioc, fok, post-only), four rules for trading with oneself, cancellation, and a
taker fee on the quote.
**Leaves out**: hidden and pegged orders, auctions, maker rebates, lots (sizes are real numbers).
**Units**: sizes in base, prices in quote per base on a grid of `tick`.
**Invariants**: no crossed book; first come, first served at a price; a partly filled order keeps its place.
"""

from collections import defaultdict
from collections.abc import Hashable, KeysView, Sequence
from copy import deepcopy
from itertools import count
from math import inf, nan
from typing import Any, Literal

import numpy as np
from pydantic import Field

from models.market import matching, queues
from models.market.book_side import BookSide
from models.market.fill import (
    DUST,
    Fill,
    InvalidAmount,
    InvalidPrice,
    MakerTrade,
    StaleFill,
    sale_of,
    sale_to,
    selling,
)
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
from models.parameters import Parameters
from models.types import FloatArray, IntArray, Side

Trade = tuple[int, float, float]
"""(maker's order id, price, size)."""

_NO_ORDERS = np.empty((0, 2))


class OrderBook:
    """Resting orders on a grid of prices.

    `limit`, `market` and `levels` speak of a side as its orders' owners do: "buy" bids. The quotes of a source speak of
    it as the taker does: "sell" hits those bids.

    Attributes:
        tick: step of the price grid.
        taker_fee: fraction of the quote that a taker pays: a sale receives p (1 - f), a purchase pays p / (1 - f).

    Raises:
        InvalidPrice: a tick that is not positive and finite. InvalidAmount: a fee outside [0, 1).
    """

    def __init__(self, tick: float, taker_fee: float = 0.0) -> None:
        self._grid = Grid(tick)
        if not 0.0 <= taker_fee < 1.0:
            raise InvalidAmount("taker_fee", taker_fee, "give a fraction from 0 to below 1")
        self.tick = self._grid.tick
        self.taker_fee = float(taker_fee)
        self._state: object = None
        self._bid = self._ask = nan
        self._nothing: dict[Side, Fill] = {}
        self._keep = 1.0 - self.taker_fee
        # A new owner gets the next number by being looked up; the names are the keys, listed when somebody asks.
        self._slots: defaultdict[Hashable, int] = defaultdict(count().__next__)
        self._names: list[Hashable] = []
        self._sides: dict[Side, BookSide] = {}
        self._memory = queues.empty(self._grid.numerator, self._grid.denominator)
        self._grow(64)

    def __deepcopy__(self, memo: dict[int, Any]) -> "OrderBook":
        """A book of its own. The columns are views of the memory, and copied one by one they would be views no more."""
        book = OrderBook(self.tick, self.taker_fee)
        book._memory = self._memory.copy()
        book._slots = defaultdict(count(len(self._slots)).__next__, self._slots)
        book._grow(0)
        book._look(deepcopy(self.state, memo))
        return book

    @property
    def state(self) -> object:
        """Another object after every change; a quote remembers it."""
        if self._state is None:
            self._look(object())
        return self._state

    # What owners do.

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

    @property
    def owners(self) -> KeysView[Hashable]:
        """Everybody who ever had an order: nobody else commits anything."""
        return self._slots.keys()

    def committed(self, owner: Hashable) -> tuple[float, float]:
        """(base, quote) that an owner's orders may have to give: sizes of the asks, price times size of the bids."""
        committed: tuple[float, float] = queues.commitment(self._memory, self._slots.get(owner, queues.NONE))
        return committed

    # What anyone sees.

    def levels(self, side: Side) -> list[tuple[float, float]]:
        """(price, size) of the resting orders of a side, best first."""
        rows = self._depth(queues.SELL if selling(side) else queues.BUY)
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
    def bid(self) -> float:
        """What a seller receives for the next unit, fee taken off; nan when nobody bids."""
        if self._state is None:
            self._look(object())
        return self._bid

    @property
    def ask(self) -> float:
        """What a buyer pays for the next unit, fee included; nan when nobody asks."""
        if self._state is None:
            self._look(object())
        return self._ask

    def _look(self, state: object) -> None:
        """Note a new state, the best prices in it, and the quotes for nothing, which these prices alone answer.

        When somebody asks, since most changes are followed by the next one.
        """
        _, _, levels, counters, _, _ = self._columns
        bids, asks = counters.item(queues.BUY), counters.item(queues.SELL)
        self._bid = bid = (
            self._grid.price(levels.item(queues.BUY, bids - 1, queues.LEVEL_KEY)) * self._keep if bids else nan
        )
        self._ask = ask = (
            self._grid.price(-levels.item(queues.SELL, asks - 1, queues.LEVEL_KEY)) / self._keep if asks else nan
        )
        self._nothing = {
            "sell": Fill("sell", 0.0, 0.0, 0.0, bid, bid, bids > 0, (), state),
            "buy": Fill("buy", 0.0, 0.0, 0.0, ask, ask, asks > 0, (), state),
        }
        self._state = state

    # What a taker without a name asks, as of any source.

    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount`; incomplete when the orders end first.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sale_of(side, amount)
        return self._side(side).quote_in(float(amount)) if amount > 0.0 else self._untouched(side)

    def quote_out(self, side: Side, amount: float) -> Fill:
        """The taker gets exactly `amount`; incomplete when the orders end first.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sale_of(side, amount)
        return self._side(side).quote_out(float(amount))

    def quote_to(self, side: Side, price: float) -> Fill:
        """Take whole every level strictly better than `price`; incomplete when no level is left at it or beyond.

        Raises:
            InvalidSide, InvalidPrice: the request makes no sense.
        """
        sells = sale_to(side, price)
        if self.bid > price if sells else self.ask < price:
            return self._side(side).quote_to(float(price))
        return self._untouched(side)

    def _untouched(self, side: Side) -> Fill:
        """The quote that leaves everything alone; incomplete when there are no orders."""
        if self._state is None:
            self._look(object())
        return self._nothing[side]

    def check(self, fill: Fill) -> None:
        """Refuse what `settle` would refuse.

        Raises:
            StaleFill: the orders no longer give as much.
        """
        self._scale(fill)

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Hit the orders as quoted; where they have become better since, the makers keep the difference.

        Returns:
            (owner, base, quote) for every order hit, in order, both positive. The taker fee is the difference between
            the makers' quote and the taker's: Σ quote - amount_out of a sale, amount_in - Σ quote of a purchase.

        Raises:
            StaleFill: the orders no longer give as much.
        """
        scale = self._scale(fill)
        if fill.base <= 0.0:
            return []
        number = queues.SELL if fill.side == "sell" else queues.BUY
        trades = matching.take(self._memory, number, *self._side(fill.side).parted(fill.base))
        self._state = None
        owners = self._owners()
        return [
            (owners[int(owner)], size, price * scale * size)
            for _, price, size, owner, _ in self._trades[:trades].tolist()
        ]

    def segments(self, side: Side) -> FloatArray:
        """The levels that a taker meets, shape (4, levels), best first: see `models.market.ladder`."""
        return self._side(side).segments

    # A batch, compiled.

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

    def _depth(self, number: int) -> FloatArray:
        rows: FloatArray = queues.depth(self._memory, number, self._keep)
        return rows

    def _side(self, side: Side) -> BookSide:
        """The levels a taker meets, kept until the book changes."""
        kept = self._sides.get(side)
        if kept is not None and kept.state is self.state:
            return kept
        rows = self._depth(queues.BUY if selling(side) else queues.SELL)
        given, got, prices = rows[4:7].tolist()
        meets = self._sides[side] = BookSide(side, rows[:4], given, got, prices, self.taker_fee, self.state)
        return meets

    def _scale(self, fill: Fill) -> float:
        """The quote of the fill over that of the orders it would now hit for its base; 1 when nothing changed."""
        if fill.state is self.state or fill.base == 0.0:
            return 1.0
        sells = selling(fill.side)
        now = self.quote_in("sell", fill.base) if sells else self.quote_out("buy", fill.base)
        low, high = (fill.quote, now.quote) if sells else (now.quote, fill.quote)
        if not now.complete or low * (1.0 - DUST) > high:
            raise StaleFill(fill)
        return fill.quote / now.quote


def _orders(quoted: FloatArray | Sequence[tuple[float, float]]) -> FloatArray:
    return np.ascontiguousarray(quoted, np.float64).reshape(-1, 2)


class OrderBookTerms(Parameters):
    """An order book in a scenario; it starts empty."""

    kind: Literal["order_book"] = "order_book"
    tick: float = Field(gt=0)
    taker_fee: float = Field(default=0.0, ge=0, lt=1)

    def build(self, reference_price: float) -> OrderBook:
        """The empty book; a book takes nothing from the reference price."""
        return OrderBook(self.tick, self.taker_fee)
