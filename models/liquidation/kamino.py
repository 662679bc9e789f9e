"""Kamino: a fifth of the account at a time, at a bonus that follows the loan-to-value and yields before insolvency.

**Source**: Kamino-Finance/klend, ``state/liquidation_operations.rs`` and ``utils/consts.rs``; docs.kamino.finance for
the range of the bonus.

**Models**: the bonus is how far the loan-to-value is above the threshold, at least `min_bonus`, at most `max_bonus`,
and at most ``1 - ltv``, which keeps a call from making matters worse. From a loan-to-value of 0.99 it is the larger of
``1 - ltv`` and `bad_debt_bonus`. One call may repay `close_factor` of the *whole* account's debt value, all of it above
the loan-to-value `insolvency_ltv`, and never more than `max_repay_usd`; a debt below `full_below_usd` is repaid whole
or not at all. The protocol keeps `protocol_fee` of the bonus. An account at exactly its threshold is liquidatable.

**Leaves out**: borrow factors (part of the threshold), elevation groups, the order in which collateral and debts must
be liquidated, automatic deleveraging, socialisation by an administrator (what no collateral pays for is the pool's
write-off), integer rounding. `bad_debt_bonus` is an assumption, not a figure read.

**Units**: as `models.liquidation.offer`; `full_below_usd` and `max_repay_usd` in usd.

**Invariants**: below a loan-to-value of 0.99 no call raises it.
"""

import math
from typing import ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from models.compiled import compiled
from models.liquidation.ceiling import SLACK, Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, protocol_part, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms
from models.types import FloatArray

# From here on the bonus is that of bad debt (klend, calculate_liquidation_bonus).
_BAD_DEBT_LTV: Final = 0.99


class Kamino(SpotDesign):
    """The liquidation rule of Kamino Lend."""

    source: ClassVar[str] = "Kamino-Finance/klend, liquidation_operations.rs and consts.rs"
    leaves_out: ClassVar[str] = (
        "borrow factors (part of the threshold), elevation groups, the order of assets, automatic deleveraging, "
        "rounding"
    )
    bounds: ClassVar[Bounds] = {
        "min_bonus": (0.0, 0.05),
        "max_bonus": (0.05, 0.2),
        "close_factor": (0.1, 1.0),
        "insolvency_ltv": (0.8, 1.0),
    }

    # Health 1 is below it, and nothing above is.
    line: ClassVar[float] = math.nextafter(1.0, math.inf)

    design: Literal["kamino"] = "kamino"
    min_bonus: float = Field(0.02, ge=0, description="the least bonus, as long as the loan-to-value leaves room for it")
    max_bonus: float = Field(0.10, ge=0, description="the most bonus")
    bad_debt_bonus: float = Field(0.0099, ge=0, description="the bonus of an account that is or nearly is underwater")
    close_factor: float = Field(0.20, gt=0, le=1, description="part of the account's debt that one call may repay")
    insolvency_ltv: float = Field(0.95, gt=0, description="loan-to-value above which one call may repay all")
    max_repay_usd: float = Field(500_000.0, gt=0, description="the most that one call may repay")
    full_below_usd: float = Field(2.0, ge=0, description="a debt smaller than this is repaid in one call or not at all")
    protocol_fee: float = Field(0.0, ge=0, le=1, description="the protocol's part of the bonus")

    def bonus(self, position: Position) -> float:
        """Collateral value given above the debt repaid, of a position that can be liquidated."""
        ltv = position.ltv
        if ltv >= _BAD_DEBT_LTV:
            return max(self.bad_debt_bonus, 1.0 - ltv)
        # The account's threshold is its health times its loan-to-value.
        above = ltv * (1.0 - position.health)
        return min(max(self.min_bonus, above), self.max_bonus, 1.0 - ltv)

    def terms(self, position: Position) -> Terms:
        """A part of the account's debt, at the bonus of its loan-to-value."""
        bonus = self.bonus(position)
        small = position.debt_units * position.debt_price < self.full_below_usd
        return Terms(
            most=position.debt_units if small else self._most_usd(position) / position.debt_price,
            rate=seized_per_repaid(position, bonus),
            part=protocol_part(bonus, self.protocol_fee),
            whole=small,
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The rule's bonus and part of the account's debt; a debt that is small may be repaid whole."""
        bonuses = self.min_bonus, self.max_bonus, self.bad_debt_bonus, 1.0 - self.protocol_fee
        parts = self.close_factor, self.insolvency_ltv, self.max_repay_usd, self.full_below_usd
        return Ceiling(*_ceilings(accounts.health, accounts.debt_usd, accounts.ltv, *bonuses, *parts))

    def _most_usd(self, position: Position) -> float:
        part = 1.0 if position.ltv > self.insolvency_ltv else self.close_factor
        return min(part * position.debt_usd, position.debt_units * position.debt_price, self.max_repay_usd)


@compiled()
def _ceilings(
    health: FloatArray,
    debt_usd: FloatArray,
    ltv: FloatArray,
    min_bonus: float,
    max_bonus: float,
    bad_debt_bonus: float,
    kept: float,
    close_factor: float,
    insolvency_ltv: float,
    max_repay_usd: float,
    full_below_usd: float,
) -> tuple[FloatArray, FloatArray]:  # pragma: no cover - compiled
    """Return the rate and the dollars repaid of `Kamino.ceiling`."""
    rate, repaid_usd = np.empty(ltv.size), np.empty(ltv.size)
    for k in range(ltv.size):
        bonus = min(max(min_bonus, ltv[k] * (1.0 - health[k])), max_bonus, 1.0 - ltv[k])
        if ltv[k] * SLACK >= _BAD_DEBT_LTV:
            bonus = max(bonus, bad_debt_bonus)
        rate[k] = 1.0 + kept * bonus
        part = 1.0 if ltv[k] * SLACK > insolvency_ltv else close_factor
        repaid_usd[k] = max(min(part * debt_usd[k], max_repay_usd), full_below_usd)
    return rate, repaid_usd
