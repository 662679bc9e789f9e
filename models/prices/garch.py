"""Returns whose variance follows what has just happened: GARCH(1, 1).

**Source**: Bollerslev, "Generalized autoregressive conditional heteroskedasticity", Journal of Econometrics 31 (1986):
h' = omega + alpha e² + beta h, e = sqrt(h) z. Student-t innovations: Bollerslev, "A conditionally heteroskedastic time
series model for speculative prices and rates of return", Review of Economics and Statistics 69 (1987). The drift as in
Duan, "The GARCH option pricing model", Mathematical Finance 5 (1995): a log return of mu - h / 2 + e.
**Models**: calm and wild times that last, and heavy tails. The recursion has its own clock: one return is that over
`recursion_seconds`, whatever the step, and within it the variance stays. With n steps in it each has h / n, so that the
return over the whole has exactly the law of the recursion.
**Leaves out**: an answer to the sign of returns; alpha + beta = 1 and more; a step longer than the recursion's.
**Units**: `volatility_per_year` is that of the unconditional variance, sigma² dt = omega / (1 - alpha - beta);
`start_volatility_per_year`, that of the first return, is the same unless given. Student-t innovations are scaled to
variance 1, those of a return drawn as one normal over the root of one chi-square.
**Invariants**: where h starts at its mean, E h stays there and e is uncorrelated with variance sigma² dt. With normal
innovations E S(t) = start e^(mu t), e has the kurtosis 3 (1 - s²) / (1 - s² - 2 alpha²), s = alpha + beta, and e² the
autocorrelation r s^(k-1), r = alpha (1 - s beta) / (1 - s² + alpha²), where 1 > s² + 2 alpha². With Student-t
innovations no expected price exists, and mu dt - h / 2 is the mean of a log return. With alpha = beta = 0 and normal
innovations it is geometric Brownian motion.
"""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from models.compiled import compiled
from models.parameters import Parameters
from models.prices.gbm import SECONDS_PER_YEAR, check_draws, grow
from models.refusals import Refusal
from models.types import FloatArray


class RecursionDoesNotFitSteps(Refusal):
    """The recursion's own period is not a whole number of steps."""


class NormalInnovations(Parameters):
    """Standard normal innovations."""

    kind: Literal["normal"] = "normal"

    def scales(self, count: int, rng: np.random.Generator) -> FloatArray:
        """What multiplies a normal to make each innovation: 1."""
        return np.ones(count)


class StudentInnovations(Parameters):
    """Student-t innovations of variance 1."""

    kind: Literal["student_t"] = "student_t"
    degrees_of_freedom: float = Field(gt=2)

    def scales(self, count: int, rng: np.random.Generator) -> FloatArray:
        """What multiplies a normal to make each innovation: sqrt((nu - 2) / chi²_nu)."""
        nu = self.degrees_of_freedom
        # Of few degrees of freedom a draw can be so small that it rounds to none.
        chi_square = np.maximum(2.0 * rng.standard_gamma(0.5 * nu, count), np.finfo(np.float64).tiny)
        return np.sqrt((nu - 2.0) / chi_square)


Innovations = Annotated[NormalInnovations | StudentInnovations, Field(discriminator="kind")]


class GarchPrice(Parameters):
    """A GARCH(1, 1) from `start`."""

    needs_table: ClassVar[bool] = False
    diffuses: ClassVar[bool] = True

    kind: Literal["garch"] = "garch"
    start: float = Field(gt=0)
    drift_per_year: float = 0.0
    volatility_per_year: float = Field(ge=0)
    start_volatility_per_year: float | None = Field(default=None, ge=0)
    alpha: float = Field(ge=0, lt=1)
    beta: float = Field(ge=0, lt=1)
    recursion_seconds: float = Field(gt=0)
    innovations: Innovations = NormalInnovations()

    @model_validator(mode="after")
    def _stationary(self) -> Self:
        if self.alpha + self.beta >= 1.0:
            raise ValueError(
                f"alpha = {self.alpha:g} and beta = {self.beta:g} add up to 1 or more, so the variance has no mean;"
                " lower one of them"
            )
        return self

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.start

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def steps_per_recursion(self, step_seconds: float) -> int:
        """Steps in one return of the recursion. Raises `RecursionDoesNotFitSteps` unless that is a whole number."""
        ratio = self.recursion_seconds / step_seconds
        steps = round(ratio)
        if steps < 1 or abs(ratio - steps) > 1e-9 * steps:
            raise RecursionDoesNotFitSteps(
                f"recursion_seconds = {self.recursion_seconds:.15g} does not fit steps of {step_seconds:.15g} s: choose"
                " step_seconds so that the recursion's period is a whole number of steps, 1 or more"
            )
        return steps

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`start`, then the returns of the recursion, `rng` drawing what makes them Student-t.

        Raises `RecursionDoesNotFitSteps` or `PriceOutOfRange`.
        """
        check_draws(steps, normals)
        n = self.steps_per_recursion(step_seconds)
        moving = steps - 1
        whole = moving // n
        scales = self.innovations.scales(-(-moving // n), rng)
        innovations = np.zeros(len(scales))  # that of a return whose end is not reached moves nothing
        innovations[:whole] = normals[1 : 1 + whole * n].reshape(whole, -1).sum(axis=1) if whole else 0.0
        innovations *= scales / math.sqrt(n)

        years = self.recursion_seconds / SECONDS_PER_YEAR
        mean = self.volatility_per_year**2 * years
        first = mean if self.start_volatility_per_year is None else self.start_volatility_per_year**2 * years
        variances = _recursion(first, (1.0 - self.alpha - self.beta) * mean, self.alpha, self.beta, innovations)
        with np.errstate(over="ignore", invalid="ignore"):
            drifts = (self.drift_per_year * years - 0.5 * variances) / n
            deviations = np.sqrt(variances / n) * scales
            within = np.arange(moving) // min(n, steps)  # the return of the recursion that a step belongs to
            moves = np.zeros(steps)
            moves[1:] = drifts[within] + deviations[within] * normals[1:]
        return grow(self.start, moves)


@compiled()
def _recursion(first: float, omega: float, alpha: float, beta: float, innovations: FloatArray) -> FloatArray:
    """The variance of every return, shape (periods,), from that of the first and the innovations of all."""
    variances = np.empty(len(innovations))
    variance = first
    for k, innovation in enumerate(innovations):
        variances[k] = variance
        variance = omega + alpha * variance * innovation * innovation + beta * variance
    return variances
