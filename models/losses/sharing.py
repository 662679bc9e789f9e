"""Who bears how much of one amount: in proportion, or the first in line first.

**Source**: pro rata as every pool cuts its claims; queues as Ajna's buckets (``SettlerActions.settlePoolDebt``) and the
deleveraging queues of perpetual exchanges.

**Models**: one amount over many holders at once, as arrays.

**Leaves out**: rounding to whole units; who is missed by it.

**Units**: those of the amount; stakes of any unit.

**Invariants**: nobody bears more than what they have where that is what the stakes are, and the parts sum to the
amount, up to what all have.
"""

import numpy as np

from models.types import FloatArray


def pro_rata(amount: float, stakes: FloatArray) -> FloatArray:
    """Part of `amount` for each of `stakes`, in proportion; (n,), zeros where nobody has a stake."""
    total = float(stakes.sum())
    return stakes * (amount / total) if total > 0.0 else np.zeros_like(stakes)


def highest_first(amount: float, limits: FloatArray, keys: FloatArray) -> FloatArray:
    """`amount` from those with the highest of `keys` first, each up to its limit, equal keys in proportion; (n,)."""
    if len(limits) == 0:
        return np.zeros(0)
    _, group = np.unique(-keys, return_inverse=True)
    totals = np.bincount(group, weights=limits)
    before = np.concatenate(([0.0], np.cumsum(totals)[:-1]))
    taken = np.clip(amount - before, 0.0, totals)
    part = np.divide(taken, totals, out=np.zeros_like(totals), where=totals > 0.0)
    return np.asarray(limits * part[group])
