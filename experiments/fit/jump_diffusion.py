"""Merton's jump diffusion by maximum likelihood.

**Source**: Merton (1976); the density of a return is a mixture of normals over the number of jumps in it, cut where
more jumps have no weight. Honoré, "Pitfalls in estimating jump-diffusion models" (1998): where one part of the mixture
shrinks to a single return the likelihood is infinite; every part here has at least the diffusion's variance, and a
diffusion that shrinks to nothing is refused.
**Leaves out**: double exponential jumps; more than one jump in a return, on average, which no return would show.
"""

import math

import numpy as np
from scipy.special import gammaln, logsumexp

from experiments.fit.fitted import Fitted, NoFit
from experiments.fit.history import History
from experiments.fit.likelihood import estimates, maximise, search
from models.prices import JumpDiffusionPrice
from models.prices.jump_sizes import NormalJumps
from models.types import FloatArray

NAMES = ("drift_per_year", "volatility_per_year", "jumps_per_year", "jumps.mean", "jumps.volatility")
_MOST_JUMPS = 15
"""Of mean 1, more in one return have a probability of 1e-14."""
_LEAST_DIFFUSION = 1e-3
"""Of the standard deviation of the returns: a diffusion below it has shrunk to a few equal returns."""


def fit(history: History) -> Fitted:
    """The best of searches from jumps that are rare and large, or common and small. Raises `NoFit`."""
    scale, years = float(history.returns.std()), history.years
    returns = history.returns / scale
    counts = np.arange(_MOST_JUMPS + 1)[:, np.newaxis]

    def log_likelihood(parameters: FloatArray) -> float:
        mean, volatility, rate, jump_mean, jump_volatility = _own(parameters)
        if rate > 1.0 or volatility < _LEAST_DIFFUSION:
            return -math.inf
        variances = volatility**2 + counts * jump_volatility**2
        weights = counts * math.log(rate) - rate - gammaln(counts + 1)
        logs = weights - 0.5 * np.log(2.0 * math.pi * variances)
        return float(logsumexp(logs - 0.5 * (returns - mean - counts * jump_mean) ** 2 / variances, axis=0).sum())

    def in_units(parameters: FloatArray) -> FloatArray:
        mean, volatility, rate, jump_mean, jump_volatility = _own(parameters)
        jumps = NormalJumps(mean=scale * jump_mean, volatility=scale * jump_volatility)
        variance = (scale * volatility) ** 2
        drift = (scale * mean + 0.5 * variance + rate * jumps.growth) / years
        return np.array([drift, math.sqrt(variance / years), rate / years, jumps.mean, jumps.volatility])

    found = search(log_likelihood, [_start(returns, beyond) for beyond in (2.0, 3.0, 4.5)])
    _, volatility, rate, *_ = _own(found)
    if volatility < 10.0 * _LEAST_DIFFUSION:
        raise NoFit("its diffusion shrinks to the returns that are equal, such as those of a price that did not move")
    if rate > 0.95:
        raise NoFit("its jumps come with nearly every return, so that none can be told from the diffusion")
    maximum = maximise(log_likelihood, [found])
    drift, volatility, rate, jump_mean, jump_volatility = in_units(maximum.at).tolist()
    return Fitted(
        model="jump_diffusion",
        price=JumpDiffusionPrice(
            start=history.last_price,
            drift_per_year=drift,
            volatility_per_year=volatility,
            jumps_per_year=rate,
            jumps=NormalJumps(mean=jump_mean, volatility=jump_volatility),
        ),
        estimates=estimates(NAMES, in_units, maximum.at, maximum.covariance),
        log_likelihood=maximum.log_likelihood - len(returns) * math.log(scale),
        count=len(returns),
    )


def _own(parameters: FloatArray) -> tuple[float, float, float, float, float]:
    """Mean and deviation of a return without jumps, jumps in it, and their mean and deviation, in deviations of all."""
    mean, log_volatility, log_rate, jump_mean, log_jump_volatility = np.clip(parameters, -50.0, 50.0).tolist()
    return mean, math.exp(log_volatility), math.exp(log_rate), jump_mean, math.exp(log_jump_volatility)


def _start(returns: FloatArray, beyond: float) -> FloatArray:
    """Where to search from if returns so many robust deviations from the median are taken for jumps."""
    middle = float(np.median(returns))
    deviation = max(float(np.median(np.abs(returns - middle))) / 0.6745, 0.05)
    far = np.abs(returns - middle) > beyond * deviation
    jumps = returns[far] - middle if far.sum() > 1 else np.array([-3.0, 3.0])
    rate = min(max(float(far.mean()), 1.0 / len(returns)), 0.5)
    return np.array([middle, math.log(deviation), math.log(rate), jumps.mean(), math.log(max(float(jumps.std()), 0.1))])
