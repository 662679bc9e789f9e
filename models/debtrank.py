"""Distress that spreads before anybody defaults: creditors mark down their claims as their debtors weaken.

**Source**: linear DebtRank: Bardoscia, Battiston, Caccioli and Caldarelli, "DebtRank: a microscopic foundation for
shock propagation", PLoS ONE 10 (2015). The limit as a linear complementarity problem: Chandrasekaran, "A special case
of the complementary pivot problem", Opsearch 7 (1970).
**Models**: h is the part of its equity that each has lost. A claim of A dollars on one who has lost h is worth
A (1 - h), so that with the leverage Λ_ij = A_ij / E_i and the shock h(1)

    h_i(t + 1) = min(1, h_i(t) + Σ_j Λ_ij (h_j(t) - h_j(t - 1)))

which is h(t + 1) = min(1, h(1) + Λ h(t)), and its limit the smallest solution of h = min(1, h(1) + Λ h).
**Leaves out**: what creditors recover in default (a claim on one without equity is worth nothing), maturities.
**Units**: dollars for claims and equity; losses and the leverage are fractions of equity.
**Invariants**: 0 <= h <= 1, and h never falls. Without claims nothing spreads. Never less than the loss of equity after
clearing (`models.clearing`), which waits for a default and takes into account what is recovered.
Where the spectral radius of Λ is above 1, a shock of any size that reaches the cycle grows until somebody fails.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.refusals import Refusal
from models.types import BoolArray, FloatArray

# One whose loss would stay this close to all of its equity has lost all of it.
ROUNDING: Final = 1e-12


class InvalidClaims(Refusal):
    """The claims, the equity or the shock do not describe a network: their shapes differ, or a number cannot be."""


def leverage_matrix(claims: ArrayLike, equity: ArrayLike) -> FloatArray:
    """Claims of the row on the column as a multiple of the row's equity, shape (n, n).

    Args:
        claims: dollars, shape (n, n); `models.exposure.exposure_matrix` has them this way round.
        equity: dollars, above 0, shape (n,).

    Raises:
        InvalidClaims: shapes differ, or an amount is negative or not finite.
    """
    held, own = np.asarray(claims, np.float64), np.asarray(equity, np.float64)
    if own.ndim != 1 or held.shape != (own.size, own.size):
        raise InvalidClaims(f"claims have the shape {held.shape}, equity {own.shape}; give (n, n) and (n,)")
    if not (np.isfinite(held) & (held >= 0.0)).all():
        raise InvalidClaims("claims hold an amount that is negative or not finite; give dollars, 0 or more")
    if not (np.isfinite(own) & (own > 0.0)).all():
        raise InvalidClaims("equity holds an amount that is not above 0; leave out those who have failed already")
    return held / own[:, None]


def spectral_radius(leverage: FloatArray) -> float:
    """How much a round of mark-downs multiplies distress in the long run; above 1 it grows by itself."""
    return float(np.abs(np.linalg.eigvals(leverage)).max(initial=0.0))


def debtrank(leverage: FloatArray, shock: ArrayLike) -> FloatArray:
    """Return the part of its equity that each has lost in the end, shape (n,).

    Exact: those who may survive are found in at most n rounds, each one linear system.

    Args:
        leverage: from `leverage_matrix`.
        shock: the part of its equity that each loses at first, between 0 and 1, shape (n,).

    Raises:
        InvalidClaims: the shock has another shape, or an entry outside 0 to 1.
    """
    first = _checked_shock(leverage, shock)
    reached = _reached(leverage, first > 0.0)
    # Among those reached, the smallest solution is the only one. So start from the other end, where all have failed:
    # one who would survive even then survives, its survival may save others, and nobody is taken for saved too early.
    loss = np.where(reached, 1.0, 0.0)
    survives = ~reached
    for _ in range(loss.size):
        saved = reached & ~survives & (first + leverage @ loss < 1.0 - ROUNDING)
        if not saved.any():
            break
        survives |= saved
        some = reached & survives
        fixed = first[some] + leverage[np.ix_(some, ~some)] @ loss[~some]
        rest = np.linalg.solve(np.eye(fixed.size) - leverage[np.ix_(some, some)], fixed)
        loss[some] = np.clip(rest, first[some], 1.0)
    return loss


def debtrank_rounds(leverage: FloatArray, shock: ArrayLike, rounds: int) -> FloatArray:
    """Return the losses after the shock and after each of so many rounds of mark-downs, shape (rounds + 1, n).

    Raises `InvalidClaims`.
    """
    first = _checked_shock(leverage, shock)
    losses = np.empty((rounds + 1, first.size))
    losses[0] = first
    for t in range(rounds):
        losses[t + 1] = np.minimum(1.0, first + leverage @ losses[t])
    return losses


def amplification(equity: ArrayLike, shock: ArrayLike, loss: FloatArray) -> float:
    """Dollars of equity lost in the end over those that the shock took; 1 without a shock."""
    own = np.asarray(equity, np.float64)
    direct = float(own @ np.asarray(shock, np.float64))
    return float(own @ loss) / direct if direct > 0.0 else 1.0


def _checked_shock(leverage: FloatArray, shock: ArrayLike) -> FloatArray:
    """Return the shock as an array. Raises `InvalidClaims`."""
    first = np.asarray(shock, np.float64)
    if first.shape != leverage.shape[:1]:
        raise InvalidClaims(f"the shock has the shape {first.shape}; give one part for each of {leverage.shape[0]}")
    if not ((first >= 0.0) & (first <= 1.0)).all():
        raise InvalidClaims("the shock holds a part outside 0 to 1; give the part of its equity that each loses")
    return first


def _reached(leverage: FloatArray, shocked: BoolArray) -> BoolArray:
    """Who is shocked, or holds claims on one who is reached."""
    reached = shocked
    for _ in range(shocked.size):
        wider = reached | (leverage[:, reached] > 0.0).any(axis=1)
        if (wider == reached).all():
            break
        reached = wider
    return reached
