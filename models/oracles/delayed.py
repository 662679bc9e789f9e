"""A feed that makes every price wait for an hour before it is believed.

**Source**: Maker's oracle security module, osm.sol (makerdao/osm): a poke is allowed once a hop; it puts the next
price in force and samples the source for a new next one.
**Models**: at the first block at or after each whole multiple of `hop_seconds` the next price becomes the one in force,
and the reference price is sampled as the next. So the price in force was sampled one to two hops ago.
**Leaves out**: that nobody may poke, the freeze by governance, that the next price is public.
**Units**: seconds; the first hop begins at time 0.
**Invariants**: the report changes at most once a hop and is always a past reference price. Blocks longer than a hop
poke once each, so there the delay is one block.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.parameters import Parameters


class DelayedOracle:
    """Reports the price in force, and keeps the next one back."""

    __slots__ = ("_current", "_due_seconds", "_hop_seconds", "_next", "updated_seconds")

    def __init__(self, price: float, hop_seconds: float) -> None:
        self._hop_seconds = hop_seconds
        self._due_seconds = hop_seconds
        self._current = price
        self._next = price
        self.updated_seconds = 0.0

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The price in force, after this block's poke if one is due."""
        if time_seconds >= self._due_seconds:
            self._current = self._next
            self._next = reference
            self.updated_seconds = time_seconds
            self._due_seconds = (time_seconds // self._hop_seconds + 1.0) * self._hop_seconds
        return self._current


class DelayedTerms(Parameters):
    """The reference price, one to two hops late."""

    reads_venue: ClassVar[bool] = False

    kind: Literal["delayed"] = "delayed"
    hop_seconds: float = Field(default=3600.0, gt=0)

    def start(self, price: float) -> DelayedOracle:
        """The oracle at time 0, with `price` in force and next."""
        return DelayedOracle(price, self.hop_seconds)
