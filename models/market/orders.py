"""What an order may say, one by one and in batches.

**Source**: time in force and self-trade prevention as exchanges publish them.
**Models**: the options by name and as the numbers that the kernels take; a batch of events as one table.
**Leaves out**: what the options do, which is `models.market.matching`.
**Units**: sizes in base, prices in quote per base.
**Invariants**: an option that does not exist is refused by name before anything is done.
"""

from collections.abc import Sequence
from math import inf
from typing import Literal

import numpy as np

from models.market import matching, queues
from models.market.fill import InvalidAmount, InvalidSide
from models.market.ticks import Grid
from models.refusals import Refusal
from models.types import FloatArray, IntArray

TimeInForce = Literal["gtc", "ioc", "fok", "post_only"]
SelfTrade = Literal["allow", "cancel_taker", "cancel_maker", "cancel_both"]

SIDES = {"buy": queues.BUY, "sell": queues.SELL}
FORCES = {"gtc": matching.GTC, "ioc": matching.IOC, "fok": matching.FOK, "post_only": matching.POST_ONLY}
MARKET_FORCES = {"ioc": matching.MARKET, "fok": matching.FOK}
SELF_TRADES = {
    "allow": matching.ALLOW,
    "cancel_taker": matching.CANCEL_TAKER,
    "cancel_maker": matching.CANCEL_MAKER,
    "cancel_both": matching.CANCEL_BOTH,
}

EVENT_OWNER = 3
"""Column of the owner in a batch."""


class InvalidOrder(Refusal):
    """An option of an order that does not exist."""

    def __init__(self, name: str, given: object, known: Sequence[object]) -> None:
        super().__init__(f"{name} is {given!r}: use one of {', '.join(map(repr, known))}")


def unknown(side: object, tif: object, self_trade: object, forces: dict[str, int]) -> Refusal:
    """The refusal for the first of the options that does not exist."""
    if side not in SIDES:
        return InvalidSide(side)
    if tif not in forces:
        return InvalidOrder("tif", tif, tuple(forces))
    return InvalidOrder("self_trade", self_trade, tuple(SELF_TRADES))


def batch(
    grid: Grid,
    what: IntArray,
    side: IntArray,
    price: FloatArray,
    size: FloatArray,
    owner: IntArray,
    placed: IntArray,
) -> IntArray:
    """A batch as `matching.stream` takes it, owners as they were given; arguments as of `OrderBook.stream`.

    Returns:
        Shape (events, 4): what to do, side, tick, owner; for a cancellation the row of the event that placed the order
        stands in the place of the tick.

    Raises:
        InvalidOrder, InvalidAmount, InvalidPrice, OffTick: an event cannot be used.
    """
    what, side, owner, placed = (np.asarray(column, np.int64) for column in (what, side, owner, placed))
    places = what < matching.MARKET
    cancels = what == matching.CANCEL
    for name, given, wrong, known in (
        ("what", what, (what < matching.GTC) | (what > matching.CANCEL), "0 to 5"),
        ("side", side, (side != queues.BUY) & (side != queues.SELL), "0 or 1"),
        ("placed", placed, cancels & ((placed < 0) | (placed > np.arange(len(what)))), "a row so far"),
        ("owner", owner, owner < 0, "a non-negative integer"),
    ):
        if wrong.any():
            raise InvalidOrder(name, int(given[wrong][0]), (known,))
    wrong = ~cancels & ~((size > 0.0) & (size < inf))
    if wrong.any():
        raise InvalidAmount("size", float(size[wrong][0]), "give a positive, finite size")
    ticks = grid.all_ticks(np.where(places, price, grid.tick))
    return np.stack([what, side, np.where(cancels, placed, ticks), owner], axis=1)
