"""The Heston model by maximum likelihood, the hidden variance filtered on a grid.

**Source**: Kitagawa, "Non-Gaussian state-space modeling of nonstationary time series", Journal of the American
Statistical Association 82 (1987): the density of the hidden state on a grid, forward from return to return. The
variance moves by its exact law, a noncentral chi-square (Cox, Ingersoll and Ross, 1985); given the variance at both
ends a return is normal, the variance between them taken as the mean of the two, as in the simulation (Andersen, 2008).
**Leaves out**: where the variance stands at the end: the simulation starts at its long-run mean. What a return says of
the variance at its ends is all that is known of it, so that standard errors are wide.
**Invariants**: the grid is even in the root of the variance, where a move of one return is equally wide everywhere, and
no coarser than that move; parameters under which it would be are not believed.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ive
from scipy.stats import gamma

from experiments.fit.fitted import Fitted, NoFit
from experiments.fit.history import History
from experiments.fit.likelihood import estimates, maximise, search
from models.compiled import compiled
from models.prices import HestonPrice
from models.types import FloatArray, IntArray

NAMES = (
    "drift_per_year",
    "volatility_per_year",
    "reversion_per_year",
    "volatility_of_variance",
    "correlation",
)
_TAIL = 1e-4
"""Of the variance's long-run law, left out of the grid on either side."""
_REACH = 5.0
"""Standard deviations that the root of the variance may move in one return."""
_COARSEST = 0.8
"""Of that standard deviation, from one point of the grid to the next; a normal is summed to 1e-13 at 0.8."""
_FEWEST_POINTS, _MOST_POINTS = 30, 600
_MARGIN = 1.25
"""More points than the maximum needs, so that the grid can stay while the likelihood is looked at around it."""
_FORGOTTEN = 1e-12
"""A point believed in less than this is passed over."""
_SHAPES = (0.2, 1e4)
"""Of the variance's long-run law, the least and the largest that the grid can tell."""
_FASTEST = 3.0
"""Reversion in one return; faster, and the variance is forgotten by the next."""
_STRONGEST = 0.97
"""Correlation, either way: nearer to 1 a return tells the variance's move more finely than the grid has points."""


def fit(history: History) -> Fitted:
    """The best of several starts, searched for and then looked at more closely on a grid that stays. Raises `NoFit`."""
    scale, count = float(history.returns.std()), len(history.returns)
    returns = history.returns / scale

    def rough(parameters: FloatArray) -> float:
        return _log_likelihood(returns, scale, _own(parameters))

    def in_units(parameters: FloatArray) -> FloatArray:
        mean, theta, kappa, epsilon, rho = _own(parameters)
        years, variance = history.years, scale**2 * theta
        drift = (scale * mean + 0.5 * variance) / years
        return np.array([drift, math.sqrt(variance / years), kappa / years, scale * epsilon / years, rho])

    found = search(rough, [max(_starts(returns), key=rough)])
    _refuse_edges(_own(found))
    points = math.ceil(_MARGIN * _points(_own(found)))
    maximum = maximise(lambda parameters: _log_likelihood(returns, scale, _own(parameters), points), [found])
    drift, volatility, reversion, spread, rho = in_units(maximum.at).tolist()
    return Fitted(
        model="heston",
        price=HestonPrice(
            start=history.last_price,
            drift_per_year=drift,
            volatility_per_year=volatility,
            reversion_per_year=reversion,
            volatility_of_variance=spread,
            correlation=rho,
        ),
        estimates=estimates(NAMES, in_units, maximum.at, maximum.covariance),
        log_likelihood=maximum.log_likelihood - count * math.log(scale),
        count=count,
    )


class _Own(NamedTuple):
    """The parameters where a return is the unit of time, and the deviation of all returns the unit of size."""

    mean: float
    theta: float
    kappa: float
    epsilon: float
    rho: float

    @property
    def shape(self) -> float:
        """Of the gamma law that the variance has in the long run; the larger, the less the variance moves."""
        return 2.0 * self.kappa * self.theta / self.epsilon**2

    @property
    def move(self) -> float:
        """Standard deviation of the move of the root of the variance in one return."""
        return 0.5 * self.epsilon


def _own(parameters: FloatArray) -> _Own:
    """The parameters behind those that are searched for, which may be any real numbers."""
    mean, log_theta, log_kappa, log_epsilon, turn = np.clip(parameters, -30.0, 30.0).tolist()
    return _Own(mean, math.exp(log_theta), math.exp(log_kappa), math.exp(log_epsilon), _STRONGEST * math.tanh(turn))


def _starts(returns: FloatArray) -> list[FloatArray]:
    """Where to search from: several speeds of reversion and spreads of the variance."""
    return [
        np.array([returns.mean(), 0.0, math.log(kappa), math.log(spread * math.sqrt(2.0 * kappa)), turn])
        for kappa in (0.01, 0.03, 0.1, 0.3)
        for spread in (0.4, 0.8)
        for turn in (-0.5, 0.0)
    ]


def _refuse_edges(own: _Own) -> None:
    """Raise `NoFit` where the search has ended beside parameters that the grid cannot tell."""
    if own.shape > 0.5 * _SHAPES[1]:
        raise NoFit("its variance hardly moves, as that of gbm")
    if own.shape < 2.0 * _SHAPES[0]:
        raise NoFit("its variance is nearly always none, as between jumps")
    if own.kappa > 0.5 * _FASTEST:
        raise NoFit("its variance has no memory from one return to the next; give a history with shorter times")
    if _points(own) * _MARGIN > _MOST_POINTS:
        raise NoFit("its variance hardly reverts within these returns; give a history with longer times between rows")
    if abs(own.rho) > 0.99 * _STRONGEST:
        raise NoFit(f"its correlation runs to {own.rho:.2f}, where returns show the variance, which is hidden no more")


def _law(own: _Own) -> Any:
    """The law of the variance in the long run."""
    return gamma(own.shape, scale=own.theta / own.shape)


def _points(own: _Own) -> int:
    """How many points the grid must have."""
    low, high = np.sqrt(_law(own).ppf([_TAIL, 1.0 - _TAIL])).tolist()
    return max(math.ceil(float(high - low) / (_COARSEST * own.move)), _FEWEST_POINTS)


def _log_likelihood(returns: FloatArray, scale: float, own: _Own, points: int | None = None) -> float:
    """Of all returns, from a variance drawn from its long-run law; -inf where the grid cannot tell."""
    if not _SHAPES[0] < own.shape < _SHAPES[1] or own.kappa > _FASTEST:
        return -math.inf
    needed = _points(own)
    points = needed if points is None else points
    if needed > min(points, _MOST_POINTS):
        return -math.inf
    law = _law(own)
    low, high = np.sqrt(law.ppf([_TAIL, 1.0 - _TAIL])).tolist()
    edges = np.linspace(low, high, points + 1)
    variances = (0.5 * (edges[1:] + edges[:-1])) ** 2
    begins = np.diff(law.cdf(edges**2))
    width = min(math.ceil(_REACH * own.move / (edges[1] - edges[0])), points - 1)
    # Row i is what may follow point i: the points around it, as far as they are on the grid.
    around = np.arange(points)[:, np.newaxis] + np.arange(-width, width + 1)
    inside = (around >= 0) & (around < points)
    around = np.clip(around, 0, points - 1)

    before, after = variances[:, np.newaxis], variances[around]
    moves = np.where(inside, _transitions(before, after, own), 0.0)
    totals = moves.sum(axis=1, keepdims=True)
    if not (np.isfinite(totals).all() and totals.min() > 0.0):
        return -math.inf
    between = 0.5 * (before + after)
    pulled = after - before - own.kappa * (own.theta - between)
    centres = own.mean - 0.5 * scale * (between - own.theta) + own.rho / own.epsilon * pulled
    spreads = (1.0 - own.rho**2) * between
    weights = moves / totals / np.sqrt(2.0 * math.pi * spreads)
    return float(_filter(returns, begins / begins.sum(), around, weights, centres, 0.5 / spreads))


def _transitions(before: FloatArray, after: FloatArray, own: _Own) -> FloatArray:
    """The density of the root of the variance after one return, up to a factor for each row."""
    c = own.shape / (own.theta * -math.expm1(-own.kappa))
    order = own.shape - 1.0
    u, v = c * before * math.exp(-own.kappa), c * after
    bessel = ive(order, 2.0 * np.sqrt(u * v))
    density: FloatArray = np.exp(-((np.sqrt(u) - np.sqrt(v)) ** 2)) * (v / u) ** (0.5 * order) * bessel * np.sqrt(after)
    return density


@compiled(error_model="numpy")
def _filter(
    returns: FloatArray,
    begins: FloatArray,
    around: IntArray,
    weights: FloatArray,
    centres: FloatArray,
    halves: FloatArray,
) -> float:
    """The log likelihood, forward over the returns; row i of the tables is what may follow point i."""
    points, width = around.shape
    belief, then = begins.copy(), np.empty(points)
    total = 0.0
    for value in returns:
        then[:] = 0.0
        for i in range(points):
            if belief[i] < _FORGOTTEN:
                continue
            for k in range(width):
                off = value - centres[i, k]
                then[around[i, k]] += belief[i] * weights[i, k] * np.exp(-off * off * halves[i, k])
        likelihood = then.sum()
        if not likelihood > 0.0:
            return -np.inf
        total += np.log(likelihood)
        belief[:] = then / likelihood
    return total
