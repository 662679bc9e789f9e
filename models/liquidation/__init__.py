"""Slot: a liquidation design. Every design reduces to offers: repay up to R of the debt for collateral at a price.

A design is a frozen set of parameters with three pure functions; it knows a `Position` and nothing of the pool.
"""

from typing import Annotated, ClassVar, Protocol

from pydantic import Field

from models.liquidation.aave_v3 import AaveV3
from models.liquidation.fixed_spread import FixedSpread
from models.liquidation.offer import InvalidRepayment, MustNotLeaveDust, NotLiquidatable, Offer, Position, Taking

__all__ = [
    "AaveV3",
    "Design",
    "FixedSpread",
    "InvalidRepayment",
    "LiquidationDesign",
    "MustNotLeaveDust",
    "NotLiquidatable",
    "Offer",
    "Position",
    "Taking",
]


class LiquidationDesign(Protocol):
    """What a design answers about one pair of collateral and debt; all amounts repaid are units of the debt."""

    source: ClassVar[str]
    leaves_out: ClassVar[str]

    def offer(self, position: Position) -> Offer | None:
        """The terms and the most that one call may repay; None when nothing can be liquidated."""

    def fit(self, position: Position, repay: float) -> float:
        """The largest repayment up to `repay` that `take` accepts of a liquidatable position; 0 when there is none."""

    def take(self, position: Position, repay: float) -> Taking:
        """Exactly what repaying `repay` does; too much is cut, what the rule forbids is refused."""


Design = Annotated[AaveV3 | FixedSpread, Field(discriminator="design")]
