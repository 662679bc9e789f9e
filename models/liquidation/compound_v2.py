"""Compound v2: half of one debt at a fixed incentive, of which the protocol keeps a share of everything seized.

**Source**: compound-finance/compound-protocol, ``Comptroller.liquidateBorrowAllowed``,
``liquidateCalculateSeizeTokens`` and ``CToken.seizeInternal``. The close factor and the incentive are storage of the
main market and come from secondary sources.

**Models**: below health 1, one call may repay `close_factor` of the debt of the pair. Collateral worth
`liquidation_incentive` times what is repaid is seized; `protocol_seize_share` of it goes to the reserves of the
collateral, so that 1.08 and 2.8 % leave the taker 4.976 %. Nothing is done about debt that no collateral pays for.

**Leaves out**: Compound reverts a call that asks for more than the close factor or the collateral allows; here it is
cut to that. Deprecated markets, integer rounding. The pool's liquidation threshold plays the collateral factor, which
in Compound also bounds borrowing.

**Units**: as `models.liquidation.offer`; `liquidation_incentive` is a multiple, as Compound states it.

**Invariants**: a part of the debt stays for ever unless the collateral runs out first.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms


class CompoundV2(SpotDesign):
    """The liquidation rule of Compound v2."""

    source: ClassVar[str] = "compound-finance/compound-protocol, Comptroller.sol and CToken.sol"
    leaves_out: ClassVar[str] = "reverts of calls that ask for too much (they are cut), deprecated markets, rounding"
    bounds: ClassVar[Bounds] = {"close_factor": (0.1, 1.0), "liquidation_incentive": (1.0, 1.2)}

    design: Literal["compound_v2"] = "compound_v2"
    close_factor: float = Field(0.5, gt=0, le=1, description="part of the pair's debt that one call may repay")
    liquidation_incentive: float = Field(1.08, ge=1, description="collateral value seized for a dollar repaid")
    protocol_seize_share: float = Field(0.028, ge=0, le=1, description="the protocol's part of all that is seized")

    def terms(self, position: Position) -> Terms:
        """The same part of the debt at the same incentive, whatever the health."""
        return Terms(
            most=self.close_factor * position.debt_units,
            rate=seized_per_repaid(position, self.liquidation_incentive - 1.0),
            part=self.protocol_seize_share,
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The same for all, of the whole account's debt."""
        rate = self.liquidation_incentive * (1.0 - self.protocol_seize_share)
        return Ceiling(rate, self.close_factor * accounts.debt_usd)
