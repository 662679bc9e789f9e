"""The order book against one that scans a plain list, event by event and in one batch."""

from dataclasses import dataclass, field
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market import InvalidAmount, InvalidOrder, InvalidPrice, OffTick, OrderBook, matching

OTHER = {"buy": "sell", "sell": "buy"}


@dataclass
class Plain:
    """The rules as one reads them: a list of orders, searched from end to end for the best."""

    orders: list[list[float]] = field(default_factory=list)  # number, side, price, size, owner
    trades: list[tuple[int, int, float, float]] = field(default_factory=list)

    def best(self, side: str, limit: float, skip: tuple[float, ...] = ()) -> list[float] | None:
        crossing = [
            o
            for o in self.orders
            if o[1] != side and o[4] not in skip and (o[2] <= limit if side == "buy" else o[2] >= limit)
        ]
        return min(crossing, key=lambda o: (o[2] if side == "buy" else -o[2], o[0]), default=None)

    def fillable(self, side: str, limit: float, size: float, owner: float, rule: str) -> bool:
        orders, self.orders = self.orders, [list(o) for o in self.orders]
        while size > 0 and (maker := self.best(side, limit)):
            self.orders.remove(maker)
            if rule != "allow" and maker[4] == owner:
                if rule != "cancel_maker":
                    break
            else:
                size -= maker[3]
        self.orders = orders
        return size <= 0

    def submit(self, number: int, side: str, limit: float, size: float, owner: float, tif: str, rule: str) -> None:
        if tif == "post_only" and self.best(side, limit):
            return
        if tif == "fok" and not self.fillable(side, limit, size, owner, rule):
            return
        while size > 0 and (maker := self.best(side, limit)):
            if rule != "allow" and maker[4] == owner:
                if rule != "cancel_taker":
                    self.orders.remove(maker)
                if rule != "cancel_maker":
                    return
                continue
            traded = min(size, maker[3])
            self.trades.append((number, int(maker[0]), maker[2], traded))
            size -= traded
            maker[3] -= traded
            if maker[3] == 0:
                self.orders.remove(maker)
        if size > 0 and tif in ("gtc", "post_only"):
            self.orders.append([number, side, limit, size, owner])

    def queue(self, side: str) -> list[tuple[int, float, float]]:
        resting = sorted(
            (o for o in self.orders if o[1] == side), key=lambda o: (-o[2] if side == "buy" else o[2], o[0])
        )
        return [(int(o[0]), o[2], o[3]) for o in resting]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["gtc", "gtc", "gtc", "ioc", "fok", "post_only", "market", "market_fok", "cancel"]),
        st.sampled_from(["buy", "sell"]),
        st.integers(95, 105),
        st.integers(1, 20),
        st.integers(0, 3),
    ),
    max_size=120,
)


@settings(max_examples=120)
@given(EVENTS, st.sampled_from(["allow", "cancel_taker", "cancel_maker", "cancel_both"]))
def test_any_sequence_agrees_with_the_plain_book(events: list[tuple[str, str, int, int, int]], rule: str) -> None:
    """Every time in force under every self-trade rule does as the plain list does, one by one or streamed."""
    plain, book, streamed = Plain(), OrderBook(1.0), OrderBook(1.0)
    ids: dict[int, int] = {}
    numbers: dict[int, int] = {}
    trades = []
    for number, (what, side, price, size, owner) in enumerate(events):
        if what == "cancel":
            target = price * size % (number + 1)
            plain.orders = [o for o in plain.orders if o[0] != target]
            book.cancel(ids.get(target, 0))
            continue
        if what.startswith("market"):
            tif = "fok" if what == "market_fok" else "ioc"
            plain.submit(number, side, inf if side == "buy" else 0, size, owner, tif, rule)
            done = book.market(side, size, owner, tif=tif, self_trade=rule)
        else:
            plain.submit(number, side, price, size, owner, what, rule)
            order_id, done = book.limit(side, price, size, owner, tif=what, self_trade=rule)
            if order_id:
                ids[number], numbers[order_id] = order_id, number
        trades += [(number, numbers[maker], paid, traded) for maker, paid, traded in done]
    assert trades == plain.trades
    for side in ("buy", "sell"):
        assert [(numbers[i], price, size) for i, price, size, _ in book.orders(side)] == plain.queue(side)
    stream(streamed, events, rule, trades if all(event[0] != "market_fok" for event in events) else None)


CODES = {
    "gtc": matching.GTC,
    "ioc": matching.IOC,
    "fok": matching.FOK,
    "post_only": matching.POST_ONLY,
    "market": matching.MARKET,
    "cancel": matching.CANCEL,
}


def stream(
    book: OrderBook, events: list[tuple[str, str, int, int, int]], rule: str, trades: list[tuple[int, ...]] | None
) -> None:
    """The same events as one batch give the same trades; a batch has no all-or-nothing market order."""
    if trades is None:
        return
    ids, made = book.stream(
        np.array([CODES[event[0]] for event in events]),
        np.array([event[1] == "sell" for event in events]),
        np.array([float(event[2]) for event in events]),
        np.array([float(event[3]) for event in events]),
        np.array([event[4] for event in events]),
        np.array([event[2] * event[3] % (row + 1) for row, event in enumerate(events)]),
        self_trade=rule,
    )
    row_of = {identity: row for row, identity in enumerate(ids.tolist()) if identity}
    assert [(int(taker), row_of[int(maker)], price, size) for maker, price, size, taker in made.tolist()] == trades


def test_a_long_stream_grows_the_book_as_it_goes() -> None:
    """More orders than there was room for, and more trades, come out right."""
    count = 3000
    book = OrderBook(0.5)
    zeros, ones = np.zeros(count, np.int64), np.ones(count)
    ids, trades = book.stream(zeros, zeros, 100.0 + 0.5 * np.arange(count), ones, np.arange(count) % 7, zeros)
    assert len(set(ids.tolist())) == count
    assert len(trades) == 0
    assert len(book.levels("buy")) == count
    _, trades = book.stream(zeros + matching.MARKET, zeros + 1, ones, ones, zeros, zeros)
    assert trades[:, matching.PRICE].tolist() == (100.0 + 0.5 * np.arange(count)[::-1]).tolist()
    assert trades[:, matching.MAKER].tolist() == ids[::-1].tolist()
    assert book.levels("buy") == []


def test_streams_that_cannot_be_used_are_refused_before_anything_is_done() -> None:
    """Each column of a batch is checked, and a refused batch leaves the book as it was."""
    good = {
        "what": np.array([matching.GTC, matching.CANCEL]),
        "side": np.array([0, 0]),
        "price": np.array([10.0, 0.0]),
        "size": np.array([1.0, 0.0]),
        "owner": np.array([1, 1]),
        "placed": np.array([0, 0]),
    }
    for change, refusal in (
        ({"what": np.array([6, 5])}, InvalidOrder),
        ({"side": np.array([2, 0])}, InvalidOrder),
        ({"placed": np.array([0, 2])}, InvalidOrder),
        ({"owner": np.array([-1, 1])}, InvalidOrder),
        ({"size": np.array([0.0, 1.0])}, InvalidAmount),
        ({"price": np.array([-1.0, 1.0])}, InvalidPrice),
        ({"price": np.array([10.3, 1.0])}, OffTick),
    ):
        book = OrderBook(0.5)
        with pytest.raises(refusal):
            book.stream(**{**good, **change})
        assert book.levels("buy") == []
    with pytest.raises(InvalidOrder, match="self_trade"):
        OrderBook(0.5).stream(**good, self_trade="never")
    ids, _ = OrderBook(0.5).stream(**good)
    assert ids[0] > 0
    assert ids[1] == 0
