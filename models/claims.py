"""The size of one insured loss: its moments, its tail, and what a layer of cover pays of it.

**Source**: Asmussen and Albrecher, "Ruin probabilities" (2010), for the distributions and their integrated tails.
**Models**: claims that are exponential, all of one size, or heavy-tailed (Lomax, a Pareto that starts at 0). A layer
pays what exceeds the deductible up to the limit, less the co-insured part: E[Y] = (1 - c) ∫ S(x) dx over the layer.
**Leaves out**: claims that depend on one another, or on the price that caused them.
**Units**: dollars.
**Invariants**: a layer that starts at 0 and has no end is worth the mean; adjacent layers add up.
"""

from math import exp, expm1, inf
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.types import FloatArray


class ExponentialClaims(Parameters):
    """Claims without memory: S(x) = e^(-x / mean)."""

    kind: Literal["exponential"] = "exponential"
    mean_usd: float = Field(gt=0)

    @property
    def second_moment(self) -> float:
        """E[X²], dollars squared."""
        return 2.0 * self.mean_usd**2

    @property
    def largest_exponent(self) -> float:
        """Below this r, E[e^(rX)] is finite."""
        return 1.0 / self.mean_usd

    def tail_mgf(self, r: float) -> float:
        """(E[e^(rX)] - 1) / (r mean), for 0 < r < `largest_exponent`: the integrated tail's generating function."""
        left = 1.0 - r * self.mean_usd
        return 1.0 / left if left > 0.0 else inf

    def layer(self, deductible_usd: float, limit_usd: float = inf) -> float:
        """Expected payment on a claim of what exceeds the deductible, up to the limit."""
        part = 1.0 if limit_usd == inf else -expm1(-limit_usd / self.mean_usd)
        return self.mean_usd * exp(-deductible_usd / self.mean_usd) * part

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """So many independent claims, shape (count,)."""
        return rng.exponential(self.mean_usd, count)


class FixedClaims(Parameters):
    """Claims all of one size: cover that pays a fixed sum, or the largest single risk."""

    kind: Literal["fixed"] = "fixed"
    mean_usd: float = Field(gt=0)

    @property
    def second_moment(self) -> float:
        """E[X²], dollars squared."""
        return self.mean_usd**2

    @property
    def largest_exponent(self) -> float:
        """Below this r, E[e^(rX)] is finite: always, until it leaves the range of floating-point numbers."""
        return 700.0 / self.mean_usd

    def tail_mgf(self, r: float) -> float:
        """(E[e^(rX)] - 1) / (r mean), for 0 < r < `largest_exponent`: the integrated tail's generating function."""
        return expm1(r * self.mean_usd) / (r * self.mean_usd)

    def layer(self, deductible_usd: float, limit_usd: float = inf) -> float:
        """Payment on a claim of what exceeds the deductible, up to the limit."""
        return min(max(self.mean_usd - deductible_usd, 0.0), limit_usd)

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """So many claims, shape (count,); `rng` is not asked."""
        return np.full(count, self.mean_usd)


class LomaxClaims(Parameters):
    """Heavy-tailed claims: S(x) = (1 + x / scale)^(-exponent); the mean exists as the exponent is above 1."""

    kind: Literal["lomax"] = "lomax"
    scale_usd: float = Field(gt=0)
    exponent: float = Field(gt=1)

    @property
    def mean_usd(self) -> float:
        """E[X]."""
        return self.scale_usd / (self.exponent - 1.0)

    @property
    def second_moment(self) -> float:
        """E[X²], dollars squared; infinite for an exponent up to 2."""
        if self.exponent <= 2.0:
            return inf
        return 2.0 * self.scale_usd**2 / ((self.exponent - 1.0) * (self.exponent - 2.0))

    @property
    def largest_exponent(self) -> float:
        """Zero: no r above 0 has a finite E[e^(rX)]."""
        return 0.0

    def tail_mgf(self, r: float) -> float:
        """Infinite for every r above 0, 1 at 0: large claims are too frequent."""
        return inf if r > 0.0 else 1.0

    def layer(self, deductible_usd: float, limit_usd: float = inf) -> float:
        """Expected payment on a claim of what exceeds the deductible, up to the limit."""
        return self._beyond(deductible_usd) - self._beyond(deductible_usd + limit_usd)

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """So many independent claims, shape (count,)."""
        return self.scale_usd * rng.pareto(self.exponent, count)

    def _beyond(self, usd: float) -> float:
        """The integral of the tail from here on."""
        return float(self.mean_usd * (1.0 + usd / self.scale_usd) ** (1.0 - self.exponent))


Claims = Annotated[ExponentialClaims | FixedClaims | LomaxClaims, Field(discriminator="kind")]


class Cover(Parameters):
    """What a policy pays of a claim: (1 - coinsurance) of what exceeds the deductible, up to the limit."""

    deductible_usd: float = Field(default=0.0, ge=0)
    limit_usd: float | None = Field(default=None, gt=0)
    coinsurance: float = Field(default=0.0, ge=0, le=1)

    def paid(self, claim_usd: FloatArray) -> FloatArray:
        """Dollars paid on claims, of the shape of `claim_usd`."""
        above = np.maximum(claim_usd - self.deductible_usd, 0.0)
        return (1.0 - self.coinsurance) * (above if self.limit_usd is None else np.minimum(above, self.limit_usd))

    def expected(self, claims: Claims) -> float:
        """Expected payment on one claim, dollars."""
        limit = inf if self.limit_usd is None else self.limit_usd
        return (1.0 - self.coinsurance) * claims.layer(self.deductible_usd, limit)
