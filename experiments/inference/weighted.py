"""Estimates and intervals from paths that may carry weights, or come in strata, by one rule for every kind of metric.

**Source**: weights as in `experiments.inference.sample`. Errors by linearisation: Owen (2013), "Monte Carlo theory,
methods and examples", chapter 9; BCa intervals of weighted means, Efron (1987). Quantiles: Woodruff (1952). Shares near
zero: Wilson (1927) with the sample size that the variance is worth, Dean and Pagano (2015). Expected shortfall: its
influence function, Brazauskas, Jones, Puri and Zitikis (2008).

**Models**: an estimate is a functional of the weighted distribution of the values; its error is that of the mean of its
influence function over the paths, weights included. Where paths come in blocks of strata, a block is one draw, and the
variance is that between blocks. Paths without weights or strata have the intervals of `statistics`, which are better
in small samples.

**Leaves out**: the skewness of weighted tails, and of means of more paths than `statistics.MOST_AT_ONCE`. A test of
differences of tails, which have an interval of bootstrap percentiles only.

**Units**: those of the values. Arrays are (paths,); undefined values are left out, with their weights.

**Invariants**: equal weights give means as without any. Draws come from fixed seeds, so the same values give the same
figures, bit for bit.
"""

import math
from typing import Literal

import numpy as np
from scipy import stats

from experiments.inference import statistics
from experiments.inference.sample import Sample
from experiments.inference.statistics import LEVEL, Difference, Interval, share_interval
from experiments.inference.tails import shortfall, weighted_shortfall
from models.types import FloatArray

Kind = Literal["mean", "quantile", "shortfall", "share"]

FEWEST_BLOCKS = 5
"""With fewer blocks of strata than this nothing is said of the variance between them."""

TAIL_RESAMPLES = 1000
_SEED = 20200312


def estimate(sample: Sample, kind: Kind, level: float = math.nan) -> float:
    """The mean, the share of ones, the quantile or the expected shortfall; nan of nothing."""
    if not sample.values.size:
        return math.nan
    if sample.weights is not None:
        return _functional(sample.values, sample.shares, kind, level)
    if kind in ("mean", "share"):
        return float(sample.values.mean())
    return _quantile(sample, level) if kind == "quantile" else float(shortfall(sample.values, level))


def _functional(values: FloatArray, shares: FloatArray, kind: Kind, level: float) -> float:
    """The same of values each of which stands for a share of everything."""
    if kind in ("mean", "share"):
        return float((shares * values).sum())
    return _reached(values, shares, level) if kind == "quantile" else weighted_shortfall(values, shares, level)


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
    if kind == "mean" and sample.weights is not None and values.size <= statistics.MOST_AT_ONCE:
        return _weighted_mean_interval(sample, value)
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
    scores = sample.scores(influence(sample, kind, level))
    if sample.strata > 1 and scores.size < FEWEST_BLOCKS:
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
    excess = np.maximum(values - quantile, 0.0) / (1.0 - level)
    return np.asarray(excess + quantile - estimate(sample, "shortfall", level))


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
    if ours.strata != theirs.strata:
        ours, theirs = (Sample(one.values, one.weights, whole=one.whole) for one in (ours, theirs))
    scores = ours.scores(influence(ours, kind)) - theirs.scores(influence(theirs, kind))
    if scores.size < FEWEST_BLOCKS:
        return Difference(value, Interval(math.nan, math.nan, "too few blocks of strata"))
    error = math.sqrt((scores**2).sum() / scores.size / (scores.size - 1))
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
        here, there = (
            _functional(one.values, counts * one.shares / (counts * one.shares).sum(), kind, level)
            for one in (ours, theirs)
        )
        drawn.append(here - there)
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


def _weighted_mean_interval(sample: Sample, mean: float) -> Interval:
    """The BCa interval of a weighted mean: few paths of large weight make it skewed."""
    draws = statistics.resamples(sample.values.size)
    replicates = np.concatenate([sample.mean_at(part) for part in np.array_split(draws, 8)])
    return statistics.bca_interval(mean, replicates, sample.scores(influence(sample, "mean")))


def _share_interval(sample: Sample, share: float, error: float) -> Interval:
    """Wilson's interval with as many plain paths as the variance of the share is worth."""
    worth = share * (1.0 - share) / error**2 if error > 0.0 else sample.effective
    found = statistics.wilson(share, worth)
    return Interval(*found, "Wilson, effective paths")


def _quantile(sample: Sample, level: float) -> float:
    """The quantile of the weighted values; without weights numpy's, between order statistics."""
    if sample.weights is None:
        return float(np.quantile(sample.values, level))
    return _reached(sample.values, sample.shares, level)


def _reached(values: FloatArray, shares: FloatArray, level: float) -> float:
    """The least value at which the shares of it and of what lies below reach a level."""
    order = np.argsort(values, kind="stable")
    place = int(np.searchsorted(np.cumsum(shares[order]), level * (1.0 - 1e-12)))
    return float(values[order[min(place, order.size - 1)]])
