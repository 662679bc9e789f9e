"""Estimates and intervals from paths that may carry weights, or come in strata, by one rule for every kind of metric.

**Source**: self-normalised importance sampling and its variance by linearisation: Owen (2013), "Monte Carlo theory,
methods and examples", chapter 9; the effective sample size: Kish (1965). Quantiles: Woodruff (1952). Shares near zero:
Wilson (1927) with the sample size that the variance is worth, Dean and Pagano (2015). Expected shortfall: its influence
function, Brazauskas, Jones, Puri and Zitikis (2008).

**Models**: an estimate is a functional of the weighted distribution of the values; its error is that of the mean of its
influence function psi over the paths, weights included: se^2 = var(w psi / mean w) / n. Where paths come in blocks of
strata, a block is one draw, and the variance is that between blocks. Paths without weights or strata have the
intervals of `statistics`, which are better in small samples.

**Leaves out**: the skewness of weighted means, so that their intervals need some hundred effective paths. A test of
differences of tails, which have an interval of bootstrap percentiles only.

**Units**: those of the values. Arrays are (paths,); undefined values are left out, with their weights.

**Invariants**: estimates do not see the scale of the weights, and equal weights give means as without any. Draws come
from fixed seeds, so the same values give the same figures, bit for bit.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from experiments import statistics
from experiments.statistics import LEVEL, Difference, Interval, share_interval
from models.types import FloatArray

Kind = Literal["mean", "quantile", "shortfall", "share"]

FEWEST_BLOCKS = 5
"""With fewer blocks of strata than this nothing is said of the variance between them."""

TAIL_RESAMPLES = 1000
_SEED = 20200312


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of the paths of one point, their weights where they have any, and how many paths are a block."""

    values: FloatArray
    weights: FloatArray | None = None
    strata: int = 1

    @classmethod
    def of(cls, values: FloatArray, weights: FloatArray | None = None, strata: int = 1) -> "Sample":
        """A sample without the undefined values; where some are missing the blocks are no longer whole."""
        defined = np.isfinite(values)
        if defined.all():
            return cls(values, weights, strata if values.size % strata == 0 else 1)
        return cls(values[defined], None if weights is None else weights[defined])

    @property
    def plain(self) -> bool:
        """Whether every path counts the same and stands for itself."""
        return self.weights is None and self.strata == 1

    @property
    def shares(self) -> FloatArray:
        """The weights as shares of their sum."""
        if self.weights is None:
            return np.full(self.values.size, 1.0 / max(self.values.size, 1))
        return np.asarray(self.weights / self.weights.sum())

    @property
    def effective(self) -> float:
        """How many paths of equal weight would be as even: (sum w)^2 / sum w^2."""
        if self.weights is None:
            return float(self.values.size)
        return float(self.weights.sum() ** 2 / (self.weights**2).sum()) if self.values.size else 0.0


def estimate(sample: Sample, kind: Kind, level: float = math.nan) -> float:
    """The mean, the share of ones, the quantile or the mean at or beyond the quantile; nan of nothing."""
    values, shares = sample.values, sample.shares
    if not values.size:
        return math.nan
    if kind in ("mean", "share"):
        return float(values.mean()) if sample.weights is None else float((shares * values).sum())
    quantile = _quantile(sample, level)
    if kind == "quantile":
        return quantile
    beyond = values >= min(quantile, values.max())
    return float((shares * values)[beyond].sum() / shares[beyond].sum())


def interval_of(sample: Sample, kind: Kind, level: float = math.nan) -> Interval:
    """The 95 % interval of an estimate, by the method that fits it."""
    values = sample.values
    if values.size < 2:
        return Interval(math.nan, math.nan, "one path" if values.size else "no path")
    if sample.plain:
        return _plain_interval(values, kind, level)
    if kind != "share" and values.min() == values.max():
        return Interval(float(values[0]), float(values[0]), "all paths equal")
    error, freedom = standard_error(sample, kind, level)
    if math.isnan(error):
        return Interval(math.nan, math.nan, "too few blocks of strata")
    value = estimate(sample, kind, level)
    if kind == "share":
        return _share_interval(sample, value, error)
    reach = float(stats.t.ppf((1.0 + LEVEL) / 2.0, freedom)) * error
    if kind == "quantile":
        low, high = level - reach, level + reach
        return Interval(
            _quantile(sample, low) if low > 0.0 else math.nan,
            _quantile(sample, high) if high < 1.0 - 1.0 / values.size else math.nan,
            "Woodruff",
        )
    return Interval(value - reach, value + reach, "Student t, linearised")


def standard_error(sample: Sample, kind: Kind, level: float = math.nan) -> tuple[float, float]:
    """The standard error of an estimate, of a quantile's that of its probability, and its degrees of freedom."""
    scores = influence(sample, kind, level) * sample.shares * sample.values.size
    if sample.strata > 1:
        scores = scores.reshape(-1, sample.strata).mean(axis=1)
        if scores.size < FEWEST_BLOCKS:
            return math.nan, 0.0
    freedom = max(scores.size - 1, 1)
    return float(math.sqrt((scores**2).sum() / freedom / scores.size)), float(freedom)


def influence(sample: Sample, kind: Kind, level: float = math.nan) -> FloatArray:
    """How much each path moves the estimate, shape (paths,), of weighted mean nearly zero; of a quantile its level."""
    values = sample.values
    if kind in ("mean", "share"):
        return np.asarray(values - estimate(sample, kind))
    quantile = _quantile(sample, level)
    if kind == "quantile":
        return np.asarray(level - (values <= quantile))
    shortfall = estimate(sample, "shortfall", level)
    return np.asarray(np.maximum(values - quantile, 0.0) / (1.0 - level) + quantile - shortfall)


def gain(sample: Sample, kind: Kind, level: float = math.nan) -> float:
    """How many plain paths each path is worth: the variance of plain sampling over the one there is.

    1 for plain paths; nan where there is no variance, or nothing is known of it.
    """
    if sample.plain:
        return 1.0
    if sample.values.size < 2:
        return math.nan
    error, _ = standard_error(sample, kind, level)
    plain = float((sample.shares * influence(sample, kind, level) ** 2).sum()) / sample.values.size
    return plain / error**2 if error > 0.0 else math.nan


def paired(ours: Sample, theirs: Sample, kind: Kind, level: float = math.nan) -> Difference:
    """An estimate less another one, of samples of the same paths in the same order; a p-value for means and shares."""
    value = estimate(ours, kind, level) - estimate(theirs, kind, level)
    paths = ours.values.size
    if paths < 2:
        return Difference(value, Interval(math.nan, math.nan, "one path" if paths else "no path"))
    if kind in ("quantile", "shortfall"):
        return Difference(value, _tail_difference(ours, theirs, kind, level))
    if ours.plain and theirs.plain:
        apart = ours.values - theirs.values
        if kind == "share" and not apart.any():
            most = statistics.wilson(0.0, paths)[1]
            return Difference(value, Interval(-most, most, "Wilson, no pair differs"), 1.0)
        if paths <= statistics.MOST_AT_ONCE:
            return statistics.difference(ours.values, theirs.values, "mean", test=True)
    scores = influence(ours, kind) * ours.shares - influence(theirs, kind) * theirs.shares
    strata = ours.strata if ours.strata == theirs.strata else 1
    scores = scores.reshape(-1, strata).sum(axis=1)
    if scores.size < FEWEST_BLOCKS:
        return Difference(value, Interval(math.nan, math.nan, "too few blocks of strata"))
    error = math.sqrt((scores**2).sum() * scores.size / (scores.size - 1))
    reach = float(stats.t.ppf((1.0 + LEVEL) / 2.0, scores.size - 1)) * error
    p_value = 2.0 * float(stats.t.sf(abs(value) / error, scores.size - 1)) if error > 0.0 else float(value == 0.0)
    return Difference(value, Interval(value - reach, value + reach, "Student t, paired"), p_value)


def _tail_difference(ours: Sample, theirs: Sample, kind: Kind, level: float) -> Interval:
    """Bootstrap percentiles of the difference of two tails: whole blocks of paths are drawn, both points at them."""
    paths = ours.values.size
    if round(paths * (1.0 - level), 9) < statistics.FEWEST_BEYOND:
        return Interval(math.nan, math.nan, "too few paths")
    rng, strata = np.random.default_rng((_SEED, paths)), max(ours.strata, theirs.strata)
    blocks = paths // strata
    drawn = []
    for _ in range(TAIL_RESAMPLES):
        counts = np.repeat(np.bincount(rng.integers(0, blocks, blocks), minlength=blocks), strata).astype(np.float64)
        here, there = (Sample(one.values, counts * one.shares) for one in (ours, theirs))
        drawn.append(estimate(here, kind, level) - estimate(there, kind, level))
    low, high = np.quantile(drawn, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Interval(float(low), float(high), "bootstrap percentiles")


def _plain_interval(values: FloatArray, kind: Kind, level: float) -> Interval:
    match kind:
        case "mean":
            return statistics.interval(values)
        case "share":
            return share_interval(int(np.count_nonzero(values)), values.size)
        case "quantile":
            return statistics.quantile_interval(values, level)
    return statistics.shortfall_interval(values, level)


def _share_interval(sample: Sample, share: float, error: float) -> Interval:
    """Wilson's interval with as many plain paths as the variance of the share is worth."""
    worth = share * (1.0 - share) / error**2 if error > 0.0 else sample.effective
    found = statistics.wilson(share, worth)
    return Interval(*found, "Wilson, effective paths")


def _quantile(sample: Sample, level: float) -> float:
    """The quantile of the weighted values; without weights numpy's, between order statistics."""
    if sample.weights is None:
        return float(np.quantile(sample.values, level))
    order = np.argsort(sample.values, kind="stable")
    reached = np.cumsum(sample.shares[order])
    place = int(np.searchsorted(reached, level * (1.0 - 1e-12)))
    return float(sample.values[order[min(place, order.size - 1)]])
