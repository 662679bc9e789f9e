"""What a pool of bands makes of its oracle: steps soon after a trade are limited, and cost who trades on them a fee.

**Source**: Curve, crvUSD contracts of 2023, AMM.vy (`limit_p_o`, `_price_oracle_w`).
**Models**: the price believed, and a fee for its step that fades within 120 s; both are fixed by each trade.
**Leaves out**: integer rounding.
**Units**: quote per base, seconds, fractions.
**Invariants**: what is believed is within a factor 1.25 of what was believed at a trade less than 120 s ago.
"""

from math import inf, isfinite

from models.compiled import compiled
from models.market.fill import InvalidAmount, InvalidPrice

WINDOW_SECONDS = 120.0
"""AMM.vy: how long after a trade the oracle's step is limited and costs a fee."""

LARGEST_STEP = 1.25
"""AMM.vy: the factor to which a step within the window is limited."""

LEAST_KEPT = 1e-18
"""AMM.vy: what is left of an amount after the highest fee."""


class BandOracle:
    """An oracle as a pool hears it. Until `bind` its price is taken as it is.

    Attributes:
        price: what the pool believes.
        step_fee: fraction of what is given that a trade pays for the oracle's step.
        said: what the oracle says.
    """

    __slots__ = ("_bound", "_clock", "_written", "price", "said", "step_fee")

    def __init__(self, price: float) -> None:
        self.said = price
        self._clock = 0.0
        self._bound = False
        self._written = (price, 0.0, 0.0)
        self._believe()

    def hear(self, price: float, time_seconds: float) -> bool:
        """Hear a price; returns whether the pool believes anything else now.

        Raises:
            InvalidPrice: not positive and finite. InvalidAmount: a time before the one last given, or not finite.
        """
        if not 0.0 < price < inf:
            raise InvalidPrice(price, "give a positive, finite oracle price")
        if not isfinite(time_seconds) or (self._bound and time_seconds < self._clock):
            raise InvalidAmount("time_seconds", time_seconds, f"give a time from {self._clock!r} on")
        self.said, self._clock = float(price), float(time_seconds)
        if not self._bound:
            self._written = (self.said, 0.0, self._clock)
        before = self.price, self.step_fee
        self._believe()
        return (self.price, self.step_fee) != before

    def bind(self) -> None:
        """Limit steps from now on."""
        self._bound = True

    def write(self, price: float, step_fee: float) -> None:
        """Fix what was believed at a trade, as of now."""
        self._written = (price, step_fee, self._clock)
        self._believe()

    def _believe(self) -> None:
        price, step_fee, written_at = self._written
        self.price, self.step_fee = report(price, step_fee, self._clock - written_at, self.said)


@compiled()
def report(believed: float, step_fee: float, elapsed: float, price: float) -> tuple[float, float]:
    """What the pool makes of an oracle's price.

    Args:
        believed, step_fee: what it made of the one before, at the time of the last trade.
        elapsed: seconds since then.
        price: what the oracle says.

    Returns:
        (price believed, fee for the step). The fee is 1 - r³, with r the smaller over the larger price, on top of the
        fee before, and both fade over the window.
    """
    weight = 1.0 - min(elapsed / WINDOW_SECONDS, 1.0)
    if weight == 0.0:
        return price, 0.0
    limited = min(max(price, believed / LARGEST_STEP), believed * LARGEST_STEP)
    fall = abs(limited - believed) / max(limited, believed)
    return limited, (step_fee + fall * (3.0 - fall * (3.0 - fall))) * weight


@compiled()
def kept(fee: float, step_fee: float) -> float:
    """The part of what is given that trades."""
    return max(1.0 - max(fee, step_fee), LEAST_KEPT)
