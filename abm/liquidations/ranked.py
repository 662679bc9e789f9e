"""Things that liquidators look at one after the other: who prefers what, since when it is there, what nobody sees."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, Self

import numpy as np

from abm.intents import Preference
from models.compiled import compiled
from models.types import BoolArray, FloatArray, IntArray

_NOTHING: Final = np.empty(0, np.bool_)
# Of a long list at least so many are put in order at a time.
_HEAD: Final = 64


class Ranked:
    """Things by number, since when each has been there and how large it is; those that somebody goes for are hidden.

    Where what is there is `contested`, all of it or that of which the right is auctioned, several may go for it.
    """

    def __init__(self, numbers: IntArray, since: FloatArray, size: FloatArray) -> None:
        self._numbers = numbers
        self._since = since
        self._size = size
        self._ranked: dict[Preference, tuple[IntArray, FloatArray]] = {}
        self._taken: dict[int, None] = {}
        self._hidden, self._hidden_count = _NOTHING, 0  # by place, and how many of `_taken` that says
        self._kept: BoolArray | None = None
        self.contested = False
        self.auctioned: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self._numbers.size > 0

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._numbers.size)

    @property
    def numbers(self) -> list[int]:
        """Their numbers."""
        numbers: list[int] = self._numbers.tolist()
        return numbers

    def number(self, place: int) -> int:
        """Return the number of what is at a place."""
        return self._numbers.item(place)

    def ripe(self, since: float, prefers: Preference) -> Iterator[int]:
        """Yield those, not yet taken in this block, that have been there since then or earlier."""
        for number in self._numbers[self._ripe(since, prefers)].tolist():
            if number not in self._taken:
                yield number

    def looks(
        self, since: float, prefers: Preference, patience: int, worth: Callable[[IntArray], BoolArray] | None
    ) -> tuple[Iterable[tuple[int, int, int]], int]:
        """Return which of the first `patience` of `ripe` are worth a look, and how many are looked at in all.

        What is not `worth` a look, asked of the places at which one looks, is looked at in vain all the same: with its
        number and its place, each comes with how many have been looked at by then.
        """
        places = self._first(since, prefers, patience, self._passed_over())
        seen = np.arange(places.size) if worth is None else worth(places).nonzero()[0]
        if not seen.size:
            return (), places.size
        at = places[seen]
        return zip(self._numbers[at].tolist(), at.tolist(), (seen + 1).tolist(), strict=True), places.size

    def order(self, prefers: Preference, depth: int) -> tuple[IntArray, FloatArray]:
        """Return at least the first `depth` places in the order in which one looks, and since when each is there."""
        known = self._ranked.get(prefers)
        if known is None or known[0].size < min(depth, self._numbers.size):
            known = self._ranked[prefers] = self._head(prefers, max(depth, _HEAD))
        return known

    def any_worth(
        self, since: float, prefers: Preference, patience: int, worth: Callable[[IntArray], BoolArray] | None
    ) -> bool:
        """Return whether `looks` may show anything that is worth a look to whoever looks since then or earlier.

        Nothing is put in order for that: who goes by age comes to nothing that enough others are older than.
        """
        if worth is None:
            return self.count > 0
        worthy = worth(np.arange(self.count))
        if not np.count_nonzero(worthy):
            return False
        if prefers != "oldest":
            return True
        oldest = np.minimum.reduce(self._since[worthy])
        older = np.count_nonzero(self._since < oldest) - len(self._taken)
        return bool(oldest <= since and older < patience)

    def only(self, those: BoolArray) -> Self:
        """Leave out all but those."""
        if self._kept is None:
            self._kept = those
        else:
            self._kept = self._kept.copy()
            self._kept[self._kept] = those
        self._numbers, self._since, self._size = self._numbers[those], self._since[those], self._size[those]
        self._ranked = {}
        self._hidden, self._hidden_count = _NOTHING, 0
        return self

    def seen_with(self, current: "Ranked") -> Self:
        """Let who looks at this see the pending calls of the current block."""
        self._taken, self.contested, self.auctioned = current._taken, current.contested, current.auctioned
        self._hidden, self._hidden_count = _NOTHING, 0
        return self

    def afresh(self) -> Self:
        """Forget which calls were pending: what is there is the same in another block."""
        self._taken = {}
        self._hidden, self._hidden_count = _NOTHING, 0
        return self

    def take(self, number: int) -> None:
        """Hide what a pending call goes for, as a public queue of transactions would show, unless it is contested."""
        if not self.contested and number not in self.auctioned:
            self._taken[number] = None

    def _ripe(self, since: float, prefers: Preference) -> IntArray:
        """Return the places of those that have been there since then or earlier, in the order in which one looks."""
        return self._first(since, prefers, self.count, _NOTHING)

    def _first(self, since: float, prefers: Preference, patience: int, passed_over: BoolArray) -> IntArray:
        """Return the first `patience` of `_ripe`, less what is passed over.

        Who looks at thirty of thousands sees the head of the order, so that is all that is put in order at first.
        """
        depth = 4 * patience
        while True:
            rank, appeared = self.order(prefers, depth)
            places, all_there = _walk(rank, appeared, since, prefers == "oldest", patience, passed_over)
            if all_there or rank.size == self._numbers.size:
                return places
            depth = 8 * rank.size

    def _head(self, prefers: Preference, depth: int) -> tuple[IntArray, FloatArray]:
        """Return at least the first `depth` places in the order in which one looks, and since when each is there.

        Whatever comes before the last of them, or beside it, is among them: the order is that of all of them.
        """
        first = -self._size if prefers == "largest" else self._since
        if self.count > 2 * depth:
            those = np.flatnonzero(first <= np.partition(first, depth)[depth])
            rank = those[self._sorted(prefers, self._since[those], self._size[those])]
        else:
            rank = self._sorted(prefers, self._since, self._size)
        return rank, self._since[rank]

    @staticmethod
    def _sorted(prefers: Preference, since: FloatArray, size: FloatArray) -> IntArray:
        order: IntArray = np.argsort(-size, kind="stable") if prefers == "largest" else np.lexsort((-size, since))
        return order

    def _passed_over(self) -> BoolArray:
        """Return by place what is hidden; empty where nothing is."""
        if self._hidden_count < len(self._taken):
            if not self._hidden_count:
                self._hidden = np.zeros(self.count, np.bool_)
            for number in islice(self._taken, self._hidden_count, None):
                self._hidden |= self._numbers == number
            self._hidden_count = len(self._taken)
        return self._hidden if self._hidden_count else _NOTHING


@compiled()
def _walk(
    rank: IntArray, appeared: FloatArray, since: float, by_age: bool, patience: int, passed_over: BoolArray
) -> tuple[IntArray, bool]:  # pragma: no cover - compiled
    """Return the first places of an order that are ripe and not passed over, and whether no other can be among them."""
    places, count = np.empty(min(patience, rank.size), np.int64), 0
    for k in range(rank.size):
        if count == patience:
            break
        if appeared[k] > since:
            if by_age:
                return places[:count], True
            continue
        if passed_over.size == 0 or not passed_over[rank[k]]:
            places[count] = rank[k]
            count += 1
    return places[:count], count == patience
