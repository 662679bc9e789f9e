"""Geometric Brownian motion with jumps.

**Source**: Merton, "Option pricing when underlying stock returns are discontinuous", Journal of Financial Economics 3
(1976): dS / S = (mu - lambda k) dt + sigma dW + (Y - 1) dq, with k = E[Y - 1]; ln Y normal. Kou, "A jump-diffusion
model for option pricing", Management Science 48 (2002): ln Y double exponential.
**Models**: sudden moves that no liquidator can trade through, on top of a diffusion; exact at any step.
**Leaves out**: clusters of jumps.
**Units**: `jumps_per_year` is lambda; `jumps` is the law of ln Y, or `jump_mean` and `jump_volatility` its mean and its
standard deviation where it is normal: -0.1 is a fall of about 10 %. The rest is as in the diffusion without jumps.
**Invariants**: E S(t) = start e^(mu t), jumps included. The log return over t has the mean (mu - lambda k - sigma²/2 +
lambda E[ln Y]) t and the variance (sigma² + lambda E[ln² Y]) t. Without jumps it is the diffusion, draw for draw. The
jumps happen at the same times, by the same sizes, whatever the step.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from models.parameters import Parameters
from models.prices.gbm import grow, log_moves
from models.prices.jump_sizes import JumpSizes, NormalJumps, poisson_jumps
from models.types import FloatArray


class JumpDiffusionPrice(Parameters):
    """A diffusion from `start` with `jumps`, or with normal jumps of `jump_mean` and `jump_volatility`."""

    needs_table: ClassVar[bool] = False
    diffuses: ClassVar[bool] = True

    kind: Literal["jump_diffusion"] = "jump_diffusion"
    start: float = Field(gt=0)
    drift_per_year: float = 0.0
    volatility_per_year: float = Field(ge=0)
    jumps_per_year: float = Field(ge=0, le=1e6)
    jumps: JumpSizes | None = None
    jump_mean: float | None = None
    jump_volatility: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_law(self) -> Self:
        given = [self.jump_mean is not None, self.jump_volatility is not None]
        if self.jumps is not None and any(given):
            raise ValueError("jumps have one law: give `jumps`, or `jump_mean` and `jump_volatility`, not both")
        if self.jumps is None and not all(given):
            raise ValueError(
                'jumps have no law: give `jump_mean` and `jump_volatility`, or `jumps` = { kind = "normal" or'
                ' "double_exponential", … }'
            )
        return self

    @property
    def sizes(self) -> JumpSizes:
        """The law of the log jumps, however it was given."""
        if self.jumps is not None:
            return self.jumps
        assert self.jump_mean is not None  # or the validator had refused
        assert self.jump_volatility is not None
        return NormalJumps(mean=self.jump_mean, volatility=self.jump_volatility)

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.start

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`start`, then the diffusion's moves from `normals` and jumps from `rng`.

        Raises `PriceOutOfRange` or `TooManyEvents`.
        """
        drift = self.drift_per_year - self.jumps_per_year * self.sizes.growth
        moves = log_moves(drift, self.volatility_per_year, steps, step_seconds, normals)
        for at, size in poisson_jumps(self.jumps_per_year, self.sizes, steps, step_seconds, rng):
            moves[int(at) + 1] += size  # into the first step after it
        return grow(self.start, moves)
