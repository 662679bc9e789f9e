"""Things that liquidators look at one after the other: who prefers what, since when it is there, what nobody sees."""

from collections.abc import Callable, Iterable, Iterator
from typing import Self

import numpy as np

from abm.intents import Preference
from models.types import BoolArray, FloatArray, IntArray


class Ranked:
    """Things by number, since when each has been there and how large it is; those that somebody goes for are hidden.

    Where what is there is `contested`, all of it or that of which the right is auctioned, several may go for it.
    """

    def __init__(self, numbers: IntArray, since: FloatArray, size: FloatArray) -> None:
        self._numbers = numbers
        self._since = since
        self._size = size
        self._ranked: dict[Preference, tuple[IntArray, FloatArray]] = {}
        self._taken: set[int] = set()
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

    def ripe(self, since: float, prefers: Preference) -> Iterator[int]:
        """Yield those, not yet taken in this block, that have been there since then or earlier."""
        for number in self._numbers[self._ripe(since, prefers)].tolist():
            if number not in self._taken:
                yield number

    def looks(
        self,
        since: float,
        prefers: Preference,
        patience: int,
        worth: Callable[[IntArray], BoolArray] | None,
        less: BoolArray | None = None,
    ) -> tuple[Iterable[tuple[int, int]], int]:
        """Return which of the first `patience` of `ripe` are worth a look, and how many are looked at in all.

        What is not `worth` a look, asked of the places at which one looks, is looked at in vain all the same: with its
        number, each comes with how many have been looked at by then. The things of `less` do not count at all.
        """
        # No more than are taken, or do not count, can be in between.
        beside = len(self._taken) + (int(np.count_nonzero(less)) if less is not None else 0)
        places = self._ripe(since, prefers)[: patience + beside]
        if less is not None:
            places = places[~less[places]]
        if self._taken:
            hidden = [number in self._taken for number in self._numbers[places].tolist()]
            places = places[~np.array(hidden, dtype=np.bool_)]
        places = places[:patience]
        seen = np.arange(places.size) if worth is None else worth(places).nonzero()[0]
        if not seen.size:
            return (), places.size
        return zip(self._numbers[places[seen]].tolist(), (seen + 1).tolist(), strict=True), places.size

    def only(self, those: BoolArray) -> Self:
        """Leave out all but those."""
        if self._kept is None:
            self._kept = those
        else:
            self._kept = self._kept.copy()
            self._kept[self._kept] = those
        self._numbers, self._since, self._size = self._numbers[those], self._since[those], self._size[those]
        self._ranked = {}
        return self

    def seen_with(self, current: "Ranked") -> Self:
        """Let who looks at this see the pending calls of the current block."""
        self._taken, self.contested, self.auctioned = current._taken, current.contested, current.auctioned
        return self

    def take(self, number: int) -> None:
        """Hide what a pending call goes for, as a public queue of transactions would show, unless it is contested."""
        if not self.contested and number not in self.auctioned:
            self._taken.add(number)

    def _of_kept(self, worth: BoolArray) -> BoolArray:
        """Return what is said of all that there was at first by the place of what is left."""
        return worth if self._kept is None else worth[self._kept]

    def _ripe(self, since: float, prefers: Preference) -> IntArray:
        """Return the places of those that have been there since then or earlier, in the order in which one looks."""
        if prefers not in self._ranked:
            by_size = np.argsort(-self._size, kind="stable")
            rank = by_size if prefers == "largest" else by_size[np.argsort(self._since[by_size], kind="stable")]
            self._ranked[prefers] = rank, self._since[rank]
        rank, appeared = self._ranked[prefers]
        return rank[: appeared.searchsorted(since, "right")] if prefers == "oldest" else rank[appeared <= since]
