"""Clocks: who of many looks at something in a block, each at its own interval.

A clock strikes at its phase and every interval after: in a block that begins `now` seconds after the start of the path
where ``(now - phase) % interval`` is less than the block's length. Strikes are found for many blocks ahead at once, in
one walk over each clock, so that a block costs what its strikes cost, and nothing for clocks that are silent.
"""

from typing import Final

import numpy as np
from numba import njit

from models.types import FloatArray, IntArray

_AHEAD: Final = 128


class Clocks:
    """The clocks of `members`, ascending; `phase_seconds` and `interval_seconds` have shape (members,).

    Attributes:
        strikes_per_block: how many strike in a block on average.
    """

    def __init__(
        self, members: IntArray, phase_seconds: FloatArray, interval_seconds: FloatArray, step_seconds: float
    ) -> None:
        self._members = members
        self._phases = phase_seconds
        self._intervals = interval_seconds
        self._step_seconds = step_seconds
        self.strikes_per_block = float(np.minimum(step_seconds / interval_seconds, 1.0).sum())
        self._first = 0
        self._ends = [0]
        self._struck = np.zeros(0, np.int64)

    def striking(self, step: int) -> IntArray:
        """Return the members whose clocks strike in a block, ascending."""
        block = step - self._first
        if not 0 <= block < len(self._ends) - 1:
            self._first, block = step, 0
            places, ends = _strikes(self._phases, self._intervals, step, _AHEAD, self._step_seconds)
            self._struck, self._ends = self._members[places], ends.tolist()
        return self._struck[self._ends[block] : self._ends[block + 1]]


@njit(cache=True)
def _strikes(
    phases: FloatArray, intervals: FloatArray, first: int, blocks: int, step_seconds: float
) -> tuple[IntArray, IntArray]:  # pragma: no cover - compiled
    """Who strikes in each of so many blocks, block after block; and where each block's strikes end, from 0 on.

    After a strike every block is looked at. A silent clock has more than a block behind it, and is passed over up to a
    block before the next strike can be: that block is the room for all rounding.
    """
    ends, heads = np.zeros(blocks + 1, np.int64), np.zeros(blocks, np.int64)
    places = np.empty(0, np.int64)
    for counting in (True, False):
        for clock in range(len(phases)):
            block = 0
            while block < blocks:
                since = ((first + block) * step_seconds - phases[clock]) % intervals[clock]
                if since >= step_seconds:
                    block += max(1, int(min((intervals[clock] - since) / step_seconds, blocks)) - 1)
                    continue
                if counting:
                    ends[block + 1] += 1
                else:
                    places[heads[block]] = clock
                    heads[block] += 1
                block += 1
        if counting:
            ends = np.cumsum(ends)
            heads[:] = ends[:-1]
            places = np.empty(ends[-1], np.int64)
    return places, ends
