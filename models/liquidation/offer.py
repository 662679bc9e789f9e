"""What every liquidation design speaks in: a position, the offer it makes of it, and what a taker gets.

**Source**: the seizing arithmetic shared by Aave v3 (``LiquidationLogic``) and Compound v2 (``liquidateBorrow``): the
taker repays debt and gets collateral of the same value plus a bonus, of which the protocol may keep a part.

**Models**: one pair of collateral and debt of one account, at the prices that the protocol believes.

**Leaves out**: how the taker finances the repayment and sells the collateral; that is the taker's affair.

**Units**: amounts in units of the asset named, values in usd, the rest fractions.

**Invariants**: never more is seized than is posted nor more repaid than is owed; up to there the taker pays exactly
``1 / seized_per_repaid`` for a unit of collateral.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.refusals import Refusal

# A repayment this close to one that closes the position or empties the collateral is meant to do so.
ROUNDING: Final = 1e-12

Bounds = Mapping[str, tuple[float, float]]
"""Between which values each parameter of a design may sensibly be, for who looks for the best ones.

A parameter without bounds is a matter of the deployment (fees, sizes in dollars), not of the design.
"""


class NotLiquidatable(Refusal):
    """The account is healthy, or the rule offers nothing for its collateral."""


class InvalidRepayment(Refusal):
    """A repayment is not a positive number."""


class MustNotLeaveDust(Refusal):
    """What the liquidation would leave behind is too small for anyone to liquidate later."""


class MustCloseInFull(Refusal):
    """A part was repaid where the rule closes the position in one call or not at all."""


@dataclass(slots=True)
class Position:
    """One collateral and one debt of an account, and the account as a whole.

    `health`, `collateral_usd` and `debt_usd` are of the whole account; the rest is of the pair.
    """

    health: float
    collateral_units: float
    collateral_price: float
    debt_units: float
    debt_price: float
    collateral_usd: float
    debt_usd: float
    liquidation_threshold: float = 0.0

    @property
    def ltv(self) -> float:
        """The account's debt by the value of its collateral; inf where it has none."""
        return self.debt_usd / self.collateral_usd if self.collateral_usd > 0.0 else float("inf")


@dataclass(slots=True)
class Offer:
    """Repay up to `max_repay` units of the debt, for `seized_per_repaid` units of collateral each.

    The taker gets `taker_share` of what is seized, the protocol the rest.
    """

    max_repay: float
    seized_per_repaid: float
    taker_share: float

    @property
    def price(self) -> float:
        """Units of debt that the taker pays for a unit of collateral received."""
        return 1.0 / (self.seized_per_repaid * self.taker_share)


@dataclass(slots=True)
class Taking:
    """Units of debt repaid, units of collateral that left the borrower, and the protocol's part of these."""

    repaid: float
    seized: float
    protocol_fee: float

    @property
    def received(self) -> float:
        """Units of collateral that the taker gets."""
        return self.seized - self.protocol_fee


def require_taking(position: Position, repay: float, line: float) -> None:
    """Refuse an account that is not below its line (`NotLiquidatable`) and a senseless amount (`InvalidRepayment`).

    An amount of inf means all.
    """
    if not position.health < line:
        raise NotLiquidatable(f"the account's health is {position.health:.6g}; only below 1 can it be liquidated")
    if not repay > 0.0:
        raise InvalidRepayment(f"{repay} units cannot be repaid; give a positive amount")


def seized_per_repaid(position: Position, bonus: float) -> float:
    """Units of collateral worth one unit of debt and the bonus on it."""
    return position.debt_price / position.collateral_price * (1.0 + bonus)


def protocol_part(bonus: float, fee: float) -> float:
    """The protocol's part of all that is seized, when it keeps `fee` of the bonus."""
    return fee * bonus / (1.0 + bonus)


def exchange(position: Position, repaid: float, rate: float, part: float) -> Taking:
    """Seize `rate` units of collateral for each unit repaid; all of it, for what it pays, where there is too little."""
    seized = repaid * rate
    if seized >= position.collateral_units * (1.0 - ROUNDING):
        seized = position.collateral_units
        paid = seized / rate
        # Where both sides close at once, rounding must not leave a speck of debt with nothing behind it.
        if paid < repaid * (1.0 - ROUNDING):
            repaid = paid
    return Taking(repaid, seized, seized * part)
