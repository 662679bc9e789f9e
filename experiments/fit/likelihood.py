"""Maximum likelihood for the models that no library fits: the maximum, standard errors, and intervals by profile.

**Source**: errors are the inverse of the observed information; those of functions of the parameters by the delta
method (Davidson and MacKinnon, "Econometric Theory and Methods", 2004, chapters 5 and 10). Profile likelihood: Venzon
and Moolgavkar, "A method for computing profile-likelihood-based confidence intervals", Applied Statistics 37 (1988).
**Units**: parameters are searched for as any real numbers; each model turns them into its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize

from experiments.fit.fitted import Estimate, NoFit
from models.types import FloatArray

_IMPOSSIBLE = 1e10
"""Stands for a likelihood of zero: the search must be able to go back from it."""

_DROP = 1.920729
"""Half the 95 % quantile of a chi-square of one degree: what a log likelihood may fall by within an interval."""
_FARTHEST = 30.0
"""Beyond so much from the maximum a likelihood that has not fallen by that is taken never to do so."""


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Parameters at which the likelihood is largest, shape (k,), and their covariance, shape (k, k)."""

    at: FloatArray
    covariance: FloatArray
    log_likelihood: float


Likelihood = Callable[[FloatArray], float]
"""The log likelihood of parameters of shape (k,); not finite where they are impossible."""


def search(log_likelihood: Likelihood, starts: Sequence[FloatArray]) -> FloatArray:
    """The highest point reached from the starts, shape (k,)."""
    cost = _cost(log_likelihood)
    best = min((_descend(cost, start) for start in starts), key=lambda result: float(result.fun))
    if not best.success:
        # Once more from there with a fresh idea of the curvature, since a search may stop where its own was bad.
        best = min((best, _descend(cost, best.x)), key=lambda result: float(result.fun))
    return np.asarray(best.x, dtype=np.float64)


def _descend(cost: Likelihood, start: FloatArray) -> Any:
    """One search downhill; a gradient of 1e-3 leaves a parameter off by about 1e-3 of its standard error at most."""
    return minimize(cost, start, method="BFGS", options={"gtol": 1e-3})


def maximise(log_likelihood: Likelihood, starts: Sequence[FloatArray]) -> Maximum:
    """The highest of the maxima reached from the starts. Raises `NoFit` where it is none, but an edge or a ridge."""
    from statsmodels.tools.numdiff import approx_hess  # noqa: PLC0415  an extra, and slow to import

    cost, at = _cost(log_likelihood), search(log_likelihood, starts)
    information = np.asarray(approx_hess(at, cost), dtype=np.float64)
    eigenvalues = np.linalg.eigvalsh(information) if np.isfinite(information).all() else np.zeros(len(at))
    if cost(at) >= _IMPOSSIBLE or eigenvalues[0] <= 1e-10 * eigenvalues[-1]:
        raise NoFit("its likelihood has no single highest point")
    return Maximum(at, np.linalg.inv(information).astype(np.float64), -cost(at))


Slope = Callable[[FloatArray], tuple[float, FloatArray]]
"""The log likelihood of parameters of shape (k,) and its gradient, shape (k,)."""


def profile_interval(slope: Slope, maximum: Maximum, k: int, start: FloatArray) -> tuple[float, float]:
    """The values of parameter k beside which the likelihood, all others at their best, falls by less than `_DROP`.

    The best is searched for from `start`, shape (k,). An end is infinite where the likelihood never falls so far.
    """
    top, others = slope(maximum.at)[0], np.delete(start, k)
    step = min(max(float(np.sqrt(maximum.covariance[k, k])), 0.05), 1.0)
    low, high = (_end(slope, k, float(maximum.at[k]), others, way * step, top - _DROP) for way in (-1.0, 1.0))
    return low, high


def _end(slope: Slope, k: int, at: float, others: FloatArray, step: float, least: float) -> float:
    """Where the highest likelihood beside a value of parameter k falls to `least`, in steps outward from `at`."""
    inner, best = at, others

    def over(value: float) -> tuple[float, FloatArray]:
        """How far above `least` it is beside a value, and where."""

        def cost(rest: FloatArray) -> tuple[float, FloatArray]:
            height, gradient = slope(np.insert(rest, k, value))
            return (-height, -np.delete(gradient, k)) if np.isfinite(height) else (_IMPOSSIBLE, np.zeros(len(rest)))

        found = minimize(cost, best, method="BFGS", jac=True, options={"gtol": 1e-3})
        return -float(found.fun) - least, np.asarray(found.x, dtype=np.float64)

    while abs(inner + step - at) < _FARTHEST:
        above, there = over(inner + step)
        if above <= 0.0:
            return float(brentq(lambda value: over(value)[0], inner, inner + step, xtol=1e-3 * abs(step)))
        inner, best, step = inner + step, there, 1.5 * step
    return float(np.copysign(np.inf, step))


def _cost(log_likelihood: Likelihood) -> Likelihood:
    """What a search makes small."""

    def cost(parameters: FloatArray) -> float:
        value = log_likelihood(parameters)
        return -value if np.isfinite(value) else _IMPOSSIBLE

    return cost


def estimates(
    names: Sequence[str], values: Callable[[FloatArray], FloatArray], at: FloatArray, covariance: FloatArray
) -> list[Estimate]:
    """Functions of parameters by their names, with standard errors by the delta method."""
    from statsmodels.tools.numdiff import approx_fprime  # noqa: PLC0415

    slopes = np.atleast_2d(np.asarray(approx_fprime(at, values, centered=True), dtype=np.float64))
    errors = np.sqrt(np.maximum(np.diag(slopes @ covariance @ slopes.T), 0.0))
    return [Estimate(*row) for row in zip(names, values(at).tolist(), errors.tolist(), strict=True)]
