"""What is in the bands of a pool, and what of it each owner put there: deposits as rows for the compiled walks.

**Source**: Curve, crvUSD contracts of 2023, AMM.vy (`deposit_range`, `withdraw`).
**Models**: base spread evenly over the bands of a deposit, shared by the owners of each band; rows for every band that
was ever deposited in and for the active one.
**Leaves out**: trades and prices, which are the pool's: see `models.market.bands`.
**Units**: units of quote and base; pairs come in this order.
**Invariants**: no deposit is opened in a band with quote in it; no band outside `bounds` holds anything.
"""

from collections.abc import Hashable
from math import inf, log1p
from typing import NamedTuple

import numpy as np

from models.market.band_curve import BASE, QUOTE, converted
from models.market.band_shares import AlreadyDeposited, BandShares, InvalidBands, check_span
from models.market.fill import InvalidAmount
from models.types import FloatArray


class Holding(NamedTuple):
    """Units of both assets, in a band or of an owner."""

    quote: float
    base: float


class BandDeposits:
    """Bands by row, a higher row being a lower price, and the shares of their owners.

    Attributes:
        held: shape (2, rows), QUOTE and BASE in each; a trade writes here.
        upper: shape (rows,), the price at which each band begins.
        first: the band of row 0.
        row: that of the active band; a trade moves it.
        shares: whose the bands are.
    """

    __slots__ = ("_amplification", "_base_price", "_highest", "_lowest", "first", "held", "row", "shares", "upper")

    def __init__(self, base_price: float, amplification: float) -> None:
        self._base_price = base_price
        self._amplification = amplification
        self.shares = BandShares()
        self.first = self._lowest = self._highest = self.row = 0
        self.held = np.zeros((2, 1))
        self.upper = np.array([base_price])

    @property
    def active(self) -> int:
        """The active band."""
        return self.first + self.row

    @property
    def bounds(self) -> tuple[int, int]:
        """The last row that a sale and a purchase can come to."""
        return self._lowest - self.first, self._highest - self.first

    def listed(self) -> dict[int, Holding]:
        """What the bands hold by their number; empty ones are left out."""
        quote, base = self.held.tolist()
        return {
            self.first + row: Holding(quote[row], base[row]) for row in np.flatnonzero(self.held.any(axis=0)).tolist()
        }

    def first_free(self, n1: int) -> int:
        """The band `n1`, or the first one after it that a deposit may begin with: none with quote in the way."""
        if n1 > self.active:
            return n1
        return self.active + 1 if self.held[QUOTE, max(n1 - self.first, 0) : self.row + 1].any() else n1

    def add(self, owner: Hashable, base: float, n1: int, n2: int) -> None:
        """Put base into the bands n1 to n2, the same amount into each; the active band moves to n1 - 1 if it was after.

        Raises:
            InvalidAmount: an amount that is not positive and finite.
            InvalidBands: more than 50 bands or none, too far from the base price, or bands with quote in them.
            AlreadyDeposited: the owner has a deposit.
        """
        if not 0.0 < base < inf:
            raise InvalidAmount("base", base, "deposit a positive, finite amount")
        check_span(n1, n2, self._amplification)
        if owner in self.shares:
            raise AlreadyDeposited(owner)
        if self.first_free(n1) > n1:
            raise InvalidBands(n1, n2, f"deposit from band {self.active + 1} on, there is quote in those before it")
        self._make_room(min(n1 - 1, self.active), n2)
        self.row = min(self.row, n1 - 1 - self.first)
        self._lowest, self._highest = min(self._lowest, n1), max(self._highest, n2)
        held = self.held[BASE, n1 - self.first : n2 + 1 - self.first]
        each = base / (n2 + 1 - n1)
        self.shares.add(owner, n1, each, held)
        held += each

    def remove(self, owner: Hashable, fraction: float) -> FloatArray:
        """Take out a fraction of what an owner has in every band, shape (2, bands).

        Raises:
            UnknownOwner: no deposit of this owner.
        """
        rows = self.rows(owner)
        parts, left = self.shares.remove(owner, fraction)
        taken: FloatArray = self.held[:, rows] * parts
        self.held[:, rows] *= left
        if fraction == 1.0:
            self._draw_in(rows)
        return taken

    def of(self, owner: Hashable) -> FloatArray:
        """What an owner has in each of its bands, shape (2, bands).

        Raises:
            UnknownOwner: no deposit of this owner.
        """
        held: FloatArray = self.held[:, self.rows(owner)] * self.shares.parts(owner)
        return held

    def converted(self, owner: Hashable, oracle: float, *, in_base: bool) -> float:
        """What an owner would have if each band traded to the oracle price now, and then slowly all the way one way.

        Raises:
            UnknownOwner: no deposit of this owner.
        """
        row, parts = self.rows(owner).start, self.shares.parts(owner)
        return float(converted(self.held, self.upper, row, parts, oracle, self._amplification, in_base))

    def rows(self, owner: Hashable) -> slice:
        """The rows of an owner's bands.

        Raises:
            UnknownOwner: no deposit of this owner.
        """
        n1, n2 = self.shares.span(owner)
        return slice(n1 - self.first, n2 + 1 - self.first)

    def _make_room(self, lowest: int, highest: int) -> None:
        """Have rows for these bands."""
        count = len(self.upper)
        first, end = min(lowest, self.first), max(highest + 1, self.first + count)
        if end - first == count:
            return
        shift = self.first - first
        held = np.zeros((2, end - first))
        held[:, shift : shift + count] = self.held
        self.held = held
        self.upper = self._base_price * np.exp(np.arange(first, end) * log1p(-1.0 / self._amplification))
        self.first = first
        self.row += shift

    def _draw_in(self, rows: slice) -> None:
        """Where an owner has left, forget empty bands at the low and the high end of the pool."""
        first, last = rows.start + self.first, rows.stop - 1 + self.first
        filled = (np.flatnonzero(self.held[:, rows].any(axis=0)) + first).tolist()
        if first <= self._lowest <= last:
            self._lowest = min((n for n in filled if n >= self._lowest), default=last + 1)
        if self._highest <= last:
            self._highest = max(filled, default=first - 1)
