"""Open bidding: the priority gas auction, in which all see the bids and raise their own until the block is closed.

**Source**: Daian et al. (2020), "Flash Boys 2.0", IEEE S&P, sections III and IV: bots outbid one another in public,
each raise by the least that nodes accept for the replacement of a pending transaction: 10 % in Geth, 12.5 % in Parity.

**Models**: all begin with their starts. Who does not lead answers a bid after its reaction time, by raising the
standing bid by `min_raise`, as long as that is not above its limit and the block is still open; who has once found it
above is out. With time enough the one with the highest limit leads, at one raise or less above the second highest, so
that two alike bid away nearly all. Slower rivals, or shorter blocks, leave more of it.

**Leaves out**: raises larger than the least (jump bids); the grim-trigger cooperation of the source's section V; that
nobody knows exactly when the block is closed. Where a losing bid is paid for too, limits are those of `at_stake`.

**Units**: gwei and seconds.

**Invariants**: no bid falls, none above its limit but where it started there.
"""

import heapq
from typing import Literal

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.types import FloatArray


class OpenBidding(Parameters):
    """Public bids, raised in turn."""

    kind: Literal["open"]
    min_raise: float = Field(0.1, gt=0, description="least part by which a bid is raised above the standing one")

    def bids(self, starts: FloatArray, limits: FloatArray, reactions: FloatArray, seconds: float) -> FloatArray:
        """What each bids when the block is closed; see `PriorityRule`."""
        bids: list[float] = starts.tolist()
        most: list[float] = limits.tolist()
        delay: list[float] = reactions.tolist()
        leader = int(np.argmax(starts))
        # Whoever does not lead has one answer pending: at this time, in this order among those of the same time.
        pending = [(delay[k], k, k) for k in range(len(bids)) if k != leader]
        heapq.heapify(pending)
        turn = len(bids)
        while pending:
            time, _, k = heapq.heappop(pending)
            raised = bids[leader] * (1.0 + self.min_raise)
            if raised > most[k] or time > seconds:
                continue
            heapq.heappush(pending, (time + delay[leader], turn, leader))
            bids[k], leader, turn = raised, k, turn + 1
        return np.array(bids)
