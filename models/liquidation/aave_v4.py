"""Aave v4: repay up to a target health, at a bonus that grows as health falls, and no dust.

**Source**: aave/aave-v4, ``src/spoke/libraries/LiquidationLogic.sol`` and ``docs/features/LiquidationEngine.md``.

**Models**: the bonus is `max_bonus` at or below the health `hf_for_max_bonus`, and grows linearly toward it from
`bonus_factor` of `max_bonus` at health 1; both steps are floored to basis points, as the contract does. One call may
repay what lifts the whole account to `target_health_factor`. Where that would leave less than `dust_usd` of the debt
or of the collateral, one call may close the side, and no call may leave so little. The protocol keeps `protocol_fee`
of the bonus.

**Leaves out**: the deficit report (what no collateral pays for is the pool's write-off), risk premiums, rounding finer
than a basis point. The core spoke's parameters could not be read: the defaults satisfy the documentation's advice
that ``(1 + max_bonus) * threshold`` be at most `hf_for_max_bonus`, for a threshold of 0.83.

**Units**: as `models.liquidation.offer`; `dust_usd` in usd.

**Invariants**: a full call leaves health at the target or closes a side; where the target is at or below
``(1 + bonus) * threshold`` no repayment reaches it and all may be repaid.
"""

import math
from typing import ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, protocol_part, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms, close_to

_BASIS_POINTS: Final = 1e4
# A whole number of basis points must not lose one to the rounding of floats.
_ROUNDING_BPS: Final = 1e-6


class AaveV4(SpotDesign):
    """The liquidation engine of Aave v4."""

    source: ClassVar[str] = "aave/aave-v4, LiquidationLogic.sol and LiquidationEngine.md"
    leaves_out: ClassVar[str] = "deficit reports (the pool writes off), risk premiums, rounding finer than 1 bp"
    bounds: ClassVar[Bounds] = {
        "target_health_factor": (1.0, 1.5),
        "max_bonus": (0.0, 0.2),
        "bonus_factor": (0.0, 1.0),
        "hf_for_max_bonus": (0.7, 0.99),
    }

    design: Literal["aave_v4"] = "aave_v4"
    target_health_factor: float = Field(1.05, ge=1, description="health that one call may restore")
    max_bonus: float = Field(0.05, ge=0, description="the bonus at and below hf_for_max_bonus")
    bonus_factor: float = Field(0.5, ge=0, le=1, description="part of max_bonus that is given just below health 1")
    hf_for_max_bonus: float = Field(0.90, ge=0, lt=1, description="health at and below which the bonus is max_bonus")
    protocol_fee: float = Field(0.10, ge=0, le=1, description="the protocol's part of the bonus")
    dust_usd: float = Field(1000.0, ge=0, description="least value of collateral and debt to leave behind")

    def bonus(self, health: float) -> float:
        """Collateral value given above the debt repaid, at a health below 1."""
        if health <= self.hf_for_max_bonus:
            return self.max_bonus
        least = _floored(self.max_bonus * self.bonus_factor)
        return least + _floored((self.max_bonus - least) * (1.0 - health) / (1.0 - self.hf_for_max_bonus))

    def terms(self, position: Position) -> Terms:
        """What restores the target health, or all of the pair where that leaves dust."""
        bonus = self.bonus(position.health)
        rate = seized_per_repaid(position, bonus)
        return Terms(
            most=self._most(position, bonus, rate),
            rate=rate,
            part=protocol_part(bonus, self.protocol_fee),
            dust_usd=self.dust_usd,
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The bonus before it is floored, for all of the debt."""
        least = self.max_bonus * self.bonus_factor
        grown = (1.0 - accounts.health) / (1.0 - self.hf_for_max_bonus)
        bonus = least + (self.max_bonus - least) * grown + 2.0 * _ROUNDING_BPS / _BASIS_POINTS
        return Ceiling(1.0 + (1.0 - self.protocol_fee) * np.minimum(bonus, self.max_bonus), accounts.debt_usd)

    def _most(self, position: Position, bonus: float, rate: float) -> float:
        backing = position.health * position.debt_usd
        released = (1.0 + bonus) * position.liquidation_threshold
        to_target = close_to(position.debt_usd, backing, released, self.target_health_factor) / position.debt_price
        debt_left = (position.debt_units - to_target) * position.debt_price
        collateral_left = (position.collateral_units - to_target * rate) * position.collateral_price
        return position.debt_units if min(debt_left, collateral_left) < self.dust_usd else to_target


def _floored(fraction: float) -> float:
    return math.floor(fraction * _BASIS_POINTS + _ROUNDING_BPS) / _BASIS_POINTS
