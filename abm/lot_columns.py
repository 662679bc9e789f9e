"""The open lots of one lender as columns, so that what a block asks of all of them costs one pass."""

from typing import Final

import numpy as np

from models.types import FloatArray, IntArray

NEVER: Final = float("inf")


class LotColumns:
    """A row of `width` figures for each open lot, written anew when a lot is opened or changed.

    Rows are in the order in which the lots were opened; a lot's number is its place among all there ever were.
    """

    def __init__(self, width: int) -> None:
        self._table = np.zeros((64, width))
        self._open: dict[int, None] = {}
        self._numbers: IntArray | None = None
        self._rows: FloatArray | None = None

    def write(self, number: int, row: tuple[float, ...]) -> None:
        """Write a lot's figures, be it new or not."""
        if number >= len(self._table):
            self._table = np.concatenate((self._table, np.zeros_like(self._table)))
        if number not in self._open:
            self._open[number] = None
            self._numbers = None
        self._table[number] = row
        self._rows = None

    def set(self, number: int, column: int, value: float) -> None:
        """Change one figure of an open lot."""
        self._table[number, column] = value
        self._rows = None

    def remove(self, number: int) -> None:
        """Leave out a lot that was closed."""
        del self._open[number]
        self._numbers = self._rows = None

    def rows(self) -> tuple[IntArray, FloatArray]:
        """Return the numbers of the open lots, (n,), and their figures, (n, width); to be read."""
        if self._numbers is None:
            self._numbers = np.fromiter(self._open, dtype=np.int64, count=len(self._open))
        if self._rows is None:
            self._rows = self._table[self._numbers]
        return self._numbers, self._rows
