"""Who is below a line of its own: the health at which an owner who watches mends its position."""

from typing import TYPE_CHECKING

from abm.pools.band_loans import BandWatch
from models.lending import HealthWatch
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.pools.lender import Lender


class OwnLines:
    """The lines of a lender's accounts, (accounts,); 0 for those whose owners do not watch."""

    def __init__(self, lender: "Lender", lines: FloatArray) -> None:
        self._lender = lender
        self._lines = lines
        self._watch: HealthWatch | BandWatch | None = None

    def below(self, accounts: IntArray | None = None) -> IntArray:
        """Return who of some accounts is below its line, and is not for sale; of all accounts, in ascending order.

        A few are valued one by one. All are left to a watch, which values few of many but hears of every change: it is
        set up when somebody first asks for all.
        """
        lender = self._lender
        if accounts is None:
            if self._watch is None:
                loans, lines = lender.loans, self._lines
                self._watch = HealthWatch(lender.pool, lines) if loans is None else BandWatch(loans, lines)
            below = self._watch.below(lender.prices).accounts
        elif lender.loans is None:
            below = lender.pool.below(lender.prices, accounts, self._lines)
        else:
            lender.follow()
            below = accounts[lender.loans.healths(accounts) < self._lines[accounts]]
        if lender.auctions is None or not below.size:
            return below
        return below[~lender.auctions.frozen[below]]
