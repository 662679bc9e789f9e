"""The open lots of one lender as columns, so that what a block asks of all of them costs one pass."""

from bisect import bisect_left
from typing import Final

import numpy as np

from models.types import FloatArray, IntArray

NEVER: Final = float("inf")


class LotColumns:
    """A row of `width` figures for each lot that is kept here, written anew when the lot is changed.

    Rows are in the order in which the lots were opened, which is that of their numbers, without gaps: what is asked of
    all of them reads them where they are. Lots that are left out leave gaps until then, as many may go at a time.
    """

    def __init__(self, width: int) -> None:
        self._table = np.zeros((64, width))
        self._numbers = np.zeros(64, np.int64)
        self._gone = np.zeros(64, np.bool_)
        self._expose()
        self._count = 0
        self._gaps = 0

    def _expose(self) -> None:
        self._seen, self._left_out = self._numbers.data, self._gone.data

    def __len__(self) -> int:
        return self._count - self._gaps

    def write(self, number: int, row: tuple[float, ...]) -> None:
        """Write a lot's figures, be it new or not."""
        place = self._place(number)
        if place == self._count or self._seen[place] != number:
            self._make_room(place)
            self._numbers[place] = number
            self._gone[place] = False
        elif self._left_out[place]:
            self._left_out[place] = False
            self._gaps -= 1
        self._table[place] = row

    def remove(self, number: int) -> bool:
        """Leave out a lot. Returns whether it was kept here."""
        place = self._place(number)
        if place == self._count or self._seen[place] != number or self._left_out[place]:
            return False
        self._left_out[place] = True
        self._gaps += 1
        return True

    def take_out(self, places: IntArray) -> list[int]:
        """Leave out the lots of some of `rows`; returns their numbers."""
        numbers: list[int] = self.rows()[0][places].tolist()
        self._gone[places] = True
        self._gaps = places.size
        return numbers

    def rows(self) -> tuple[IntArray, FloatArray]:
        """Return the numbers of the lots, (n,), and their figures, (n, width); good until the next write."""
        if self._gaps:
            kept = np.flatnonzero(~self._gone[: self._count])
            self._table[: kept.size], self._numbers[: kept.size] = self._table[kept], self._numbers[kept]
            self._gone[: self._count] = False
            self._count, self._gaps = kept.size, 0
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
            self._gone = np.concatenate((self._gone, np.zeros_like(self._gone)))
            self._expose()
        for column in (self._table, self._numbers, self._gone):
            column[place + 1 : count + 1] = column[place:count]
        self._count = count + 1
