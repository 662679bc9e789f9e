"""Toxic halt: a fixed spread that never makes an account worse, and stops where nothing is left to give.

**Source**: J. Warmuz, A. Chaudhary, D. Pinna, *Toxic Liquidation Spirals* (arXiv 2212.07306): repaying a dollar for
``1 + bonus`` dollars of collateral raises the loan-to-value of an account whose loan-to-value is above
``1 / (1 + bonus)``, so every further call leaves more bad debt behind.

**Models**: up to that frontier, `models.liquidation.fixed_spread`. Above it the bonus shrinks to ``1 / ltv - 1``, the
most that leaves the loan-to-value as it is, which is nothing at a loan-to-value of 1. From `halt_ltv` on nothing may be
liquidated: at 1 the bonus is gone by itself; at or below the frontier the rule halts without shrinking first.

**Leaves out**: the paper's dynamic close factor and the price impact of the sale, which moves the frontier down. An
account that is halted waits for the price to recover, and its interest runs on.

**Units**: as `models.liquidation.offer`; `halt_ltv` is a loan-to-value of the whole account.

**Invariants**: no call raises the account's loan-to-value.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.compiled import compiled
from models.liquidation.ceiling import SLACK, Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, protocol_part, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms
from models.types import FloatArray


class ToxicHalt(SpotDesign):
    """A fixed spread with an incentive that shrinks and stops above the frontier."""

    source: ClassVar[str] = "Warmuz, Chaudhary and Pinna, Toxic Liquidation Spirals, arXiv 2212.07306"
    leaves_out: ClassVar[str] = "the dynamic close factor, the price impact of the sale in the frontier"
    bounds: ClassVar[Bounds] = {"liquidation_bonus": (0.0, 0.2), "close_factor": (0.1, 1.0), "halt_ltv": (0.8, 1.0)}

    design: Literal["toxic_halt"] = "toxic_halt"
    liquidation_bonus: float = Field(0.05, ge=0, description="collateral value given above the debt repaid")
    protocol_fee: float = Field(0.0, ge=0, le=1, description="the protocol's part of the bonus")
    close_factor: float = Field(0.5, gt=0, le=1, description="part of the pair's debt that one call may repay")
    halt_ltv: float = Field(1.0, gt=0, le=1, description="loan-to-value from which on nothing may be liquidated")

    def bonus(self, ltv: float) -> float:
        """Collateral value given above the debt repaid, at a loan-to-value below 1."""
        return min(self.liquidation_bonus, 1.0 / ltv - 1.0)

    def terms(self, position: Position) -> Terms | None:
        """The same part of the debt at a bonus that leaves the loan-to-value no higher; None from `halt_ltv` on."""
        if position.ltv >= self.halt_ltv:
            return None
        bonus = self.bonus(position.ltv)
        return Terms(
            most=self.close_factor * position.debt_units,
            rate=seized_per_repaid(position, bonus),
            part=protocol_part(bonus, self.protocol_fee),
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The rule's bonus, of the whole account's debt; nothing where it halts."""
        rate = _rates(accounts.ltv, self.liquidation_bonus, 1.0 - self.protocol_fee, self.halt_ltv)
        return Ceiling(rate, self.close_factor * accounts.debt_usd)


@compiled(error_model="numpy")
def _rates(
    ltv: FloatArray, most_bonus: float, kept: float, halt_ltv: float
) -> FloatArray:  # pragma: no cover - compiled
    """Return the rate of `ToxicHalt.ceiling`."""
    rate = np.zeros(ltv.size)
    for k in range(ltv.size):
        if not ltv[k] >= halt_ltv * SLACK:
            rate[k] = 1.0 + kept * min(most_bonus, 1.0 / ltv[k] - 1.0)
    return rate
