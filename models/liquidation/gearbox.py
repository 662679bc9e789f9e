"""Gearbox v3: the credit account is sold whole, at a premium on all of its value.

**Source**: Gearbox-protocol/core-v3, ``contracts/libraries/CreditLogic.sol`` and ``Constants.sol``.

**Models**: below health 1 the taker gets all of the collateral for its value less `liquidation_premium`. Of that the
pool gets the debt, then up to `liquidation_fee` of the value as a fee, and the borrower gets the rest. Where it does
not cover the debt, the pool bears the difference. The pair is closed in one call or not at all.

**Leaves out**: the borrower is paid in the debt's asset; here it keeps collateral of the same value at the oracle
price, and the fee is kept in collateral too, so that the taker buys and sells less of it. A credit account may hold
many collaterals, which are sold together; here they are sold pair by pair, at the rate of the whole account, for as
long as what is left is below health 1. Expired accounts, partial liquidation by bots, the insurance of the treasury
(the pool has loss layers), rounding.

**Units**: as `models.liquidation.offer`.

**Invariants**: the premium comes before the pool: with one pair, the taker gains `liquidation_premium` of the
collateral's value, even out of bad debt.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms


class Gearbox(SpotDesign):
    """The liquidation rule of Gearbox v3's credit accounts."""

    source: ClassVar[str] = "Gearbox-protocol/core-v3, CreditLogic.sol and Constants.sol"
    leaves_out: ClassVar[str] = (
        "payment to the borrower in the debt's asset (it keeps collateral of the same value), selling all collaterals "
        "of an account together (pair by pair, while below health 1), expired accounts, partial liquidation by bots, "
        "rounding"
    )
    bounds: ClassVar[Bounds] = {"liquidation_premium": (0.0, 0.2)}

    design: Literal["gearbox"] = "gearbox"
    liquidation_premium: float = Field(0.04, ge=0, lt=1, description="the taker's part of the account's value")
    liquidation_fee: float = Field(0.015, ge=0, lt=1, description="the protocol's part of the account's value")

    def terms(self, position: Position) -> Terms:
        """All of the pair's debt, or as much as the collateral less the premium pays for, and no less."""
        # In parts of the account's debt: its value, what the taker pays for it, and what is seized for all of the debt.
        value = 1.0 / position.ltv
        paid = value * (1.0 - self.liquidation_premium)
        fee = max(min(self.liquidation_fee * value, paid - 1.0), 0.0)
        seized = 1.0 + (value - paid) + fee if paid >= 1.0 else value / paid
        return Terms(
            most=position.debt_units,
            rate=seized_per_repaid(position, seized - 1.0),
            part=fee / seized,
            whole=True,
        )

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The premium on the account's value, or on what it is sold for; all of the debt, or what is paid for all."""
        premium = self.liquidation_premium
        rate = np.maximum(1.0 + premium / accounts.ltv, 1.0 / (1.0 - premium))
        paid_usd = np.minimum(accounts.debt_usd, accounts.collateral_usd * (1.0 - premium))
        return Ceiling(rate, accounts.debt_usd, paid_usd if accounts.single else 0.0)
