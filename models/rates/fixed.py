"""A rate that does not depend on utilisation.

**Source**: a stability fee set by governance (Maker) is of this kind.
**Models**: one borrow rate for ever.
**Leaves out**: any answer to scarcity.
**Units**: per year, as a fraction.
**Invariants**: the rate is the same at every utilisation.
"""

from typing import Literal

from pydantic import Field

from models.rates.rule import Memoryless


class Fixed(Memoryless):
    """One rate."""

    kind: Literal["fixed"] = "fixed"
    rate_per_year: float = Field(ge=0, le=1000)

    def rate(self, utilisation: float) -> float:
        """Rate per year, whatever the utilisation."""
        return self.rate_per_year
