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

from typing import ClassVar, Final, Literal

from pydantic import Field

from models.liquidation.offer import (
    ROUNDING,
    MustNotLeaveDust,
    Offer,
    Position,
    Taking,
    exchange,
    protocol_part,
    require_taking,
    seized_per_repaid,
)
from models.parameters import Parameters

# How far below the minimum a leftover may be and still be the minimum, rounded.
_LEFTOVER_ROUNDING: Final = 1.0 - 1e-9


class AaveV3(Parameters):
    """The liquidation rule of Aave v3.3 and later."""

    source: ClassVar[str] = "aave-dao/aave-v3-origin v3.3-v3.7, LiquidationLogic.sol"
    leaves_out: ClassVar[str] = "e-mode, grace periods, the sequencer sentinel, integer rounding"

    design: Literal["aave_v3"] = "aave_v3"
    liquidation_bonus: float = Field(0.05, ge=0, description="collateral value given above the debt repaid")
    protocol_fee: float = Field(0.10, ge=0, le=1, description="the protocol's part of the bonus")
    close_factor: float = Field(0.5, gt=0, le=1, description="part of the account's debt that one call may repay")
    full_close_health_factor: float = Field(0.95, ge=0, le=1, description="at or below it one call may repay all")
    full_close_below_usd: float = Field(2000.0, ge=0, description="a pair smaller than this may be closed in one call")
    min_leftover_usd: float = Field(1000.0, ge=0, description="least value of collateral and debt to leave behind")

    def offer(self, position: Position) -> Offer | None:
        """The most that one call may repay, and the terms; None when healthy or when nothing is admissible."""
        if not position.health < 1.0:
            return None
        max_repay = self.fit(position, position.debt_units)
        if max_repay <= 0.0:
            return None
        part = protocol_part(self.liquidation_bonus, self.protocol_fee)
        return Offer(max_repay, seized_per_repaid(position, self.liquidation_bonus), 1.0 - part)

    def fit(self, position: Position, repay: float) -> float:
        """The largest admissible repayment up to `repay` units of debt; 0 when there is none."""
        rate = seized_per_repaid(position, self.liquidation_bonus)
        emptying = position.collateral_units / rate
        wanted = min(repay, self._limit(position))
        if wanted >= min(emptying, position.debt_units) * (1.0 - ROUNDING):
            return min(wanted, emptying)
        # Short of closing either side, both must keep the minimum: repay no more than the tighter of the two allows.
        keeps_debt = position.debt_units - self.min_leftover_usd / position.debt_price
        keeps_collateral = emptying - self.min_leftover_usd / position.collateral_price / rate
        return max(min(wanted, keeps_debt, keeps_collateral), 0.0)

    def take(self, position: Position, repay: float) -> Taking:
        """What repaying `repay` units of debt does; more than the rule allows is cut to what it allows.

        Raises `NotLiquidatable`, `InvalidRepayment`, `MustNotLeaveDust`.
        """
        require_taking(position, repay)
        repaid = min(repay, self._limit(position))
        if repaid >= position.debt_units * (1.0 - ROUNDING):
            repaid = position.debt_units
        rate = seized_per_repaid(position, self.liquidation_bonus)
        taking = exchange(position, repaid, rate, protocol_part(self.liquidation_bonus, self.protocol_fee))
        self._refuse_dust(position, taking)
        return taking

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

    def _refuse_dust(self, position: Position, taking: Taking) -> None:
        if taking.repaid == position.debt_units or taking.seized == position.collateral_units:
            return
        debt_left = (position.debt_units - taking.repaid) * position.debt_price
        collateral_left = (position.collateral_units - taking.seized) * position.collateral_price
        if min(debt_left, collateral_left) < self.min_leftover_usd * _LEFTOVER_ROUNDING:
            raise MustNotLeaveDust(
                f"repaying {taking.repaid:.6g} would leave {debt_left:.2f} usd of debt and {collateral_left:.2f} usd "
                f"of collateral, one of them below {self.min_leftover_usd:g}; close the position or repay less"
            )
