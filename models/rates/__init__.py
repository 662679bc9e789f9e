"""Slot: how utilisation makes the borrow rate.

A part is a class of terms with a `kind`, whose `start()` makes the rule. One that depends on the utilisation alone is
`Memoryless`, states its `rate`, and is its own rule; one that moves with time starts a `BorrowRate` that `remembers`.
"""

from typing import Annotated, ClassVar, Protocol

from pydantic import Field

from models.rates.adaptive_curve import AdaptiveCurve
from models.rates.compounding import SECONDS_PER_YEAR, compound
from models.rates.fixed import Fixed
from models.rates.kinked import Kinked
from models.rates.rule import Memoryless

__all__ = ["SECONDS_PER_YEAR", "AdaptiveCurve", "BorrowRate", "Fixed", "Kinked", "Memoryless", "Rates", "compound"]


class BorrowRate(Protocol):
    """A rule that sets what the borrowers of one reserve pay."""

    remembers: ClassVar[bool]
    """Whether the rate at a utilisation depends on what was before, so that it cannot be worked out afterwards."""

    def rate(self, utilisation: float) -> float:
        """Rate per year at a utilisation between 0 and 1 (the lent part of what was deposited); changes nothing."""
        ...

    def elapse(self, utilisation: float, seconds: float) -> float:
        """Let time pass at a utilisation; returns the rate per year that is charged for it. Once in every block."""
        ...


Rates = Annotated[Kinked | AdaptiveCurve | Fixed, Field(discriminator="kind")]
