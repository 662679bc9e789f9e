"""The queues of the order book: orders by price, by arrival and by owner, as columns that kernels share.

**Source**: price-time priority as exchanges publish it.
**Models**: the book as five columns, in this order, as `Columns`:

    nodes     int64 (orders, 8)     one row an order: ID, KEY, SIDE, OWNER and its places in two linked lists
    sizes     float64 (orders,)     what remains of the order in each row
    levels    int64 (2, levels, 3)  by the orders' side: KEY, HEAD, TAIL of the queue; sorted, the best level last
    counters  int64 (5,)            levels bought, levels sold, first FREE row, LIVE orders, SERIAL of the last order
    owners    int64 (owners,)       first row of each owner's list

A KEY is the tick of a buy order and minus the tick of a sell order: the best is the largest on both sides, and two
orders cross when the sum of their keys is zero or more.
**Leaves out**: who may match whom, which is `models.market.matching`.
**Units**: prices in ticks, sizes in base.
**Invariants**: a queue is in order of arrival; levels are sorted and none is empty; no id comes back.
"""

import numpy as np
from numba import njit

from models.types import FloatArray, IntArray

Columns = tuple[IntArray, FloatArray, IntArray, IntArray, IntArray]

ID, KEY, SIDE, OWNER, NEXT, PREVIOUS, OWNER_NEXT, OWNER_PREVIOUS = range(8)
LEVEL_KEY, HEAD, TAIL = range(3)
FREE, LIVE, SERIAL = 2, 3, 4
BUY, SELL = 0, 1
NONE = -1
SLOT_BITS = 22
"""An id is serial x 2^22 + row: it finds its row without a table, and grows with time. Room for 2^22 orders at rest
and, as trades carry ids in float64, 2^31 in a book's life.
"""


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def commitment(
    nodes: IntArray, sizes: FloatArray, owners: IntArray, owner: int, numerator: float, denominator: float
) -> tuple[float, float]:
    """(base, quote) that an owner's resting orders may have to give."""
    base = 0.0
    quote = 0.0
    node = owners[owner]
    while node != NONE:
        if nodes[node, SIDE] == BUY:
            quote += nodes[node, KEY] * numerator / denominator * sizes[node]
        else:
            base += sizes[node]
        node = nodes[node, OWNER_NEXT]
    return base, quote


@njit(cache=True)
def depth(
    nodes: IntArray, sizes: FloatArray, levels: IntArray, counters: IntArray,
    side: int, numerator: float, denominator: float, keep: float,
) -> FloatArray:  # fmt: skip
    """What a taker meets on a side, level by level from the best on.

    Sizes are summed afresh along each queue, so they carry no drift.

    Args:
        nodes, sizes, levels, counters: the book's columns.
        side: BUY or SELL, of the resting orders.
        numerator, denominator: the tick as a ratio.
        keep: 1 - taker fee.

    Returns:
        Shape (8, levels): two rows with the rate, then what is given and got on the level (so far a ladder's segments),
        both summed up to and with the level, the taker's price, and the price on the grid.
    """
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
