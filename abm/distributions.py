"""How the members of a cohort differ: the distributions a scenario may name for an attribute.

A plain number stands for the same value for everybody.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from models.parameters import Parameters
from models.types import FloatArray


class Uniform(Parameters):
    """Evenly spread between two ends."""

    kind: Literal["uniform"]
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> "Uniform":
        if self.low > self.high:
            raise ValueError(f"low = {self.low} is above high = {self.high}; swap them")
        return self

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` draws."""
        return rng.uniform(self.low, self.high, count)


class LogNormal(Parameters):
    """`shift` plus a lognormal of this median, cut at `maximum` where one is given."""

    kind: Literal["lognormal"]
    median: float = Field(gt=0)
    sigma: float = Field(ge=0)
    shift: float = 0.0
    maximum: float | None = None

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` draws."""
        values = self.shift + self.median * np.exp(self.sigma * rng.standard_normal(count))
        return values if self.maximum is None else np.minimum(values, self.maximum)


class Pareto(Parameters):
    """A power law above `minimum` with tail exponent `shape`, cut at `maximum` where one is given."""

    kind: Literal["pareto"]
    minimum: float = Field(gt=0)
    shape: float = Field(gt=0)
    maximum: float | None = None

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return `count` draws, by inversion of the distribution function."""
        values = self.minimum * (1.0 - rng.random(count)) ** (-1.0 / self.shape)
        return values if self.maximum is None else np.minimum(values, self.maximum)


Distribution = Annotated[Uniform | LogNormal | Pareto, Field(discriminator="kind")]
PositiveOrDrawn = Annotated[float, Field(gt=0)] | Distribution
NonNegativeOrDrawn = Annotated[float, Field(ge=0)] | Distribution


def draw(
    value: float | Uniform | LogNormal | Pareto, count: int, rng: np.random.Generator, lowest: float = 0.0
) -> FloatArray:
    """Draw one value for each member of a cohort; what falls below `lowest` is lifted to it.

    Returns an array of shape (count,).
    """
    if isinstance(value, float | int):
        return np.full(count, float(value))
    return np.maximum(value.draw(count, rng), lowest)
