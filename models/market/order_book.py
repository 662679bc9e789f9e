"""A limit order book as a source of liquidity: what a taker without a name meets in the orders that rest.

**Source**: walking the book, as exchanges publish it; who comes first is in `models.market.resting_orders`.
**Models**: quotes and their settlement against the orders in line, with a taker fee on the quote.
**Leaves out**: what `RestingOrders` leaves out; maker fees.
**Units**: sizes in base, prices in quote per base; bid and ask with the taker's fee in them.
**Invariants**: a quote changes nothing; a settlement hits the orders in the order of their queues.
"""

from copy import deepcopy
from math import nan
from typing import Any, Literal

from pydantic import Field

from models.market import matching, queues
from models.market.book_side import BookSide
from models.market.fill import DUST, Fill, InvalidAmount, MakerTrade, StaleFill, sale_of, sale_to, selling
from models.market.resting_orders import RestingOrders
from models.parameters import Parameters
from models.types import FloatArray, Side


class OrderBook(RestingOrders):
    """Resting orders that anyone may trade against.

    `limit`, `market` and `levels` speak of a side as its orders' owners do: "buy" bids. The quotes of a source speak of
    it as the taker does: "sell" hits those bids.

    Attributes:
        tick: step of the price grid.
        taker_fee: fraction of the quote that a taker pays: a sale receives p (1 - f), a purchase pays p / (1 - f).

    Raises:
        InvalidPrice: a tick that is not positive and finite. InvalidAmount: a fee outside [0, 1).
    """

    def __init__(self, tick: float, taker_fee: float = 0.0) -> None:
        super().__init__(tick)
        if not 0.0 <= taker_fee < 1.0:
            raise InvalidAmount("taker_fee", taker_fee, "give a fraction from 0 to below 1")
        self.taker_fee = float(taker_fee)
        self._bid = self._ask = nan
        self._nothing: dict[Side, Fill] = {}
        self._keep = 1.0 - self.taker_fee
        self._sides: dict[Side, BookSide] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "OrderBook":
        """A book of its own. The columns are views of the memory, and copied one by one they would be views no more."""
        book = OrderBook(self.tick, self.taker_fee)
        book._memory = self._memory.copy()
        book._slots.update(self._slots)
        book._grow(0)
        book._look(deepcopy(self.state, memo))
        return book

    @property
    def state(self) -> object:
        """Another object after every change; a quote remembers it."""
        if self._state is None:
            self._look(object())
        return self._state

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

    def _side(self, side: Side) -> BookSide:
        """The levels a taker meets, kept until the book changes."""
        kept = self._sides.get(side)
        if kept is not None and kept.state is self.state:
            return kept
        rows = queues.depth(self._memory, queues.BUY if selling(side) else queues.SELL, self._keep)
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


class OrderBookTerms(Parameters):
    """An order book in a scenario; it starts empty."""

    kind: Literal["order_book"] = "order_book"
    tick: float = Field(gt=0)
    taker_fee: float = Field(default=0.0, ge=0, lt=1)

    def build(self, reference_price: float) -> OrderBook:
        """The empty book; a book takes nothing from the reference price."""
        return OrderBook(self.tick, self.taker_fee)
