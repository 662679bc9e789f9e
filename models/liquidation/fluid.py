"""Fluid: repay no more than brings the position back to its threshold, at a small penalty; absorbed above a limit.

**Source**: Instadapp/fluid-contracts-public, ``protocols/vault/vaultT1/coreModule``; parameters of the vault ETH/USDC.

**Models**: up to the loan-to-value `max_limit`, a call may repay what brings the account's health back to 1, for
collateral worth ``1 + liquidation_penalty`` of it. Above, the vault absorbs the position whole: with `absorption` its
collateral is for sale at the position's own ratio of collateral to debt, without a bonus. Without `absorption` the
ordinary terms hold at any loan-to-value.

**Leaves out**: ticks: positions in one tick are liquidated together, and their ratio is snapped to 0.15 % steps, so a
call repays somewhat more than here. Absorption moves the position to the vault for good; here it is absorbed only as
long as it is above the limit, and it is the borrower's until sold. Minimum amounts, withdrawal gaps, rounding.

**Units**: as `models.liquidation.offer`.

**Invariants**: a full call leaves health 1 or closes a side; an absorbed position is sold without changing its ratio.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import SLACK, Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms, close_to


class Fluid(SpotDesign):
    """The liquidation rule of Fluid's vaults, position by position."""

    source: ClassVar[str] = "Instadapp/fluid-contracts-public, vaultT1 core module"
    leaves_out: ClassVar[str] = (
        "ticks and branches (each position is on its own), absorption for good (it lasts while above the limit), "
        "minimum amounts, rounding"
    )
    bounds: ClassVar[Bounds] = {"liquidation_penalty": (0.0, 0.2), "max_limit": (0.85, 1.0)}

    design: Literal["fluid"] = "fluid"
    liquidation_penalty: float = Field(0.01, ge=0, description="collateral value given above the debt repaid")
    max_limit: float = Field(0.95, gt=0, le=1, description="loan-to-value above which a position is absorbed")
    absorption: bool = Field(True, description="whether positions above max_limit are absorbed")

    def terms(self, position: Position) -> Terms:
        """What restores health 1, at the penalty; all of an absorbed position, at its own ratio."""
        if self.absorption and position.ltv > self.max_limit:
            return Terms(position.debt_units, seized_per_repaid(position, 1.0 / position.ltv - 1.0))
        backing = position.health * position.debt_usd
        released = (1.0 + self.liquidation_penalty) * position.liquidation_threshold
        repaid_usd = close_to(position.debt_usd, backing, released, 1.0)
        return Terms(
            most=min(repaid_usd / position.debt_price, position.debt_units),
            rate=seized_per_repaid(position, self.liquidation_penalty),
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """What restores health 1 where the threshold is the highest; all of what is, or may be, absorbed."""
        ordinary = 1.0 + self.liquidation_penalty
        backing = accounts.health * accounts.debt_usd
        restores = close_to(accounts.debt_usd, backing, ordinary * accounts.most_threshold, 1.0)
        absorbed = accounts.ltv * SLACK > self.max_limit if self.absorption else np.zeros(len(backing), np.bool_)
        return Ceiling(
            rate=np.where(absorbed, np.maximum(1.0 / accounts.ltv, ordinary), ordinary),
            repaid_usd=np.where(absorbed, accounts.debt_usd, np.minimum(restores, accounts.debt_usd)),
        )
