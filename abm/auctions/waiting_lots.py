"""Lots whose auctions have run out and wait for a call to start them afresh.

Thousands may wait for hours while hardly one is started, so that they are kept apart from those that run.
"""

from typing import Final, NamedTuple

import numpy as np

from abm.auctions.lot_columns import LotColumns
from models.liquidation import Lot
from models.types import FloatArray, IntArray

_OPENED, _RAISING, _UNITS, _DEBT_USD, _COLLATERAL, _DEBT, _COLUMNS = range(7)


class Waiting(NamedTuple):
    """Lots by number that wait to be started afresh: when they were opened, the dollars that they are to raise.

    `units` of the collateral are left to raise them. Dollars are those of the opening, when a unit of the debt was
    worth `debt_usd`; each (n,).
    """

    numbers: IntArray
    opened: FloatArray
    raising_usd: FloatArray
    units: FloatArray
    debt_usd: FloatArray
    collateral: IntArray
    debt: IntArray


_NO_FIGURES: Final = np.empty(0)
_NO_NUMBERS: Final = np.empty(0, np.int64)
NOTHING_WAITS: Final = Waiting(
    _NO_NUMBERS, _NO_FIGURES, _NO_FIGURES, _NO_FIGURES, _NO_FIGURES, _NO_NUMBERS, _NO_NUMBERS
)


class WaitingLots:
    """The lots of one lender that wait."""

    def __init__(self) -> None:
        self._columns = LotColumns(_COLUMNS)
        self._all: Waiting | None = NOTHING_WAITS

    def add(self, number: int, lot: Lot) -> None:
        """Take in a lot of which the auction has run out."""
        raising_usd, debt_usd = lot.tab * lot.debt_price_usd, lot.debt_price_usd
        self._columns.write(number, (lot.opened_seconds, raising_usd, lot.units, debt_usd, lot.collateral, lot.debt))
        self._all = None

    def remove(self, number: int) -> None:
        """Leave out a lot that runs or is closed, where it has waited."""
        if self._columns.remove(number):
            self._all = None

    def all(self) -> Waiting:
        """Return all that wait; good until the next lot comes or goes."""
        if self._all is None:
            numbers, rows = self._columns.rows()
            opened, raising_usd, units, debt_usd = rows.T[:_COLLATERAL]
            collateral, debt = rows.T[_COLLATERAL:].astype(np.int64)
            self._all = Waiting(numbers, opened, raising_usd, units, debt_usd, collateral, debt)
        return self._all
