"""At stake: who joins a contest in which everybody pays its bid, and what it would bid there at most.

**Source**: Tullock (1980), "Efficient rent seeking", in Toward a Theory of the Rent-Seeking Society; Baye, Kovenock and
de Vries (1996), "The all-pay auction with complete information", Economic Theory 8: rivals alike spend all that there
is to win between them, and more of them do not spend more.

**Models**: each reckons to win as often as any other of the m who join. Winning the value V for a bid b once in m
times, and paying b for nothing else, is worth it up to ``b = V / m``. Rivals join in the order of their values, as long
as that leaves them the going price of gas.

**Leaves out**: the mixed strategies of that equilibrium; that who values it most wins more often; that a call which
fails early uses less gas.

**Units**: gwei.

**Invariants**: what all bid together is at most the highest value, or what the first pays where that is alone.
"""

import numpy as np

from models.types import BoolArray, FloatArray


def at_stake(starts: FloatArray, limits: FloatArray) -> tuple[FloatArray, BoolArray]:
    """What each would bid at most, and who joins; arrays of shape (rivals,), prices of gas in gwei.

    `starts` are what they bid where nobody else calls, `limits` where who fails pays nothing. Whose value is highest
    joins in any case; at equal limits the first listed come first.
    """
    first = np.argsort(-limits, kind="stable")
    carried = np.minimum.accumulate(limits[first] / starts[first])  # so many may there be that all can pay their start
    joining = max(int(np.count_nonzero(carried >= np.arange(1, limits.size + 1))), 1)
    joins = np.zeros(limits.size, np.bool_)
    joins[first[:joining]] = True
    return limits / joining, joins
