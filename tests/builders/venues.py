"""Order books and venues to trade on."""

from models.market import OrderBook


def book_of(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], fee: float = 0.0, tick: float = 0.01
) -> OrderBook:
    book = OrderBook(tick, fee)
    for number, (price, size) in enumerate(bids):
        book.limit("buy", price, size, f"bidder {number}")
    for number, (price, size) in enumerate(asks):
        book.limit("sell", price, size, f"asker {number}")
    return book
