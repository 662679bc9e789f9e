"""How the members of a cohort differ: the distributions a scenario may name for an attribute.

A plain number stands for the same value for everybody. No attribute is negative, so no distribution reaches below 0.
"""

import math
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from scipy.special import ndtr, ndtri

from models.parameters import Parameters
from models.types import FloatArray

# No generator gives a larger normal draw (its probability is 1e-33), and uniform draws have 53 bits.
_LARGEST_NORMAL = 12.0
_LARGEST_DOUBLINGS = 53.0
_LARGEST_DRAW = 1e100
_SMALLEST_CHANCE = 1e-30


class Uniform(Parameters):
    """Evenly spread between two ends."""

    kind: Literal["uniform"]
    low: float = Field(ge=0)
    high: float = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low = {self.low:g} is above high = {self.high:g}; swap them")
        return self

    @property
    def highest(self) -> float:
        """Return the upper end of what can be drawn."""
        return self.high

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` draws."""
        return rng.uniform(self.low, self.high, count)


class LogNormal(Parameters):
    """`shift` plus a lognormal of this median, cut at `maximum` where one is given."""

    kind: Literal["lognormal"]
    median: float = Field(gt=0)
    sigma: float = Field(ge=0)
    shift: float = Field(0.0, ge=0)
    maximum: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        if self.maximum is not None and self.maximum <= self.shift:
            raise ValueError(
                f"maximum = {self.maximum:g} cuts off everything above shift = {self.shift:g}; raise it or lower shift"
            )
        if math.log(self.median) + self.sigma * _LARGEST_NORMAL > math.log(_LARGEST_DRAW):
            raise ValueError(
                f"sigma = {self.sigma:g} with median = {self.median:g} can draw more than 1e100; lower them"
            )
        return self

    @property
    def highest(self) -> float:
        """Return the upper end of what can be drawn."""
        return math.inf if self.maximum is None else self.maximum

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` draws."""
        return np.minimum(self.shift + self.median * np.exp(self.sigma * rng.standard_normal(count)), self.highest)


class Pareto(Parameters):
    """A power law above `minimum` with tail exponent `shape`, cut at `maximum` where one is given."""

    kind: Literal["pareto"]
    minimum: float = Field(gt=0)
    shape: float = Field(gt=0)
    maximum: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        if self.maximum is not None and self.maximum < self.minimum:
            raise ValueError(f"minimum = {self.minimum:g} is above maximum = {self.maximum:g}; swap them")
        if math.log2(self.minimum) + _LARGEST_DOUBLINGS / self.shape > math.log2(_LARGEST_DRAW):
            raise ValueError(
                f"shape = {self.shape:g} with minimum = {self.minimum:g} can draw more than 1e100; raise shape"
            )
        return self

    @property
    def highest(self) -> float:
        """Return the upper end of what can be drawn."""
        return math.inf if self.maximum is None else self.maximum

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` draws, by inversion of the distribution function."""
        return np.minimum(self.minimum * (1.0 - rng.random(count)) ** (-1.0 / self.shape), self.highest)


class LogNormalPareto(Parameters):
    """A lognormal below `tail_from` and, for a share `tail_share`, a power law above it, cut at `maximum` where given.

    `median` and `sigma` are those of the whole lognormal, of which the part below `tail_from` is drawn. **Source**: the
    composite of Scollnik (2007) with a share of its own on either side, so that the density may jump at `tail_from`.
    """

    kind: Literal["lognormal_pareto"]
    median: float = Field(gt=0)
    sigma: float = Field(gt=0, le=20)
    tail_from: float = Field(gt=0)
    tail_share: float = Field(gt=0, lt=1)
    tail_shape: float = Field(gt=0)
    maximum: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        if self.maximum is not None and self.maximum < self.tail_from:
            raise ValueError(f"tail_from = {self.tail_from:g} is above maximum = {self.maximum:g}; swap them")
        if math.log2(self.tail_from) + _LARGEST_DOUBLINGS / self.tail_shape > math.log2(_LARGEST_DRAW):
            raise ValueError(
                f"tail_shape = {self.tail_shape:g} with tail_from = {self.tail_from:g} can draw more than 1e100; "
                "raise tail_shape"
            )
        if self._below == 0.0:
            raise ValueError(
                f"tail_from = {self.tail_from:g} is below everything that median = {self.median:g} and "
                f"sigma = {self.sigma:g} draw; raise it"
            )
        return self

    @property
    def highest(self) -> float:
        """Return the upper end of what can be drawn."""
        return math.inf if self.maximum is None else self.maximum

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` draws, by inversion of the distribution function."""
        uniform = rng.random(count)
        body = 1.0 - self.tail_share
        # Of [0, 1) the first part is the body, the rest the tail; a least chance keeps the smallest draw above zero.
        in_body = np.maximum(np.minimum(uniform / body, 1.0) * self._below, _SMALLEST_CHANCE)
        low = np.minimum(self.median * np.exp(self.sigma * ndtri(in_body)), self.tail_from)
        high = self.tail_from * (np.minimum(1.0 - uniform, self.tail_share) / self.tail_share) ** (
            -1.0 / self.tail_shape
        )
        return np.minimum(np.where(uniform < body, low, high), self.highest)

    @property
    def _below(self) -> float:
        """The chance that the lognormal is below `tail_from`."""
        return float(ndtr(math.log(self.tail_from / self.median) / self.sigma))


Drawn = Uniform | LogNormal | Pareto | LogNormalPareto
Distribution = Annotated[Drawn, Field(discriminator="kind")]


def _number_or_distribution(value: Any) -> str:
    """Say which alternative is meant, so that what is wrong with it is reported for that one alone."""
    return "distribution" if isinstance(value, dict | Parameters) else "number"


def _reaches_above_zero(value: Any) -> Any:
    if isinstance(value, Drawn) and value.highest <= 0.0:
        raise ValueError("high = 0 draws nothing but 0; give it a positive value")
    return value


NonNegative = Annotated[float, Field(ge=0)]
PositiveOrInf = Annotated[float, Field(gt=0, allow_inf_nan=True)]
NonNegativeOrInf = Annotated[float, Field(ge=0, allow_inf_nan=True)]
"""Numbers that may be `inf`, for no limit. The bound refuses nan."""

_Drawn = Annotated[Distribution, Tag("distribution")]
_Either = Discriminator(_number_or_distribution)

_Some = AfterValidator(_reaches_above_zero)

PositiveOrDrawn = Annotated[Annotated[float, Field(gt=0), Tag("number")] | _Drawn, _Either, _Some]
NonNegativeOrDrawn = Annotated[Annotated[NonNegative, Tag("number")] | _Drawn, _Either]
PositiveInfOrDrawn = Annotated[Annotated[PositiveOrInf, Tag("number")] | _Drawn, _Either, _Some]
NonNegativeInfOrDrawn = Annotated[Annotated[NonNegativeOrInf, Tag("number")] | _Drawn, _Either]

Members = Annotated[int, Field(ge=1, le=10_000_000)]
"""How many members a cohort has; the bound keeps a slip of the pen from asking for more memory than there is."""


def draw(value: float | Drawn, count: int, rng: np.random.Generator, lowest: float = 0.0) -> FloatArray:
    """Draw one value for each member of a cohort; what falls below `lowest` is lifted to it.

    Returns an array of shape (count,). A plain number is taken as it is, for everybody.
    """
    if isinstance(value, float | int):
        return np.full(count, float(value))
    return np.maximum(value.draw(count, rng), lowest)


def pair(leading: FloatArray, following: FloatArray, rank_correlation: float, rng: np.random.Generator) -> FloatArray:
    """Return `following` in an order in which it goes with `leading` at this rank correlation (Spearman's).

    Both have shape (count,), and keep the values that were drawn: only who has which changes. **Source**: Iman and
    Conover (1982): the normal scores of the ranks of the one are mixed with normal draws into scores for the other,
    which is a Gaussian copula; its correlation is 2 sin(pi rho / 6) (Pearson 1907).
    """
    count = len(leading)
    scores = np.empty(count)
    scores[np.argsort(leading, kind="stable")] = ndtri((np.arange(count) + 0.5) / count)
    weight = 2.0 * math.sin(math.pi * rank_correlation / 6.0)
    mixed = weight * scores + math.sqrt(max(1.0 - weight * weight, 0.0)) * rng.standard_normal(count)
    paired = np.empty(count)
    paired[np.argsort(mixed, kind="stable")] = np.sort(following)
    return paired
