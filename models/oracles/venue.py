"""An oracle that reads the venue itself.

**Source**: the spot price of a pool taken as an oracle, as in many incidents of price manipulation.
**Models**: a protocol that believes the market in which its own collateral is sold: the shortest feedback there is.
**Leaves out**: averaging over time.
**Units**: quote per unit, in and out.
**Invariants**: the report is the venue's last price that was one; a venue without a price leaves it as it was.
"""

import math
from typing import ClassVar, Literal

from models.parameters import Parameters


class VenueOracle:
    """Reports the venue's last finite price."""

    __slots__ = ("_last", "updated_seconds")

    def __init__(self, price: float) -> None:
        self._last = price
        self.updated_seconds = 0.0

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The venue's price of this block, or else the last one."""
        if 0.0 < venue < math.inf:
            self._last = venue
            self.updated_seconds = time_seconds
        return self._last


class VenueTerms(Parameters):
    """The venue's price, at once."""

    reads_venue: ClassVar[bool] = True

    kind: Literal["venue"] = "venue"

    def start(self, price: float) -> VenueOracle:
        """The oracle at time 0, which reports `price` until the venue has one."""
        return VenueOracle(price)
