"""Sealed bidding: everybody bids once, unseen, and the highest bid wins and is paid.

**Source**: Vickrey (1961), "Counterspeculation, auctions, and competitive sealed tenders", Journal of Finance 16;
Krishna (2009), Auction Theory, proposition 2.2: with values independently drawn from F, the symmetric equilibrium bid
is the highest rival value expected, given that it is below one's own, beta(v) = v - int_0^v (F(x) / F(v))^(n-1) dx.

**Models**: rivals believe each other's values to be drawn from F(x) = (x / V)^alike on [0, V], for which
``beta(v) = v * a / (a + 1)`` with ``a = alike * (n - 1)``, whatever V is. `alike` = 1 is the uniform distribution, and
the share bid away is then (n - 1) / n: nothing for who is alone, half for two, and towards all of it for many. The more
alike the values, the more two already bid away. The value of a call is what its limit is above its start.

**Leaves out**: rivals whose values are drawn from other distributions, or who are not there but might have been;
beliefs learned from what won before. Where a losing bid is paid for too (Zhu et al. 2024, "Quantifying the value of
revert protection"), limits are those of `at_stake`, and the share bid is that of who pays for winning alone.

**Units**: gwei; shares are fractions.

**Invariants**: a higher limit bids no less; nobody bids its limit.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.types import FloatArray


class SealedBidding(Parameters):
    """One bid each, in private: bundles sent to block builders."""

    kind: Literal["sealed"]
    alike: float = Field(1.0, gt=0, description="how alike values are believed to be; 1: evenly spread from 0")

    def bids(self, starts: FloatArray, limits: FloatArray, reactions: FloatArray, seconds: float) -> FloatArray:
        """What each bids; nobody sees a bid to react to, and who values the call at nothing is no rival.

        See `PriorityRule`.
        """
        values = np.maximum(limits - starts, 0.0)
        bids: FloatArray = starts + values * shaded(int(np.count_nonzero(values)), self.alike)
        return bids


def shaded(rivals: int, alike: float) -> float:
    """The share of its value that each of so many rivals, itself counted, bids in the symmetric equilibrium."""
    against = alike * max(rivals - 1, 0)
    return against / (against + 1.0)
