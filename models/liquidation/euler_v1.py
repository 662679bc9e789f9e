"""Euler v1: a discount that grows as health falls, and a repayment up to a target health.

**Source**: euler-xyz/euler-contracts, ``contracts/modules/Liquidation.sol``.

**Models**: the discount on the collateral starts at `reserves_fee`, grows one for one with the fall of health below
1, and is multiplied by the taker's `booster`: by no more than adds `max_booster_discount`, and never above
`max_discount`. One call may repay what lifts the whole account to `target_health`. `reserves_fee` of what is repaid
goes to the reserves.

**Leaves out**: the taker takes over the debt and the fee on it is more debt; here the fee is kept in collateral of the
same value at the oracle price, and the taker pays. The booster depends on the taker's average deposits; here one
value holds for all. Borrow factors: with one debt, a threshold of collateral factor times borrow factor is the same
rule. Integer rounding. What no collateral pays for stays with the borrower.

**Units**: as `models.liquidation.offer`.

**Invariants**: a taker pays at least ``1 - max_discount`` of the oracle price, before the fee.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.design import Financing
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms, close_to


class EulerV1(SpotDesign):
    """The liquidation rule of Euler v1."""

    source: ClassVar[str] = "euler-xyz/euler-contracts, Liquidation.sol"
    leaves_out: ClassVar[str] = (
        "taking over debt instead of repaying it (the fee is kept in collateral of the same value), a booster for each "
        "taker (one value holds for all), borrow factors (part of the threshold), rounding"
    )
    bounds: ClassVar[Bounds] = {"target_health": (1.0, 1.5), "max_discount": (0.0, 0.3)}

    financing: ClassVar[Financing] = "take_over"

    design: Literal["euler_v1"] = "euler_v1"
    target_health: float = Field(1.25, ge=1, description="health that one call may restore")
    reserves_fee: float = Field(0.02, ge=0, lt=1, description="part of the repaid that goes to reserves on top of it")
    booster: float = Field(1.0, ge=1, le=2, description="the taker's multiple of the discount; 2 for large depositors")
    max_booster_discount: float = Field(0.025, ge=0, lt=1, description="the most that the booster adds")
    max_discount: float = Field(0.20, ge=0, lt=1, description="the most that the collateral is discounted")

    def discount(self, health: float) -> float:
        """How far below the oracle price the collateral is sold, before the fee, at a health below 1."""
        base = self.reserves_fee + 1.0 - health
        return min(base * self.booster, base + self.max_booster_discount, self.max_discount)

    def terms(self, position: Position) -> Terms:
        """What restores the target health, at the discount of the present health."""
        kept = 1.0 - self.discount(position.health)
        released = position.liquidation_threshold / kept
        repaid_usd = close_to(position.debt_usd, position.health * position.debt_usd, released, self.target_health)
        return Terms(
            most=min(repaid_usd / position.debt_price, position.debt_units),
            rate=seized_per_repaid(position, 1.0 / kept - 1.0),
            part=self.reserves_fee * kept,
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The price less the discount, and the fee on what is repaid; for all of the debt."""
        base = self.reserves_fee + 1.0 - accounts.health
        boosted = np.minimum(base * self.booster, base + self.max_booster_discount)
        return Ceiling(1.0 / (1.0 - np.minimum(boosted, self.max_discount)) - self.reserves_fee, accounts.debt_usd)
