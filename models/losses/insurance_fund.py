"""A fund of the protocol's own pays in cash, on the spot.

**Source**: insurance funds of BitMEX, Mango v4 and Drift; dydxprotocol/v4-chain, ``IsValidInsuranceFundDelta``, for the
rule that a fund which cannot pay a loss whole pays none of it.

**Models**: pays from `capital`, at what its asset brings at that moment; grows by what it receives.

**Leaves out**: where its income comes from; stakers of a fund (`backstop_vault`).

**Units**: `capital` in units of its asset.

**Invariants**: never below nothing; with `all_or_nothing` it pays what is due from it, or nothing.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Paid, Payer, What
from models.losses.pot import Pot
from models.losses.waterfall import LayerState, Loss


class InsuranceFundLayer(TimedTerms):
    """A fund with capital of its own."""

    kind: Literal["insurance_fund"] = "insurance_fund"
    asset: str | None = Field(None, description="what the fund holds; the debt's own asset by default")
    capital: float = Field(ge=0, description="units in the fund at first")
    all_or_nothing: bool = Field(False, description="whether a loss that it cannot pay whole is left to others")

    def money(self, lost: str) -> tuple[str, float]:
        """The capital."""
        return self.asset or lost, self.capital

    def start(self) -> "InsuranceFund":
        """The layer before the first loss."""
        return InsuranceFund(self)


class InsuranceFund(Payer):
    """The fund, whose `pot` holds the capital."""

    __slots__ = ("_whole_only", "pot")

    gives: ClassVar[frozenset[What]] = frozenset({"spent"})

    def __init__(self, terms: InsuranceFundLayer) -> None:
        super().__init__(terms)
        self._whole_only = terms.all_or_nothing
        self.pot = Pot(terms.capital, terms.asset)

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """What the capital brings."""
        return self.pot.worth(market)

    def facing(self, name: str, loss: Loss, now_seconds: float, market: LossView) -> LayerState:
        """As any layer, but without capacity where what is due is more than there is."""
        state = super().facing(name, loss, now_seconds, market)
        due = self.cover.due(loss.rest, market.debt_price_usd)
        if self._whole_only and due > self.capacity(now_seconds, market):
            return LayerState(name, 0.0)
        return state

    def see(self, held: float, now_seconds: float) -> None:
        """Count what is there."""
        self.pot.capital = held

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        return self.pot.spend(units, market)

    def _restore(self, units: float, market: LossView) -> float:
        return self.pot.refill(units, market)
