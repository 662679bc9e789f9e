"""Suppliers get the collateral instead of their money: nothing is sold.

**Source**: Silo v3 (2026), internal collateral-debt swap: the debt is written off and its collateral goes to lenders at
a discount. The discount itself is an assumption.

**Models**: claims are cut by the loss, each in proportion, and the collateral that goes with it is theirs, as much as
the loss is worth at the discounted price or as there is. What of the loss it is not worth is their haircut.

`take_over` is the same for collateral alone, before what it is not worth is lost.

**Leaves out**: what lenders do with it; collateral beyond what is due, which stays where it was.

**Units**: units of the debt's asset and of the collateral.

**Invariants**: the collateral given is never more than goes with the loss. Nothing of a recovery is theirs.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, Settles
from models.losses.sharing import pro_rata


class InKindLayer(TimedTerms):
    """Collateral to suppliers."""

    kind: Literal["in_kind"] = "in_kind"
    discount: float = Field(0.0, ge=0, lt=1, description="below the market price at which suppliers get collateral")

    def start(self) -> "InKind":
        """The layer before the first loss."""
        return InKind(self)


class InKind(Payer):
    """Suppliers, who hold the claims that the market shows."""

    __slots__ = ("_discount",)

    takes_collateral: ClassVar[bool] = True
    settles: ClassVar[Settles] = "claims"
    alike: ClassVar[bool] = True

    def __init__(self, terms: InKindLayer) -> None:
        super().__init__(terms)
        self._discount = terms.discount

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """All claims."""
        self._given_per_unit(market)  # refuses collateral without a price before anybody pays
        return max(market.claims, 0.0)

    def take_over(self, worth: float, collateral: float, market: LossView) -> float:
        """Give claims for collateral at the discount."""
        return worth * (1.0 - self._discount)

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        collateral = units * self._given_per_unit(market)
        cut = given = None
        if len(market.suppliers):
            cut, given = pro_rata(units, market.suppliers), pro_rata(collateral, market.suppliers)
        effects = (Effect("cut", None, units, cut), Effect("given", market.collateral_asset, collateral, given))
        return Paid(units=units, effects=effects)

    def _restore(self, units: float, market: LossView) -> float:
        return 0.0

    def _given_per_unit(self, market: LossView) -> float:
        """Units of collateral for each unit of claims cut."""
        if market.collateral_per_unit == 0.0:
            return 0.0
        price = market.token(market.collateral_asset).price * (1.0 - self._discount)
        return min(market.collateral_per_unit, 1.0 / price) if price > 0.0 else market.collateral_per_unit
