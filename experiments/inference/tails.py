"""Expected shortfall: the mean of the worst part of the paths.

**Source**: Acerbi and Tasche (2002), "On the coherence of expected shortfall", equation 11; Rockafellar and Uryasev
(2002), "Conditional value-at-risk for general loss distributions".

**Models**: at a level of 95 % the mean of the worst 5 % of the paths, of one of them a part where 5 % is no whole
number. The mean of *all* that lies at or above the quantile would be another figure where many paths lose the same, and
next to nothing where few of them lose anything.

**Leaves out**: levels of which less than one path is worse: their figure is that of the worst path.

**Units**: those of the values.

**Invariants**: never below the quantile, never above the worst path, and of equal values that value.
"""

import math

import numpy as np

from models.types import FloatArray


def shortfall(samples: FloatArray, level: float) -> FloatArray:
    """The expected shortfall along the last axis, every path counting the same."""
    worst, parts = worst_of(samples, level)
    return np.asarray((worst * parts).sum(axis=-1) / parts.sum())


def worst_of(samples: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """What is worst along the last axis, least first, shape (…, number), and which part of each counts, (number,)."""
    paths = samples.shape[-1]
    number = max(round(paths * (1.0 - level), 9), 1.0)
    first = paths - math.ceil(number)
    worst = np.sort(np.partition(samples, first, axis=-1)[..., first:], axis=-1)
    parts = np.ones(worst.shape[-1])
    parts[0] = number - (parts.size - 1.0)
    return np.asarray(worst), parts


def weighted_shortfall(values: FloatArray, shares: FloatArray, level: float) -> float:
    """The same of values, shape (paths,), each of which stands for a share of everything."""
    order = np.argsort(values, kind="stable")[::-1]
    of_everything = shares[order]
    room = 1.0 - level - (np.cumsum(of_everything) - of_everything)
    counted = np.clip(room, 0.0, of_everything)
    return float((counted * values[order]).sum() / counted.sum())
