"""Correlated normal draws over assets.

**Source**: the Cholesky factorisation, correlation = L Lᵀ.
**Models**: draws of the diffusions of several assets that move together.
**Leaves out**: correlation that changes; extremes that coincide more often than that (see the copula).
**Units**: correlations, from -1 to 1.
**Invariants**: the first asset's draws come out as they went in; a later asset's draws depend on its own and on those
before it, never on those after it.
"""

import numpy as np

from models.refusals import Refusal
from models.types import FloatArray


class UnusableCorrelation(Refusal):
    """The matrix is not the correlation of anything that can be drawn."""


def correlate(normals: FloatArray, correlation: FloatArray) -> FloatArray:
    """Standard normals of shape (steps, n) with that correlation, shape (n, n), out of independent ones.

    Raises `UnusableCorrelation` unless the matrix is square, symmetric, one on its diagonal and positive definite.
    """
    lower = _factor(correlation, assets=normals.shape[1])
    correlated = np.zeros_like(normals)
    # Summed asset by asset: a matrix product may round a row differently when there are more rows.
    for asset, row in enumerate(lower):
        for other in range(asset + 1):
            correlated[:, asset] += row[other] * normals[:, other]
    return correlated


def _factor(correlation: FloatArray, assets: int) -> FloatArray:
    if correlation.shape != (assets, assets):
        raise UnusableCorrelation(f"{assets} assets need a {assets} x {assets} correlation, not {correlation.shape}")
    if not np.array_equal(correlation, correlation.T):
        raise UnusableCorrelation(f"a correlation is the same both ways: {correlation.tolist()} is not symmetric")
    if not np.all(np.diag(correlation) == 1.0):
        raise UnusableCorrelation(f"an asset's correlation with itself is 1: the diagonal is {np.diag(correlation)}")
    try:
        return np.linalg.cholesky(correlation).astype(np.float64)
    except np.linalg.LinAlgError:
        raise UnusableCorrelation(
            f"no prices have the correlation {correlation.tolist()}: it is not positive definite; bring the"
            " correlations closer to zero"
        ) from None
