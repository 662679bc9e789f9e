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

from models.liquidation.offer import Offer, Position, Taking, exchange, protocol_part, require_taking, seized_per_repaid
from models.parameters import Parameters


class FixedSpread(Parameters):
    """The liquidation rule of Compound v2 and Aave v2."""

    source: ClassVar[str] = "compound-finance/compound-protocol, Comptroller.sol and CToken.sol"
    leaves_out: ClassVar[str] = "reverts of calls that ask for too much (they are cut), deprecated markets, rounding"

    design: Literal["fixed_spread"] = "fixed_spread"
    liquidation_bonus: float = Field(0.08, ge=0, description="collateral value given above the debt repaid")
    protocol_fee: float = Field(0.0, ge=0, le=1, description="the protocol's part of the bonus")
    close_factor: float = Field(0.5, gt=0, le=1, description="part of the pair's debt that one call may repay")

    def offer(self, position: Position) -> Offer | None:
        """The most that one call may repay, and the terms; None for a healthy account or one with nothing to seize."""
        if not position.health < 1.0:
            return None
        max_repay = self.fit(position, position.debt_units)
        if max_repay <= 0.0:
            return None
        part = protocol_part(self.liquidation_bonus, self.protocol_fee)
        return Offer(max_repay, seized_per_repaid(position, self.liquidation_bonus), 1.0 - part)

    def fit(self, position: Position, repay: float) -> float:
        """The largest admissible repayment up to `repay` units of debt."""
        emptying = position.collateral_units / seized_per_repaid(position, self.liquidation_bonus)
        return max(min(repay, self.close_factor * position.debt_units, emptying), 0.0)

    def take(self, position: Position, repay: float) -> Taking:
        """What repaying `repay` units of debt does; more than the rule allows is cut to what it allows.

        Raises `NotLiquidatable`, `InvalidRepayment`.
        """
        require_taking(position, repay)
        rate = seized_per_repaid(position, self.liquidation_bonus)
        part = protocol_part(self.liquidation_bonus, self.protocol_fee)
        return exchange(position, self.fit(position, repay), rate, part)
