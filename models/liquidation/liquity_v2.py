"""Liquity v2: a stability pool or the other borrowers take over the debt, for no more than it and a penalty.

**Source**: liquity/bold, ``TroveManager.sol`` and ``Dependencies/Constants.sol``; parameters of WETH.

**Models**: below health 1 a call closes the whole position. The stability pool, all but `pool_floor` of it, burns what
is owed as far as it goes, for collateral worth that and `stability_pool_penalty`; the rest of the debt goes to the
other borrowers in proportion to their stakes, with collateral worth it and `redistribution_penalty`. What is left of
the collateral stays with the borrower. The caller gets `gas_compensation_share` of the collateral behind what the pool
takes, up to `max_gas_compensation_units`, and `gas_deposit_units` that the borrower had set aside. The last borrower
is never liquidated.

**Leaves out**: the minimum collateral ratio is one over the liquidation threshold: 110 % is 0.909. The set-aside
deposit is WETH on every branch; here it is units of the collateral. An account is one collateral and one debt; where
it has more, what is closed is the pair. The shutdown of a branch, redemptions, the pool's share of the interest,
batches, rounding.

**Units**: as `models.liquidation.opening`.

**Invariants**: the pool never burns more than it has above its floor; the borrower loses no more than the penalties as
long as the collateral is worth them.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import Accounts, OpeningCeiling
from models.liquidation.design import DesignParameters
from models.liquidation.offer import Bounds, Position
from models.liquidation.opening import STABILITY_POOL, Absorption, House, Opening, Reward, openable, price_of


class LiquityV2(DesignParameters):
    """The liquidations of Liquity v2."""

    source: ClassVar[str] = "liquity/bold, TroveManager.sol and Constants.sol; the WETH branch"
    leaves_out: ClassVar[str] = (
        "a minimum collateral ratio of its own (one over the liquidation threshold), shutdown of a branch, "
        "redemptions, the pool's share of interest, rounding"
    )
    bounds: ClassVar[Bounds] = {
        "stability_pool_penalty": (0.0, 0.2),
        "redistribution_penalty": (0.0, 0.2),
        "gas_compensation_share": (0.0, 0.05),
    }

    design: Literal["liquity_v2"] = "liquity_v2"
    stability_pool: float | None = Field(None, ge=0, description=STABILITY_POOL)
    pool_floor: float = Field(1.0, ge=0, description="units that always stay in the pool")
    stability_pool_penalty: float = Field(0.05, ge=0, description="collateral value for the pool above the debt")
    redistribution_penalty: float = Field(0.10, ge=0, description="the same for the other borrowers")
    gas_compensation_share: float = Field(0.005, ge=0, lt=1, description="part of the collateral for the caller")
    max_gas_compensation_units: float = Field(2.0, ge=0, description="the most collateral for the caller")
    gas_deposit_units: float = Field(0.0375, ge=0, description="collateral set aside for the caller")

    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """Close the position at once; None where it is healthy or the last one."""
        if not openable(position) or not house.stakes_units > 0.0:
            return None
        debt, collateral, price = position.debt_units, position.collateral_units, price_of(position)
        offset = min(debt, max(house.stability_pool - self.pool_floor, 0.0))
        portion = collateral * (offset / debt)
        gas = min(portion * self.gas_compensation_share, self.max_gas_compensation_units)
        to_pool = min(portion - gas, offset * (1.0 + self.stability_pool_penalty) / price)
        left = collateral - gas - to_pool
        redistributed = min(left, (debt - offset) * (1.0 + self.redistribution_penalty) / price)
        absorption = Absorption(
            debt_offset=offset,
            units_to_pool=to_pool,
            debt_redistributed=debt - offset,
            units_redistributed=redistributed,
            surplus_units=left - redistributed,
        )
        rewards = Reward("position", units=gas), Reward("set_aside", units=self.gas_deposit_units)
        return Opening(rewards=rewards, absorption=absorption)

    def opening_ceiling(self, accounts: Accounts, house: House) -> OpeningCeiling:
        """What was set aside, and the part of the collateral where the pool has anything to offset with."""
        most = self.max_gas_compensation_units * accounts.unit_usd
        shared = np.minimum(accounts.collateral_usd * self.gas_compensation_share, most)
        offsets = house.stability_pool > self.pool_floor
        reward = self.gas_deposit_units * accounts.unit_usd + (shared if offsets else np.zeros_like(shared))
        return OpeningCeiling(reward, np.zeros_like(shared), 0.0)
