"""How much debt can be liquidated from which price on: the ground that a falling price moves over.

**Source**: elementary. With one collateral and one debt a position's health is proportional to the price of the
collateral, so that its liquidation price is ``price / health``; with several the price meant is that of the largest
collateral, were all of them to fall in proportion.

**Models**: a histogram of debt over liquidation prices, read off the anchor of a `HealthWatch`. There positions that
use one collateral and one debt are sorted by health, which is by liquidation price; what has happened to prices and
indices since is one factor for all of them, so that one search per bin finds what lies in it. Positions that were
touched since, and those with several collaterals or debts, are valued one by one. Debts in order are summed in
blocks, so that a place whose account was touched costs no more than a block.

**Leaves out**: positions that nothing backs: they have no price to wait for.

**Units**: prices and debt in value per unit and in value, as the pool's prices are.

**Invariants**: the bins hold the debt of all watched positions that something backs, whatever was touched and however
prices went; what is in a bin is what looking at everybody would put there.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.lending.health import Anchor, HealthWatch
from models.lending.pool import LendingPool
from models.types import FloatArray, IntArray

_BLOCK: Final = 64


class Landscape:
    """The debt of a pool by liquidation price, in bins between `edges` (R, E), ascending for every reserve."""

    def __init__(self, pool: LendingPool, watch: HealthWatch, edges: FloatArray) -> None:
        self._pool = pool
        self._watch = watch
        self._edges = edges
        self._anchor: Anchor | None = None
        self._sums = np.zeros(0)
        self._seen = 0

    def debt(self, prices: FloatArray) -> FloatArray:
        """Value of the debt in each bin at `prices` (R,), shape (R, E + 1), by the largest collateral.

        Bin k holds liquidation prices from edge k - 1 on and below edge k: the first what lies below all edges.
        """
        pool, anchor = self._pool, self._up_to_date(prices)
        return _debt(
            prices,
            pool.borrow_index,
            pool.thresholds,
            *anchor,
            self._sums,
            self._watch.touched,
            pool.collateral,
            pool.scaled_debt,
            self._edges,
        )

    def one_by_one(self, prices: FloatArray) -> int:
        """How many positions have to be valued one by one: those of several collaterals or debts, and those touched."""
        anchor = self._watch.anchor(prices)
        starts = np.append(0, anchor.groups[:-1, 2]) if len(anchor.groups) else np.zeros(0, np.int64)
        several = np.bitwise_count(anchor.groups[:, :2]).max(axis=1) > 1 if len(anchor.groups) else np.zeros(0, bool)
        return int((anchor.groups[:, 2] - starts)[several].sum()) + len(self._watch.touched)

    def _up_to_date(self, prices: FloatArray) -> Anchor:
        """The watch's anchor, with nothing owed at the places whose accounts were touched since."""
        anchor, vacated = self._watch.anchor(prices), self._watch.vacated
        if anchor is not self._anchor:
            self._anchor, self._seen = anchor, 0
            self._sums = np.zeros(-(-len(anchor.owed) // _BLOCK))
            _sum_blocks(anchor.owed, 0, len(self._sums), self._sums)
        if len(vacated) > self._seen:
            _vacate(np.array(vacated[self._seen :]), anchor.owed, self._sums)
            self._seen = len(vacated)
        return anchor


@compiled()
def _sum_blocks(owed: FloatArray, first: int, last: int, sums: FloatArray) -> None:  # pragma: no cover - compiled
    """Sum blocks `first` … `last` - 1 of what is owed by place, in the order in which `_owed_before` adds."""
    for block in range(first, last):
        total = 0.0
        for place in range(block * _BLOCK, min((block + 1) * _BLOCK, len(owed))):
            total += owed[place]
        sums[block] = total


@compiled()
def _vacate(places: IntArray, owed: FloatArray, sums: FloatArray) -> None:  # pragma: no cover - compiled
    """Let nothing be owed at these places."""
    for place in places:
        owed[place] = 0.0
        _sum_blocks(owed, place // _BLOCK, place // _BLOCK + 1, sums)


@compiled()
def _debt(
    prices: FloatArray,
    borrow_index: FloatArray,
    thresholds: FloatArray,
    prices_then: FloatArray,
    priced_indices_then: FloatArray,
    groups: IntArray,
    accounts: NDArray[np.int32],
    ratio: FloatArray,
    owed: FloatArray,
    sums: FloatArray,
    touched: NDArray[np.int32],
    collateral: FloatArray,
    scaled_debt: FloatArray,
    edges: FloatArray,
) -> FloatArray:  # pragma: no cover - compiled
    """See `Landscape.debt`; what the anchor says comes third."""
    debt = np.zeros((len(prices), edges.shape[1] + 1))
    before = np.zeros(len(sums) + 1)
    for block in range(len(sums)):
        before[block + 1] = before[block] + sums[block]
    start = 0
    for group in range(len(groups)):
        backing, owing, end = groups[group, 0], groups[group, 1], groups[group, 2]
        back, owe = _only_bit(backing), _only_bit(owing)
        if back >= 0 and owe >= 0 and prices_then[back] > 0.0 and priced_indices_then[owe] > 0.0:
            rise = prices[owe] * borrow_index[owe] / priced_indices_then[owe]
            _add_sorted(prices_then[back] * rise, rise, start, end, ratio, owed, before, edges[back], debt[back])
        elif backing:
            for place in range(start, end):
                if accounts[place] >= 0:
                    _add(accounts[place], prices, borrow_index, thresholds, collateral, scaled_debt, edges, debt)
        start = end
    for account in touched:
        _add(account, prices, borrow_index, thresholds, collateral, scaled_debt, edges, debt)
    return debt


@compiled()
def _only_bit(bits: int) -> int:  # pragma: no cover - compiled
    """The number of the only bit that is set; -1 where there is none or several."""
    if bits == 0 or bits & (bits - 1):
        return -1
    number = 0
    while bits >> (number + 1):
        number += 1
    return number


@compiled()
def _add_sorted(
    price_at_line: float,
    rise: float,
    start: int,
    end: int,
    ratio: FloatArray,
    owed: FloatArray,
    before: FloatArray,
    edges: FloatArray,
    debt: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Add a sorted group: ``price_at_line / ratio`` are its liquidation prices, from the highest down."""
    above = _owed_before(start, owed, before)
    place = start
    for k in range(len(edges) - 1, -2, -1):
        if k >= 0:
            worst = price_at_line / edges[k]
            low, high = place, end
            while low < high:
                middle = (low + high) // 2
                if ratio[middle] <= worst:
                    low = middle + 1
                else:
                    high = middle
            place = low
        else:
            place = end
        up_to = _owed_before(place, owed, before)
        debt[k + 1] += (up_to - above) * rise
        above = up_to


@compiled()
def _owed_before(place: int, owed: FloatArray, before: FloatArray) -> float:  # pragma: no cover - compiled
    """What is owed at all places before this one."""
    block = place // _BLOCK
    total = 0.0
    for k in range(block * _BLOCK, place):
        total += owed[k]
    return float(before[block] + total)


@compiled()
def _add(
    account: int,
    prices: FloatArray,
    borrow_index: FloatArray,
    thresholds: FloatArray,
    collateral: FloatArray,
    scaled_debt: FloatArray,
    edges: FloatArray,
    debt: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Add one account under its largest collateral."""
    backing, most, owed = 0.0, 0.0, 0.0
    largest = -1
    for r in range(len(prices)):
        value = collateral[account, r] * prices[r] * thresholds[r]
        backing += value
        if value > most:
            most, largest = value, r
        owed += scaled_debt[account, r] * borrow_index[r] * prices[r]
    if owed > 0.0 and largest >= 0:
        price = prices[largest] * owed / backing
        debt[largest, np.searchsorted(edges[largest], price, side="right")] += owed
