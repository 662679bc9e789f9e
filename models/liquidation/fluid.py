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

from math import inf
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.compiled import compiled
from models.liquidation.ceiling import SLACK, Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms, close_to
from models.types import FloatArray


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
        highest = (1.0 + self.liquidation_penalty) * accounts.most_threshold
        absorbed_from = self.max_limit if self.absorption else inf
        figures = accounts.health, accounts.debt_usd, accounts.ltv
        return Ceiling(*_ceilings(*figures, 1.0 + self.liquidation_penalty, 1.0 - highest, absorbed_from))


@compiled(error_model="numpy")
def _ceilings(
    health: FloatArray, debt_usd: FloatArray, ltv: FloatArray, ordinary: float, gained: float, absorbed_from: float
) -> tuple[FloatArray, FloatArray]:  # pragma: no cover - compiled
    """Return the rate and the dollars repaid of `Fluid.ceiling`; each dollar repaid brings `gained` of the target."""
    rate, repaid_usd = np.full(ltv.size, ordinary), debt_usd.copy()
    for k in range(ltv.size):
        if ltv[k] * SLACK > absorbed_from:
            rate[k] = max(1.0 / ltv[k], ordinary)
        elif gained > 0.0:
            repaid_usd[k] = min((debt_usd[k] - health[k] * debt_usd[k]) / gained, debt_usd[k])
    return rate, repaid_usd
