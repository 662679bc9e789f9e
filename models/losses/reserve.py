"""The pool's own reserves pay: the treasury gives up its claim on the reserve that lost.

**Source**: Aave v3 reserve factor and treasury; ``eliminateReserveDeficit`` (v3.3) burns the payer's claim. Compound
III's reserves, which bear an absorbed debt at once.

**Models**: first-loss reserves. The claim shrinks with the hole, so that no cash moves.

**Leaves out**: the vote by which a DAO would release them; treasury held in other assets. Reserves never fall below
nothing here: what Compound III's do beyond that is `deferred`.

**Units**: fractions, usd; the state is in units of the debt's asset.

**Invariants**: pays at most the treasury's claim at that moment.
"""

from typing import ClassVar, Literal

from models.losses.layer import LayerTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, Settles


class ReserveLayer(LayerTerms):
    """Pays from the treasury's claim on the reserve."""

    kind: Literal["reserve"] = "reserve"

    def start(self) -> "Reserve":
        """The layer before the first loss."""
        return Reserve(self)


class Reserve(Payer):
    """The treasury's claim, which the pool keeps and the market shows."""

    __slots__ = ()

    settles: ClassVar[Settles] = "treasury"

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """The claim there is."""
        return max(market.treasury, 0.0)

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        return Paid(units=units, effects=(Effect("burned", None, units),))

    def _restore(self, units: float, market: LossView) -> float:
        return units
