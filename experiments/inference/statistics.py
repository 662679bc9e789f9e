"""Statistics over paths: intervals that fit what is estimated, paired differences, and who is best.

**Source**: BCa intervals: Efron (1987), "Better bootstrap confidence intervals", with the tails expanded for few paths:
Hesterberg (2015), "What teachers should know about the bootstrap". Order statistics for a quantile: David and Nagaraja
(2003), "Order statistics", section 7.1. Shares: Wilson (1927). Exchange of the two labels of a pair: Fisher (1935),
"The design of experiments". Several tests at once: Holm (1979). Expected shortfall, as in `tails`: its asymptotic
variance, Brazauskas, Jones, Puri and Zitikis (2008), in a bootstrap-t, Efron (1982), "The jackknife, the bootstrap".

**Models**: the paths of every design use the same seeds, so a resample draws *seeds*, and every design is read at them.
A mean has a BCa interval, and one from Student's t where there are many paths; a quantile the narrowest pair of order
statistics with enough in each tail; an expected shortfall a bootstrap-t, as the percentiles of its bootstrap are much
too narrow with a few hundred paths; a share Wilson's.

**Leaves out**: the same care for the difference of two tails, whose interval is of bootstrap percentiles and too narrow
below several hundred paths (its test is exact). What a handful of paths cannot show: intervals of the mean of very
skewed losses (lognormal, of sigma 1) cover the truth 88 times in a hundred over ten paths, 91 over fifty. That adding
paths until an interval is narrow makes it a little too narrow. Intervals that hold for all designs together (the tests
of differences do, by Holm's correction).

**Units**: those of the values. Arrays are (paths,) or (paths, designs), without undefined values.

**Invariants**: draws come from fixed seeds, so the same values give the same figures, bit for bit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from scipy import stats

from experiments.inference.tails import shortfall, worst_of
from models.types import FloatArray

Statistic = Literal["mean", "p95", "es95"]

LEVEL: Final = 0.95
TAIL: Final = 0.95
RESAMPLES: Final = 4000
EXCHANGES: Final = 3999
MANY_PATHS: Final = 500
"""From so many paths on the mean's distribution is close to normal even for losses that are mostly zero."""
FEWEST_FOR_TAIL: Final = 100
"""With fewer paths the worst 5 % are less than five, and nothing is said of their mean."""
FEWEST_BEYOND: Final = 5
MANY_BEYOND: Final = 250
"""With so many paths beyond the quantile the expected shortfall's distribution is close to normal."""
MOST_AT_ONCE: Final = 2000
"""Resamples of more paths than this are drawn a few at a time, so that memory does not grow with the paths."""
_SEED: Final = 20200312
_EQUAL: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval and how it was made; nan on a side on which nothing can be said."""

    low: float
    high: float
    method: str

    @property
    def half_width(self) -> float:
        """Half the distance between the ends; nan where one is unknown."""
        return (self.high - self.low) / 2.0


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one design is from another on the same seeds: the estimate, its interval, and the p-value of no effect.

    `p_value` is nan where no test was asked for.
    """

    value: float
    interval: Interval
    p_value: float = math.nan


def evaluate(samples: FloatArray, statistic: Statistic) -> FloatArray:
    """A statistic along the last axis: the mean, the 95 % quantile, or the mean of the worst 5 %."""
    if statistic == "mean":
        return np.asarray(samples.mean(axis=-1))
    if statistic == "p95":
        return np.asarray(np.quantile(samples, TAIL, axis=-1))
    return shortfall(samples, TAIL)


def interval(values: FloatArray, statistic: Statistic = "mean") -> Interval:
    """The 95 % interval of a statistic of `values`, shape (paths,), by the method that fits it."""
    if values.size < 2:
        return Interval(math.nan, math.nan, "one path" if values.size else "no path")
    if statistic == "p95":
        return quantile_interval(values, TAIL)
    if values.min() == values.max():
        return Interval(float(values[0]), float(values[0]), "all paths equal")
    if statistic == "mean":
        return _t(values) if values.size >= MANY_PATHS else _bca(values)
    return shortfall_interval(values, TAIL)


def quantile_interval(values: FloatArray, share: float) -> Interval:
    """The interval of the `share` quantile between two order statistics, whatever the distribution.

    The number of paths at or below the quantile is binomial; an end is nan where too few paths could bound it.
    """
    ordered, paths = np.sort(values), values.size
    below, above = (1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0
    first = int(stats.binom.ppf(below, paths, share))
    last = int(stats.binom.ppf(above, paths, share)) + 1
    return Interval(
        float(ordered[first - 1]) if first >= 1 else math.nan,
        float(ordered[last - 1]) if last <= paths else math.nan,
        "order statistics",
    )


def share_interval(successes: int, trials: int) -> Interval:
    """Wilson's interval of a probability, which says something even where nothing or everything happened."""
    if trials == 0:
        return Interval(math.nan, math.nan, "no path")
    found = stats.binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return Interval(float(found.low), float(found.high), "Wilson")


def wilson(share: float, trials: float) -> tuple[float, float]:
    """The ends of Wilson's interval for a share that was found in so many trials, which need not be a whole number."""
    square = float(stats.norm.ppf((1.0 + LEVEL) / 2.0)) ** 2
    centre = (share + square / (2.0 * trials)) / (1.0 + square / trials)
    reach = math.sqrt(square * (share * (1.0 - share) + square / (4.0 * trials)) / trials) / (1.0 + square / trials)
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def difference(ours: FloatArray, theirs: FloatArray, statistic: Statistic = "mean", test: bool = False) -> Difference:
    """A statistic of `ours` less that of `theirs`, both of shape (paths,) on the same seeds in the same order."""
    if not ours.size:
        return Difference(math.nan, interval(ours))
    value = float(evaluate(ours, statistic) - evaluate(theirs, statistic))
    p_value = exchange_test(ours, theirs, statistic) if test else math.nan
    if statistic == "mean":
        return Difference(value, interval(ours - theirs), p_value)
    if ours.size < FEWEST_FOR_TAIL:
        return Difference(value, Interval(math.nan, math.nan, "too few paths"), p_value)
    draws = resamples(ours.size)
    replicates = evaluate(ours[draws], statistic) - evaluate(theirs[draws], statistic)
    return Difference(value, Interval(*_quantiles(replicates, _tails()), "bootstrap percentiles"), p_value)


def exchange_test(ours: FloatArray, theirs: FloatArray, statistic: Statistic = "mean") -> float:
    """The two-sided p-value of no effect: then the two values of a seed might as well have changed places.

    All exchanges are counted where there are few; otherwise a fixed random choice of them, with the one observed.
    """
    observed = abs(evaluate(ours, statistic) - evaluate(theirs, statistic))
    swapped = _exchanges(ours.size)
    found = np.abs(
        evaluate(np.where(swapped, theirs, ours), statistic) - evaluate(np.where(swapped, ours, theirs), statistic)
    )
    scale = max(float(np.abs(ours).max()), float(np.abs(theirs).max()))
    extreme = int(np.count_nonzero(found >= observed - _EQUAL * scale))
    return extreme / len(swapped) if _all_exchanges(ours.size) else (extreme + 1) / (len(swapped) + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: reject those at or below 5 % and the chance of any false rejection is at most 5 %."""
    adjusted = [math.nan] * len(p_values)
    tested = sorted((p, k) for k, p in enumerate(p_values) if not math.isnan(p))
    largest = 0.0
    for rank, (p, k) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p))
        adjusted[k] = largest
    return adjusted


def resampled(values: FloatArray, statistic: Statistic) -> FloatArray:
    """A statistic of each design at resampled seeds: (paths, designs) to (resamples, designs)."""
    draws = resamples(len(values))
    return np.stack([evaluate(column[draws], statistic) for column in values.T], axis=1)


def probability_of_best(replicates: FloatArray) -> FloatArray:
    """How often each design has the least of (resamples, designs); designs that tie share the resample."""
    best = np.isclose(replicates, replicates.min(axis=1, keepdims=True), rtol=_EQUAL, atol=0.0)
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))


def on_front(points: FloatArray) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """Which designs no other one beats: (…, designs, objectives), less is better, to (…, designs).

    One design beats another when it is nowhere worse and somewhere better.
    """
    ours, theirs = points[..., :, None, :], points[..., None, :, :]
    beaten = (theirs <= ours).all(axis=-1) & (theirs < ours).any(axis=-1)
    return np.asarray(~beaten.any(axis=-1))


def _t(values: FloatArray) -> Interval:
    mean, error = values.mean(), values.std(ddof=1) / math.sqrt(values.size)
    reach = stats.t.ppf((1.0 + LEVEL) / 2.0, values.size - 1) * error
    return Interval(float(mean - reach), float(mean + reach), "Student t")


def _bca(values: FloatArray) -> Interval:
    """The bias-corrected and accelerated bootstrap interval of the mean."""
    mean = values.mean()
    left_out = (values - mean) / (values.size - 1.0)  # the mean of the jackknife less each of its values
    return bca_interval(mean, values[resamples(values.size)].mean(axis=1), left_out)


def bca_interval(estimate: float, replicates: FloatArray, influence: FloatArray) -> Interval:
    """The BCa interval from an estimate, its replicates, and how much each path moves it, on any scale.

    A bootstrap spreads less than it should, as a sample's variance does over n instead of n - 1, and does not know that
    the variance is estimated: the tails are those at which a normal law so narrow has Student's ends.
    """
    paths = influence.size
    ends = stats.t.ppf(_tails(), paths - 1) * math.sqrt(paths / (paths - 1.0))
    below = np.count_nonzero(replicates < estimate) + np.count_nonzero(replicates == estimate) / 2.0
    if not 0.0 < below < RESAMPLES:
        return Interval(*_quantiles(replicates, stats.norm.cdf(ends)), "bootstrap percentiles")
    bias = stats.norm.ppf(below / RESAMPLES)
    acceleration = (influence**3).sum() / (6.0 * (influence**2).sum() ** 1.5)
    reach = bias + ends
    corrected = stats.norm.cdf(bias + reach / (1.0 - acceleration * reach))
    return Interval(*_quantiles(replicates, corrected), "BCa bootstrap")


def shortfall_interval(values: FloatArray, level: float) -> Interval:
    """The interval of the expected shortfall at `level`: a studentised bootstrap, Student's t of very many."""
    if round(values.size * (1.0 - level), 9) < FEWEST_BEYOND:
        return Interval(math.nan, math.nan, "too few paths")
    if values.min() == values.max():
        return Interval(float(values[0]), float(values[0]), "all paths equal")
    estimate, error = _shortfall(values, level)
    if values.size * (1.0 - level) >= MANY_BEYOND:
        reach = stats.t.ppf((1.0 + LEVEL) / 2.0, values.size - 1) * error
        return Interval(float(estimate - reach), float(estimate + reach), "Student t")
    replicates, errors = _in_resamples(values, level)
    known = errors > 0.0  # a resample whose tail is all the same value says nothing of its error
    if known.mean() < LEVEL:
        return Interval(math.nan, math.nan, "too few different values")
    low, high = _quantiles((replicates[known] - estimate) / errors[known], _tails())
    return Interval(float(estimate - high * error), float(estimate - low * error), "bootstrap t")


def _in_resamples(values: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """The expected shortfall and its standard error in every resample."""
    paths = values.size
    if paths <= MOST_AT_ONCE:
        return _shortfall(values[resamples(paths)], level)
    rng, rows = np.random.default_rng((_SEED, paths, 0)), RESAMPLES * MOST_AT_ONCE // paths // 8
    parts = [
        _shortfall(values[rng.integers(0, paths, (rows, paths))], level) for _ in range(-(-RESAMPLES // 4 // rows))
    ]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _shortfall(samples: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """The expected shortfall along the last axis and its standard error.

    With q the quantile and m the mean of the worst values, the variance over n paths is that of the worst values plus
    0.95 (m - q)^2, over 0.05 n; at other levels likewise.
    """
    (worst, parts), quantile = worst_of(samples, level), np.quantile(samples, level, axis=-1)
    mean = np.asarray((worst * parts).sum(axis=-1) / parts.sum())
    squares = ((worst - mean[..., None]) ** 2 * parts).sum(axis=-1) / max(parts.sum() - 1.0, 1.0)
    variance = (squares + level * (mean - quantile) ** 2) / (samples.shape[-1] * (1.0 - level))
    return mean, np.sqrt(variance)


def _tails() -> FloatArray:
    return np.array([(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])


def _quantiles(replicates: FloatArray, shares: FloatArray) -> tuple[float, float]:
    low, high = np.quantile(replicates, shares)
    return float(low), float(high)


@lru_cache(maxsize=4)
def resamples(paths: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.int32]]":
    """The paths of every resample by number, shape (resamples, paths)."""
    rng = np.random.default_rng((_SEED, paths, 0))
    return rng.integers(0, paths, (RESAMPLES, paths), dtype=np.int32)


def _all_exchanges(paths: int) -> bool:
    return bool(paths <= math.log2(EXCHANGES + 1))


@lru_cache(maxsize=4)
def _exchanges(paths: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """Which pairs change places, shape (exchanges, paths): every choice where there are few, else random ones."""
    if _all_exchanges(paths):
        choices = np.arange(2**paths)[:, None] >> np.arange(paths)
        return np.asarray(choices & 1, dtype=np.bool_)
    return np.random.default_rng((_SEED, paths, 1)).integers(0, 2, (EXCHANGES, paths), dtype=np.bool_)
