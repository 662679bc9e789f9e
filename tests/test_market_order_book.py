"""The order book: sequences with known trades, orders that come and go, and refusals."""

import re
from math import inf
from typing import NamedTuple

import numpy as np
import pytest

from models.market import InvalidAmount, InvalidOrder, InvalidPrice, InvalidSide, OffTick, OrderBook, StaleFill


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
