"""Walks over ranges of constant liquidity: the compiled part of a concentrated pool.

**Source**: Adams, Zinsmeister, Salem, Keefer, Robinson, *Uniswap v3 Core*, 2021, section 6.2.
**Models**: within a range Δin = L (1/s' - 1/s) and Δout = L (s - s'); a trade runs through as many ranges as it takes.
**Leaves out**: whose liquidity it is.
**Units**: s is the root of what the taker gets for one unit given, without the fee: √p for a sale, 1/√p for a purchase.
So both sides walk down, from START to END of each range.
**Invariants**: a walk changes nothing; one that comes to the end of a range but for a rounding ends there, and carries
no dust into the next one; what is shared out is exactly the fee.
"""

import numpy as np

from models.compiled import compiled
from models.market.fill import DUST
from models.market.ladder import lay
from models.types import BoolArray, FloatArray

SELL, BUY = range(2)
START, END, LIQUIDITY = range(3)
GIVE, GET, TO = range(3)
ROUNDING = 4.5e-16
"""Twice the relative rounding of a bound: how sure the room of a range is, as a part of its virtual reserve."""


@compiled()
def walk(
    ranges: FloatArray, side: int, row: int, root: float, measure: int, amount: float
) -> tuple[float, float, float, float, float, int]:
    """Where a trade leads.

    Args:
        ranges: shape (2, 3, ranges), for either side START, END and LIQUIDITY, best first.
        side: SELL or BUY.
        row: the range to begin in; it may be used up.
        root: s now.
        measure: what `amount` is: GIVE without the fee, GET, or TO for the root to stop at.
        amount: how much or how far.

    Returns:
        (missing, given without fee, got, s where the first unit trades, s at the end, range at the end). The first s is
        0 when nothing is left; `missing` is positive when the liquidity runs out first.
    """
    left = amount
    net = got = first = unsure = 0.0
    for here in range(row, ranges.shape[2]):
        liquidity = ranges[side, LIQUIDITY, here]
        top = min(root, ranges[side, START, here])
        bottom = ranges[side, END, here]
        if liquidity == 0.0 or top <= bottom:
            continue
        if first == 0.0:
            first = top
        if measure == TO:
            if top <= amount:
                return 0.0, net, got, first, root, row
            root, row = max(amount, bottom), here
            got += liquidity * (top - root)
            net += liquidity * (top - root) / (top * root)
            if bottom <= amount:
                return 0.0, net, got, first, root, row
            continue
        room_in = liquidity * (top - bottom) / (top * bottom)
        room_out = liquidity * (top - bottom)
        room = room_in if measure == GIVE else room_out
        unsure += ROUNDING * (liquidity / bottom if measure == GIVE else liquidity * top)
        slack = DUST * amount + unsure
        if left <= room + slack:
            used_up = left >= room - slack
            left = min(left, room)
            # In the form of virtual reserves, which keeps the digits of a small trade.
            reserve_in, reserve_out = liquidity / top, liquidity * top
            if measure == GIVE:
                shrink = reserve_in / (reserve_in + left)
                net += left
                got += reserve_out * (left / (reserve_in + left))
            else:
                shrink = (reserve_out - left) / reserve_out
                net += reserve_in * (left / (reserve_out - left))
                got += left
            return 0.0, net, got, first, bottom if used_up else max(top * shrink, bottom), here
        left -= room
        net += room_in
        got += room_out
        root, row = bottom, here
    return 1.0 if measure == TO else left, net, got, first, root, row


@compiled()
def arcs(ranges: FloatArray, side: int, row: int, root: float, keep: float) -> FloatArray:
    """The ranges that are left as arcs of the ladder, shape (4, ranges), best first; arguments as in `walk`.

    `keep` is the part of what is given that trades.
    """
    listed = np.empty((4, ranges.shape[2]))
    count = 0
    for here in range(row, ranges.shape[2]):
        liquidity = ranges[side, LIQUIDITY, here]
        top = min(root, ranges[side, START, here])
        bottom = ranges[side, END, here]
        if liquidity == 0.0 or top <= bottom:
            continue
        room = liquidity * (top - bottom)
        lay(listed, count, keep * top * top, keep * bottom * bottom, room / (top * bottom) / keep, room)
        count += 1
    return listed[:, :count].copy()


@compiled()
def share_out(
    ranges: FloatArray, growth: FloatArray, side: int, row: int, root: float, end_row: int,
    fee: float, paid: float,
) -> None:  # fmt: skip
    """Credit a trade's fee to the ranges it ran through, each by what was given in it.

    Args:
        ranges, side, row, root: as in `walk`, before the trade.
        growth: shape (2, ranges), fees per unit of liquidity; a side's row is in that side's order. Changed.
        end_row: the range in which the trade ended.
        fee: fraction of what is given.
        paid: the fee of the whole trade; the last range takes what the others leave.
    """
    for here in range(row, end_row):
        liquidity = ranges[side, LIQUIDITY, here]
        top = min(root, ranges[side, START, here])
        bottom = ranges[side, END, here]
        if liquidity == 0.0 or top <= bottom:
            continue
        part = min(fee / (1.0 - fee) * liquidity * (top - bottom) / (top * bottom), paid)
        growth[side, here] += part / liquidity
        paid -= part
    if paid > 0.0:
        growth[side, end_row] += paid / ranges[side, LIQUIDITY, end_row]


@compiled()
def trade_all(
    ranges: FloatArray, growth: FloatArray, roots: FloatArray, held: FloatArray, row: int,
    sells: BoolArray, amounts: FloatArray, fee: float,
) -> tuple[FloatArray, int]:  # fmt: skip
    """Trade amounts given, one after the other.

    Args:
        ranges, growth: as in `share_out`; `growth` is changed.
        roots: shape (2,), s of both sides, changed.
        held: shape (2,), base and quote in the pool, changed; rounding gets no more than there is.
        row: range of the price in the order of sales.
        sells, amounts: shape (trades,).
        fee: fraction of what is given.

    Returns:
        (shape (2, trades): given and got, the range of the price afterwards).
    """
    trades = np.zeros((2, amounts.size))
    last = ranges.shape[2] - 1
    for k in range(amounts.size):
        side = SELL if sells[k] else BUY
        begin = row if side == SELL else last - row
        missing, net, got, _, root, end = walk(ranges, side, begin, roots[side], GIVE, amounts[k] * (1.0 - fee))
        if net == 0.0:
            continue
        given = amounts[k] if missing == 0.0 else net / (1.0 - fee)
        share_out(ranges, growth, side, begin, roots[side], end, fee, fee * given)
        roots[side], roots[1 - side] = root, 1.0 / root
        row = end if side == SELL else last - end
        got = min(got, held[1 - side])
        held[side] += given
        held[1 - side] -= got
        trades[0, k], trades[1, k] = given, got
    return trades, row
