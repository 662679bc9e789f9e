"""How depositors judge: a private signal of the hole against what the rate pays, and a memory that fades.

Models: each member's error in reading the hole is drawn once, evenly up to its `noise`, and each knows how large it may
be; that there is a hole at all is for everybody to see. What layers take of it is no hole to who counts on them; where
who leaves is charged its part of a hole, leaving saves it the rest alone. Outflows are remembered for a while: a run is
judged from where it began, with what has left as cash, as claims, and as a share that is known to have asked (see
`models.runs`). Those who are out remember the worst hole or haircut that they saw, and take it for as large as half of
that after each half-life.
Leaves out: learning, an error that differs from one event to the next, risk aversion, doubts about layers that pay
later; that who waits in a queue would be charged where it no longer waits.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from abm.reading.distributions import NonNegativeOrDrawn, PositiveOrDrawn, draw
from models.losses.layer import ROUNDING
from models.parameters import Parameters
from models.rates import SECONDS_PER_YEAR
from models.runs import better_to_leave
from models.types import BoolArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from abm.pools.sight import Sight
    from abm.view import View

_LARGEST_GROWTH = 50.0  # e to this power is as good as any gain: it outweighs the loss of everything
_SHORTEST_INTERVAL_SECONDS = 1e-4  # below the shortest block
_NOBODY: IntArray = np.empty(0, dtype=np.int64)


class Judgement(Parameters):
    """How a cohort weighs staying.

    `noise` is the largest error of a member's signal, as a share of all claims; `patience_seconds` is how long it
    counts on earning the supply rate, over `outside_rate_per_year` elsewhere. It looks every `look_every_seconds`, in
    every block if 0, and what left before is half forgotten after `memory_half_life_seconds`. One that reads no
    positions sees a hole only once it is in the books; one that reads no layers counts on none but the treasury.
    `expected_hole` is the mean of the holes that it thinks of before it looks, as a share of all claims, small ones
    being likelier than large ones: the noisier its signal, the less it makes of a large one. By default it has nothing
    but its signal.
    """

    noise: NonNegativeOrDrawn = 0.0
    expected_hole: Annotated[float, Field(gt=0)] | None = None
    patience_seconds: PositiveOrDrawn = 2_592_000.0
    outside_rate_per_year: float = Field(0.0, ge=0, le=1000)
    look_every_seconds: NonNegativeOrDrawn = 0.0
    memory_half_life_seconds: float = Field(86_400.0, gt=0)
    reads_positions: bool = True
    reads_layers: bool = True


class Returns(Parameters):
    """How those who left come back: the fear of what they saw is half of it after every `trust_half_life_seconds`."""

    trust_half_life_seconds: float = Field(604_800.0, gt=0)


@dataclass(slots=True)
class _Memory:
    """What a cohort remembers of a reserve: units that left lately, and the worst share of claims missing."""

    when: float = 0.0
    left: float = 0.0
    withdrawn: float = 0.0
    haircuts: float = 0.0
    worst: float = 0.0


class Judge:
    """The judgement of a cohort's members, in columns of shape (count,)."""

    def __init__(
        self,
        terms: Judgement,
        returns: Returns | None,
        count: int,
        reserves: list[int],
        stream: "Callable[[str], np.random.Generator]",
    ) -> None:
        self._outside = terms.outside_rate_per_year
        self._expected_hole = terms.expected_hole or math.inf
        self._reads_positions = terms.reads_positions
        self._reads_layers = terms.reads_layers
        self._memory_half_life = terms.memory_half_life_seconds
        self._trust_half_life = returns.trust_half_life_seconds if returns is not None else math.inf
        self._noise = draw(terms.noise, count, stream("noise"))
        self._error = self._noise * stream("signal").uniform(-1.0, 1.0, count)
        self._patience_years = draw(terms.patience_seconds, count, stream("patience")) / SECONDS_PER_YEAR
        # An interval of 0 is one that strikes in every block, however short the block.
        interval = draw(terms.look_every_seconds, count, stream("interval"))
        self._interval = np.maximum(interval, _SHORTEST_INTERVAL_SECONDS)
        self._strikes = stream("phase").random(count) * self._interval
        self._looked_at, self._lookers = -1.0, _NOBODY
        self._memories = {reserve: _Memory() for reserve in reserves}

    def note(self, now: float, reserve: int, sight: "Sight") -> None:
        """Remember what a block shows, and forget a little of what was."""
        memory = self._memories[reserve]
        passed, memory.when = now - memory.when, now
        if memory.left > 0.0:
            memory.left *= 0.5 ** (passed / self._memory_half_life)
        if memory.worst > 0.0:
            memory.worst *= 0.5 ** (passed / self._trust_half_life)
        memory.left += sight.withdrawn - memory.withdrawn
        hole = self._hole(sight)
        if hole > 0.0 and sight.claims > 0.0:
            memory.worst = max(memory.worst, hole / sight.claims)
        if sight.haircuts > memory.haircuts:
            memory.worst = max(memory.worst, 1.0 - (1.0 - sight.haircuts) / (1.0 - memory.haircuts))
        memory.withdrawn, memory.haircuts = sight.withdrawn, sight.haircuts

    def frightened(self, view: "View", reserve: int, sight: "Sight", staying: BoolArray) -> IntArray:
        """Return the members among those who stay that look now and had better leave."""
        if self._hole(sight) <= 0.0 and sight.supply_rate_per_year >= self._outside:
            return _NOBODY
        members = self._looking(view)
        members = members[staying[members]]
        return members[self._better_to_leave(reserve, sight, members, 0.0, sight.charged)] if members.size else members

    def reassured(self, view: "View", reserve: int, sight: "Sight", gone: BoolArray) -> IntArray:
        """Return the members among those who are gone that look now and that the rate pays for their fear."""
        if sight.supply_rate_per_year <= self._outside:
            return _NOBODY
        members = self._looking(view)
        members = members[gone[members]]
        worst = self._memories[reserve].worst
        return members[~self._better_to_leave(reserve, sight, members, worst)] if members.size else members

    def _hole(self, sight: "Sight") -> float:
        hole = sight.deficit + (sight.unrealised if self._reads_positions else 0.0)
        if self._reads_layers:
            hole = _left_of(hole, sight.owed + (sight.taken if self._reads_positions else 0.0))
        return hole

    def _looking(self, view: "View") -> IntArray:
        """Return those whose clock strikes within this block: at its phase, and every interval after."""
        if view.now == self._looked_at:
            return self._lookers
        end = view.now + view.step_seconds
        awake = np.flatnonzero(self._strikes < end)
        # Nobody looked while all was well: strikes that have passed are caught up with first.
        late = np.maximum(np.ceil((view.now - self._strikes[awake]) / self._interval[awake]), 0.0)
        strikes = self._strikes[awake] + late * self._interval[awake]
        self._strikes[awake] = strikes
        self._looked_at, self._lookers = view.now, awake[strikes < end]
        return self._lookers

    def _better_to_leave(
        self, reserve: int, sight: "Sight", members: IntArray, feared: float, charged: float = 0.0
    ) -> BoolArray:
        """Judge from where the run began: what left lately is counted as if it were still there, and had asked.

        `feared` is the least that everybody takes the hole for, as a share of the claims. `charged` is the part of a
        claim that who leaves pays: with the rest of the claims and of the hole it is as without a charge, since
        1 - (b - f w) / (1 - w) = (1 - f) (1 - h / (1 - w)), where h = (b - f) / (1 - f).
        """
        left = self._memories[reserve].left
        kept = 1.0 - charged
        claims = sight.claims * kept + left
        if claims <= 0.0:
            return np.zeros(members.size, dtype=np.bool_)
        hole = self._hole(sight)
        if charged > 0.0:
            hole = _left_of(hole, sight.claims * charged)
        if hole > 0.0:
            signals, noises = hole / claims + self._error[members], self._noise[members]
        else:
            signals, noises = np.zeros((2, members.size))
        growth = (sight.supply_rate_per_year - self._outside) * self._patience_years[members]
        gains = np.expm1(np.clip(growth, -_LARGEST_GROWTH, _LARGEST_GROWTH))
        cash, asked = (sight.cash + left) / claims, min((sight.queued * kept + left) / claims, 1.0)
        if feared > 0.0 and self._expected_hole < math.inf:
            # What has been seen is no signal that could be an error: it is feared in full.
            seen, exact = np.full(members.size, feared), np.zeros(members.size)
            afraid = better_to_leave(seen, gains, cash, exact, asked)
            return afraid | better_to_leave(signals, gains, cash, noises, asked, self._expected_hole)
        signals = np.maximum(signals, feared) if feared > 0.0 else signals
        return better_to_leave(signals, gains, cash, noises, asked, self._expected_hole)


def _left_of(hole: float, borne: float) -> float:
    """What is left of a hole of which others bear a part; nothing where that is but a rounding."""
    left = hole - borne
    return left if left > ROUNDING * hole else 0.0
