"""Silo v2: repay down to a target loan-to-value, and everything where little would be left.

**Source**: silo-finance/silo-contracts-v2, ``silo-core/contracts/hooks/liquidation/lib/PartialLiquidationLib.sol``.

**Models**: below a loan-to-value of 1, one call may repay what brings the account down to `target_ltv`, for collateral
worth ``1 + liquidation_fee`` of it. Where that is more than `full_close_share` of the debt, the debt is repaid whole or
not at all, for no more collateral than there is. From a loan-to-value of 1 on any amount may be repaid.

**Leaves out**: a Silo position is one collateral and one debt; where an account has more, the loan-to-value is the
whole account's and what is closed is the pair. From a loan-to-value of 1 on Silo lets the taker repay more than the
collateral pays for; here that is cut. Silo refuses a market whose target is above its threshold; here the lower of the
two is the target. Fees to the deployer, integer rounding.

**Units**: as `models.liquidation.offer`.

**Invariants**: a partial call of the most leaves the loan-to-value at the target.
"""

from typing import ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from models.compiled import compiled
from models.liquidation.ceiling import SLACK, Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms, close_to
from models.types import FloatArray

# No ceiling is told from a division by less than this.
_LEAST_DIVISOR: Final = 1e-6


class Silo(SpotDesign):
    """The partial liquidation of Silo v2."""

    source: ClassVar[str] = "silo-finance/silo-contracts-v2, PartialLiquidationLib.sol"
    leaves_out: ClassVar[str] = (
        "repaying more than the collateral pays for, a target above the threshold (the lower holds), fees to the "
        "deployer, rounding"
    )
    bounds: ClassVar[Bounds] = {"liquidation_fee": (0.0, 0.2), "target_ltv": (0.3, 0.82)}

    design: Literal["silo"] = "silo"
    liquidation_fee: float = Field(0.05, ge=0, lt=1, description="collateral value given above the debt repaid")
    target_ltv: float = Field(0.79, ge=0, lt=1, description="loan-to-value that one call may restore; 0 closes in full")
    full_close_share: float = Field(0.9, ge=0, le=1, description="part of the debt above which all must be repaid")

    def terms(self, position: Position) -> Terms:
        """What restores the target, all of the debt and no less where that is most of it, or anything underwater."""
        ltv, bonus = position.ltv, self.liquidation_fee
        if ltv >= 1.0:
            return Terms(position.debt_units, seized_per_repaid(position, bonus))
        # The account's threshold is its health times its loan-to-value.
        target = min(self.target_ltv, position.health * ltv)
        backing = target * position.collateral_usd
        most = close_to(position.debt_usd, backing, target * (1.0 + bonus), 1.0) / position.debt_price
        if most > self.full_close_share * position.debt_units:
            capped = min(bonus, 1.0 / ltv - 1.0)
            return Terms(position.debt_units, seized_per_repaid(position, capped), whole=True)
        return Terms(most, seized_per_repaid(position, bonus))

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """What restores the target, at the fee; no more than breaks even where that is surely most of the debt."""
        figures = accounts.health, accounts.debt_usd, accounts.collateral_usd, accounts.ltv
        return Ceiling(*_ceilings(*figures, self.liquidation_fee, self.target_ltv, self.full_close_share))


@compiled(error_model="numpy")
def _ceilings(
    health: FloatArray,
    debt_usd: FloatArray,
    collateral_usd: FloatArray,
    ltv: FloatArray,
    fee: float,
    target_ltv: float,
    share: float,
) -> tuple[FloatArray, FloatArray]:  # pragma: no cover - compiled
    """Return the rate and the dollars repaid of `Silo.ceiling`."""
    rate, repaid_usd = np.full(ltv.size, 1.0 + fee), debt_usd.copy()
    for k in range(ltv.size):
        target = min(target_ltv, health[k] * ltv[k])
        gained = 1.0 - target * (1.0 + fee)
        if not (gained > _LEAST_DIVISOR and ltv[k] * SLACK < 1.0):
            continue
        restores = (debt_usd[k] - target * collateral_usd[k]) / gained
        if restores > share * debt_usd[k] * SLACK:
            rate[k] = 1.0 + min(fee, 1.0 / ltv[k] - 1.0)
        elif share > _LEAST_DIVISOR:
            # Where a pair is less than the account, more than `share` of the pair is still less than this.
            repaid_usd[k] = min(restores, share * debt_usd[k]) / share
    return rate, repaid_usd
