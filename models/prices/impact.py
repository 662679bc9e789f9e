"""Lasting impact of net sales on the reference price.

**Source**: linear: Kyle, "Continuous auctions and insider trading", Econometrica 53 (1985). Square root, I = Y sigma
sqrt(Q / V): Tóth et al., "Anomalous price impact and the critical nature of liquidity in financial markets", Physical
Review X 1 (2011). Near it, with a power of 0.6: Almgren et al., "Direct estimation of equity market impact", Risk 18
(2005).
**Models**: what has been sold here moves the price everywhere. With N the dollars sold less those bought, V the volume
and sigma the volatility of a day, the log price is lowered by x = Y sigma N / V, or by x = Y sigma sqrt(N / V) with the
sign of N; x halves every half-life. To halve x under the square root, N falls to a quarter.
**Leaves out**: the impact during an order (the venue has that), decay other than exponential, a permanent part.
**Units**: dollars, seconds; `daily_volatility` is a fraction; the coefficient Y is about 0.5 to 1 in the literature.
**Invariants**: dollars sold and bought back at once leave no trace; parts sold at once count as their sum; decay by s,
then by t seconds is decay by s + t. The factor is positive and finite, and 1 when nothing was sold.

A part starts an `ImpactState`; one that forgets in another way starts a subclass with its own `factor` and `decay`.
"""

import math
from typing import Annotated, Literal

from pydantic import Field

from models.parameters import Parameters

_LARGEST = 50.0  # of x: e^-50 of a price is nothing, yet a number that one can divide by


class ImpactState:
    """Net sales of one asset that the reference price still feels: x = scale · |N / V|^exponent, with the sign of N."""

    __slots__ = ("_decay_per_second", "_exponent", "_per_usd", "_scale", "_sold_days")

    def __init__(self, scale: float, daily_volume_usd: float, exponent: float, half_life_seconds: float) -> None:
        self._scale = scale
        self._exponent = exponent
        self._per_usd = 1.0 / daily_volume_usd
        self._decay_per_second = 1.0 / (exponent * half_life_seconds)
        self._sold_days = 0.0  # net value sold, in days' volumes

    @property
    def factor(self) -> float:
        """What multiplies the exogenous price now: exp(-x)."""
        sold = self._sold_days
        if sold > 0.0:
            return math.exp(-min(self._scale * sold**self._exponent, _LARGEST))
        if sold < 0.0:
            return math.exp(min(self._scale * (-sold) ** self._exponent, _LARGEST))
        return 1.0

    def sell(self, units: float, price: float) -> None:
        """Count `units` sold (bought, when negative) at `price` dollars."""
        self._sold_days += units * price * self._per_usd

    def decay(self, seconds: float) -> None:
        """Let time pass."""
        self._sold_days *= math.exp2(-seconds * self._decay_per_second)


class NoImpact(Parameters):
    """Sales leave the reference price alone."""

    kind: Literal["none"] = "none"

    def start(self) -> ImpactState:
        """A state whose factor is always 1."""
        return ImpactState(scale=0.0, daily_volume_usd=math.inf, exponent=1.0, half_life_seconds=math.inf)


class LinearImpact(Parameters):
    """Log price impact in proportion to what was sold."""

    kind: Literal["linear"] = "linear"
    daily_volume_usd: float = Field(gt=0)
    half_life_seconds: float = Field(gt=0)
    daily_volatility: float = Field(default=0.05, gt=0)
    coefficient: float = Field(default=1.0, ge=0)

    def start(self) -> ImpactState:
        """The state before the first sale."""
        scale = self.coefficient * self.daily_volatility
        return ImpactState(scale, self.daily_volume_usd, exponent=1.0, half_life_seconds=self.half_life_seconds)


class SquareRootImpact(Parameters):
    """Log price impact in proportion to the square root of what was sold."""

    kind: Literal["square_root"] = "square_root"
    daily_volume_usd: float = Field(gt=0)
    half_life_seconds: float = Field(gt=0)
    daily_volatility: float = Field(default=0.05, gt=0)
    coefficient: float = Field(default=1.0, ge=0)

    def start(self) -> ImpactState:
        """The state before the first sale."""
        scale = self.coefficient * self.daily_volatility
        return ImpactState(scale, self.daily_volume_usd, exponent=0.5, half_life_seconds=self.half_life_seconds)


Impact = Annotated[NoImpact | LinearImpact | SquareRootImpact, Field(discriminator="kind")]
