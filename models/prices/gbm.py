"""Geometric Brownian motion.

**Source**: Samuelson (1965); Black and Scholes (1973): dS / S = mu dt + sigma dW.
**Models**: a price whose log returns are independent and normal, exact at any step.
**Leaves out**: jumps, changing volatility, microstructure.
**Units**: `drift_per_year` is the growth rate of the expected price, `volatility_per_year` that of the log price per
square root of a year; a year has 365 days.
**Invariants**: E S(t) = start e^(mu t). Without drift and volatility the price is constant.
"""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.refusals import Refusal
from models.types import FloatArray

SECONDS_PER_YEAR = 31_536_000
SMALLEST_PRICE, LARGEST_PRICE = 1e-18, 1e18
"""Beyond these, products of a price with amounts and other prices leave the range of floating-point numbers."""


class WrongDraws(Refusal):
    """The normal draws are not one per step."""


class PriceOutOfRange(Refusal):
    """The path leaves the range of prices that can be reckoned with."""


class GbmPrice(Parameters):
    """Geometric Brownian motion from `start`."""

    needs_table: ClassVar[bool] = False
    diffuses: ClassVar[bool] = True

    kind: Literal["gbm"] = "gbm"
    start: float = Field(gt=0)
    drift_per_year: float = 0.0
    volatility_per_year: float = Field(ge=0)

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.start

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`start`, then exact lognormal moves: `normals[k]` makes the move into step k. Raises `PriceOutOfRange`."""
        moves = log_moves(self.drift_per_year, self.volatility_per_year, steps, step_seconds, normals)
        return grow(self.start, moves)


def log_moves(
    drift_per_year: float, volatility_per_year: float, steps: int, step_seconds: float, normals: FloatArray
) -> FloatArray:
    """Log returns into each step, shape (steps,); none into step 0. Raises `WrongDraws`."""
    check_draws(steps, normals)
    years = step_seconds / SECONDS_PER_YEAR
    moves = (drift_per_year - 0.5 * volatility_per_year**2) * years + volatility_per_year * math.sqrt(years) * normals
    moves[:1] = 0.0
    return moves


def check_draws(steps: int, normals: FloatArray) -> None:
    """Raise `WrongDraws` unless there is a normal draw for every step."""
    if normals.shape != (steps,):
        raise WrongDraws(f"{steps} steps need as many normal draws: given an array of shape {normals.shape}")


def grow(start: float, moves: FloatArray) -> FloatArray:
    """The prices that begin at `start` and make these log returns. Raises `PriceOutOfRange`."""
    with np.errstate(over="ignore", invalid="ignore"):
        distances = np.cumsum(moves)
    return prices_along(start, distances)


def prices_along(start: float, distances: FloatArray) -> FloatArray:
    """The prices at these log distances from `start`. Raises `PriceOutOfRange`."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        path: FloatArray = start * np.exp(distances)
    check_range(path)
    return path


def check_range(path: FloatArray) -> None:
    """Raise `PriceOutOfRange` where a price is none that can be reckoned with."""
    kept = (path >= SMALLEST_PRICE) & (path <= LARGEST_PRICE)  # neither where it is nan
    if not kept.all():
        step = int(np.argmin(kept))
        raise PriceOutOfRange(
            f"the price is {path[step]} at step {step}, started from {path[0]}, and no longer between"
            f" {SMALLEST_PRICE:g} and {LARGEST_PRICE:g}: lower the drift, the volatility or the jumps (all are per"
            " year), or run fewer steps"
        )
