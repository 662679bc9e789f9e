"""The open lots of one lender as columns, so that what a block asks of all of them costs one pass."""

from typing import Final

import numpy as np

from models.types import FloatArray, IntArray

NEVER: Final = float("inf")


class LotColumns:
    """A row of `width` figures for each open lot, written anew when a lot is opened or changed.

    Rows are in the order in which the lots were opened, which is that of their numbers, without gaps: what is asked of
    all of them reads them where they are.
    """

    def __init__(self, width: int) -> None:
        self._table = np.zeros((64, width))
        self._numbers = np.zeros(64, np.int64)
        self._count = 0

    def write(self, number: int, row: tuple[float, ...]) -> None:
        """Write a lot's figures, be it new or not."""
        place = self._place(number)
        if place == self._count:
            if place == len(self._table):
                self._table = np.concatenate((self._table, np.zeros_like(self._table)))
                self._numbers = np.concatenate((self._numbers, np.zeros_like(self._numbers)))
            self._numbers[place] = number
            self._count += 1
        self._table[place] = row

    def remove(self, number: int) -> None:
        """Leave out a lot that was closed: those behind it move up."""
        place, last = self._place(number), self._count - 1
        self._table[place:last] = self._table[place + 1 : last + 1]
        self._numbers[place:last] = self._numbers[place + 1 : last + 1]
        self._count = last

    def rows(self) -> tuple[IntArray, FloatArray]:
        """Return the numbers of the open lots, (n,), and their figures, (n, width); good until the next write."""
        return self._numbers[: self._count], self._table[: self._count]

    def _place(self, number: int) -> int:
        """Return where a lot's row is; new lots, with the highest numbers, are behind all others."""
        return int(self._numbers[: self._count].searchsorted(number))
