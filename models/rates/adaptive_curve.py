"""A curve around a target utilisation that moves up while utilisation is above the target, and down while below.

**Source**: Morpho, morpho-blue-irm, ``AdaptiveCurveIrm.sol`` and its constants: with U the utilisation, U* the target
and e = (U - U*) / (1 - U*) above the target, (U - U*) / U* below it, borrowers pay r* (1 + (s - 1) e) above and
r* (1 + (1 - 1 / s) e) below; the rate at target r* grows by exp(v e t) within its bounds. Over an interval the rate
charged is that of (r*(0) + 2 r*(t / 2) + r*(t)) / 4.

**Models**: the borrow rate of one market, and its rate at target from the first block on.

**Leaves out**: the contract's rounding, and its exponential, whose remainder is expanded to the second order: where r*
grows by less than a third in an interval, x of it in logarithms, the contract is off by x^3 / 6, 3e-8 in an hour and
4e-4 in a day with everything lent. Changes of the parameters, which the contract does not know either.

**Units**: rates per year as fractions; the speed per year; seconds.

**Invariants**: r* at the target, s r* where everything is lent, r* / s where nothing is; the curve lies within s times
`most_per_year` and 1 / s of `least_per_year`; at the target nothing moves. Without speed it is a kinked rate.
"""

from dataclasses import dataclass
from math import exp
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.parameters import Parameters
from models.rates.compounding import SECONDS_PER_YEAR


class AdaptiveCurve(Parameters):
    """A curve whose level follows utilisation."""

    kind: Literal["adaptive_curve"] = "adaptive_curve"
    target: float = Field(0.9, gt=0, lt=1, description="the utilisation at which the curve does not move")
    steepness: float = Field(4.0, ge=1, le=1000, description="how many times the rate at target is paid at 1")
    speed_per_year: float = Field(50.0, ge=0, le=1000, description="how fast the curve moves where all is lent")
    initial_per_year: float = Field(0.04, gt=0, le=1000, description="the rate at target in the first block")
    least_per_year: float = Field(0.001, gt=0, le=1000, description="the lowest rate at target")
    most_per_year: float = Field(2.0, gt=0, le=1000, description="the highest rate at target")

    @model_validator(mode="after")
    def _bounds_are_bounds(self) -> Self:
        if not self.least_per_year <= self.initial_per_year <= self.most_per_year:
            raise ValueError(
                f"initial_per_year = {self.initial_per_year} is not between least_per_year = {self.least_per_year} and "
                f"most_per_year = {self.most_per_year}; give a rate between them"
            )
        return self

    def start(self) -> "AdaptiveRate":
        """The curve in the first block."""
        return AdaptiveRate(self, self.initial_per_year)


@dataclass(slots=True)
class AdaptiveRate:
    """The curve as it stands, at the rate `at_target_per_year`."""

    remembers: ClassVar[bool] = True

    terms: AdaptiveCurve
    at_target_per_year: float

    def rate(self, utilisation: float) -> float:
        """Rate per year at a utilisation between 0 and 1."""
        return self._on_curve(self.at_target_per_year, self._error(utilisation))

    def elapse(self, utilisation: float, seconds: float) -> float:
        """Let the curve move for a time at a utilisation; returns the rate per year that is charged for it."""
        error, before = self._error(utilisation), self.at_target_per_year
        growth = self.terms.speed_per_year * error * seconds / SECONDS_PER_YEAR
        halfway, self.at_target_per_year = self._moved(before, 0.5 * growth), self._moved(before, growth)
        return self._on_curve((before + 2.0 * halfway + self.at_target_per_year) / 4.0, error)

    def _error(self, utilisation: float) -> float:
        """Return how far utilisation is from the target, of the way that there is on its side."""
        target = self.terms.target
        return (utilisation - target) / (1.0 - target if utilisation > target else target)

    def _moved(self, at_target_per_year: float, growth: float) -> float:
        # e to 700 is beyond any two bounds, and still a number.
        moved = at_target_per_year * exp(min(max(growth, -700.0), 700.0))
        return min(max(moved, self.terms.least_per_year), self.terms.most_per_year)

    def _on_curve(self, at_target_per_year: float, error: float) -> float:
        steepness = self.terms.steepness
        slope = steepness - 1.0 if error > 0.0 else 1.0 - 1.0 / steepness
        return at_target_per_year * (1.0 + slope * error)
