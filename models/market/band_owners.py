"""Bands whose owners are numbered and seen all at once, as a lender with thousands of borrowers needs them.

**Source**: Curve, crvUSD contracts of 2023, AMM.vy (`get_sum_xy`, `get_xy_up`), for many owners in one pass.
**Models**: `models.market.bands`; beside it columns of what every owner has, and would have in quote in the end.
**Leaves out**: what `Bands` leaves out; several deposits of one owner.
**Units**: those of `Bands`.
**Invariants**: after `look` the columns are `balances` and `x_down` of every owner, to a rounding; an owner in whose
bands nothing has changed, and whose worth does not depend on the oracle, is not looked at.

What a share of a band is worth is found once for each band; an owner is a sum over its shares.
"""

from collections.abc import Hashable, Iterable
from typing import cast

import numpy as np

from models.compiled import compiled
from models.market import band_curve as curve
from models.market.band_curve import BASE, QUOTE
from models.market.band_deposits import Holding
from models.market.bands import Bands
from models.types import BoolArray, FloatArray, IntArray

WORTH = 2
_WHOLE = np.ones(1)

Stand = tuple[IntArray, int, int, FloatArray]
"""Owners' first bands, the number of row 0, the row of the active band, and the upper prices of rows."""


class OwnedBands(Bands):
    """Bands of owners 0, 1, …, with room for so many after `seat`.

    Attributes:
        columns: shape (3, owners), QUOTE and BASE in an owner's bands and their WORTH, `x_down`; as of the last `look`.
        first: shape (owners,), each one's first band; of no meaning where an owner has no deposit.
    """

    __slots__ = ("_counts", "_looked", "_moved", "_per_share", "_shares_of", "_since", "_totals", "columns", "first")

    def __init__(self, base_price: float, amplification: float, fee: float) -> None:
        super().__init__(base_price, amplification, fee)
        self._per_share = np.zeros((3, 0))
        self._since = 0
        self._totals = np.zeros_like(self._deposits.upper)
        self._looked: object = None
        self.seat(0, 1)

    def seat(self, owners: int, most_bands: int) -> None:
        """Make room for so many owners with so many bands each; before the first deposit."""
        self.columns = np.zeros((3, owners))
        self.first = np.zeros(owners, np.int64)
        self._counts = np.zeros(owners, np.int64)
        self._shares_of = np.zeros((owners, most_bands))
        self._moved = np.zeros(owners, np.bool_)

    def deposit(self, owner: Hashable, base: float, n1: int, n2: int) -> None:
        """As `Bands.deposit`; the owner is a number."""
        super().deposit(owner, base, n1, n2)
        self._note(cast("int", owner), n1, n2)

    def deposit_each(self, deposits: Iterable[tuple[int, float, int, int]]) -> None:
        """`deposit` for one after the other; where the next one goes is asked for when those before it are in."""
        try:
            for owner, base, n1, n2 in deposits:
                self._take_in(owner, base, n1, n2)
                self._note_shares(owner)
        finally:
            self._note_totals()
            self._look()

    def withdraw(self, owner: Hashable, fraction: float = 1.0) -> Holding:
        """As `Bands.withdraw`; the owner is a number."""
        n1, n2 = self.span(owner)
        taken = super().withdraw(owner, fraction)
        self._note(cast("int", owner), n1, n2)
        return taken

    def has(self, owner: int) -> bool:
        """Whether an owner has a deposit."""
        return bool(self._counts[owner])

    def first_free(self, n1: int) -> int:
        """The band `n1`, or the first one after it that a deposit may begin with: none with quote in the way."""
        return self._deposits.first_free(n1)

    def look(self) -> IntArray:
        """Bring the columns up to date; returns the owners with a deposit for whom something may have changed."""
        if self.state is self._looked:
            return np.empty(0, np.int64)
        self._looked = self.state
        at = self._deposits
        per_share = _per_share(at.held, at.upper, self._totals, self.oracle_price, self.amplification)
        changed = self._changed(per_share)
        self._per_share, self._since = per_share, at.first
        owners: IntArray = _add_up(
            per_share, changed, self.first - at.first, self._counts, self._shares_of, self._moved, self.columns
        )
        return owners[self._counts[owners] > 0]

    def worth_at(self, owner: int, price: float) -> float:
        """`x_down` of an owner, were the oracle's price another one."""
        return self._deposits.converted(owner, price, in_base=False)

    def over(self, owner: int, price: float) -> float:
        """How far a price is above an owner's first band; 0 where that is the active one or above it in price."""
        return over_of(owner, *self.stand, price)

    @property
    def stand(self) -> Stand:
        """Where owners and the active band stand."""
        at = self._deposits
        return self.first, at.first, at.row, at.upper

    def _note(self, owner: int, n1: int, n2: int) -> None:
        """An owner has come, gone, or taken something out, in the bands n1 to n2."""
        at = self._deposits
        if self._totals.size == at.upper.size:
            self._totals[n1 - at.first : n2 + 1 - at.first] = self._sums(n1, n2)
        else:  # there are more rows than there were
            self._note_totals()
        self._note_shares(owner)

    def _note_totals(self) -> None:
        """Owners have come, gone, or taken something out, in any bands."""
        at = self._deposits
        self._totals = np.array(self._sums(at.first, at.first + at.upper.size - 1))

    def _note_shares(self, owner: int) -> None:
        """An owner has come, gone, or taken something out."""
        at = self._deposits
        self._moved[owner] = True
        if owner not in at.shares:
            self._counts[owner] = 0
            return
        n1, shares = at.shares._known(owner)
        self.first[owner], self._counts[owner] = n1, len(shares)
        self._shares_of[owner, : len(shares)] = shares

    def _sums(self, n1: int, n2: int) -> list[float]:
        """The sums of shares of the bands n1 to n2, exactly as the bands themselves use them."""
        totals = self._deposits.shares._total
        return [totals.get(n, 0.0) for n in range(n1, n2 + 1)]

    def _changed(self, per_share: FloatArray) -> IntArray:
        """How many of the rows before each one have changed since the last look, shape (rows + 1,)."""
        return _changes(per_share, self._per_share, self._since - self._deposits.first)


@compiled()
def _changes(now: FloatArray, before: FloatArray, shift: int) -> IntArray:  # pragma: no cover - compiled
    """How many of the columns before each one differ; `before` begins `shift` columns later, where nothing was."""
    count = np.zeros(now.shape[1] + 1, np.int64)
    for column in range(now.shape[1]):
        known = 0 <= column - shift < before.shape[1]
        differs = False
        for row in range(now.shape[0]):
            differs |= now[row, column] != (before[row, column - shift] if known else 0.0)
        count[column + 1] = count[column] + differs
    return count


@compiled()
def _per_share(
    held: FloatArray, upper: FloatArray, totals: FloatArray, oracle: float, amplification: float
) -> FloatArray:  # pragma: no cover - compiled
    """Quote, base and worth of a share of each band, shape (3, rows)."""
    found = np.zeros((3, upper.size))
    for row in range(upper.size):
        if totals[row] > 0.0:
            found[QUOTE, row] = held[QUOTE, row] / totals[row]
            found[BASE, row] = held[BASE, row] / totals[row]
            found[WORTH, row] = curve.converted(held, upper, row, _WHOLE, oracle, amplification, False) / totals[row]
    return found


@compiled()
def over_of(
    owner: int, first: IntArray, first_row: int, active: int, upper: FloatArray, price: float
) -> float:  # pragma: no cover - compiled
    """How far a price is above the first band of an owner, as far as that is below the active one."""
    row = first[owner] - first_row
    return max(price - upper[row], 0.0) if row > active else 0.0


@compiled()
def _add_up(
    per_share: FloatArray,
    changed: IntArray,
    rows: IntArray,
    counts: IntArray,
    shares: FloatArray,
    moved: BoolArray,
    columns: FloatArray,
) -> IntArray:  # pragma: no cover - compiled
    """Sum up the owners in whose bands something has changed, or who moved; returns them."""
    found = np.empty(counts.size, np.int64)
    many = 0
    for owner in range(counts.size):
        begin, end = rows[owner], rows[owner] + counts[owner]
        if not moved[owner] and (begin == end or changed[end] == changed[begin]):
            continue
        moved[owner] = False
        for what in range(3):
            total = 0.0
            for k in range(counts[owner]):
                total += shares[owner, k] * per_share[what, begin + k]
            columns[what, owner] = total
        found[many] = owner
        many += 1
    return found[:many].copy()
