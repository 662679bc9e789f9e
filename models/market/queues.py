"""The queues of the order book: orders by price, by arrival and by owner, in one piece of memory that kernels share.

**Source**: price-time priority as exchanges publish it.
**Models**: the book as one int64 array, because each array handed to a kernel costs a call from Python more than its
matching does. It opens with counters; `columns` gives views of the parts behind them:

    nodes     int64 (orders, 8)     one row an order: ID, KEY, SIDE, OWNER and its places in two linked lists
    sizes     float64 (orders,)     what remains of the order in each row
    levels    int64 (2, levels, 3)  by the orders' side: KEY, HEAD, TAIL of the queue; sorted, the best level last
    counters  int64 (16,)           levels bought, levels sold, first FREE row, LIVE orders, SERIAL of the last order,
                                    room for ORDERS and for OWNERS; the tick as a ratio, in float64
    owners    int64 (owners,)       first row of each owner's list
    trades    float64 (orders, 5)   what the last order traded: see `models.market.matching`

A KEY is the tick of a buy order and minus the tick of a sell order: the best is the largest on both sides, and two
orders cross when the sum of their keys is zero or more.
**Leaves out**: who may match whom, which is `models.market.matching`.
**Units**: prices in ticks, sizes in base.
**Invariants**: a queue is in order of arrival; levels are sorted and none is empty; no id comes back.
"""

import numpy as np

from models.compiled import compiled
from models.types import FloatArray, IntArray

Columns = tuple[IntArray, FloatArray, IntArray, IntArray, IntArray, FloatArray]

ID, KEY, SIDE, OWNER, NEXT, PREVIOUS, OWNER_NEXT, OWNER_PREVIOUS = range(8)
LEVEL_KEY, HEAD, TAIL = range(3)
FREE, LIVE, SERIAL, ORDERS, OWNERS, NUMERATOR, DENOMINATOR = range(2, 9)
BUY, SELL = 0, 1
NONE = -1
SLOT_BITS = 22
"""An id is serial x 2^22 + row: it finds its row without a table, and grows with time. Room for 2^22 orders at rest
and, as trades carry ids in float64, 2^31 in a book's life.
"""

LAST_ID = 2**63 - 1
"""The largest id that there can be."""

_COUNTERS = 16
_ORDER = 20
"""Entries for one order: 8 of its node, its size, a level on either side (3 each), and a trade (5)."""


@compiled()
def columns(memory: IntArray) -> Columns:
    """The parts of a book's memory, as views: nodes, sizes, levels, counters, owners, trades."""
    orders, owners = memory[ORDERS], memory[OWNERS]
    reals = memory.view(np.float64)
    sizes = _COUNTERS + 8 * orders
    levels = sizes + orders
    trades = levels + 6 * orders
    end = trades + 5 * orders
    return (
        memory[_COUNTERS:sizes].reshape((orders, 8)),
        reals[sizes:levels],
        memory[levels:trades].reshape((2, orders, 3)),
        memory[:_COUNTERS],
        memory[end : end + owners],
        reals[trades:end].reshape((orders, 5)),
    )


@compiled()
def tick_of(memory: IntArray) -> tuple[float, float]:
    """The tick as numerator and denominator."""
    reals = memory[NUMERATOR : DENOMINATOR + 1].view(np.float64)
    return reals[0], reals[1]


def empty(numerator: float, denominator: float) -> IntArray:
    """The memory of a book without room for any order, on a grid whose tick is the ratio given."""
    memory = np.zeros(_COUNTERS, np.int64)
    memory[FREE] = NONE
    memory.view(np.float64)[[NUMERATOR, DENOMINATOR]] = numerator, denominator
    return memory


def grown(memory: IntArray, orders: int, owners: int) -> IntArray:
    """The same book in a new memory, with room for so many orders and owners, no fewer than before."""
    nodes, sizes, levels, counters, firsts, _ = columns(memory)
    old = sizes.size
    larger = np.zeros(_COUNTERS + _ORDER * orders + owners, np.int64)
    larger[:_COUNTERS] = counters
    larger[[ORDERS, OWNERS]] = orders, owners
    new_nodes, new_sizes, new_levels, counters, new_firsts, _ = columns(larger)
    new_nodes[:old], new_sizes[:old], new_levels[:, :old], new_firsts[: firsts.size] = nodes, sizes, levels, firsts
    new_firsts[firsts.size :] = NONE
    if orders > old:
        # The new rows become the front of the list of free ones.
        new_nodes[old:] = NONE
        new_nodes[old:, NEXT] = np.arange(old + 1, orders + 1)
        new_nodes[-1, NEXT] = counters[FREE]
        counters[FREE] = old
    return larger


@compiled()
def _find(levels: IntArray, count: int, side: int, key: int) -> int:
    """Position of the first level of a side whose key is not below `key`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if levels[side, middle, LEVEL_KEY] < key:
            low = middle + 1
        else:
            high = middle
    return low


@compiled()
def append(
    nodes: IntArray, sizes: FloatArray, levels: IntArray, counters: IntArray, owners: IntArray,
    side: int, key: int, size: float, owner: int,
) -> int:  # fmt: skip
    """Rest an order at the end of its queue; returns its id. There must be room for it."""
    node = counters[FREE]
    counters[FREE] = nodes[node, NEXT]
    counters[LIVE] += 1
    counters[SERIAL] += 1
    identity = (counters[SERIAL] << SLOT_BITS) | node
    nodes[node, ID] = identity
    nodes[node, KEY] = key
    nodes[node, SIDE] = side
    nodes[node, OWNER] = owner
    nodes[node, NEXT] = NONE
    sizes[node] = size

    follower = owners[owner]
    nodes[node, OWNER_NEXT] = follower
    nodes[node, OWNER_PREVIOUS] = NONE
    if follower != NONE:
        nodes[follower, OWNER_PREVIOUS] = node
    owners[owner] = node

    count = counters[side]
    at = _find(levels, count, side, key)
    if at < count and levels[side, at, LEVEL_KEY] == key:
        last = levels[side, at, TAIL]
        nodes[last, NEXT] = node
        nodes[node, PREVIOUS] = last
        levels[side, at, TAIL] = node
        return int(identity)
    for level in range(count, at, -1):
        for column in range(3):
            levels[side, level, column] = levels[side, level - 1, column]
    nodes[node, PREVIOUS] = NONE
    levels[side, at, LEVEL_KEY] = key
    levels[side, at, HEAD] = node
    levels[side, at, TAIL] = node
    counters[side] = count + 1
    return int(identity)


@compiled()
def remove(
    nodes: IntArray, sizes: FloatArray, levels: IntArray, counters: IntArray, owners: IntArray, node: int
) -> None:
    """Take an order out of its queue, its level when it was alone there, and its owner's list."""
    before, after = nodes[node, PREVIOUS], nodes[node, NEXT]
    if NONE not in (before, after):
        nodes[before, NEXT] = after
        nodes[after, PREVIOUS] = before
    else:
        side = nodes[node, SIDE]
        count = counters[side]
        at = count - 1
        if levels[side, at, LEVEL_KEY] != nodes[node, KEY]:
            at = _find(levels, count, side, nodes[node, KEY])
        if before == after:
            for level in range(at, count - 1):
                for column in range(3):
                    levels[side, level, column] = levels[side, level + 1, column]
            counters[side] = count - 1
        elif before == NONE:
            levels[side, at, HEAD] = after
            nodes[after, PREVIOUS] = NONE
        else:
            levels[side, at, TAIL] = before
            nodes[before, NEXT] = NONE

    before, after = nodes[node, OWNER_PREVIOUS], nodes[node, OWNER_NEXT]
    if before == NONE:
        owners[nodes[node, OWNER]] = after
    else:
        nodes[before, OWNER_NEXT] = after
    if after != NONE:
        nodes[after, OWNER_PREVIOUS] = before

    nodes[node, ID] = NONE
    nodes[node, NEXT] = counters[FREE]
    counters[FREE] = node
    counters[LIVE] -= 1


@compiled()
def commitment(memory: IntArray, owner: int) -> tuple[float, float]:
    """(base, quote) that an owner's resting orders may have to give; nothing for an owner without a row."""
    nodes, sizes, _, _, owners, _ = columns(memory)
    numerator, denominator = tick_of(memory)
    base = 0.0
    quote = 0.0
    node = owners[owner] if 0 <= owner < owners.size else NONE
    while node != NONE:
        if nodes[node, SIDE] == BUY:
            quote += nodes[node, KEY] * numerator / denominator * sizes[node]
        else:
            base += sizes[node]
        node = nodes[node, OWNER_NEXT]
    return base, quote


@compiled()
def depth(memory: IntArray, side: int, keep: float) -> FloatArray:
    """What a taker meets on a side, level by level from the best on.

    Sizes are summed afresh along each queue, so they carry no drift.

    Args:
        memory: the book.
        side: BUY or SELL, of the resting orders.
        keep: 1 - taker fee.

    Returns:
        Shape (8, levels): two rows with the rate, then what is given and got on the level (so far a ladder's segments),
        both summed up to and with the level, the taker's price, and the price on the grid.
    """
    nodes, sizes, levels, counters, _, _ = columns(memory)
    numerator, denominator = tick_of(memory)
    count = counters[side]
    rows = np.empty((8, count))
    given = 0.0
    got = 0.0
    for row in range(count):
        level = count - 1 - row
        price = abs(levels[side, level, LEVEL_KEY]) * numerator / denominator
        size = 0.0
        node = levels[side, level, HEAD]
        while node != NONE:
            size += sizes[node]
            node = nodes[node, NEXT]
        if side == BUY:
            net = price * keep
            rate, give, get = net, size, size * net
        else:
            net = price / keep
            rate, give, get = 1.0 / net, size * net, size
        given += give
        got += get
        rows[0, row] = rate
        rows[1, row] = rate
        rows[2, row] = give
        rows[3, row] = get
        rows[4, row] = given
        rows[5, row] = got
        rows[6, row] = net
        rows[7, row] = price
    return rows
