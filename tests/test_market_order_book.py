"""The order book, against sequences with known trades and against a book that scans a plain list."""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, isnan
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.market import (
    Infinite,
    InvalidAmount,
    InvalidOrder,
    InvalidPrice,
    InvalidSide,
    OffTick,
    OrderBook,
    StaleFill,
    matching,
)
from models.market.orders import TimeInForce
from models.types import Side


class Case(NamedTuple):
    """Events "<id><side><size>@<price or m>" and "x<id>"; trades "<taker>:<maker>@<price>x<size>"; queues left."""

    name: str
    events: str
    trades: str
    bids: str
    asks: str


CASES = [
    Case(
        "basic-1",
        "1B10@m 2S2@997 3S1@1002 4B1@999 x1 6S10@1002 x4 8B237@998 9S3@1002 x8 11B341@1002 12S850@998 13S65@m "
        "14S10@1000 15S904@1003 16S450@1001 x9 18B5@1002 19S2@1001 20B99@m",
        "4:2@997x1 8:2@997x1 11:3@1002x1 11:6@1002x10 11:9@1002x3 12:11@1002x327 18:12@998x5 20:12@998x99",
        "",
        "998=12:419 1000=14:10 1001=16:450,19:2 1003=15:904",
    ),
    Case(
        "basic-2",
        "1B5@1003 x1 3B78@m 4S403@1003 5S10@1001 6B10@m 7S55@998 8B2@999 x4 10B10@1002 11S5@1003 12B410@1002 "
        "13B10@1001 14S10@1000 15S2@999 16B10@999 17S2@m 18S1@1003 19B1@997 20B2@1002 21B2@1003 22B434@m "
        "23B2@998 24B1@997 x14 26B95@m 27S2@998 28B45@1002 29B10@997 30B10@m",
        "6:5@1001x10 8:7@998x2 10:7@998x10 12:7@998x43 14:12@1002x10 15:12@1002x2 17:12@1002x2 21:11@1003x2 "
        "22:11@1003x3 22:18@1003x1 27:12@1002x2",
        "1002=12:351,20:2,28:45 1001=13:10 999=16:10 998=23:2 997=19:1,24:1,29:10",
        "",
    ),
    Case(
        "basic-3",
        "1B48@m 2B10@1000 3B92@1002 4B2@1002 5B1@999 6B1@1000 7S10@1001 8S5@998 x5 10S5@1001 11S74@1002 "
        "12B1@1000 13B5@1002 14B2@1002 15B494@m 16B1@1001 17B10@998 x2 19S5@1002 20B1@m x7 22S2@998 23S2@1001 "
        "24S83@1002 x1000025 26S650@999 27S5@1002 28S1@m 29B649@1000 30S5@1001 x26 x24 33S2@1000 34S10@998 "
        "35B701@999 36B5@m 37B446@m 38B5@999 39B345@999 40S1@998 41B41@999 42S83@1000 43S5@1001 44S38@1001 "
        "x14 x39 47B10@1002 48S1@1002 49B1@1002 50S1@1001",
        "7:3@1002x10 8:3@1002x5 10:3@1002x5 11:3@1002x72 11:4@1002x2 19:13@1002x5 22:14@1002x2 23:16@1001x1 "
        "26:6@1000x1 26:12@1000x1 28:17@998x1 29:26@999x648 33:29@1000x1 34:17@998x9 35:34@998x1 36:33@1000x1 "
        "36:23@1001x1 36:30@1001x3 37:30@1001x2 37:27@1002x5 40:35@999x1 47:42@1000x10 49:42@1000x1",
        "999=35:699,38:5,41:41",
        "1000=42:72 1001=43:5,44:38,50:1 1002=48:1",
    ),
    Case(
        "basic-4",
        "1B10@m x1 3S2@1003 4S1@999 x4 6S5@999 7S12@1000 8B10@999 x7 10B587@999 11B53@999 12B5@995 x7 "
        "14S2@1005 x6 16S5@1001 17S2@1000 x6 19B2@m 20B366@m x1000021 22S5@m 23B10@m 24B2@1002 25S2@m 26B10@m "
        "x17 28B10@998 x8 30B78@1002 31S5@999 32S10@998 33S2@m 34B10@998 35B5@998 36B5@997 37S73@m 38B1@1001 "
        "x38 40B304@1002 41S2@1005 42S10@1002 x1000043 44B6@997 45S1@997 46S484@1001 47B2@995 48S10@998 "
        "49B21@1000 50S1@996",
        "8:6@999x5 19:17@1000x2 20:16@1001x5 20:3@1003x2 20:14@1005x2 22:8@999x5 25:24@1002x2 31:30@1002x5 "
        "32:30@1002x10 33:30@1002x2 37:30@1002x61 37:10@999x12 42:40@1002x10 45:40@1002x1 46:40@1002x293 "
        "48:10@999x10 50:49@1000x1",
        "1000=49:20 999=10:565,11:53 998=28:10,34:10,35:5 997=36:5,44:6 995=12:5,47:2",
        "1001=46:191 1005=41:2",
    ),
    Case(
        "basic-5",
        "1S966@1005 2B2@1005 x2 4B1@1004 5B2@m 6S1@997 7S1@995 x2 9S2@1003 10B964@998 11S5@1001 x2 13B695@m "
        "14S5@m 15S10@997 x1000016 x9 x7 19B48@997 20B2@1002 21S10@996 22S10@996 x15 24S947@1003 x13 x6 "
        "27S166@995 x19 x15 30S2@995 31B2@997 32B10@996 x2 34S19@997 35S706@1000 36S2@996 37B10@1000 x24 "
        "39S5@1004 40S573@1005 41S789@m 42S84@995 43S5@1002 44S281@m 45S2@1002 46S67@997 x44 48B687@m "
        "49S39@1005 50B26@m 51B778@997 52B2@995 53B2@1002 x43 55B2@1000 x27 57B89@1000 58S13@1003 59S2@m "
        "60S2@1004 61S2@1004 x59 x51 64B42@1001 65B10@1001 66B5@999 67S5@1002 68B1@1005 69S1@997 70B62@999 "
        "71S10@m 72B5@m 73S67@996 x30 75S304@1003 x60 77B5@1003 78B2@995 79S590@1005 80S402@998",
        "2:1@1005x2 5:1@1005x2 6:4@1004x1 10:7@995x1 13:11@1001x5 13:9@1003x2 13:1@1005x688 14:10@998x5 "
        "15:10@998x10 21:20@1002x2 21:10@998x8 22:10@998x10 27:10@998x166 30:10@998x2 34:10@998x19 "
        "36:10@998x2 37:35@1000x10 41:10@998x741 41:31@997x2 41:32@996x10 48:42@995x84 48:46@997x67 "
        "48:35@1000x536 50:35@1000x26 53:35@1000x2 55:35@1000x2 57:35@1000x89 59:51@997x2 64:35@1000x41 "
        "68:45@1002x1 69:64@1001x1 71:65@1001x10 72:45@1002x1 72:67@1002x4 73:66@999x5 73:70@999x62 "
        "77:67@1002x1 77:58@1003x4",
        "995=52:2,78:2",
        "998=80:402 1003=58:9,75:304 1004=39:5,61:2 1005=1:274,40:573,49:39,79:590",
    ),
]

OTHER = {"buy": "sell", "sell": "buy"}


def queues_of(book: OrderBook, side: str, names: dict[int, str]) -> str:
    levels: dict[float, list[str]] = {}
    for order_id, price, size, _ in book.orders(side):
        levels.setdefault(price, []).append(f"{names[order_id]}:{size:g}")
    return " ".join(f"{price:g}=" + ",".join(queue) for price, queue in levels.items())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_known_sequences_trade_in_price_time_priority(case: Case) -> None:
    """Sequences that three other engines agree on give the same trades and leave the same queues."""
    book = OrderBook(1.0)
    ids: dict[str, int | None] = {}
    names: dict[int, str] = {}
    trades = []
    for event in case.events.split():
        if event.startswith("x"):
            book.cancel(ids.get(event[1:]) or 0)
            continue
        name, side, size, price = re.fullmatch(r"(\d+)([BS])(\d+)@(\d+|m)", event).groups()
        side = "buy" if side == "B" else "sell"
        if price == "m":
            done = book.market(side, float(size), owner=name)
        else:
            ids[name], done = book.limit(side, float(price), float(size), owner=name)
            if ids[name]:
                names[ids[name]] = name
        trades += [f"{name}:{names[maker]}@{paid:g}x{traded:g}" for maker, paid, traded in done]
    assert " ".join(trades) == case.trades
    assert queues_of(book, "buy", names) == case.bids
    assert queues_of(book, "sell", names) == case.asks


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


@settings(deadline=None, max_examples=120)
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


def test_orders_that_cannot_be_used_are_refused() -> None:
    """Wrong side, price, tick, size, time in force and self-trade rule are refused by name and change nothing."""
    book = OrderBook(0.01)
    state = book.state
    for price in (0.0, -1.0, inf, float("nan")):
        with pytest.raises(InvalidPrice):
            book.limit("buy", price, 1.0, "a")
    for price in (1.005, 0.001):
        with pytest.raises(OffTick, match=r"0\.01"):
            book.limit("buy", price, 1.0, "a")
    for size in (0.0, -1.0, inf, float("nan")):
        with pytest.raises(InvalidAmount, match="size"):
            book.limit("buy", 1.0, size, "a")
        with pytest.raises(InvalidAmount, match="size"):
            book.market("buy", size, "a")
    with pytest.raises(InvalidSide):
        book.limit("bid", 1.0, 1.0, "a")
    with pytest.raises(InvalidSide):
        book.market("bid", 1.0, "a")
    with pytest.raises(InvalidOrder, match="'gtc', 'ioc', 'fok', 'post_only'"):
        book.limit("buy", 1.0, 1.0, "a", tif="day")
    with pytest.raises(InvalidOrder, match="'ioc', 'fok'"):
        book.market("buy", 1.0, "a", tif="gtc")
    with pytest.raises(InvalidOrder, match="cancel_maker"):
        book.limit("buy", 1.0, 1.0, "a", self_trade="never")
    for tick in (0.0, -0.1, inf):
        with pytest.raises(InvalidPrice, match="tick"):
            OrderBook(tick)
    with pytest.raises(InvalidAmount, match="taker_fee"):
        OrderBook(0.1, 1.0)
    assert book.state is state


@pytest.mark.parametrize("tick", [0.01, 0.05, 0.025, 0.3, 1e-8, 0.1, 7.0, 1 / 3])
def test_prices_come_back_as_they_went_in(tick: float) -> None:
    """A price on the grid is reported as the decimal that it is, at any number of ticks."""
    book = OrderBook(tick)
    for ticks in (1, 3, 199999, 123456789):
        price = float(f"{ticks * tick:.8f}") if tick != 1 / 3 else ticks * tick
        order_id, _ = book.limit("buy", price, 1.0, "a")
        assert book.levels("buy") == [(pytest.approx(price, rel=1e-15, abs=0), 1.0)]
        if tick != 1 / 3:
            assert book.levels("buy")[0][0] == price
        assert order_id is not None
        book.cancel(order_id)


def test_real_sizes_leave_no_crumbs() -> None:
    """0.1 and 0.2 are gone after 0.3, though the floats do not add up."""
    for size, makers in ((0.3, (0.1, 0.2)), (0.1 + 0.2, (0.3,)), (0.7, (0.1, 0.6))):
        book = OrderBook(1.0)
        for maker in makers:
            book.limit("buy", 10.0, maker, "m")
        order_id, trades = book.limit("sell", 10.0, size, "t")
        assert order_id is None
        assert [traded for _, _, traded in trades] == list(makers)
        assert book.levels("buy") == book.levels("sell") == []


SIZES = st.floats(-6.0, 6.0).map(lambda power: float(10.0**power))


@settings(deadline=None, max_examples=100)
@given(makers=st.lists(SIZES, min_size=1, max_size=40), part=st.floats(0.0, 1.2), whole=st.integers(0, 40))
def test_orders_are_exact_however_their_sizes_differ(makers: list[float], part: float, whole: int) -> None:
    """Against fractions: each trade to the last digits of the taker's size, and as many orders hit as there are."""
    total = sum((Fraction(maker) for maker in makers[:whole]), Fraction(0))
    taker = float(total) if total and part > 0.6 else part * sum(makers)
    if taker == 0.0:
        return
    crumb = 2.0**-49 * taker
    for as_limit in (False, True):
        book = OrderBook(1.0)
        for maker in makers:
            book.limit("buy", 10.0, maker, "m")
        trades = book.limit("sell", 10.0, taker, "t")[1] if as_limit else book.market("sell", taker, "t")
        left = Fraction(taker)
        for (_, _, traded), maker in zip(trades, makers, strict=False):
            assert abs(Fraction(traded) - min(left, Fraction(maker))) <= crumb
            left -= Fraction(traded)
        if len(trades) < len(makers):
            assert abs(left) <= crumb
        rests = float(max(left, 0)) if as_limit else 0.0  # a market order drops what it does not get
        assert sum(size for _, size in book.levels("sell")) == pytest.approx(rests, abs=crumb)


@pytest.mark.parametrize("tif", ["gtc", "ioc", "fok"])
def test_a_small_order_behind_a_giant_is_hit_as_asked(tif: TimeInForce) -> None:
    """A taker for both takes both, one for a half of it that half: sizes apart by a factor of 1e12."""
    for taken in (1.0, 0.5):
        book = OrderBook(1.0)
        book.limit("sell", 10.0, 1e12, "giant")
        small, _ = book.limit("sell", 10.0, 1.0, "small")
        _, trades = book.limit("buy", 10.0, 1e12 + taken, "t", tif=tif)
        assert [traded for _, _, traded in trades] == [1e12, taken]
        assert trades[1][0] == small
        assert book.levels("buy") == []
        assert book.levels("sell") == ([(10.0, 0.5)] if taken == 0.5 else [])


def test_a_giant_keeps_what_a_taker_does_not_ask_for() -> None:
    book = OrderBook(1.0)
    book.limit("sell", 10.0, 1e12, "giant")
    assert [traded for _, _, traded in book.market("buy", 1e12 - 0.5, "t")] == [1e12 - 0.5]
    assert book.levels("sell") == [(10.0, 0.5)]


def test_a_quote_for_levels_of_very_different_sizes_settles_as_quoted() -> None:
    """All of both: nothing stays behind. All of the first but for a rounding: the second is not touched."""
    for asked, left in ((1e6 + 1e-6, []), (1e6 + 1e-7, [(10.0, 1e-6)]), (1e6, [(10.0, 1e-6)])):
        book = OrderBook(1.0)
        book.limit("sell", 9.0, 1e6, "a")
        book.limit("sell", 10.0, 1e-6, "b")
        fill = book.quote_out("buy", asked)
        assert fill.price_after == (9.0 if left else 10.0)
        book.settle(fill)
        assert book.levels("sell") == left


def test_cancelling_gives_back_what_remained_once() -> None:
    """Unknown, closed and foreign ids are no-ops, and so is that of an order that never rested; none is used again."""
    book = OrderBook(1.0)
    first, _ = book.limit("buy", 10.0, 5.0, "a")
    assert first is not None
    book.market("sell", 2.0, "b")
    assert book.cancel(first) == 3.0
    second, _ = book.limit("buy", 10.0, 5.0, "a")
    assert second != first
    for unknown in (first, 0, -5, 1 << 62, 1 << 80, 77, None):
        assert book.cancel(unknown) == 0.0
    assert book.levels("buy") == [(10.0, 5.0)]


def test_every_change_makes_earlier_quotes_old() -> None:
    """A cancelled maker changes the book though nothing trades; what changes nothing leaves the state."""
    book = OrderBook(1.0)
    order_id, _ = book.limit("buy", 10.0, 5.0, "a")
    state = book.state
    assert book.cancel(order_id + 1) == 0.0
    assert book.state is state
    quoted = book.quote_in("sell", 5.0)
    assert book.market("sell", 5.0, "a", self_trade="cancel_both") == []
    assert book.state is not state
    with pytest.raises(StaleFill):
        book.settle(quoted)


def test_a_refused_order_leaves_its_owner_with_nothing() -> None:
    """An owner whose first order is refused has committed nothing, and the next one rests."""
    book = OrderBook(1.0)
    for owner in range(200):
        with pytest.raises(OffTick):
            book.limit("buy", 10.5, 1.0, owner)
        assert book.committed(owner) == (0.0, 0.0)
    assert book.limit("buy", 10.0, 1.0, 150)[0] is not None
    assert book.committed(150) == (0.0, 10.0)


@pytest.mark.parametrize("orders", [63, 64, 65, 128, 129])
def test_a_full_book_trades_and_grows(orders: int) -> None:
    """Settling and taking need no room; resting makes room and keeps every queue."""
    book = OrderBook(1.0)
    for number in range(orders):
        book.limit("buy", 10.0 + number, 2.0, number)
    assert book.market("sell", 1.0, "taker") == [(book.orders("buy")[0][0], 9.0 + orders, 1.0)]
    assert book.settle(book.quote_in("sell", 1.0)) == [(orders - 1, 1.0, 9.0 + orders)]
    assert [owner for *_, owner in book.orders("buy")] == list(range(orders - 2, -1, -1))
    assert book.limit("buy", 10.0, 2.0, "last")[1] == []
    assert [owner for *_, owner in book.orders("buy")][-2:] == [0, "last"]


def test_numbers_of_any_kind_are_orders() -> None:
    """Whole numbers and numpy's are taken as they are worth."""
    book = OrderBook(0.1)
    for price, size in ((10, 1), (np.float64(10.0), np.int64(1)), (np.float32(10.0), np.float32(1.0))):
        book.limit("buy", price, size, "a")
    assert book.levels("buy") == [(10.0, 3.0)]
    with pytest.raises(OffTick):
        book.limit("buy", np.float32(0.3), 1.0, "a")


def test_requote_replaces_an_owners_orders_and_tells_the_escrow() -> None:
    """Old orders go, new ones rest outward of their prices, crossing ones are left out, and the sums are exact."""
    book = OrderBook(0.5)
    book.limit("sell", 12.0, 1.0, "other")
    assert book.requote("maker", [(10.3, 2.0), (12.0, 9.0), (0.2, 1.0)], [(10.9, 3.0), (10.0, 7.0), (13.0, 0.0)]) == (
        0.0, 0.0, 3.0, 20.0,
    )  # fmt: skip
    assert book.levels("buy") == [(10.0, 2.0)]
    assert book.levels("sell") == [(11.0, 3.0), (12.0, 1.0)]
    assert book.committed("maker") == (3.0, 20.0)
    assert book.committed("nobody") == (0.0, 0.0)
    book.market("buy", 1.0, "taker")
    assert book.requote("maker", np.array([[9.0, 1.0]]), []) == (2.0, 20.0, 0.0, 9.0)
    assert book.cancel_all("maker") == (0.0, 9.0)
    assert book.levels("buy") == []
    assert book.levels("sell") == [(12.0, 1.0)]


def test_a_requote_that_cannot_be_used_changes_nothing() -> None:
    """One bad price or size refuses all of it, and the old orders still stand."""
    book = OrderBook(0.5)
    book.requote("maker", [(10.0, 2.0)], [])
    for bids, asks, refusal in (
        ([(9.0, 1.0), (-1.0, 1.0)], [], InvalidPrice),
        ([], [(9.0, float("nan"))], InvalidAmount),
        ([], [(inf, 1.0)], InvalidPrice),
        ([(9.0, -1.0)], [], InvalidAmount),
    ):
        with pytest.raises(refusal):
            book.requote("maker", bids, asks)
        assert book.committed("maker") == (0.0, 20.0)


def test_requoting_many_orders_grows_the_book() -> None:
    book = OrderBook(1.0)
    prices = [(float(price), 1.0) for price in range(1, 501)]
    assert book.requote("maker", prices, [])[3] == sum(range(1, 501))
    assert len(book.levels("buy")) == 500
    for owner in range(200):
        book.limit("sell", 600.0, 1.0, owner)
    assert book.levels("sell") == [(600.0, 200.0)]
    assert [owner for *_, owner in book.orders("sell")] == list(range(200))


def priced_book() -> OrderBook:
    book = OrderBook(0.5, taker_fee=0.01)
    for price, size, owner in ((99.0, 4.0, "a"), (99.0, 1.0, "b"), (98.0, 5.0, "a"), (97.0, 10.0, "c")):
        book.limit("buy", price, size, owner)
    for price, size, owner in ((101.0, 2.0, "d"), (102.0, 3.0, "e")):
        book.limit("sell", price, size, owner)
    return book


def test_quotes_walk_the_levels_net_of_the_fee() -> None:
    """A sale receives p (1 - f), a purchase pays p / (1 - f), and the fee is f of what is given."""
    book = priced_book()
    assert book.bid == pytest.approx(99.0 * 0.99)
    assert book.ask == pytest.approx(101.0 / 0.99)
    sale = book.quote_in("sell", 7.0)
    assert sale.amount_out == pytest.approx((5 * 99 + 2 * 98) * 0.99, rel=1e-15)
    assert (sale.fee, sale.price_after, sale.complete) == (pytest.approx(0.07), pytest.approx(98 * 0.99), True)
    assert book.quote_out("sell", sale.amount_out).amount_in == pytest.approx(7.0, rel=1e-15)
    purchase = book.quote_out("buy", 3.0)
    assert purchase.amount_in == pytest.approx((2 * 101 + 102) / 0.99, rel=1e-15)
    assert purchase.fee == pytest.approx(0.01 * purchase.amount_in)
    assert book.quote_in("buy", purchase.amount_in).amount_out == pytest.approx(3.0, rel=1e-15)


def test_a_quote_to_a_price_takes_better_levels_whole_and_none_at_it() -> None:
    """Levels strictly better than the price are taken, the level at it is not, and an exhausted side says so."""
    book = priced_book()
    at_the_second = book.quote_to("sell", 98.0 * 0.99)
    assert (at_the_second.base, at_the_second.complete) == (5.0, True)
    assert at_the_second.price_after == book.bid
    assert book.quote_to("sell", 97.5).base == 5.0
    assert book.quote_to("sell", book.bid).base == 0.0
    below_all = book.quote_to("sell", 1.0)
    assert (below_all.base, below_all.complete) == (20.0, False)
    assert book.quote_to("buy", 102.0 / 0.99).base == 2.0
    assert book.quote_to("buy", inf).base == 5.0


@pytest.mark.parametrize(("side", "ticks", "tick"), [("sell", 999, 1e-6), ("sell", 12347, 1e-6), ("buy", 69, 0.01)])
def test_a_quote_to_the_price_of_a_level_means_that_level_however_the_price_was_worked_out(
    side: Side, ticks: int, tick: float
) -> None:
    """999 * 1e-6 is a rounding below 0.000999, and 69 * 0.01 one above 0.69: neither is beyond the level."""
    book = OrderBook(tick)
    resting: Side = "buy" if side == "sell" else "sell"
    price = ticks * tick
    book.limit(resting, price, 5.0, "a")
    assert price < book.bid if side == "sell" else price > book.ask
    assert book.quote_to(side, price).base == 0.0
    assert Infinite(book.bid if side == "sell" else book.ask).quote_to(side, price).base == 0.0


def test_more_than_the_book_holds_is_incomplete() -> None:
    book = priced_book()
    for fill in (book.quote_in("sell", 21.0), book.quote_out("sell", 1e6)):
        assert (fill.amount_in, fill.complete) == (20.0, False)
    assert book.quote_in("sell", 20.0).complete
    assert book.quote_in("buy", 1e6).amount_out == 5.0


def test_an_empty_book_quotes_nothing() -> None:
    """No orders: no price, an empty and incomplete fill, which still settles to nothing."""
    book = OrderBook(0.1)
    assert isnan(book.bid)
    assert isnan(book.ask)
    for fill in (book.quote_in("sell", 1.0), book.quote_out("buy", 1.0), book.quote_to("sell", 0.0)):
        assert (fill.amount_in, fill.amount_out, fill.complete) == (0.0, 0.0, False)
        assert isnan(fill.price_before)
        assert book.settle(fill) == []


def test_settling_pays_the_makers_in_order() -> None:
    """The makers get what the taker gives, in their order; the fee is what their quote and the taker's differ by."""
    book = priced_book()
    sale = book.quote_in("sell", 7.0)
    trades = book.settle(sale)
    assert trades == [("a", 4.0, 396.0), ("b", 1.0, 99.0), ("a", 2.0, 196.0)]
    assert sum(quote for *_, quote in trades) * 0.99 == pytest.approx(sale.amount_out, rel=1e-15)
    assert book.levels("buy") == [(98.0, 3.0), (97.0, 10.0)]
    purchase = book.quote_in("buy", 101.0 / 0.99)
    assert book.settle(purchase) == [("d", pytest.approx(1.0), pytest.approx(101.0))]
    assert purchase.amount_in - purchase.fee == pytest.approx(101.0)


def test_a_fill_is_refused_once_the_orders_are_gone() -> None:
    """A stale fill is refused where the book gives less, and applied as quoted where it gives more."""
    book = priced_book()
    sale, purchase = book.quote_in("sell", 7.0), book.quote_out("buy", 1.0)
    book.cancel(book.orders("buy")[0][0])
    with pytest.raises(StaleFill):
        book.settle(sale)
    assert book.levels("buy")[0] == (99.0, 1.0)
    book.limit("buy", 100.0, 7.0, "z")
    assert book.settle(sale) == [("z", 7.0, pytest.approx(sale.amount_out / 0.99))]
    book.limit("sell", 100.5, 1.0, "y")
    assert book.settle(purchase) == [("y", 1.0, pytest.approx(101.0))]
    book.cancel_all("d")
    with pytest.raises(StaleFill):
        book.settle(purchase)


RESTING = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 12), st.floats(0.01, 50.0)), min_size=1, max_size=30
)


@settings(deadline=None, max_examples=80)
@given(RESTING, st.sampled_from(["sell", "buy"]), st.floats(0.0, 1.2), st.sampled_from([0.0, 0.003]))
def test_quotes_are_pure_and_settling_conserves(
    resting: list[tuple[str, int, float]], side: str, share: float, fee: float
) -> None:
    """Quoting leaves every byte; settling takes from the makers what the taker gets and the queue in order."""
    book = OrderBook(0.25, fee)
    for number, (own, offset, size) in enumerate(resting):
        book.limit(own, 100.0 + (-0.25 if own == "buy" else 0.25) * offset, size, number)
    meets = OTHER[side]
    held = sum(size for _, size in book.levels(meets))
    before = [column.tobytes() for column in book._columns], book.state
    everything = book.quote_to(side, 0.0 if side == "sell" else inf)
    assert everything.base == pytest.approx(held, rel=1e-12)
    fill = book.quote_in(side, share * everything.amount_in)
    assert ([column.tobytes() for column in book._columns], book.state) == before
    queue = book.orders(meets)
    trades = book.settle(fill)
    assert sum(base for _, base, _ in trades) == pytest.approx(fill.base, rel=1e-11, abs=1e-300)
    paid = fill.quote / (1.0 - fee) if side == "sell" else fill.quote * (1.0 - fee)
    assert sum(quote for *_, quote in trades) == pytest.approx(paid, rel=1e-11, abs=1e-300)
    assert [owner for owner, *_ in trades] == [owner for *_, owner in queue[: len(trades)]]
    assert sum(size for _, size in book.levels(meets)) == pytest.approx(held - fill.base, rel=1e-9, abs=1e-9)
