"""The exits of one pool: who queues to leave, what may leave, and who asked and was paid when."""

from collections import OrderedDict

import numpy as np

from models.exits import ExitGate, ExitTerms
from models.lending import LendingPool
from models.types import BoolArray, FloatArray, IntArray


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
        shape = (pool.accounts, pool.reserves)
        # Who is in a queue, as columns: what ten thousand claim who wait is added up in every block.
        self._waits: BoolArray = np.zeros(shape, dtype=np.bool_)
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
        self._waits[account, reserve] = True

    def leave_queue(self, account: int, reserve: int) -> None:
        """Take an account out of a queue: it has been paid, or would rather stay."""
        del self.queues[reserve][account]
        self._waits[account, reserve] = False

    def paid_in_kind(self, accounts: IntArray, reserve: int, units: FloatArray) -> None:
        """Note that accounts gave up claims of so many units for collateral."""
        self.in_kind[accounts, reserve] += units

    def pay(self, account: int, reserve: int, units: float) -> None:
        """Note that an account was paid so many units."""
        self.paid[account, reserve] += units
        self.away[account, reserve] += units
        self.withdrawn[reserve] += units

    def come_back(self, account: int, reserve: int, units: float) -> None:
        """Note that an account has brought units back."""
        self.away[account, reserve] -= units
        self.returned[reserve] += units

    def waiting(self, reserve: int) -> float:
        """What those in a queue claim, in units: added up anew, as losses take claims from whoever has them."""
        if not self.queues[reserve]:
            return 0.0
        shares = float(self._pool.shares[self._waits[:, reserve], reserve].sum())
        return shares * float(self._pool.supply_index[reserve])

    @property
    def anybody_asked(self) -> bool:
        """Whether anybody has ever asked to leave: else nothing was paid, and nobody waits."""
        return self._askers > 0

    @property
    def length(self) -> int:
        """How many wait, in all queues."""
        return sum(map(len, self.queues))
