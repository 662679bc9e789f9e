"""What depositors make of a noisy look at a hole when they know that large holes are rarer than small ones.

**Source**: signal extraction as in Morris and Shin, "Global games: theory and applications" (2003): a private signal is
weighed against what was known before, the less the noisier it is. Their belief that any share of others is as likely as
any other is the limit of little noise; here it is exact for the density below.
**Models**: before anybody looks, the hole b is exponential of mean m, within 0 and what is lent, 1 - c. One who sees s
with a uniform error of at most e, and takes the share n of others to see more than he does, has b = s + e (2 n - 1); so
n has a density that falls as exp(-2 e n / m): a large reading is taken for a large error. A share that has asked
already is the least that n can be.
**Leaves out**: what it tells that somebody has not asked yet.
**Units**: holes, cash, shares and noise as fractions of all claims.
**Invariants**: with m without end n is uniform. As long as no bound of the hole binds, who sees x more takes the hole
for x more, and n for the same.
"""

from math import ceil, exp, log, log1p
from typing import Final

import numpy as np

from models.compiled import compiled

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_NEGLIGIBLE: Final = 40.0  # e to minus this is nothing beside 1


@compiled()
def expected_cost(
    signal: float, noise: float, cash: float, asked: float, expected: float
) -> tuple[float, float]:  # pragma: no cover - compiled
    """What a haircut costs who waits, k(n) b / (1 - min(n, c)), and k(n), how likely one is paid: means over n.

    k is min(1, c / n), as in `models.runs`. Both are on the same scale, which is any. `noise` and `expected`, the mean
    m, are above 0; a signal of no hole that can be is read as of the nearest.
    """
    lent = 1.0 - cash
    none = 0.5 - 0.5 * signal / noise  # up to this share the hole would be below 0
    full = 0.5 + 0.5 * (lent - signal) / noise  # from this share on, more than all that is lent
    steep = 2.0 * noise / expected
    low = max(none, asked)
    if none >= 1.0:
        return 0.0, 1.0
    if full <= low:
        served = min(1.0, cash / asked) if asked > 0.0 else 1.0
        return served * lent / (1.0 - min(asked, cash)), served
    high = min(full, 1.0)
    if steep * (high - low) > _NEGLIGIBLE:
        high = low + _NEGLIGIBLE / steep
    cost, served = 0.0, 0.0
    if low < cash:
        one, other = _stretch(low, min(high, cash), low, signal, noise, steep, False)
        cost, served = cost + one, served + other
    if high > cash:
        one, other = _stretch(max(low, cash), high, low, signal, noise, steep, True)
        cost, served = cost + one * cash / lent, served + other * cash
    return cost, served


@compiled()
def _stretch(
    start: float, end: float, origin: float, signal: float, noise: float, steep: float, rationed: bool
) -> tuple[float, float]:  # pragma: no cover - compiled
    """The integrals of exp(-steep (n - origin)) times b / (1 - n) and times 1; rationed, times b / n and times 1 / n.

    In v = -log(1 - n), or log n, both are smooth, and a rule of Gauss in panels short enough is exact to rounding.
    """
    first, last = (log(start), log(end)) if rationed else (-log1p(-start), -log1p(-end))
    slope = end if rationed else 1.0 - start  # of n in v, at most
    panels = ceil(max((last - first) / 2.0, (last - first) * slope * steep / 4.0)) + 1
    half = 0.5 * (last - first) / panels
    by_hole, plain = 0.0, 0.0
    for panel in range(panels):
        middle = first + (2 * panel + 1) * half
        for k in range(_NODES.size):
            v = middle + half * _NODES[k]
            n = exp(v) if rationed else 1.0 - exp(-v)
            weight = half * _WEIGHTS[k] * exp(-steep * (n - origin))
            by_hole += weight * (signal + noise * (2.0 * n - 1.0))
            plain += weight if rationed else weight * (1.0 - n)
    return by_hole, plain
