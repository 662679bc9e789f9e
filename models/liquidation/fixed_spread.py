"""Fixed spread: a constant part of the debt, at a constant bonus, again and again.

**Source**: Compound v2, ``Comptroller.liquidateCalculateSeizeTokens`` and ``CToken.seizeInternal``
(compound-finance/compound-protocol); Aave v2 is the same rule with the protocol keeping nothing.

**Models**: below health 1, one call may repay up to `close_factor` of the debt of the pair. The taker gets the
collateral's value plus `liquidation_bonus`, of which the protocol keeps `protocol_fee`. Compound states its part of
all that is seized: 2.8 % of 1.08 is ``0.028 * 1.08 / 0.08 = 0.378`` of the bonus.

**Leaves out**: Compound reverts a call that asks for more than the close factor or the collateral allows; here it is
cut to that. Deprecated markets, integer rounding.

**Units**: as `models.liquidation.offer`.

**Invariants**: nothing about dust: calls may halve the same debt for ever.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, protocol_part, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms


class FixedSpread(SpotDesign):
    """The liquidation rule of which Compound v2 and Aave v2 are cases."""

    source: ClassVar[str] = "compound-finance/compound-protocol, Comptroller.sol and CToken.sol"
    leaves_out: ClassVar[str] = "reverts of calls that ask for too much (they are cut), deprecated markets, rounding"
    bounds: ClassVar[Bounds] = {"liquidation_bonus": (0.0, 0.2), "close_factor": (0.1, 1.0)}

    design: Literal["fixed_spread"] = "fixed_spread"
    liquidation_bonus: float = Field(0.08, ge=0, description="collateral value given above the debt repaid")
    protocol_fee: float = Field(0.0, ge=0, le=1, description="the protocol's part of the bonus")
    close_factor: float = Field(0.5, gt=0, le=1, description="part of the pair's debt that one call may repay")

    def terms(self, position: Position) -> Terms:
        """The same part of the debt at the same bonus, whatever the health."""
        return Terms(
            most=self.close_factor * position.debt_units,
            rate=seized_per_repaid(position, self.liquidation_bonus),
            part=protocol_part(self.liquidation_bonus, self.protocol_fee),
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The same for all, of the whole account's debt."""
        kept = 1.0 - protocol_part(self.liquidation_bonus, self.protocol_fee)
        return Ceiling((1.0 + self.liquidation_bonus) * kept, self.close_factor * accounts.debt_usd)
