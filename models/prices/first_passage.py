"""How likely geometric Brownian motion is to touch a barrier, watched all the time or at every step.

**Source**: all the time: the reflection principle; Harrison, "Brownian Motion and Stochastic Flow Systems" (1985),
section 1.8. At steps: Broadie, Glasserman and Kou, "A continuity correction for discrete barrier options", Mathematical
Finance 7 (1997): as if watched all the time with the barrier farther by beta sigma sqrt(dt), beta = -zeta(1/2) /
sqrt(2 pi).
**Models**: the chance that a borrower who does nothing is ever liquidatable, where its debt does not grow.
**Leaves out**: interest, jumps, everything that moves a price but a diffusion. The correction leaves an error of
o(1 / sqrt(steps)), largest where the barrier is nearer than a step's move or two.
**Units**: as in the diffusion; times in seconds.
**Invariants**: 1 at the barrier; rises with time, with nearness, and as steps get shorter, to the continuous chance.
"""

import math

from scipy.special import log_ndtr, ndtr

from models.prices.gbm import SECONDS_PER_YEAR
from models.refusals import Refusal

BGK_BETA = 0.5825971579390106
"""-zeta(1/2) / sqrt(2 pi), Broadie, Glasserman and Kou (1997), theorem 1.1."""


class NoDiffusion(Refusal):
    """Prices, volatility and times between which nothing diffuses."""


def touch_probability(
    start: float,
    barrier: float,
    drift_per_year: float,
    volatility_per_year: float,
    seconds: float,
    step_seconds: float = 0.0,
) -> float:
    """The chance that a diffusion from `start` is at or beyond `barrier`, above or below it, within `seconds`.

    It is watched every `step_seconds` up to and with the end, or all the time where that is 0. Raises `NoDiffusion`
    unless prices, volatility and `seconds` are positive.
    """
    if min(start, barrier, volatility_per_year, seconds) <= 0.0 or step_seconds < 0.0:
        raise NoDiffusion(
            f"nothing diffuses from {start:g} to {barrier:g} at a volatility of {volatility_per_year:g} in"
            f" {seconds:g} s watched every {step_seconds:g} s: give positive numbers (0 s to watch all the time)"
        )
    years = seconds / SECONDS_PER_YEAR
    # A barrier above is one below as seen in a mirror.
    side = 1.0 if barrier <= start else -1.0
    distance = side * math.log(start / barrier)
    if distance == 0.0:
        return 1.0
    distance += BGK_BETA * volatility_per_year * math.sqrt(step_seconds / SECONDS_PER_YEAR)
    drift = side * (drift_per_year - 0.5 * volatility_per_year**2)
    spread = volatility_per_year * math.sqrt(years)
    beyond = float(ndtr((-distance - drift * years) / spread))
    # In logarithms: where the drift is strong one factor is beyond all numbers and the other below them.
    reflected = math.exp(
        -2.0 * drift * distance / volatility_per_year**2 + log_ndtr((-distance + drift * years) / spread)
    )
    return min(beyond + reflected, 1.0)
