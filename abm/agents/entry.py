"""Entry and exit: members of a cohort who come when it pays, and go when it does not.

**Source**: free entry, by which profits are competed down to what capital and effort earn elsewhere; Dixit (1989),
"Entry and exit decisions under uncertainty", Journal of Political Economy 97: between the profit that brings entrants
in and the one that drives them out there is a band in which nothing happens.

**Models**: what the active members earn is averaged, the more recent the more weight, and compared per member with what
one costs: its capital at `capital_cost_per_year`, and `running_cost_usd_per_year`. Above `enter_above` times that,
`moves` members come from the reserve; below `leave_below` times that, as many go, the last to come first. One stays.

**Leaves out**: costs are weighed, and not paid from anybody's capital. What it costs to come and to go, but for the
band. Who goes keeps its capital, and sells what it holds.

**Units**: dollars, seconds, fractions of capital per year.

**Invariants**: there are always between one active member and all.
"""

import math
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from models.parameters import Parameters
from models.rates import SECONDS_PER_YEAR
from models.types import FloatArray


class Entry(Parameters):
    """How many members are active at the start, and when others come or go."""

    active: int = Field(ge=1)
    evaluate_every_seconds: float = Field(86_400.0, gt=0)
    memory_seconds: float = Field(604_800.0, gt=0)
    capital_cost_per_year: float = Field(0.1, ge=0)
    running_cost_usd_per_year: float = Field(0.0, ge=0)
    enter_above: float = Field(1.0, ge=0)
    leave_below: float = Field(1.0, ge=0)
    moves: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.enter_above < self.leave_below:
            raise ValueError(
                f"enter_above = {self.enter_above:g} is below leave_below = {self.leave_below:g}, so that members "
                "would come and go at the same profit; raise it or lower that"
            )
        return self


class Turnover:
    """Who is active of a cohort: members 0 … `active` - 1."""

    def __init__(self, terms: Entry, count: int, capital_usd: float) -> None:
        self._terms = terms
        self._count = count
        self._cost_per_second = (
            terms.capital_cost_per_year * capital_usd + terms.running_cost_usd_per_year
        ) / SECONDS_PER_YEAR
        self._earned = 0.0  # faded as of the time beside
        self._as_of = 0.0
        self._next = terms.evaluate_every_seconds
        self.active = terms.active

    def earn(self, usd: float, now: float) -> None:
        """Take in what an active member has earned or spent."""
        self._earned = self._faded(now) + usd
        self._as_of = now

    def per_second(self, now: float) -> float:
        """Return what active members earn on average, in dollars per second of recent time."""
        memory = self._terms.memory_seconds
        weight = memory * -math.expm1(-now / memory)
        return self._faded(now) / weight if weight > 0.0 else 0.0

    def review(self, now: float) -> None:
        """Let members come or go, where it is time to look."""
        if now < self._next:
            return
        terms = self._terms
        self._next = now + terms.evaluate_every_seconds
        each = self.per_second(now) / self.active
        if each > terms.enter_above * self._cost_per_second:
            self.active = min(self.active + terms.moves, self._count)
        elif each < terms.leave_below * self._cost_per_second:
            self.active = max(self.active - terms.moves, 1)

    def _faded(self, now: float) -> float:
        return self._earned * math.exp((self._as_of - now) / self._terms.memory_seconds)


def mean_capital(capital_usd: FloatArray) -> float:
    """Return the mean of the capitals that have a limit; 0 where none has."""
    limited = capital_usd[np.isfinite(capital_usd)]
    return float(limited.mean()) if limited.size else 0.0
