"""One ladder over several sources: how an order is split so that no better price is left unused.

**Source**: the optimal split over concave sources (Angeris, Chitra, Evans, Boyd, *Optimal Routing for Constant Function
Market Makers*, 2021), walked segment by segment as the XRP ledger does with its books and AMMs (XLS-30).
**Models**: levels (one price, an end) and constant-product arcs (a price at each end). At equal prices levels come
first, those with an end before those without, then the order of the sources.
**Leaves out**: fixed costs per source such as gas.
**Units**: a rate is what the taker gets for the next unit given, fee included: the marginal price of a sale, its
inverse for a purchase. So both sides are one walk from the best rate down.
**Invariants**: the shares add up to the amount asked, or to all there is.

A segment is a column (start, end, give, get). A level has start = end, and `give`, `get` are its sizes in what is given
and in what is got. An arc runs from its start rate down to its end rate (0: no end); both entries are its weight A:

    Δgive = A (1/√r - 1/√start)        Δget = A (√start - √r)

The rates at its ends are rounded, and their difference all the more. So an arc that ends has a weight for what is given
and one for what is got, see `lay`, with which a walk from end to end takes exactly what the source has there.

Each source lists its own segments best first, without overlap. Between two neighbouring breakpoints the set of open
arcs is fixed and each takes its part in proportion to A, so the walk is exact without iteration.

A source whose curve is of another kind is `Curved`: it lists arcs that meet its curve at amounts of the ladder's
choice, with weights of the same kind, so that what is given and what is got are right at their ends. A
first walk over few of them says roughly what the source takes; then arcs are laid closely around that share and the
walk is done again, until the shares stay where they are and so lie where curve and arcs are one.
"""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from models.compiled import compiled
from models.market.fill import DUST
from models.types import FloatArray, IntArray, Side

if TYPE_CHECKING:
    from models.market import Source

START, END, GIVE, GET = range(4)

_STEPS = 10.0 ** -np.arange(1.0, 10.0)
AROUND = np.concatenate((1.0 - _STEPS, 1.0 + _STEPS[::-1]))
"""Where arcs meet a curve, as multiples of the share it took in the walk before; not at that share itself, so that a
walk ends within an arc and not by a rounding before or after it."""

SETTLED = 1e-9
"""Part of itself by which no share may move any more: the arcs it then lies on are no wider than that."""

UNSETTLED = 1e-14
"""Part of the amount within which rounding may move a share for ever."""

MOST_WALKS = 30
"""Walks end after two to six; this many only where rounding keeps a share from standing still."""

ROOM = 128
"""Segments that a curved source may list."""


@runtime_checkable
class Curved(Protocol):
    """A source whose curve is neither levels nor arcs."""

    def arcs(self, side: Side, row: int, amounts: FloatArray) -> FloatArray:
        """Segments that meet the curve at its start, at `amounts`, ascending, GIVE or GET by `row`, and at a few points
        of the source's own choice, down to its end; `ROOM` at most.
        """

    def reach(self, side: Side, row: int, rates: FloatArray) -> FloatArray:
        """What trades, GIVE or GET by `row`, before the marginal rate is down to each of `rates`, of any order."""


class Ladder:
    """The segments of several sources in one direction, renewed where a source has changed.

    Args:
        sources: the sources, in the order that breaks ties.
        sides: for each source what the taker does with its base; they differ where pairs are quoted both ways round.
    """

    __slots__ = ("_curve", "_curved", "_first", "_segments", "_shares", "_sides", "_sources", "_spans", "_states")

    def __init__(self, sources: "tuple[Source, ...]", sides: tuple[Side, ...]) -> None:
        self._sources = sources
        self._sides = sides
        self._curved = [(number, source) for number, source in enumerate(sources) if isinstance(source, Curved)]
        self._states: list[object] = [None] * len(sources)
        self._shares = np.zeros(len(sources))
        self._curve: FloatArray | None = None
        self._lay_out([ROOM if isinstance(source, Curved) else 8 for source in sources])

    def split(self, row: int, amount: float) -> tuple[bool, list[float]]:
        """What each source takes of an amount.

        Args:
            row: GIVE when the amount is what the taker gives, GET when it is what the taker gets.
            amount: how much, positive.

        Returns:
            (whether there is enough, shares in the unit of the amount).
        """
        self._refresh()
        enough = route(self._segments, self._spans, row, amount, self._shares)
        if self._curved:
            enough = self._follow(row, amount)
        return enough, self._shares.tolist()

    def splits(self, row: int, amounts: FloatArray) -> FloatArray:
        """What each source takes of each amount, on the same state, shape (sources, amounts); see `split`."""
        self._refresh()
        shares = np.zeros((len(amounts), len(self._sources)))
        if self._curved:
            for number in np.flatnonzero(amounts):
                shares[number] = self.split(row, amounts.item(number))[1]
        else:
            route_each(self._segments, self._spans, row, amounts, shares)
        return shares.T

    def reach(self, row: int, rates: FloatArray) -> FloatArray:
        """What each source trades before the marginal rate is down to each of `rates`, shape (sources, rates).

        Levels strictly better than a rate count whole, a level at it does not. `row` is GIVE or GET: in which unit.
        """
        self._refresh()
        amounts: FloatArray = reach(self._segments, self._spans, row, rates)
        for number, source in self._curved:
            amounts[number] = source.reach(self._sides[number], row, rates)
        return amounts

    @property
    def curved(self) -> bool:
        """Whether some source's curve is only followed."""
        return bool(self._curved)

    def curve(self) -> FloatArray:
        """All sources as one: see `parallel`. The same object as long as no source changes."""
        self._refresh()
        if self._curve is None:
            self._curve = parallel(self._segments, self._spans)
        return self._curve

    def curve_around(self, given: float) -> FloatArray:
        """The curve, laid closely around the point where so much has been given."""
        if not self._curved or given == 0.0:
            return self.curve()
        self.split(GIVE, given)
        around: FloatArray = parallel(self._segments, self._spans)
        return around

    def _follow(self, row: int, amount: float) -> bool:
        """Walk again over arcs around each curved source's share, until they lie on its curve."""
        shares = self._shares
        enough = False
        for _ in range(MOST_WALKS):
            before = shares.copy()
            for number, source in self._curved:
                self._place(number, source.arcs(self._sides[number], row, shares[number] * AROUND))
                # Kept for this amount only: a quote must not depend on the one before it.
                self._states[number] = None
            enough = route(self._segments, self._spans, row, amount, shares)
            if settled(before, shares, amount):
                break
        return enough

    def _refresh(self) -> None:
        states = self._states
        for number, source in enumerate(self._sources):
            if source.state is not states[number]:
                self._renew(number, source)

    def _renew(self, number: int, source: "Source") -> None:
        self._place(number, source.segments(self._sides[number]))
        self._states[number] = source.state

    def _place(self, number: int, listed: FloatArray) -> None:
        """Write a source's segments into the table, with more room if need be."""
        first = self._first[number]
        end = first + listed.shape[1]
        if end > self._first[number + 1]:
            room = np.diff(self._first)
            room[number] = 2 * listed.shape[1]
            self._lay_out(room.tolist())
            first = self._first[number]
            end = first + listed.shape[1]
        self._segments[:, first:end] = listed
        self._spans[1, number] = end
        self._curve = None

    def _lay_out(self, room: list[int]) -> None:
        """Give each source its room in the table, and list them all anew."""
        self._first = [sum(room[:number]) for number in range(len(room) + 1)]
        self._segments = np.zeros((4, self._first[-1]))
        self._spans = np.array([self._first[:-1], self._first[:-1]])
        for number, source in enumerate(self._sources):
            self._renew(number, source)


def settled(before: FloatArray, shares: FloatArray, amount: float) -> bool:
    """Whether a walk has found the shares of the one before it, both of shape (sources,)."""
    return bool((np.abs(shares - before) <= SETTLED * shares + UNSETTLED * amount).all())


@compiled()
def reach(segments: FloatArray, spans: IntArray, row: int, rates: FloatArray) -> FloatArray:
    """What `Ladder.reach` says; segments of shape (4, segments), spans of shape (2, sources), rates of any order."""
    amounts = np.zeros((spans.shape[1], rates.size))
    for source in range(spans.shape[1]):
        for segment in range(spans[0, source], spans[1, source]):
            start, end, weight = segments[START, segment], segments[END, segment], segments[row, segment]
            for k in range(rates.size):
                if start <= rates[k]:
                    continue
                if start == end:
                    amounts[source, k] += weight
                    continue
                stop = max(rates[k], end)
                if row == GET:
                    amounts[source, k] += weight * (start - stop) / (np.sqrt(start) + np.sqrt(stop))
                elif stop == 0.0:
                    amounts[source, k] = np.inf
                else:
                    apart = (start - stop) / (np.sqrt(start) + np.sqrt(stop))
                    amounts[source, k] += weight * apart / np.sqrt(start * stop)
    return amounts


@compiled()
def lay(segments: FloatArray, at: int, start: float, end: float, give: float, get: float) -> None:
    """Write a segment that takes `give` and gives `get` between two rates above zero into a column of a list.

    Where both rates are one float64 it is a level of that size.
    """
    segments[START, at], segments[END, at] = start, end
    segments[GIVE, at], segments[GET, at] = give, get
    if end < start:
        apart = (start - end) / (np.sqrt(start) + np.sqrt(end))
        segments[GIVE, at] *= np.sqrt(start * end) / apart
        segments[GET, at] /= apart


@compiled()
def _open(rate: float, start: float, end: float) -> bool:
    """Whether the walk at `rate` is on this arc."""
    return start >= rate > end


@compiled()
def _best_level(segments: FloatArray, heads: IntArray, ends: IntArray, row: int) -> int:
    """The source whose next level comes first; -1 when none has a level next."""
    best = -1
    for source in range(heads.size):
        head = heads[source]
        if head == ends[source] or segments[START, head] != segments[END, head]:
            continue
        if best >= 0:
            ahead = segments[START, head] - segments[START, heads[best]]
            endless_first = segments[row, heads[best]] == np.inf and segments[row, head] < np.inf
            if ahead < 0.0 or (ahead == 0.0 and not endless_first):
                continue
        best = source
    return best


@compiled()
def _arcs(segments: FloatArray, heads: IntArray, ends: IntArray, rate: float, row: int) -> tuple[float, float]:
    """Moves the heads past arcs that end at `rate`; returns the weight of the open arcs and the next rate below where
    an arc opens or ends.
    """
    weight = 0.0
    stop = 0.0
    for source in range(heads.size):
        head, end = heads[source], ends[source]
        while head < end and segments[START, head] > segments[END, head] >= rate:
            head += 1
        heads[source] = head
        if head == end or segments[START, head] == segments[END, head]:
            continue
        if _open(rate, segments[START, head], segments[END, head]):
            weight += segments[row, head]
            stop = max(stop, segments[END, head])
        else:
            stop = max(stop, segments[START, head])
    return weight, stop


@compiled()
def parallel(segments: FloatArray, spans: IntArray) -> FloatArray:
    """Sources side by side as one curve: cut at every breakpoint, the weights of open arcs added.

    Args:
        segments: shape (4, segments), each source's best first.
        spans: shape (2, sources), where each source's segments begin and end.

    Returns:
        Segments, shape (4, n), best first and without overlap; none beyond one that has no end.
    """
    heads, ends = spans[0].copy(), spans[1]
    merged = np.empty((4, 2 * segments.shape[1] + 1))
    count = 0
    rate = np.inf
    while True:
        given, stop = _arcs(segments, heads, ends, rate, GIVE)
        got, _ = _arcs(segments, heads, ends, rate, GET)
        level = _best_level(segments, heads, ends, GIVE)
        level_rate = segments[START, heads[level]] if level >= 0 else 0.0
        if given == 0.0 and max(level_rate, stop) == 0.0:
            break
        if level >= 0 and level_rate >= (rate if given > 0.0 else stop):
            rate = stop = min(rate, level_rate)
            given, got = segments[GIVE, heads[level]], segments[GET, heads[level]]
            heads[level] += 1
        elif given == 0.0:
            rate = stop
            continue
        else:
            stop = max(stop, level_rate)
        merged[START, count], merged[END, count] = rate, stop
        merged[GIVE, count], merged[GET, count] = given, got
        count += 1
        if stop == 0.0 or given == np.inf:
            break
        rate = stop
    return merged[:, :count].copy()


@compiled()
def _round_off(shares: FloatArray, amount: float) -> None:
    """Give the rounding of the sums to the largest share, where it is smallest in proportion."""
    largest = 0
    for source in range(1, shares.size):
        if shares[source] > shares[largest]:
            largest = source
    others = 0.0
    for source in range(shares.size):
        if source != largest:
            others += shares[source]
    shares[largest] = amount - others


@compiled()
def route(segments: FloatArray, spans: IntArray, row: int, amount: float, shares: FloatArray) -> bool:
    """Split an amount over sources, best rate first.

    Args:
        segments: shape (4, segments), each source's best first.
        spans: shape (2, sources), where each source's segments begin and end.
        row: GIVE when `amount` and `shares` are what the taker gives, GET when they are what it gets.
        amount: how much, positive.
        shares: shape (sources,), written.

    Returns:
        False when all sources together have less than the amount; the shares are then all they have.
    """
    heads, ends = spans[0].copy(), spans[1]
    for source in range(shares.size):
        shares[source] = 0.0
    remaining = amount
    # What is left in the end goes to the largest share, to which it is no more than a rounding.
    dust = DUST * amount / shares.size
    rate = np.inf
    while remaining > dust:
        weight, stop = _arcs(segments, heads, ends, rate, row)
        level = _best_level(segments, heads, ends, row)
        level_rate = segments[START, heads[level]] if level >= 0 else 0.0
        if weight == 0.0 and max(level_rate, stop) == 0.0:
            return False
        if level >= 0 and level_rate >= (rate if weight > 0.0 else stop):
            rate = min(rate, level_rate)
            taken = min(remaining, segments[row, heads[level]])
            shares[level] += taken
            remaining -= taken
            heads[level] += 1
            continue
        if weight == 0.0:
            rate = stop
            continue
        # What one unit of weight takes on the way down to the next breakpoint, without subtracting square roots.
        stop = max(stop, level_rate)
        reach = (rate - stop) / (np.sqrt(rate) + np.sqrt(stop))
        if row == GIVE:
            reach = reach / np.sqrt(rate * stop) if stop > 0.0 else np.inf
        reach = min(reach, remaining / weight)
        for source in range(shares.size):
            head = heads[source]
            if head < ends[source] and _open(rate, segments[START, head], segments[END, head]):
                shares[source] += segments[row, head] * reach
        remaining -= weight * reach
        rate = stop
    _round_off(shares, amount)
    return True


@compiled()
def route_each(segments: FloatArray, spans: IntArray, row: int, amounts: FloatArray, shares: FloatArray) -> None:
    """Split each of many amounts on the same state; shares of shape (amounts, sources), written."""
    for k in range(amounts.size):
        if amounts[k] > 0.0:
            route(segments, spans, row, amounts[k], shares[k])
