"""A price whose variance reverts to a mean and is random itself: the Heston model.

**Source**: Heston, "A closed-form solution for options with stochastic volatility", Review of Financial Studies 6
(1993): dS / S = mu dt + sqrt(v) dW, dv = kappa (theta - v) dt + epsilon sqrt(v) dB, dW dB = rho dt. Discretisation:
Andersen, "Simple and efficient simulation of the Heston stochastic volatility model", Journal of Computational Finance
11 (2008): QE for v (section 3.2.4, psi_c = 1.5), the log price of equation (33) with gamma1 = gamma2 = 1/2, and the
martingale correction of proposition 9.
**Models**: volatility that comes in waves, and, with rho below zero, rises as the price falls.
**Leaves out**: jumps. Bias: v has its exact conditional mean and variance at any step, but not its exact law; the
variance over a step is taken as the mean of its ends. Both vanish as kappa dt and epsilon² dt go to zero, and are far
below what any sample shows at steps of minutes.
**Units**: `volatility_per_year` is sqrt(theta), `start_volatility_per_year` the root of v at the start and the same
unless given; `reversion_per_year` is kappa; `volatility_of_variance` is epsilon, per year; `correlation` is rho.
**Invariants**: E S(t) = start e^(mu t) exactly, at any step. v is never negative; in the long run its mean is theta and
its variance epsilon² theta / (2 kappa), also as discretised. Without epsilon it is geometric Brownian motion with the
variance theta + (v0 - theta) e^(-kappa t), exactly. To leading order the price's whole shock is the normal draw given,
so that the correlation between assets is that of their prices: the two draws that QE wants are those given and one's
own, turned by the angle whose cosine is rho.
"""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from models.compiled import compiled
from models.parameters import Parameters
from models.prices.gbm import SECONDS_PER_YEAR, check_draws, grow
from models.refusals import Refusal
from models.types import FloatArray

LEAST_EPSILON = 1e-3
"""Below it v moves by so little that dividing by epsilon would show how it was rounded."""
_PSI_C = 1.5


class StepTooLong(Refusal):
    """Over a step so long the discretised price has no expected value."""


class _Scheme(NamedTuple):
    """The parameters of the model, and how long a step is."""

    start_variance: float
    theta: float
    kappa: float
    epsilon: float
    rho: float
    years: float


class HestonPrice(Parameters):
    """Heston's model from `start`."""

    needs_table: ClassVar[bool] = False
    diffuses: ClassVar[bool] = True

    kind: Literal["heston"] = "heston"
    start: float = Field(gt=0)
    drift_per_year: float = 0.0
    volatility_per_year: float = Field(gt=0)
    start_volatility_per_year: float | None = Field(default=None, ge=0)
    reversion_per_year: float = Field(gt=0)
    volatility_of_variance: float = Field(ge=0)
    correlation: float = Field(default=0.0, ge=-1, le=1)

    @model_validator(mode="after")
    def _enough_or_none(self) -> Self:
        if 0.0 < self.volatility_of_variance < LEAST_EPSILON:
            raise ValueError(
                f"volatility_of_variance = {self.volatility_of_variance:g} is too little to be told from none; give 0,"
                f" or {LEAST_EPSILON:g} and more"
            )
        return self

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.start

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`start`, then the moves of the scheme; `rng` draws what moves the variance alone.

        Raises `StepTooLong` or `PriceOutOfRange`.
        """
        moves, _ = self._moves(steps, step_seconds, normals, rng)
        return grow(self.start, moves)

    def variances(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The variance per year at each step of the path that `path` makes of the same draws, shape (steps,)."""
        _, variances = self._moves(steps, step_seconds, normals, rng)
        return variances

    def _moves(
        self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Log returns into each step and the variance at each, both of shape (steps,)."""
        check_draws(steps, normals)
        first = self.volatility_per_year if self.start_volatility_per_year is None else self.start_volatility_per_year
        scheme = _Scheme(
            start_variance=first**2,
            theta=self.volatility_per_year**2,
            kappa=self.reversion_per_year,
            epsilon=self.volatility_of_variance,
            rho=self.correlation,
            years=step_seconds / SECONDS_PER_YEAR,
        )
        own = rng.standard_normal(steps)
        if scheme.epsilon == 0.0:
            moves, variances = _deterministic(scheme, normals)
        else:
            moves, variances, failed = _quadratic_exponential(scheme, normals, own)
            if failed >= 0:
                raise StepTooLong(
                    f"the expected price has no value after step {failed}: with correlation = {self.correlation:g}"
                    f" above zero a step of {step_seconds:g} s is too long; shorten step_seconds, or lower the"
                    " correlation or volatility_of_variance"
                )
        moves[1:] += self.drift_per_year * scheme.years
        return moves, variances


def _deterministic(scheme: _Scheme, normals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Driftless log returns and variances where the variance has no shocks, integrated exactly over every step."""
    _, theta, kappa, _, _, years = scheme
    times = years * np.arange(len(normals))
    variances = theta + (scheme.start_variance - theta) * np.exp(-kappa * times)
    over_steps = theta * years - (variances - theta) * math.expm1(-kappa * years) / kappa
    moves = np.zeros(len(normals))
    moves[1:] = -0.5 * over_steps[:-1] + np.sqrt(over_steps[:-1]) * normals[1:]
    return moves, variances


@compiled(error_model="numpy")
def _quadratic_exponential(scheme: _Scheme, normals: FloatArray, own: FloatArray) -> tuple[FloatArray, FloatArray, int]:
    """Driftless log returns, variances, and the first step after which the correction does not exist, or -1."""
    variance, theta, kappa, epsilon, rho, years = scheme
    across = math.sqrt(1.0 - rho * rho)
    fading = math.exp(-kappa * years)
    fade = -math.expm1(-kappa * years)
    k2 = 0.5 * years * (kappa * rho / epsilon - 0.5) + rho / epsilon
    k3 = k4 = 0.5 * years * across * across
    a_exponent = k2 + 0.5 * k4

    moves, variances = np.zeros(len(normals)), np.empty(len(normals))
    variances[0] = variance
    for step in range(1, len(normals)):
        of_variance = rho * normals[step] + across * own[step]
        of_price = across * normals[step] - rho * own[step]
        mean = theta + (variance - theta) * fading
        spread = epsilon * epsilon * fade * (variance * fading + 0.5 * theta * fade) / kappa
        psi = spread / (mean * mean)
        if psi <= _PSI_C:
            b2 = 2.0 / psi - 1.0 + math.sqrt(2.0 / psi) * math.sqrt(2.0 / psi - 1.0)
            a = mean / (1.0 + b2)
            then = a * (math.sqrt(b2) + of_variance) ** 2
            room = 1.0 - 2.0 * a_exponent * a
            log_growth = a_exponent * b2 * a / room - 0.5 * math.log(max(room, 0.0))
        else:
            p = (psi - 1.0) / (psi + 1.0)
            decay = (1.0 - p) / mean
            above = 0.5 * math.erfc(of_variance / math.sqrt(2.0))  # 1 - u of a uniform u, exact in its tail
            then = math.log((1.0 - p) / above) / decay if above < 1.0 - p else 0.0
            room = decay - a_exponent
            log_growth = math.log(max(p + decay * (1.0 - p) / room, 0.0))
        if not room > 0.0:
            return moves, variances, step - 1
        # Andersen's K0* + K1 v, in which all but this of K1 cancels.
        moves[step] = k2 * then - log_growth - 0.5 * k3 * variance + math.sqrt(k3 * variance + k4 * then) * of_price
        variances[step] = then
        variance = then
    return moves, variances, -1
