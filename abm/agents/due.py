"""Who has decided to act, and when: a member acts once its time has come, and again in every block that left it out."""

import heapq
from collections.abc import Iterable
from typing import Generic, TypeVar

Who = TypeVar("Who", int, tuple[int, int])


class Due(Generic[Who]):
    """Members, or members with what they act on, in the order in which their turn comes."""

    def __init__(self) -> None:
        self._planned: list[tuple[float, Who]] = []  # a heap
        self._left_out: list[Who] = []

    def plan(self, at_seconds: float, who: Who) -> None:
        """Let somebody act from a time on."""
        heapq.heappush(self._planned, (at_seconds, who))

    def leave_out(self, those: Iterable[Who]) -> None:
        """Let those try again in the next block, before all others."""
        self._left_out.extend(those)

    def turn(self, now: float) -> list[Who]:
        """Return whose turn it is by now: who was left out by number, the others by time. They have had it then."""
        turn: list[Who] = []
        if self._left_out:
            turn, self._left_out = sorted(self._left_out), []
        while self._planned and self._planned[0][0] <= now:
            turn.append(heapq.heappop(self._planned)[1])
        return turn
