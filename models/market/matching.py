"""The matching rules of the order book: compiled kernels over its queues.

**Source**: price-time priority as exchanges publish it; self-trade prevention is the taker's choice, all-or-nothing and
post-only orders are tested before any fill.
**Models**: submission under four times in force and four self-trade rules, cancellation, an owner's requote, batches.
**Leaves out**: hidden and pegged orders, auctions, modification (cancel and place anew).
**Units**: keys in ticks, prices in quote per base, sizes in base.
**Invariants**: no crossed book; a partly filled order keeps its place; what remains of an order or of a taker below
`CRUMB` of its size goes with the fill, so that real-valued sizes leave no crumbs in a queue.
"""

import numpy as np

from models.compiled import compiled
from models.market.queues import (
    BUY,
    FREE,
    HEAD,
    ID,
    KEY,
    LEVEL_KEY,
    LIVE,
    NEXT,
    NONE,
    OWNER,
    SLOT_BITS,
    append,
    columns,
    commitment,
    remove,
    tick_of,
)
from models.market.ticks import MOST_TICKS, ROUNDING, SLACK
from models.types import FloatArray, IntArray

GTC, IOC, FOK, POST_ONLY, MARKET, CANCEL = range(6)
ALLOW, CANCEL_TAKER, CANCEL_MAKER, CANCEL_BOTH = range(4)
MAKER, PRICE, SIZE, MAKER_OWNER, TAKER = range(5)

CRUMB = 2.0**-50
"""Four times the relative rounding of a size: what is left of sizes such as 0.3 less three times 0.1. What remains of a
taker is summed in two floats, so that it is no more than that, however many orders are hit and however they differ.
"""

ANY_PRICE = 1 << 60
NO_ROOM, BAD_PRICE, BAD_SIZE = -1, -2, -3


@compiled()
def _less(rest: float, late: float, traded: float) -> tuple[float, float]:
    """What is left after a trade, and what rounding has kept from it so far (Dekker 1971); without end it stays so."""
    if rest == np.inf:
        return rest, late
    left = rest - traded
    return left, late + ((rest - left) - traded)


@compiled()
def _fillable(
    nodes: IntArray, sizes: FloatArray, levels: IntArray, counters: IntArray,
    side: int, key: int, size: float, owner: int, self_trade: int,
) -> bool:  # fmt: skip
    """Whether the whole size would trade at once under the taker's limit and its rule for its own orders."""
    other = 1 - side
    wanted, late = size * (1.0 - CRUMB), 0.0
    level = counters[other] - 1
    while level >= 0 and levels[other, level, LEVEL_KEY] + key >= 0:
        node = levels[other, level, HEAD]
        while node != NONE:
            if self_trade != ALLOW and nodes[node, OWNER] == owner:
                if self_trade != CANCEL_MAKER:
                    return False
            else:
                wanted, late = _less(wanted, late, sizes[node])
                if wanted + late <= 0.0:
                    return True
            node = nodes[node, NEXT]
        level -= 1
    return False


@compiled()
def submit(
    nodes: IntArray, sizes: FloatArray, levels: IntArray, counters: IntArray, owners: IntArray, trades: FloatArray,
    trade: int, taker: int, side: int, key: int, size: float, owner: int, force: int, self_trade: int,
) -> tuple[int, int]:  # fmt: skip
    """Match an order and rest what its time in force lets rest.

    Args:
        nodes, sizes, levels, counters, owners: the book's columns, changed.
        trades: shape (trades, 5), written from row `trade` on: maker's id, price, size, maker's owner, taker.
        trade: first free row of `trades`; room for one trade per live order must follow.
        taker: number of the taker, for the record only.
        side: BUY or SELL, of this order.
        key: limit as a key; ANY_PRICE for a market order.
        size: base, positive; inf takes all there is.
        owner: row in `owners`; NONE for a taker who rests nothing.
        force: GTC, IOC, FOK, POST_ONLY, or MARKET (as IOC).
        self_trade: ALLOW, CANCEL_TAKER, CANCEL_MAKER or CANCEL_BOTH.

    Returns:
        (id of the resting order, 0 when nothing rests, NO_ROOM when nothing was done; first free row of `trades`).
    """
    other = 1 - side
    if (counters[FREE] == NONE or owner >= owners.size) and force in (GTC, POST_ONLY):
        return NO_ROOM, trade
    top = counters[other] - 1
    crosses = top >= 0 and levels[other, top, LEVEL_KEY] + key >= 0
    if force == POST_ONLY and crosses:
        return 0, trade
    if force == FOK and not _fillable(nodes, sizes, levels, counters, side, key, size, owner, self_trade):
        return 0, trade
    numerator, denominator = tick_of(counters)
    rest, late = size, 0.0
    crumb = CRUMB * size if size < np.inf else 0.0
    while crosses and rest + late > crumb:
        node = levels[other, top, HEAD]
        if self_trade != ALLOW and nodes[node, OWNER] == owner:
            if self_trade != CANCEL_TAKER:
                remove(nodes, sizes, levels, counters, owners, node)
            if self_trade != CANCEL_MAKER:
                return 0, trade
        else:
            traded = sizes[node]
            whole = rest + late >= traded * (1.0 - CRUMB)
            if not whole:
                traded = rest + late
                sizes[node] -= traded
            trades[trade, MAKER] = nodes[node, ID]
            trades[trade, PRICE] = abs(nodes[node, KEY]) * numerator / denominator
            trades[trade, SIZE] = traded
            trades[trade, MAKER_OWNER] = nodes[node, OWNER]
            trades[trade, TAKER] = taker
            trade += 1
            if not whole:
                return 0, trade
            rest, late = _less(rest, late, traded)
            remove(nodes, sizes, levels, counters, owners, node)
        top = counters[other] - 1
        crosses = top >= 0 and levels[other, top, LEVEL_KEY] + key >= 0
    if rest + late <= crumb or force not in (GTC, POST_ONLY):
        return 0, trade
    return append(nodes, sizes, levels, counters, owners, side, key, rest + late, owner), trade


@compiled()
def limit(
    memory: IntArray, side: int, price: float, size: float, owner: int, force: int, self_trade: int
) -> tuple[int, int]:
    """Submit a limit order; its trades are in the memory.

    Args:
        memory: the book, changed.
        side, size, owner, force, self_trade: as in `submit`.
        price: quote per base.

    Returns:
        (id of the order that rests or 0, number of trades). Nothing was done when the first is NO_ROOM, BAD_PRICE for a
        price off the grid, or BAD_SIZE.
    """
    nodes, sizes, levels, counters, owners, trades = columns(memory)
    numerator, denominator = tick_of(memory)
    ticks = price * denominator / numerator
    if not 0.0 < ticks < MOST_TICKS:
        return BAD_PRICE, 0
    whole = np.rint(ticks)
    if whole == 0.0 or abs(ticks - whole) > SLACK + ROUNDING * ticks:
        return BAD_PRICE, 0
    if not 0.0 < size < np.inf:
        return BAD_SIZE, 0
    key = int(whole) if side == BUY else -int(whole)
    return submit(nodes, sizes, levels, counters, owners, trades, 0, 0, side, key, size, owner, force, self_trade)


@compiled()
def market(memory: IntArray, side: int, size: float, owner: int, force: int, self_trade: int) -> tuple[int, int]:
    """Submit an order at any price, MARKET or FOK; arguments and result as of `limit`."""
    nodes, sizes, levels, counters, owners, trades = columns(memory)
    if not 0.0 < size < np.inf:
        return BAD_SIZE, 0
    return submit(nodes, sizes, levels, counters, owners, trades, 0, 0, side, ANY_PRICE, size, owner, force, self_trade)


@compiled()
def take(memory: IntArray, side: int, whole: int, rest: float) -> int:
    """Trade for a taker without a name: so many levels whole, and after them an amount of base.

    Args:
        memory: the book, changed; the trades are in it.
        side: BUY or SELL, of the taker.
        whole: number of levels, best first.
        rest: base to be had of the levels behind them.

    Returns:
        Number of trades.
    """
    nodes, sizes, levels, counters, owners, trades = columns(memory)
    other, made = 1 - side, 0
    if whole > 0:
        key = -levels[other, counters[other] - whole, LEVEL_KEY]
        _, made = submit(
            nodes, sizes, levels, counters, owners, trades, made, 0, side, key, np.inf, NONE, MARKET, ALLOW
        )  # fmt: skip
    if rest > 0.0:
        _, made = submit(
            nodes, sizes, levels, counters, owners, trades, made, 0, side, ANY_PRICE, rest, NONE, MARKET, ALLOW
        )  # fmt: skip
    return made


@compiled()
def cancel(memory: IntArray, identity: int) -> float:
    """Take an order out by its id; returns what remained of it, 0 when no such order rests."""
    nodes, sizes, levels, counters, owners, _ = columns(memory)
    return _cancel(nodes, sizes, levels, counters, owners, identity)


@compiled()
def _cancel(
    nodes: IntArray, sizes: FloatArray, levels: IntArray, counters: IntArray, owners: IntArray, identity: int
) -> float:
    node = identity & ((1 << SLOT_BITS) - 1)
    if identity <= 0 or node >= sizes.size or nodes[node, ID] != identity:
        return 0.0
    remove(nodes, sizes, levels, counters, owners, node)
    return float(sizes[node])


@compiled()
def stream(
    memory: IntArray, trades: FloatArray, trade: int,
    event: int, events: IntArray, amounts: FloatArray, ids: IntArray, self_trade: int,
) -> tuple[int, int]:  # fmt: skip
    """Work through a batch of events from `event` on, until its end or until there is no room for the next one.

    Args:
        memory: the book, changed; the trades in it are left alone.
        trades: shape (trades, 5), written from row `trade` on as in `submit`; the taker is its row in `events`.
        trade: first free row of `trades`.
        event: first row of `events` to do.
        events: shape (events, 4): what to do (GTC … MARKET, CANCEL), side, tick, owner; for CANCEL the row of the event
            that placed the order stands in the place of the tick.
        amounts: shape (events,), sizes.
        ids: shape (events,), written: the id of the order that rests, 0 when none does.
        self_trade: one rule for all.

    Returns:
        (first row not done, first free row of `trades`).
    """
    nodes, sizes, levels, counters, owners, _ = columns(memory)
    while event < events.shape[0]:
        what, side, tick, owner = events[event, 0], events[event, 1], events[event, 2], events[event, 3]
        ids[event] = 0
        if what == CANCEL:
            _cancel(nodes, sizes, levels, counters, owners, ids[tick])
        else:
            if trade + counters[LIVE] > trades.shape[0]:
                break
            key = ANY_PRICE if what == MARKET else (tick if side == BUY else -tick)
            identity, trade = submit(
                nodes, sizes, levels, counters, owners, trades,
                trade, event, side, key, amounts[event], owner, what, self_trade,
            )  # fmt: skip
            if identity == NO_ROOM:
                break
            ids[event] = identity
        event += 1
    return event, trade


@compiled()
def requote(memory: IntArray, owner: int, bids: FloatArray, asks: FloatArray) -> tuple[int, float, float, float, float]:
    """Cancel all of an owner's orders and place new ones that only rest; those that would cross are left out.

    Args:
        memory: the book, changed.
        owner: row in `owners`.
        bids, asks: shape (orders, 2), (price, size); prices go down to a tick for bids, up for asks.

    Returns:
        (0, base released, quote released, base committed, quote committed). Nothing was done when the first is NO_ROOM,
        or 1 + the row (bids, then asks) of a price or size that cannot be used.
    """
    nodes, sizes, levels, counters, owners, _ = columns(memory)
    numerator, denominator = tick_of(memory)
    quotes = bids.shape[0] + asks.shape[0]
    for row in range(quotes):
        quoted = bids[row] if row < bids.shape[0] else asks[row - bids.shape[0]]
        ticks = quoted[0] * denominator / numerator
        if not (0.0 < ticks < MOST_TICKS and 0.0 <= quoted[1] < np.inf):
            return 1 + row, 0.0, 0.0, 0.0, 0.0
    if counters[LIVE] + quotes > sizes.size or owner >= owners.size:
        return NO_ROOM, 0.0, 0.0, 0.0, 0.0
    base_released, quote_released = commitment(memory, owner)
    while owners[owner] != NONE:
        remove(nodes, sizes, levels, counters, owners, owners[owner])
    for side in range(2):
        quoted = bids if side == BUY else asks
        for row in range(quoted.shape[0]):
            ticks = quoted[row, 0] * denominator / numerator
            # A price on the grid may miss its tick by a rounding: that is not outward yet.
            slack = SLACK + ROUNDING * ticks
            key = int(np.floor(ticks + slack)) if side == BUY else -int(np.ceil(ticks - slack))
            top = counters[1 - side] - 1
            crosses = top >= 0 and levels[1 - side, top, LEVEL_KEY] + key >= 0
            if quoted[row, 1] > 0.0 and key != 0 and not crosses:
                append(nodes, sizes, levels, counters, owners, side, key, quoted[row, 1], owner)
    base, quote = commitment(memory, owner)
    return 0, base_released, quote_released, base, quote
