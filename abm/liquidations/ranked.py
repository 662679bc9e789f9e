"""Things that liquidators look at one after the other: who prefers what, since when it is there, what nobody sees."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Self

import numpy as np

from abm.intents import Preference
from models.compiled import compiled
from models.types import BoolArray, FloatArray, IntArray

_NOTHING: Final = np.empty(0, np.bool_)
# Of a long list at least so many are put in order, and looked at, at a time.
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
        places, _ = _walk(*self.order(prefers, self.count), 0, since, prefers == "oldest", self.count, _NOTHING)
        for number in self._numbers[places].tolist():
            if number not in self._taken:
                yield number

    def looks(
        self, since: float, prefers: Preference, patience: int, worth: Callable[[IntArray], BoolArray] | None
    ) -> "Looks":
        """Return a look at the first `patience` of `ripe`, which shows those that are worth one.

        What is not `worth` a look, asked of the places at which one looks, is looked at in vain all the same.
        """
        return Looks(self, since, prefers, patience, worth)

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

    def passed_over(self) -> BoolArray:
        """Return by place what pending calls hide now; empty where nothing is."""
        if self._hidden_count < len(self._taken):
            if not self._hidden_count:
                self._hidden = np.zeros(self.count, np.bool_)
            for number in islice(self._taken, self._hidden_count, None):
                self._hidden |= self._numbers == number
            self._hidden_count = len(self._taken)
        return self._hidden if self._hidden_count else _NOTHING


class Looks:
    """One look at things in the order that somebody prefers: yields the number and the place of what is worth one.

    Most are content before long with what comes first, so the rest is looked at only when it is asked for.

    Attributes:
        looked: how many have been looked at by now, what has just been yielded included.
    """

    def __init__(
        self,
        ranked: Ranked,
        since: float,
        prefers: Preference,
        patience: int,
        worth: Callable[[IntArray], BoolArray] | None,
    ) -> None:
        self._ranked = ranked
        self._since = since
        self._prefers = prefers
        self._patience = patience
        self._worth = worth
        self.looked = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        passed_over = self._ranked.passed_over()
        before, start, most = 0, 0, _HEAD
        while start >= 0 and before < self._patience:
            most = min(most, self._patience - before)
            rank, appeared = self._ranked.order(self._prefers, start + 4 * most)
            places, start = _walk(rank, appeared, start, self._since, self._prefers == "oldest", most, passed_over)
            if start == self._ranked.count:
                start = -1
            seen = np.arange(places.size) if self._worth is None else self._worth(places).nonzero()[0]
            for place, nth in zip(places[seen].tolist(), seen.tolist(), strict=True):
                self.looked = before + nth + 1
                yield self._ranked.number(place), place
            before = self.looked = before + places.size
            most *= 4


@compiled()
def _walk(
    rank: IntArray, appeared: FloatArray, start: int, since: float, by_age: bool, most: int, passed_over: BoolArray
) -> tuple[IntArray, int]:  # pragma: no cover - compiled
    """Return the next places of an order, `most` at most, that are ripe and not passed over, and where to go on.

    That is -1 where no other can be ripe.
    """
    places, count = np.empty(min(most, rank.size - start), np.int64), 0
    for k in range(start, rank.size):
        if count == most:
            return places, k
        if appeared[k] > since:
            if by_age:
                return places[:count], -1
            continue
        if passed_over.size == 0 or not passed_over[rank[k]]:
            places[count] = rank[k]
            count += 1
    return places[:count], rank.size
