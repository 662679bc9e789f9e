"""Geometric Brownian motion with lognormal jumps.

**Source**: Merton, "Option pricing when underlying stock returns are discontinuous", Journal of Financial Economics 3
(1976): dS / S = (mu - lambda k) dt + sigma dW + (Y - 1) dq, with ln Y normal and k = E[Y - 1].
**Models**: sudden moves that no liquidator can trade through, on top of a diffusion.
**Leaves out**: clusters of jumps, jumps common to several assets.
**Units**: `jumps_per_year` is lambda; `jump_mean` and `jump_volatility` are the mean and the standard deviation of
ln Y, so -0.1 is a fall of about 10 %. The rest is as in the diffusion without jumps.
**Invariants**: E S(t) = start e^(mu t), jumps included. Without jumps it is the diffusion, draw for draw. The jumps
happen at the same times, by the same sizes, whatever the step.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.prices.gbm import SECONDS_PER_YEAR, grow, log_moves
from models.types import FloatArray


class JumpDiffusionPrice(Parameters):
    """Merton's jump diffusion from `start`."""

    needs_table: ClassVar[bool] = False

    kind: Literal["jump_diffusion"] = "jump_diffusion"
    start: float = Field(gt=0)
    drift_per_year: float = 0.0
    volatility_per_year: float = Field(ge=0)
    jumps_per_year: float = Field(ge=0, le=1e6)
    jump_mean: float
    jump_volatility: float = Field(ge=0)

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.start

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`start`, then the diffusion's moves from `normals` and jumps from `rng`. Raises `PriceOutOfRange`."""
        with np.errstate(over="ignore"):
            jump_growth = float(np.expm1(self.jump_mean + 0.5 * self.jump_volatility**2))
        drift = self.drift_per_year - self.jumps_per_year * jump_growth
        moves = log_moves(drift, self.volatility_per_year, steps, step_seconds, normals)
        self._add_jumps(moves, step_seconds, rng)
        return grow(self.start, moves)

    def _add_jumps(self, moves: FloatArray, step_seconds: float, rng: np.random.Generator) -> None:
        """Add to the moves, in place, the jumps of a Poisson process, each into the first step after it."""
        if self.jumps_per_year == 0.0:
            return
        wait_steps = SECONDS_PER_YEAR / (self.jumps_per_year * step_seconds)
        at = rng.exponential(wait_steps)
        while at < len(moves) - 1:
            moves[int(at) + 1] += rng.normal(self.jump_mean, self.jump_volatility)
            at += rng.exponential(wait_steps)
