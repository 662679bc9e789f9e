"""Somebody may step in who need not: a treasury, a team, a lender of last resort.

**Source**: how the large events ended: Aave v2 CRV (2022, AIP-144), Mango (2022), Fluid (2026), Aave and Kelp (2026).
Probability and delay are assumptions of whoever uses them.

**Models**: the first loss opens a decision; losses that come while it is open are part of it. After `delay_seconds` the
rescue comes for all of them, with `probability`, or for none, and then they are losses again for the layers after it.
Without a delay the decision is known at once. So it is on its day for what other layers fail to pay then, which is
rescued with the rest or goes on.

**Leaves out**: a rescue in parts, one whose odds depend on the size of the hole.

**Units**: `capital` in units of its asset, seconds.

**Invariants**: one draw decides one decision, of one rescuer: others decide for themselves. All rescues together pay at
most the capital.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, What
from models.losses.pot import Pot


class DiscretionaryRescueLayer(TimedTerms):
    """Help that may come, later."""

    kind: Literal["discretionary_rescue"] = "discretionary_rescue"
    asset: str | None = Field(None, description="what the rescuer pays with; the debt's own asset by default")
    capital: float = Field(ge=0, description="most that the rescuer gives, units")
    probability: float = Field(ge=0, le=1, description="of the rescue, for each decision")
    delay_seconds: float = Field(ge=0, description="from the first loss to the decision")

    def money(self, lost: str) -> tuple[str, float]:
        """The most that the rescuer gives."""
        return self.asset or lost, self.capital

    def start(self) -> "DiscretionaryRescue":
        """The layer before the first loss."""
        return DiscretionaryRescue(self)


class DiscretionaryRescue(Payer):
    """The rescuer's money, and the decision that is open while anything is pending."""

    __slots__ = ("_comes", "_probability", "pot")

    gives: ClassVar[frozenset[What]] = frozenset({"spent"})
    by_chance: ClassVar[bool] = True

    def __init__(self, terms: DiscretionaryRescueLayer) -> None:
        super().__init__(terms, terms.delay_seconds)
        self._probability = terms.probability
        self._comes = False
        self.pot = Pot(terms.capital, terms.asset)

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """What the capital brings, less what is pending; a refusal of now is known."""
        if self._falls_due(now_seconds, market) <= now_seconds:
            comes = self._comes if self._waiting else market.drawn_for(self) < self._probability
            if not comes:
                return 0.0
        return max(self.pot.worth(market) - self.pending_units, 0.0)

    def _set_aside(self, units: float, now_seconds: float, market: LossView) -> tuple[Effect, ...]:
        if not self._waiting:
            self._comes = market.drawn_for(self) < self._probability
        return ()

    def _falls_due(self, now_seconds: float, market: LossView) -> float:
        return self._waiting[0][0] if self._waiting else now_seconds + self.delay_seconds

    def see(self, held: float, now_seconds: float) -> None:
        """Count what is there."""
        self.pot.capital = held

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        return self.pot.spend(units, market) if self._comes else Paid(shortfall=units)

    def _restore(self, units: float, market: LossView) -> float:
        return self.pot.refill(units, market)
