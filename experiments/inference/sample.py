"""The values of a point's paths, with what each of them stands for.

**Source**: importance sampling with the mean weight, known to be one, as a control: Owen (2013), "Monte Carlo theory,
methods and examples", sections 8.9 and 9.10. The effective sample size: Kish (1965).

**Models**: weights are likelihood ratios. The shares of the paths, which add up to one, are those for which a sum over
the paths is the regression of w x on w: better than w over its sum where x is mostly nothing, and than w over n where
it is not. Where undefined values were left out, the mean weight of the rest is not known, and shares are w over their
sum.

**Units**: arrays are (paths,).

**Invariants**: shares add up to one, and equal weights share alike.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.types import FloatArray

_FLAT = 1e-12


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of paths, their weights if they have any, how many paths are a block of strata, and whether all are here.

    Without weights every path counts the same.
    """

    values: FloatArray
    weights: FloatArray | None = None
    strata: int = 1
    whole: bool = True

    @classmethod
    def of(cls, values: FloatArray, weights: FloatArray | None = None, strata: int = 1) -> "Sample":
        """A sample without the undefined values; where some are missing the blocks are no longer whole."""
        defined = np.isfinite(values)
        if defined.all():
            return cls(values, weights, strata if values.size and values.size % strata == 0 else 1)
        return cls(values[defined], None if weights is None else weights[defined], whole=False)

    @property
    def plain(self) -> bool:
        """Whether every path counts the same and stands for itself."""
        return self.weights is None and self.strata == 1

    @property
    def shares(self) -> FloatArray:
        """What part of everything each path stands for."""
        if self.weights is None:
            return np.full(self.values.size, 1.0 / max(self.values.size, 1))
        if not self._calibrated:
            return np.asarray(self.weights / self.weights.sum())
        return self._regressed()

    @property
    def effective(self) -> float:
        """How many paths of equal weight would be as even: (sum w)^2 / sum w^2."""
        if self.weights is None:
            return float(self.values.size)
        return float(self.weights.sum() ** 2 / (self.weights**2).sum()) if self.values.size else 0.0

    def scores(self, influence: FloatArray) -> FloatArray:
        """What each path, or block of strata, adds to the error of an estimate: draws of mean zero, on its scale.

        `influence` is how much the estimate changes with each value, shape (paths,). The standard error of the estimate
        is the standard deviation of the scores over the root of their number.
        """
        if self.weights is None:
            return np.asarray(influence.reshape(-1, self.strata).mean(axis=1))
        if not self._calibrated:
            return np.asarray(influence * self.weights / self.weights.mean())
        apart, products = self.weights - self.weights.mean(), influence * self.weights
        return np.asarray(products - (products * apart).sum() / (apart**2).sum() * apart)

    def mean_at(self, draws: "np.ndarray[Any, np.dtype[np.int32]]") -> FloatArray:
        """The weighted mean of every resample, whose paths are a row of `draws`."""
        assert self.weights is not None
        weights, products = self.weights[draws], (self.weights * self.values)[draws]
        total = products.mean(axis=1)
        mean = weights.mean(axis=1)
        if not self._calibrated:
            return np.asarray(total / mean)
        apart = weights - mean[:, None]
        slope = (products * apart).sum(axis=1) / np.maximum((apart**2).sum(axis=1), np.finfo(np.float64).tiny)
        return np.asarray(total - slope * (mean - 1.0))

    @property
    def _calibrated(self) -> bool:
        """Whether the mean weight is known and can serve as a control: not with few paths that differ much from it."""
        if self.weights is None or not self.whole or self.weights.size < 3:
            return False
        return self.weights.std() > _FLAT * self.weights.mean() and bool((self._regressed() >= 0.0).all())

    def _regressed(self) -> FloatArray:
        assert self.weights is not None
        mean = self.weights.mean()
        apart = self.weights - mean
        shares = self.weights * (1.0 / self.weights.size - (mean - 1.0) * apart / (apart**2).sum())
        return np.asarray(shares)
