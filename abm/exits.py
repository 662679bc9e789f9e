"""The exits of one pool: who queues to leave, what may leave, and who asked and was paid when."""

from collections import OrderedDict

import numpy as np

from models.exits import ExitGate, ExitTerms
from models.lending import LendingPool
from models.lending.reserve import NEARLY_NOTHING
from models.types import FloatArray, IntArray


class Exits:
    """The queues of a pool by reserve, first come first served, and what became of everybody who asked.

    `queues[r]` are the accounts that wait to leave reserve r, in order. By account and reserve: `asked` numbers those
    who have asked to leave in the order in which they first did, from 1, 0 for who never has, and `asked_seconds` is
    when that was; `paid` are the units paid out so far, `away` those not brought back since, `in_kind` the claims for
    which somebody got collateral. `withdrawn[r]` and `returned[r]` are the units paid and brought back by all.
    """

    def __init__(self, pool: LendingPool, terms: ExitTerms) -> None:
        self._pool = pool
        self.gate = ExitGate(terms, pool.reserves)
        self.queues: list[OrderedDict[int, None]] = [OrderedDict() for _ in range(pool.reserves)]
        self._waiting_shares = [0.0] * pool.reserves
        self._most_waiting = [0.0] * pool.reserves
        shape = (pool.accounts, pool.reserves)
        self.asked: IntArray = np.zeros(shape, dtype=np.int64)
        self.asked_seconds: FloatArray = np.zeros(shape)
        self.paid: FloatArray = np.zeros(shape)
        self.away: FloatArray = np.zeros(shape)
        self.in_kind: FloatArray = np.zeros(shape)
        self.withdrawn = [0.0] * pool.reserves
        self.returned = [0.0] * pool.reserves
        self._askers = 0

    def ask(self, account: int, reserve: int, now: float) -> None:
        """Note when an account first asked to leave."""
        if self.asked[account, reserve] == 0:
            self._askers += 1
            self.asked[account, reserve] = self._askers
            self.asked_seconds[account, reserve] = now

    def queue(self, account: int, reserve: int) -> None:
        """Put an account at the end of a queue, with all that it still claims."""
        self.queues[reserve][account] = None
        self._waiting_shares[reserve] += float(self._pool.shares[account, reserve])
        self._most_waiting[reserve] = max(self._most_waiting[reserve], self._waiting_shares[reserve])

    def leave_queue(self, account: int, reserve: int) -> None:
        """Take an account out of a queue: it has been paid, or would rather stay."""
        del self.queues[reserve][account]
        self._waiting_shares[reserve] -= float(self._pool.shares[account, reserve])
        if not self.queues[reserve]:
            self._waiting_shares[reserve] = 0.0

    def lose(self, account: int, reserve: int, shares: float) -> None:
        """Note that a loss has taken shares from an account alone."""
        if account in self.queues[reserve]:
            self._waiting_shares[reserve] -= shares

    def paid_in_kind(self, accounts: IntArray, reserve: int, units: FloatArray, shares: FloatArray) -> None:
        """Note that accounts gave up claims of so many units, and shares, for collateral."""
        self.in_kind[accounts, reserve] += units
        for account, lost in zip(accounts.tolist(), shares.tolist(), strict=True):
            self.lose(account, reserve, lost)

    def pay(self, account: int, reserve: int, units: float, shares: float, *, queued: bool) -> None:
        """Note that an account was paid so many units for so many shares."""
        self.paid[account, reserve] += units
        self.away[account, reserve] += units
        self.withdrawn[reserve] += units
        if queued:
            self._waiting_shares[reserve] -= shares

    def come_back(self, account: int, reserve: int, units: float) -> None:
        """Note that an account has brought units back."""
        self.away[account, reserve] -= units
        self.returned[reserve] += units

    def waiting(self, reserve: int) -> float:
        """What those in a queue claim, in units."""
        if not self.queues[reserve]:
            return 0.0
        if self._waiting_shares[reserve] <= NEARLY_NOTHING * self._most_waiting[reserve]:
            self._waiting_shares[reserve] = float(self._pool.shares[list(self.queues[reserve]), reserve].sum())
        shares = min(self._waiting_shares[reserve], float(self._pool.total_shares[reserve]))
        return shares * float(self._pool.supply_index[reserve])

    @property
    def anybody_asked(self) -> bool:
        """Whether anybody has ever asked to leave: else nothing was paid, and nobody waits."""
        return self._askers > 0

    @property
    def length(self) -> int:
        """How many wait, in all queues."""
        return sum(map(len, self.queues))
