"""The distributions that a scenario can draw, by maximum likelihood, ranked by Akaike's information criterion.

**Source**: lognormal and Pareto in closed form (Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions",
1994, chapters 14 and 20); the exponent of a tail is Hill's (1975), and where it begins is where the likelihood of the
whole is largest (Scollnik 2007).
**Leaves out**: an atom, such as many positions of exactly one size; a lognormal whose shift is not known, as its
likelihood has no maximum (Hill 1963).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError
from scipy.optimize import minimize
from scipy.special import log_ndtr

from abm.reading.distributions import Drawn, LogNormal, LogNormalPareto, Pareto, Uniform
from models.types import FloatArray

_TAILS = (0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01)
"""Shares of the values that are tried as the tail."""
_LEAST_OF_TAIL, _LEAST_OF_BODY = 10, 20
_FLATTEST = 10.0
"""Of the sigma of a body in natural logarithms: one that is wider is a power law in all but name."""


@dataclass(frozen=True, slots=True)
class Law:
    """A distribution as fitted; `parameters` is how many numbers were found."""

    law: Drawn
    log_likelihood: float
    parameters: int

    @property
    def aic(self) -> float:
        """Akaike's information criterion; less is better."""
        return 2.0 * self.parameters - 2.0 * self.log_likelihood


def sizes(values: FloatArray) -> list[Law]:
    """The laws that sizes may have, the best first."""
    return _ranked(values, _lognormal, _pareto, _lognormal_pareto)


def healths(values: FloatArray) -> list[Law]:
    """The laws that healths above 1 may have, the best first."""
    return _ranked(values, _lognormal_above_one, _pareto_above_one, _uniform)


def _ranked(values: FloatArray, *fits: Callable[[FloatArray], Law | None]) -> list[Law]:
    found: list[Law] = []
    for fit in fits:
        try:
            law = fit(values)
        except ValidationError:  # it comes to what no scenario draws
            continue
        if law is not None:
            found.append(law)
    return sorted(found, key=lambda law: law.aic)


def _lognormal(values: FloatArray) -> Law:
    logs = np.log(values)
    median, sigma = math.exp(logs.mean()), float(logs.std())
    law = LogNormal(kind="lognormal", median=_six(median), sigma=_six(sigma))
    return Law(law, _normal(logs) - float(logs.sum()), 2)


def _lognormal_above_one(values: FloatArray) -> Law:
    logs = np.log(values - 1.0)
    law = LogNormal(kind="lognormal", median=_six(math.exp(logs.mean())), sigma=_six(float(logs.std())), shift=1.0)
    return Law(law, _normal(logs) - float(logs.sum()), 2)


def _pareto(values: FloatArray) -> Law:
    least = float(values.min())
    return _power_law(values, least, 2)


def _pareto_above_one(values: FloatArray) -> Law:
    return _power_law(values, 1.0, 1)


def _uniform(values: FloatArray) -> Law:
    low, high = float(values.min()), float(values.max())
    law = Uniform(kind="uniform", low=_six(low), high=_six(high))
    return Law(law, -len(values) * math.log(high - low), 2)


def _lognormal_pareto(values: FloatArray) -> Law | None:
    """The best of tails that hold these shares of the values; none where there are too few for any."""
    ordered = np.sort(values)
    fits = [_with_tail(ordered, round(share * len(ordered))) for share in _TAILS]
    return max((fit for fit in fits if fit is not None), key=lambda fit: fit.log_likelihood, default=None)


def _with_tail(ordered: FloatArray, many: int) -> Law | None:
    """A tail of so many of the largest values, and below it a lognormal cut off where the tail begins."""
    count = len(ordered)
    start = float(ordered[count - many]) if 0 < many < count else 0.0
    body, tail = ordered[ordered < start], ordered[ordered >= start]
    if len(tail) < _LEAST_OF_TAIL or len(body) < _LEAST_OF_BODY or tail[-1] == start:
        return None
    logs, end, share = np.log(body), math.log(start), len(tail) / count

    def cost(at: FloatArray) -> float:
        """Less the log likelihood of the body: that of a lognormal, given that it is below the tail."""
        middle, sigma = float(at[0]), math.exp(float(at[1]))
        return len(logs) * float(log_ndtr((end - middle) / sigma)) - _normal(logs, middle, sigma)

    bounds = [(float(logs.min()) - 3.0 * _FLATTEST, end + 3.0 * _FLATTEST), (math.log(1e-3), math.log(_FLATTEST))]
    start_at = np.array([logs.mean(), math.log(max(float(logs.std()), 1e-2))])
    best = minimize(cost, start_at, method="L-BFGS-B", bounds=bounds)
    of_tail = _power_law(tail, start, 1)
    assert isinstance(of_tail.law, Pareto)
    law = LogNormalPareto(
        kind="lognormal_pareto",
        median=_six(math.exp(best.x[0])),
        sigma=_six(math.exp(best.x[1])),
        tail_from=_six(start),
        tail_share=_six(share),
        tail_shape=of_tail.law.shape,
    )
    of_body = -float(best.fun) - float(logs.sum())
    shares = len(tail) * math.log(share) + len(body) * math.log1p(-share)
    return Law(law, of_body + of_tail.log_likelihood + shares, 5)


def _power_law(values: FloatArray, least: float, parameters: int) -> Law:
    """A Pareto from `least` on, by Hill's estimator."""
    beyond = float((np.log(values) - math.log(least)).sum())
    shape = len(values) / beyond
    log_likelihood = len(values) * math.log(shape / least) - (shape + 1.0) * beyond
    return Law(Pareto(kind="pareto", minimum=_six(least), shape=_six(shape)), log_likelihood, parameters)


def _normal(logs: FloatArray, middle: float | None = None, sigma: float | None = None) -> float:
    """The log likelihood of normal values, at its maximum unless their mean and deviation are given."""
    at = float(logs.mean()) if middle is None else middle
    off = float(logs.std()) if sigma is None else sigma
    return -float(0.5 * ((logs - at) ** 2).sum()) / off**2 - len(logs) * math.log(off * math.sqrt(2.0 * math.pi))


def _six(value: float) -> float:
    """A number in six figures, as it is written into a scenario."""
    return float(f"{value:.6g}")
