"""A rate that rises gently with utilisation up to a kink, and steeply past it.

**Source**: Aave v3, DefaultReserveInterestRateStrategyV2: base + slope1 · U / kink up to the kink, and from there
base + slope1 + slope2 · (U - kink) / (1 - kink).
**Models**: the borrow rate; what depositors earn of it is the pool's affair.
**Leaves out**: the contract's bounds on its parameters (a kink of 1 % to 99 %, slope2 >= slope1, at most 1000 % a year)
and its rounding to basis points and 27 decimals.
**Units**: rates per year as fractions; a slope is the rise over its side of the kink, not per unit of utilisation.
**Invariants**: base at 0, base + slope1 at the kink, base + slope1 + slope2 at 1; never falls as utilisation rises.
"""

from typing import Literal

from pydantic import Field

from models.rates.rule import Memoryless


class Kinked(Memoryless):
    """Two straight lines that meet at the kink."""

    kind: Literal["kinked"] = "kinked"
    base_per_year: float = Field(ge=0, le=1000)
    slope1_per_year: float = Field(ge=0, le=1000)
    slope2_per_year: float = Field(ge=0, le=1000)
    kink: float = Field(gt=0, lt=1)

    def rate(self, utilisation: float) -> float:
        """Rate per year at a utilisation between 0 and 1."""
        if utilisation <= self.kink:
            return self.base_per_year + self.slope1_per_year * (utilisation / self.kink)
        excess = (utilisation - self.kink) / (1.0 - self.kink)
        return self.base_per_year + self.slope1_per_year + self.slope2_per_year * excess
