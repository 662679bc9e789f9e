"""The open lots of one lender as columns, so that what a block asks of all of them costs one pass."""

from bisect import bisect_left
from typing import Final

import numpy as np

from models.types import FloatArray, IntArray

NEVER: Final = float("inf")


class LotColumns:
    """A row of `width` figures for each lot that is kept here, written anew when the lot is changed.

    Rows are in the order in which the lots were opened, which is that of their numbers, without gaps: what is asked of
    all of them reads them where they are.
    """

    def __init__(self, width: int) -> None:
        self._table = np.zeros((64, width))
        self._numbers = np.zeros(64, np.int64)
        self._seen = self._numbers.data
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def write(self, number: int, row: tuple[float, ...]) -> None:
        """Write a lot's figures, be it new or not."""
        place = self._place(number)
        if place == self._count or self._numbers[place] != number:
            self._make_room(place)
            self._numbers[place] = number
        self._table[place] = row

    def remove(self, number: int) -> bool:
        """Leave out a lot: those behind it move up. Returns whether it was kept here."""
        place, last = self._place(number), self._count - 1
        if place > last or self._numbers[place] != number:
            return False
        self._table[place:last] = self._table[place + 1 : last + 1]
        self._numbers[place:last] = self._numbers[place + 1 : last + 1]
        self._count = last
        return True

    def take_out(self, places: IntArray) -> list[int]:
        """Leave out the lots of some rows; returns their numbers."""
        numbers: list[int] = self._numbers[places].tolist()
        kept = np.delete(np.arange(self._count), places)
        self._table[: kept.size], self._numbers[: kept.size] = self._table[kept], self._numbers[kept]
        self._count = kept.size
        return numbers

    def rows(self) -> tuple[IntArray, FloatArray]:
        """Return the numbers of the lots, (n,), and their figures, (n, width); good until the next write."""
        return self._numbers[: self._count], self._table[: self._count]

    def _place(self, number: int) -> int:
        """Return where a lot's row is, or would be."""
        return bisect_left(self._seen, number, 0, self._count)

    def _make_room(self, place: int) -> None:
        """Move the rows from a place on down by one."""
        count = self._count
        if count == len(self._table):
            self._table = np.concatenate((self._table, np.zeros_like(self._table)))
            self._numbers = np.concatenate((self._numbers, np.zeros_like(self._numbers)))
            self._seen = self._numbers.data
        self._table[place + 1 : count + 1] = self._table[place:count]
        self._numbers[place + 1 : count + 1] = self._numbers[place:count]
        self._count = count + 1
