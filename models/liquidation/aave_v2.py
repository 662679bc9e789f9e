"""Aave v2: half of one debt at a fixed bonus, all of it the taker's.

**Source**: aave/protocol-v2, ``LendingPoolCollateralManager.liquidationCall``.

**Models**: below health 1, one call may repay `close_factor` of the debt of the pair, however deep the account is
under. The taker gets the collateral's value plus `liquidation_bonus`; the protocol keeps nothing. It is
`models.liquidation.fixed_spread` without a protocol fee. Nothing is done about debt that no collateral pays for.

**Leaves out**: integer rounding.

**Units**: as `models.liquidation.offer`.

**Invariants**: a part of the debt stays for ever unless the collateral runs out first.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms


class AaveV2(SpotDesign):
    """The liquidation rule of Aave v2."""

    source: ClassVar[str] = "aave/protocol-v2, LendingPoolCollateralManager.sol"
    leaves_out: ClassVar[str] = "integer rounding"
    bounds: ClassVar[Bounds] = {"close_factor": (0.1, 1.0), "liquidation_bonus": (0.0, 0.2)}

    design: Literal["aave_v2"] = "aave_v2"
    close_factor: float = Field(0.5, gt=0, le=1, description="part of the pair's debt that one call may repay")
    liquidation_bonus: float = Field(0.05, ge=0, description="collateral value given above the debt repaid")

    def terms(self, position: Position) -> Terms:
        """The same part of the debt at the same bonus, whatever the health."""
        return Terms(self.close_factor * position.debt_units, seized_per_repaid(position, self.liquidation_bonus))

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The same for all, of the whole account's debt."""
        return Ceiling(1.0 + self.liquidation_bonus, self.close_factor * accounts.debt_usd)
