"""How far a jump goes: the laws of the logarithm of what a jump multiplies the price by.

**Source**: normal: Merton, "Option pricing when underlying stock returns are discontinuous", Journal of Financial
Economics 3 (1976). Double exponential: Kou, "A jump-diffusion model for option pricing", Management Science 48 (2002),
whose 1 / eta1 and 1 / eta2 are `up_mean` and `down_mean`, and whose p is `up_share`.
**Models**: ln Y normal; or upward with probability p and then exponential, downward with 1 - p and then exponential:
a sharper peak and heavier tails, and falls that differ from rises.
**Leaves out**: sizes that depend on the price, on time, or on one another.
**Units**: logarithms: -0.1 is a fall of about 10 %.
**Invariants**: a size takes as many draws as any other of its law, so that what follows it does not move; jumps happen
at the same times, by the same sizes, whatever the step.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.prices.events import check_events
from models.prices.gbm import SECONDS_PER_YEAR


class NormalJumps(Parameters):
    """Normal log jumps."""

    kind: Literal["normal"] = "normal"
    mean: float
    volatility: float = Field(ge=0)

    @property
    def growth(self) -> float:
        """E[Y] - 1, by which one jump changes the expected price; inf past the range of floating-point numbers."""
        with np.errstate(over="ignore"):
            return float(np.expm1(self.mean + 0.5 * self.volatility**2))

    def draw(self, rng: np.random.Generator) -> float:
        """One log jump."""
        return float(rng.normal(self.mean, self.volatility))


class DoubleExponentialJumps(Parameters):
    """Log jumps that are exponential either way; `up_mean` below 1, or no expected price would exist."""

    kind: Literal["double_exponential"] = "double_exponential"
    up_share: float = Field(ge=0, le=1)
    up_mean: float = Field(ge=0, lt=1)
    down_mean: float = Field(ge=0)

    @property
    def growth(self) -> float:
        """E[Y] - 1 = p / (1 - up_mean) + (1 - p) / (1 + down_mean) - 1."""
        return self.up_share / (1.0 - self.up_mean) + (1.0 - self.up_share) / (1.0 + self.down_mean) - 1.0

    def draw(self, rng: np.random.Generator) -> float:
        """One log jump."""
        up, size = rng.random() < self.up_share, float(rng.standard_exponential())
        return self.up_mean * size if up else -self.down_mean * size


JumpSizes = Annotated[NormalJumps | DoubleExponentialJumps, Field(discriminator="kind")]


def poisson_jumps(
    jumps_per_year: float, sizes: JumpSizes, steps: int, step_seconds: float, rng: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """The jumps of a path, each with its time, in steps, before the last step, and its size, a logarithm.

    Raises `TooManyEvents`.
    """
    if jumps_per_year == 0.0:
        return
    wait_steps = SECONDS_PER_YEAR / (jumps_per_year * step_seconds)
    check_events(steps / wait_steps, "jumps")
    at = rng.exponential(wait_steps)
    while at < steps - 1:
        yield at, sizes.draw(rng)
        at += rng.exponential(wait_steps)
