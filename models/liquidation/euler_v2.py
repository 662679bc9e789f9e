"""Euler v2: all of the debt at once, at a discount equal to the shortfall of health.

**Source**: euler-xyz/euler-vault-kit, ``src/EVault/modules/Liquidation.sol`` and ``docs/whitepaper.md``.

**Models**: the taker pays ``max(health, 1 - max_discount)`` of the oracle price for the collateral: a falling price is
a Dutch auction that the market itself runs. No close factor, no fee, no dust rule.

**Leaves out**: the vault socialises what is left when no collateral is left, at once; here that is the pool's
write-off, with the recognition and the layers that the pool has. The taker takes over the debt; here it repays it.
Cool-off periods, an account at exactly health 1, integer rounding.

**Units**: as `models.liquidation.offer`.

**Invariants**: the collateral falls short of the debt where its value is below the debt times the price paid, so bad
debt begins at a higher price than with a flat bonus.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.design import Financing
from models.liquidation.offer import Bounds, Position, seized_per_repaid
from models.liquidation.spot import SpotDesign, Terms


class EulerV2(SpotDesign):
    """The liquidation rule of Euler v2's vault kit."""

    source: ClassVar[str] = "euler-xyz/euler-vault-kit, Liquidation.sol"
    leaves_out: ClassVar[str] = (
        "socialisation of what is left (the pool writes it off), taking over debt instead of repaying it, cool-off "
        "periods, rounding"
    )
    bounds: ClassVar[Bounds] = {"max_discount": (0.0, 0.3)}

    financing: ClassVar[Financing] = "take_over"

    design: Literal["euler_v2"] = "euler_v2"
    max_discount: float = Field(0.15, ge=0, lt=1, description="the most that the collateral is discounted")

    def terms(self, position: Position) -> Terms:
        """All of the debt, at a price as far below the oracle's as health is below 1."""
        paid = max(position.health, 1.0 - self.max_discount)
        return Terms(position.debt_units, seized_per_repaid(position, 1.0 / paid - 1.0))

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """The price is the rule's, for all of the debt."""
        return Ceiling(1.0 / np.maximum(accounts.health, 1.0 - self.max_discount), accounts.debt_usd)
