"""What haircuts have cut from each account's claims, without a look at every account for each of them.

**Source**: the accumulator of Batog, Boca and Johnson, "Scalable reward distribution on the Ethereum blockchain" (2018)
for rewards, here of losses: one running sum of what a share has lost, and for each account the sum when its shares last
changed.
**Models**: units of an account's claims that were cut, over all haircuts while it held them.
**Leaves out**: interest that the cut units would have earned.
**Units**: units of each asset, per share where it says so.
**Invariants**: the cuts of all accounts sum to the units cut.
"""

import numpy as np

from models.types import FloatArray, IntArray


class Cuts:
    """The cuts of N accounts in R reserves. Who changes shares calls `settle` before it does."""

    def __init__(self, accounts: int, reserves: int) -> None:
        self._per_share = [0.0] * reserves
        self._settled = np.zeros((accounts, reserves))
        self._seen = np.zeros((accounts, reserves))

    def add_accounts(self, count: int) -> None:
        """Append accounts whose shares are still to come."""
        new = np.zeros((count, len(self._per_share)))
        self._settled = np.concatenate((self._settled, new))
        self._seen = np.concatenate((self._seen, new))

    def settle(self, account: int, reserve: int, shares: float) -> None:
        """Book what an account has lost with the shares that it had until now."""
        per_share = self._per_share[reserve]
        if per_share > 0.0:  # before the first haircut there is nothing to book
            self._settled[account, reserve] += shares * (per_share - self._seen[account, reserve])
            self._seen[account, reserve] = per_share

    def cut(self, reserve: int, per_share: float) -> None:
        """Take so much from every share of a reserve."""
        self._per_share[reserve] += per_share

    def take(self, reserve: int, accounts: IntArray, units: FloatArray, shares: FloatArray) -> None:
        """Take `units[k]` from `accounts[k]` alone, each named once, which had `shares[k]` until now."""
        per_share = self._per_share[reserve]
        self._settled[accounts, reserve] += units + shares * (per_share - self._seen[accounts, reserve])
        self._seen[accounts, reserve] = per_share

    def wipe(self, reserve: int, per_share: float, shares: FloatArray) -> None:
        """Take the last of every share, (accounts,): they end here."""
        self.cut(reserve, per_share)
        self._settled[:, reserve] += shares * (self._per_share[reserve] - self._seen[:, reserve])
        self._seen[:, reserve] = self._per_share[reserve]

    def of(self, rows: slice, reserve: int, shares: FloatArray) -> FloatArray:
        """The units cut from these accounts, which hold these shares now, (rows,)."""
        open_since = self._per_share[reserve] - self._seen[rows, reserve]
        units: FloatArray = self._settled[rows, reserve] + shares * open_since
        return units
