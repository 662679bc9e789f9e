"""Clocks: who of many looks at something in a block, each at its own interval.

A clock strikes at its phase and every interval after: in a block that begins `now` seconds after the start of the path
where ``(now - phase) % interval`` is less than the block's length. Strikes are found for many blocks ahead at once, in
one walk over each clock, so that a block costs what its strikes cost, and nothing for clocks that are silent.
"""

from typing import Final

import numpy as np

from models.compiled import compiled
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


@compiled()
def _strikes(
    phases: FloatArray, intervals: FloatArray, first: int, blocks: int, step_seconds: float
) -> tuple[IntArray, IntArray]:  # pragma: no cover - compiled
    """Who strikes in each of so many blocks, block after block; and where each block's strikes end, from 0 on.

    From one block to the next a clock's seconds since its strike are added up, which rounds. Wherever they come so near
    to where the answer changes that rounding might change it, the law is asked itself.
    """
    room = 0
    for interval in intervals:  # rounding may let a clock strike in two blocks running
        room += int(min(2.0 * (blocks * step_seconds / interval + 2.0), blocks))
    who, when = np.empty(room, np.int64), np.empty(room, np.int64)
    ends = np.zeros(blocks + 1, np.int64)
    many = 0
    for clock in range(len(phases)):
        interval, phase = intervals[clock], phases[clock]
        near = 1e-6 * step_seconds + 1e-12 * (interval + (first + blocks) * step_seconds)
        block, since = 0, (first * step_seconds - phase) % interval
        while block < blocks:
            if since < near or abs(since - step_seconds) < near or since > interval - near:
                since = ((first + block) * step_seconds - phase) % interval
            if since < step_seconds:
                who[many], when[many] = clock, block
                ends[block + 1] += 1
                many += 1
            # Between a strike and the next one nothing is near, and nobody looks, but right behind the first.
            silent = (interval - near - since) / step_seconds if since > near else 1.0
            passed = max(int(min(silent, blocks)), 1)
            block += passed
            since += passed * step_seconds
            while since >= interval:
                since -= interval
    ends = np.cumsum(ends)
    heads, struck = ends[:-1].copy(), np.empty(many, np.int64)
    for k in range(many):
        struck[heads[when[k]]] = who[k]
        heads[when[k]] += 1
    return struck, ends
