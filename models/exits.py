"""When depositors may leave: limits on the rate of exits, pauses, and gates that shut on a loss.

**Source**: rate limit: Fluid's liquidity layer (``expandPercent``, ``expandDuration``). Gate after a loss: dYdX v4,
where withdrawals are halted for 50 blocks once somebody's negative equity is found. Gate while somebody can be
liquidated: Liquity v1, ``_requireNoUnderCollateralizedTroves`` of its stability pool. Pauses: what guardians of most
pools may do.
**Models**: what may leave a reserve is a bucket of a share of all claims that fills up evenly over a time; what leaves
is taken out of it. While a gate is shut nothing leaves, and whoever asks queues.
**Leaves out**: limits for each account, Fluid's base below which nothing is limited, the vote behind a pause.
**Units**: seconds since the start, units of the reserve's asset, shares as fractions.
**Invariants**: over any stretch of t seconds with steady claims A no more leaves than A share (1 + t / seconds).
"""

from math import inf
from typing import Annotated, Self

from pydantic import Field, model_validator

from models.parameters import Parameters

Seconds = Annotated[float, Field(ge=0)]


class ExitTerms(Parameters):
    """`limit_share` of the claims may leave at once, and as much again over every `limit_seconds`.

    `pauses` are stretches of time, each from its first second up to its last. Exits halt for `halt_after_loss_seconds`
    once a bad debt is recognised, and, if asked, while any position can be liquidated.
    """

    limit_share: float | None = Field(None, gt=0, le=1)
    limit_seconds: float = Field(86_400.0, gt=0)
    pauses: list[Annotated[list[Seconds], Field(min_length=2, max_length=2)]] = []
    halt_after_loss_seconds: float = Field(0.0, ge=0)
    halt_while_liquidatable: bool = False

    @model_validator(mode="after")
    def _pauses_end_after_they_begin(self) -> Self:
        for begin, end in self.pauses:
            if end <= begin:
                raise ValueError(f"a pause from {begin:g} to {end:g} is none; give its first second, then a later one")
        return self


class ExitGate:
    """The state of a pool's exits: when they are open, and how much of each of R reserves may leave."""

    def __init__(self, terms: ExitTerms, reserves: int) -> None:
        self.terms = terms
        self.minds_losses = terms.halt_after_loss_seconds > 0.0
        self._room = [inf] * reserves  # a bucket that nobody has touched is full, however large the pool is by then
        self._filled_at = [0.0] * reserves
        self._halted_until = -inf
        self._losses = [0.0] * (2 * reserves)

    def note_losses(self, now: float, losses: list[float]) -> None:
        """See whether any of these figures, two for each reserve, has grown: then exits halt, if they are to."""
        if self.minds_losses:
            if any(loss > before for loss, before in zip(losses, self._losses, strict=True)):
                self._halted_until = now + self.terms.halt_after_loss_seconds
            self._losses = losses

    def is_open(self, now: float, liquidatable: bool) -> bool:
        """Whether anything may leave now, given whether any position can be liquidated."""
        terms = self.terms
        if now < self._halted_until or (terms.halt_while_liquidatable and liquidatable):
            return False
        return not any(begin <= now < end for begin, end in terms.pauses)

    def room(self, reserve: int, now: float, claims: float) -> float:
        """The units that may leave now with so many claims outstanding; infinite without a limit."""
        share = self.terms.limit_share
        if share is None:
            return inf
        full = share * claims
        refill = full * (now - self._filled_at[reserve]) / self.terms.limit_seconds
        return min(self._room[reserve] + refill, full)

    def leave(self, reserve: int, now: float, claims: float, units: float) -> None:
        """Take units that leave out of the bucket, as it is with the claims before they do."""
        self._room[reserve] = max(self.room(reserve, now, claims) - units, 0.0)
        self._filled_at[reserve] = now
