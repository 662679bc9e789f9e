"""A price that is pulled back to its level: of what is pegged, redeemable, or worth so much of another asset.

**Source**: Uhlenbeck and Ornstein, "On the theory of the Brownian motion", Physical Review 36 (1930), of the log price,
as in Schwartz, "The stochastic behavior of commodity prices", Journal of Finance 52 (1997), model 1: d ln S =
k (ln level - ln S) dt + sigma dW. With jumps: Cartea and Figueroa, "Pricing in electricity markets", Applied
Mathematical Finance 12 (2005).
**Models**: a distance from the level that halves in `half_life_seconds` but for what is new: a diffusion, and jumps,
which are forgotten like every other distance; exact at any step.
**Leaves out**: a peg that breaks for good, which is a jump diffusion's; a level that moves.
**Units**: `level` as the price; `volatility_per_year` is that of the diffusion, per square root of a year, before
anything is pulled back; the rest as in the jump diffusion.
**Invariants**: without volatility and jumps ln (S / level) halves in every half-life. Without jumps ln S is normal
with the mean ln level + (ln start - ln level) e^(-k t) and the variance sigma² (1 - e^(-2 k t)) / (2 k), k = ln 2 /
half-life. A half-life beyond all times is the diffusion of the same volatility without a drift of the log price. The
jumps happen at the same times, by the same sizes, whatever the step.
"""

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from models.parameters import Parameters
from models.prices.gbm import SECONDS_PER_YEAR, check_draws, prices_along
from models.prices.jump_sizes import JumpSizes, poisson_jumps
from models.types import FloatArray


class MeanRevertingPrice(Parameters):
    """A diffusion about `level`, from `start` (the level itself where none is given), with `jumps` or without."""

    needs_table: ClassVar[bool] = False
    diffuses: ClassVar[bool] = False  # where it ends is decided by the latest draws, not by their sum

    kind: Literal["mean_reverting"] = "mean_reverting"
    level: float = Field(gt=0)
    start: float | None = Field(None, gt=0)
    half_life_seconds: float = Field(gt=0)
    volatility_per_year: float = Field(ge=0)
    jumps_per_year: float = Field(0.0, ge=0, le=1e6)
    jumps: JumpSizes | None = None

    @model_validator(mode="after")
    def _jumps_have_a_law(self) -> Self:
        if self.jumps_per_year > 0.0 and self.jumps is None:
            raise ValueError(
                'jumps have no law: give `jumps` = { kind = "normal" or "double_exponential", … }, or no jumps_per_year'
            )
        return self

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.level if self.start is None else self.start

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`start`, then moves from `normals` and jumps from `rng`. Raises `PriceOutOfRange` or `TooManyEvents`."""
        check_draws(steps, normals)
        decay = math.log(2.0) * step_seconds / self.half_life_seconds
        # The share of a step's variance that is left at its end; all of it where the half-life is beyond all times.
        left = -math.expm1(-2.0 * decay) / (2.0 * decay) if decay > 0.0 else 1.0
        brought = self.volatility_per_year * math.sqrt(step_seconds / SECONDS_PER_YEAR * left) * normals
        if self.jumps is not None:
            for at, size in poisson_jumps(self.jumps_per_year, self.jumps, steps, step_seconds, rng):
                step = int(at) + 1
                brought[step] += size * math.exp(-decay * (step - at))
        away, kept = math.log(self.start_price / self.level), math.exp(-decay)
        distances = np.fromiter(
            accumulate(brought[1:].tolist(), lambda before, new: before * kept + new, initial=away), np.float64, steps
        )
        return prices_along(self.start_price, distances - away)
