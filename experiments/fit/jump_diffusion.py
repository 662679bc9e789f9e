"""Merton's jump diffusion by maximum likelihood.

**Source**: Merton (1976); the density of a return is a mixture of normals over the number of jumps in it, cut where
more jumps have no weight. Honoré, "Pitfalls in estimating jump-diffusion models" (1998): where one part of the mixture
shrinks to a single return the likelihood is infinite; every part here has at least the diffusion's variance, and a
diffusion that shrinks to nothing is refused.
**Intervals**: few jumps, or small ones, leave a likelihood that is far from a parabola: rarer and larger jumps, which
explain a sample nearly as well, have small standard errors, and so do jumps all alike. Of all but the drift there are
profile likelihood intervals, which follow it as far as it goes.
**Leaves out**: double exponential jumps; more than one jump in a return, on average, which no return would show.
"""

import math
from dataclasses import replace

import numpy as np
from scipy.special import gammaln, logsumexp

from experiments.fit.fitted import Fitted, NoFit
from experiments.fit.history import History
from experiments.fit.likelihood import estimates, maximise, profile_interval, search
from models.prices import JumpDiffusionPrice
from models.prices.jump_sizes import NormalJumps
from models.types import FloatArray

NAMES = ("drift_per_year", "volatility_per_year", "jumps_per_year", "jumps.mean", "jumps.volatility")
_MOST_JUMPS = 15
"""Of mean 1, more in one return have a probability of 1e-14."""
_LEAST_DIFFUSION = 1e-3
"""Of the standard deviation of the returns: a diffusion below it has shrunk to a few equal returns."""
_NOT_ALIKE = 0.3
"""The least deviation of jumps, in that of the returns, with which others are searched for beside a parameter."""


def fit(history: History) -> Fitted:
    """The best of searches from jumps that are rare and large, or common and small. Raises `NoFit`."""
    scale, years = float(history.returns.std()), history.years
    returns = history.returns / scale
    counts = np.arange(_MOST_JUMPS + 1)[:, np.newaxis]

    def mixture(own: tuple[float, ...]) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """By number of jumps and return: how far off it is, its variance, and the logarithm of its density."""
        mean, volatility, rate, jump_mean, jump_volatility = own
        if rate > 1.0 or volatility < _LEAST_DIFFUSION:
            return None
        variances = np.asarray(volatility**2 + counts * jump_volatility**2, dtype=np.float64)
        weights = counts * math.log(rate) - rate - gammaln(counts + 1)
        off: FloatArray = returns - mean - counts * jump_mean
        logs: FloatArray = weights - 0.5 * np.log(2.0 * math.pi * variances) - 0.5 * off**2 / variances
        return off, variances, logs

    def log_likelihood(parameters: FloatArray) -> float:
        parts = mixture(_own(parameters))
        return float(logsumexp(parts[2], axis=0).sum()) if parts is not None else -math.inf

    def slope(parameters: FloatArray) -> tuple[float, FloatArray]:
        """The log likelihood and its gradient: each number of jumps counts for as much as it is likely."""
        own = _own(parameters)
        parts = mixture(own)
        if parts is None:
            return -math.inf, np.zeros(len(parameters))
        off, variances, logs = parts
        of_each = logsumexp(logs, axis=0)
        shares = np.exp(logs - of_each)
        far, wide = shares * off / variances, shares * (off**2 / variances - 1.0) / variances
        _, volatility, rate, _, jump_volatility = own
        gradient = (
            far.sum(),
            wide.sum() * volatility**2,
            (counts * shares).sum() - len(returns) * rate,
            (counts * far).sum(),
            (counts * wide).sum() * jump_volatility**2,
        )
        return float(of_each.sum()), np.array(gradient)

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

    # Where all jumps are alike the likelihood is flat in their deviation, and no search would leave from there.
    start = np.append(maximum.at[:-1], max(maximum.at[-1], math.log(_NOT_ALIKE)))

    def interval(k: int) -> tuple[float, float]:
        """Of a parameter that one of those searched for gives alone."""
        low, high = profile_interval(slope, maximum, k, start)
        if k != NAMES.index("jumps.mean"):
            low, high = math.exp(low), math.exp(high)
        unit = (0.0, scale / math.sqrt(years), 1.0 / years, scale, scale)[k]
        return unit * low, unit * high

    drift_alone, *others = estimates(NAMES, in_units, maximum.at, maximum.covariance)
    return Fitted(
        model="jump_diffusion",
        price=JumpDiffusionPrice(
            start=history.last_price,
            drift_per_year=drift,
            volatility_per_year=volatility,
            jumps_per_year=rate,
            jumps=NormalJumps(mean=jump_mean, volatility=jump_volatility),
        ),
        estimates=[drift_alone, *(replace(one, interval=interval(k)) for k, one in enumerate(others, 1))],
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
