"""Morpho Blue: all of the debt at once, at an incentive that follows from the market's threshold.

**Source**: morpho-org/morpho-blue, ``src/Morpho.sol`` and ``src/libraries/ConstantsLib.sol``.

**Models**: below health 1 the taker may repay any part of the debt, for collateral worth
``min(1 + max_incentive, 1 / (1 - cursor * (1 - threshold)))`` times that: the safer the threshold, the larger the
incentive. No close factor, no fee, no dust rule.

**Leaves out**: the market's lenders bear what is left when no collateral is left, at once; here that is the pool's
write-off, with the recognition and the layers that the pool has. Pre-liquidations, integer rounding.

**Units**: as `models.liquidation.offer`.

**Invariants**: the terms do not depend on health.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms


class MorphoBlue(SpotDesign):
    """The liquidation rule of Morpho Blue."""

    source: ClassVar[str] = "morpho-org/morpho-blue, Morpho.sol and ConstantsLib.sol"
    leaves_out: ClassVar[str] = "loss of the market's lenders (the pool writes it off), pre-liquidations, rounding"
    bounds: ClassVar[Bounds] = {"cursor": (0.0, 0.9), "max_incentive": (0.0, 0.3)}

    design: Literal["morpho_blue"] = "morpho_blue"
    cursor: float = Field(0.3, ge=0, lt=1, description="how much of the room above the threshold the incentive takes")
    max_incentive: float = Field(0.15, ge=0, description="the most collateral value given above the debt repaid")

    def incentive(self, threshold: float) -> float:
        """Collateral value given above the debt repaid, for collateral with this liquidation threshold."""
        return min(self.max_incentive, 1.0 / (1.0 - self.cursor * (1.0 - threshold)) - 1.0)

    def terms(self, position: Position) -> Terms:
        """All of the debt, at the incentive of the collateral's threshold."""
        incentive = self.incentive(position.liquidation_threshold)
        return Terms(position.debt_units, seized_per_repaid(position, incentive))

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The incentive of the least threshold; the most where nothing posted backs anything. For all of the debt."""
        backed, most = 1.0 + self.incentive(accounts.least_threshold), 1.0 + self.incentive(0.0)
        return Ceiling(np.where(accounts.health > 0.0, backed, most), accounts.debt_usd)
