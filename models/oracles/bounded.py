"""An oracle behind circuit breakers: a cap on its moves, a range outside which it freezes, a limit to its age.

**Source**: Chainlink's aggregators, minAnswer and maxAnswer: answers outside are not taken and the last one stands, as
LUNA's did at 0.107 dollars in May 2022 while it traded at 0.01. Liquity v1, PriceFeed.sol: after 4 h without an update
another oracle is asked. crvUSD, AMM.vy `limit_p_o`: a cap on the move of the price between two updates.
**Models**: in this order. A report of the inner oracle below `floor_usd` or above `ceiling_usd` is not taken, and the
last value stands for as long as that lasts. One that is taken moves the value towards it, by at most `largest_move` of
the value in one block; the rest follows in the next blocks. Once the value is more than `stale_after_seconds` old the
protocol believes `fallback` instead, as it comes, until the inner oracle is taken again; then the value moves on from
where it stood. The age is the inner oracle's own: a silent push or an empty venue grows old, and so does a frozen feed.
**Leaves out**: a protocol that refuses to act on a stale price (a `fallback` it must have); breakers lifted by
governance; Liquity's comparison of the two oracles.
**Units**: prices in dollars; `largest_move` is a fraction of the value.
**Invariants**: the value stays within the range, once it has been in it, and between the value before and the inner
report. Without bounds it is the inner oracle.
"""

import math
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from models.parameters import Parameters

if TYPE_CHECKING:
    from models.oracles import Oracle, OracleTerms


class BoundedOracle:
    """Reports the inner oracle within its bounds, or the fallback."""

    __slots__ = (
        "_ceiling",
        "_fallback",
        "_floor",
        "_least",
        "_most",
        "_of",
        "_stale_after_seconds",
        "_taken_seconds",
        "_value",
        "updated_seconds",
    )

    def __init__(self, price: float, terms: "BoundedTerms") -> None:
        move = terms.largest_move
        self._of: Oracle = terms.of.start(price)
        self._fallback: Oracle | None = terms.fallback.start(price) if terms.fallback else None
        self._floor = terms.floor_usd or 0.0
        self._ceiling = terms.ceiling_usd or math.inf
        self._least, self._most = (0.0, math.inf) if move is None else (1.0 - move, 1.0 + move)
        self._stale_after_seconds = terms.stale_after_seconds or math.inf
        self._value = price
        self._taken_seconds = 0.0
        self.updated_seconds = 0.0

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The value after this block's inner report, or the fallback's report where the value is stale."""
        price = self._of.report(time_seconds, reference, venue)
        if self._floor <= price <= self._ceiling:
            self._value = min(max(price, self._least * self._value), self._most * self._value)
            self._taken_seconds = self._of.updated_seconds
        if self._fallback is not None:
            instead = self._fallback.report(time_seconds, reference, venue)  # in every block, stale or not
            if time_seconds - self._taken_seconds > self._stale_after_seconds:
                self.updated_seconds = self._fallback.updated_seconds
                return instead
        self.updated_seconds = self._taken_seconds
        return self._value


class BoundedTerms(Parameters):
    """The oracle in `of` within bounds, each of them optional; `stale_after_seconds` goes with a `fallback`."""

    kind: Literal["bounded"] = "bounded"
    of: "OracleTerms"
    largest_move: float | None = Field(None, gt=0, lt=1)
    floor_usd: float | None = Field(None, gt=0)
    ceiling_usd: float | None = Field(None, gt=0)
    stale_after_seconds: float | None = Field(None, gt=0)
    fallback: "OracleTerms | None" = None

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.floor_usd is not None and self.ceiling_usd is not None and self.floor_usd > self.ceiling_usd:
            raise ValueError(
                f"floor_usd = {self.floor_usd:.15g} is above ceiling_usd = {self.ceiling_usd:.15g}; give a range"
            )
        if self.stale_after_seconds is not None and self.fallback is None:
            raise ValueError("stale_after_seconds says when, but not what to believe then; add a fallback oracle")
        if self.fallback is not None and self.stale_after_seconds is None:
            raise ValueError("fallback says what to believe, but not from when on; add stale_after_seconds")
        return self

    @property
    def reads_venue(self) -> bool:
        """Whether the inner oracle or the fallback reads the venue."""
        return self.of.reads_venue or (self.fallback is not None and self.fallback.reads_venue)

    def start(self, price: float) -> BoundedOracle:
        """The oracle at time 0; `price` stands until a report is taken, even where it is out of bounds itself."""
        return BoundedOracle(price, self)
