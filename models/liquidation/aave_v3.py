"""Aave v3: half of the position or all of it, at a fixed bonus, and no dust.

**Source**: aave-dao/aave-v3-origin v3.3 to v3.7, ``LiquidationLogic.sol`` and ``docs/3.3/Aave-v3.3-features.md``.

**Models**: below health 1, up to `close_factor` of the *whole* account's debt value may be repaid in one debt; all of
that debt when health is at or below `full_close_health_factor`, or when the collateral or the debt of the pair is
worth less than `full_close_below_usd`. The taker gets the collateral's value plus `liquidation_bonus`, of which the
protocol keeps `protocol_fee`. What is left of the pair must be nothing of the debt, nothing of the collateral, or at
least `min_leftover_usd` of both.

**Leaves out**: e-mode, grace periods, the sequencer sentinel, integer rounding.

**Units**: as `models.liquidation.offer`; thresholds in usd.

**Invariants**: what `offer` offers and `fit` returns, `take` accepts.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, protocol_part, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms


class AaveV3(SpotDesign):
    """The liquidation rule of Aave v3.3 and later."""

    source: ClassVar[str] = "aave-dao/aave-v3-origin v3.3-v3.7, LiquidationLogic.sol"
    leaves_out: ClassVar[str] = "e-mode, grace periods, the sequencer sentinel, integer rounding"
    bounds: ClassVar[Bounds] = {
        "liquidation_bonus": (0.0, 0.2),
        "close_factor": (0.1, 1.0),
        "full_close_health_factor": (0.8, 1.0),
    }

    design: Literal["aave_v3"] = "aave_v3"
    liquidation_bonus: float = Field(0.05, ge=0, description="collateral value given above the debt repaid")
    protocol_fee: float = Field(0.10, ge=0, le=1, description="the protocol's part of the bonus")
    close_factor: float = Field(0.5, gt=0, le=1, description="part of the account's debt that one call may repay")
    full_close_health_factor: float = Field(0.95, ge=0, le=1, description="at or below it one call may repay all")
    full_close_below_usd: float = Field(2000.0, ge=0, description="a pair smaller than this may be closed in one call")
    min_leftover_usd: float = Field(1000.0, ge=0, description="least value of collateral and debt to leave behind")

    def terms(self, position: Position) -> Terms:
        """Half of the account's debt or all of the pair's, and no dust."""
        return Terms(
            most=self._limit(position),
            rate=seized_per_repaid(position, self.liquidation_bonus),
            part=protocol_part(self.liquidation_bonus, self.protocol_fee),
            dust_usd=self.min_leftover_usd,
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The same bonus for all, for all of the debt."""
        kept = 1.0 - protocol_part(self.liquidation_bonus, self.protocol_fee)
        return Ceiling((1.0 + self.liquidation_bonus) * kept, accounts.debt_usd)

    def _limit(self, position: Position) -> float:
        """Units of debt that one call may repay, before collateral and leftovers have their say."""
        debt = position.debt_units * position.debt_price
        collateral = position.collateral_units * position.collateral_price
        closable = (
            position.health <= self.full_close_health_factor
            or debt < self.full_close_below_usd
            or collateral < self.full_close_below_usd
        )
        if closable:
            return position.debt_units
        return min(position.debt_units, self.close_factor * position.debt_usd / position.debt_price)
