"""Cover bought from outside: a sum insured, for a time, paid after an assessment.

**Source**: NexusMutual/smart-contracts (43a449a), ``Cover.sol`` and ``Assessments.sol``: a vote of three days before a
claim is paid; of a payout the stakers on the product burn ``1 / capacity ratio`` (2), the rest all members bear.

**Models**: a loss that falls in the period of the cover becomes a claim, which waits for its assessment and is paid
from what the sum insured then brings. Claims count against it from the day they are made, first come first served.

**Leaves out**: the premium and the mutual's own solvency (the insurer's); claims that are turned down, which is what
`discretionary_rescue` is for.

**Units**: `capital` in units of its asset, seconds.

**Invariants**: all claims together get at most the sum insured.
"""

from math import inf
from typing import ClassVar, Final, Literal

from pydantic import Field

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, What
from models.losses.pot import Pot

_DAY: Final = 86400.0


class ExternalCoverLayer(TimedTerms):
    """A cover from outside the protocol."""

    kind: Literal["external_cover"] = "external_cover"
    asset: str | None = Field(None, description="what it pays in; the debt's own asset by default")
    capital: float = Field(ge=0, description="sum insured, units")
    starts_seconds: float = Field(0.0, ge=0)
    ends_seconds: float | None = Field(None, ge=0, description="when the cover ends; never by default")
    assessment_seconds: float = Field(3.0 * _DAY, ge=0, description="from the loss to the payment")
    capacity_ratio: float = Field(2.0, ge=1, description="cover sold for each unit staked on it")

    def money(self, lost: str) -> tuple[str, float]:
        """The sum insured."""
        return self.asset or lost, self.capital

    def start(self) -> "ExternalCover":
        """The layer before the first loss."""
        return ExternalCover(self)


class ExternalCover(Payer):
    """What is left of the sum insured, in `pot`."""

    __slots__ = ("_ends_seconds", "_terms", "pot")

    gives: ClassVar[frozenset[What]] = frozenset({"slashed", "mutualised"})

    def __init__(self, terms: ExternalCoverLayer) -> None:
        super().__init__(terms, terms.assessment_seconds)
        self._terms = terms
        self._ends_seconds = inf if terms.ends_seconds is None else terms.ends_seconds
        self.pot = Pot(terms.capital, terms.asset)

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """What the sum insured brings, less the claims that wait; nothing outside the period."""
        if not self._terms.starts_seconds <= now_seconds < self._ends_seconds:
            return 0.0
        return max(self.pot.worth(market) - self.pending_units, 0.0)

    def see(self, held: float, now_seconds: float) -> None:
        """Count what is there."""
        self.pot.capital = held

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        paid = self.pot.spend(units, market)
        (spent,) = paid.effects
        burned = spent.units / self._terms.capacity_ratio
        effects = (Effect("slashed", spent.asset, burned), Effect("mutualised", spent.asset, spent.units - burned))
        return Paid(units=paid.units, shortfall=paid.shortfall, effects=effects)

    def _restore(self, units: float, market: LossView) -> float:
        return self.pot.refill(units, market)
