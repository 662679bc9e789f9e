"""Who owns which part of each band: owners come with an amount, and what the band earns or turns into is shared.

**Source**: Curve, crvUSD contracts of 2023, AMM.vy (`deposit_range`, `withdraw`).
**Models**: shares of a band, given at the ratio of shares to what is in it; one deposit an owner.
**Leaves out**: integer rounding and the dead shares that guard it.
**Units**: a band's first owner has one share for each unit brought; amounts are the pool's business.
**Invariants**: an owner's part of a band changes only by its own deposits and withdrawals and those of others in it.
"""

from collections import defaultdict
from collections.abc import Hashable
from math import log, log1p
from typing import Final, NamedTuple

import numpy as np

from models.market.band_curve import MOST_BANDS
from models.refusals import Refusal
from models.types import FloatArray

FARTHEST = 1e30
"""Factor from the base price within which bands can be numbered: beyond every price, and within float64."""

_DIGITS: Final = 1074
_ONE: Final = 1 << _DIGITS
"""Every finite float64 is a whole multiple of 2^-1074; Python divides whole numbers to the nearest float64."""


def _exactly(units: float) -> int:
    """A float64 as a multiple of 2^-1074."""
    numerator, denominator = units.as_integer_ratio()  # a power of two
    return numerator << (_DIGITS + 1 - denominator.bit_length())


class InvalidBands(Refusal):
    """Band numbers that cannot take a deposit."""

    def __init__(self, n1: int, n2: int, remedy: str) -> None:
        super().__init__(f"bands are {n1!r} to {n2!r}: {remedy}")


class AlreadyDeposited(Refusal):
    """A second deposit of one owner."""

    def __init__(self, owner: Hashable) -> None:
        super().__init__(f"owner {owner!r} has a deposit already: withdraw it first, or deposit for another owner")


class UnknownOwner(Refusal):
    """An owner without a deposit."""

    def __init__(self, owner: Hashable) -> None:
        super().__init__(f"owner is {owner!r}: there is no deposit of this owner in the pool")


def check_span(n1: int, n2: int, amplification: float) -> None:
    """Refuse bands that no deposit can be in, whatever is in them.

    Raises:
        InvalidBands: none or more than 50, or too far from the base price.
    """
    if not 0 <= n2 - n1 < MOST_BANDS:
        raise InvalidBands(n1, n2, f"give from 1 to {MOST_BANDS} bands, the lowest number first")
    most = int(log(FARTHEST) / -log1p(-1.0 / amplification))
    if max(-n1, n2) > most:
        raise InvalidBands(n1, n2, f"give numbers from {-most} to {most}")


class Stake(NamedTuple):
    """An owner's shares of the bands from `n1` on, shape (bands,)."""

    n1: int
    shares: FloatArray


class BandShares:
    """Shares of bands by number, and their owners."""

    __slots__ = ("_exact", "_stakes", "_total")

    def __init__(self) -> None:
        self._stakes: dict[Hashable, Stake] = {}
        # Exact sums, in whole multiples of the smallest float64: a small owner keeps its part when a large one leaves.
        self._exact: defaultdict[int, int] = defaultdict(int)
        self._total: defaultdict[int, float] = defaultdict(float)

    def __bool__(self) -> bool:
        """Whether there is any owner."""
        return bool(self._stakes)

    def __contains__(self, owner: Hashable) -> bool:
        return owner in self._stakes

    def span(self, owner: Hashable) -> tuple[int, int]:
        """The first and the last band of an owner.

        Raises:
            UnknownOwner: no such owner.
        """
        n1, shares = self._known(owner)
        return n1, n1 + len(shares) - 1

    def parts(self, owner: Hashable) -> FloatArray:
        """An owner's part of each of its bands, shape (bands,), fractions.

        Raises:
            UnknownOwner: no such owner.
        """
        n1, shares = self._known(owner)
        total = [self._total[n] for n in range(n1, n1 + len(shares))]
        return np.minimum(shares / total, 1.0)

    def add(self, owner: Hashable, n1: int, each: float, held: FloatArray) -> None:
        """Give an owner shares for the same amount in every band from `n1` on.

        Args:
            owner: who has none yet.
            n1: the first band.
            each: the amount brought into each.
            held: shape (bands,), what is in them already, in the same unit.

        Raises:
            AlreadyDeposited: the owner has shares.
        """
        if owner in self._stakes:
            raise AlreadyDeposited(owner)
        exact, total = self._exact, self._total
        shares = [each * (total[n] / units) if units > 0.0 else each for n, units in enumerate(held.tolist(), n1)]
        self._stakes[owner] = Stake(n1, np.array(shares))
        for n, new in enumerate(shares, n1):
            whole = exact[n] = exact[n] + _exactly(new)
            total[n] = whole / _ONE

    def remove(self, owner: Hashable, fraction: float) -> tuple[FloatArray, FloatArray]:
        """Take a fraction of an owner's shares.

        Returns:
            (what it was of each of the owner's bands, what is left of each), shape (bands,), fractions. Either is good
            to its last digits, however small.

        Raises:
            UnknownOwner: no such owner.
        """
        parts = self.parts(owner)
        n1, shares = self._stakes.pop(owner)
        kept = (1.0 - fraction) * shares
        if fraction < 1.0:
            self._stakes[owner] = Stake(n1, kept)
        left: list[float] = []
        for n, old, new in zip(range(n1, n1 + len(kept)), shares.tolist(), kept.tolist(), strict=True):
            was = self._total[n]
            self._exact[n] += _exactly(new) - _exactly(old)
            self._total[n] = self._exact[n] / _ONE
            left.append(self._total[n] / was if was > 0.0 else 1.0)
        return fraction * parts, np.array(left)

    def _known(self, owner: Hashable) -> Stake:
        if owner not in self._stakes:
            raise UnknownOwner(owner)
        return self._stakes[owner]
