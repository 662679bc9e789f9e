"""Slot: how utilisation makes the borrow rate."""

from typing import Annotated, Protocol

from pydantic import Field

from models.rates.compounding import SECONDS_PER_YEAR, compound
from models.rates.fixed import Fixed
from models.rates.kinked import Kinked

__all__ = ["SECONDS_PER_YEAR", "BorrowRate", "Fixed", "Kinked", "Rates", "compound"]


class BorrowRate(Protocol):
    """A rule that sets what borrowers pay."""

    def rate(self, utilisation: float) -> float:
        """Rate per year at a utilisation between 0 and 1 (the lent part of what was deposited)."""
        ...


Rates = Annotated[Kinked | Fixed, Field(discriminator="kind")]
