"""Liquity v1: a stability pool takes over the position; what it cannot, the other borrowers do.

**Source**: liquity/dev, ``TroveManager.sol`` and ``StabilityPool.sol`` as deployed in 2021.

**Models**: below health 1 a call closes the whole position. The stability pool burns of its own money what is owed, as
far as it goes, for the same part of the collateral; the rest of debt and collateral goes to the other borrowers, in
proportion to their stakes. The caller gets `gas_compensation_share` of the collateral, and `gas_compensation` of the
debt asset that the borrower had set aside: 200 dollars' worth unless given, as not every pool lends dollars. In
recovery mode, when all collateral is worth less than `critical_collateral_ratio` of all debt, a position worth no more
than its debt is redistributed whole; and a healthy one below the ratio of all is closed too, where the pool can take it
whole, for collateral of the minimum ratio, while the rest stays with the borrower. The last borrower is never
liquidated.

**Leaves out**: the minimum collateral ratio is one over the liquidation threshold: 110 % is 0.909. An account is one
collateral and one debt; where it has more, what is closed is the pair. Redemptions, the borrowing fee, issuance of the
protocol's token to the pool, rounding.

**Units**: as `models.liquidation.opening`.

**Invariants**: the pool never burns more than it has; nobody writes debt off as long as there is another borrower.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.liquidation.design import DesignParameters
from models.liquidation.offer import Bounds, Position
from models.liquidation.opening import STABILITY_POOL, Absorption, House, Opening, Reward, backed, openable, price_of

GAS_COMPENSATION_USD = 200.0
"""Of LUSD, which is meant to be a dollar."""


class LiquityV1(DesignParameters):
    """The liquidations of Liquity v1, in normal and in recovery mode."""

    source: ClassVar[str] = "liquity/dev, TroveManager.sol and StabilityPool.sol"
    leaves_out: ClassVar[str] = (
        "a minimum collateral ratio of its own (one over the liquidation threshold), redemptions, borrowing fees, "
        "issuance to the pool, rounding"
    )
    bounds: ClassVar[Bounds] = {"critical_collateral_ratio": (1.1, 2.0), "gas_compensation_share": (0.0, 0.05)}

    design: Literal["liquity_v1"] = "liquity_v1"
    stability_pool: float | None = Field(None, ge=0, description=STABILITY_POOL)
    critical_collateral_ratio: float = Field(1.5, ge=0, description="ratio of all below which recovery mode rules")
    gas_compensation_share: float = Field(0.005, ge=0, lt=1, description="part of the collateral for the caller")
    gas_compensation: float | None = Field(
        None, ge=0, description="units of debt set aside for the caller, 200 dollars' worth unless given"
    )

    def recovering(self, house: House) -> bool:
        """Whether recovery mode rules."""
        return house.collateral_usd < self.critical_collateral_ratio * house.debt_usd

    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """Close the position at once; None where it must stay, above all for the last borrower."""
        if not house.stakes_units > 0.0:
            return None
        if openable(position):
            under = position.collateral_usd <= position.debt_usd
            pool = 0.0 if under and self.recovering(house) else house.stability_pool
            return self._close(position, pool)
        return self._close_capped(position, house) if self._below_all(position, house) else None

    def _close(self, position: Position, pool: float) -> Opening:
        debt, collateral = position.debt_units, position.collateral_units
        gas = collateral * self.gas_compensation_share
        offset = min(debt, pool)
        to_pool = (collateral - gas) * (offset / debt)
        absorption = Absorption(
            debt_offset=offset,
            units_to_pool=to_pool,
            debt_redistributed=debt - offset,
            units_redistributed=collateral - gas - to_pool,
        )
        return Opening(rewards=self._rewards(position, gas), absorption=absorption)

    def _below_all(self, position: Position, house: House) -> bool:
        """Whether recovery mode reaches a position that is not below health 1: it is below the ratio of all."""
        ratio_is_lower = position.collateral_usd * house.debt_usd < house.collateral_usd * position.debt_usd
        can_be_taken = backed(position) and position.debt_units <= house.stability_pool
        return self.recovering(house) and position.health >= 1.0 and ratio_is_lower and can_be_taken

    def _close_capped(self, position: Position, house: House) -> Opening:
        debt, collateral = position.debt_units, position.collateral_units
        # Health is the collateral ratio by the minimum one.
        minimum_ratio = position.collateral_usd / position.debt_usd / position.health
        seized = min(collateral, debt * minimum_ratio / price_of(position))
        gas = seized * self.gas_compensation_share
        absorption = Absorption(debt_offset=debt, units_to_pool=seized - gas, surplus_units=collateral - seized)
        return Opening(rewards=self._rewards(position, gas), absorption=absorption)

    def _rewards(self, position: Position, gas_units: float) -> tuple[Reward, ...]:
        given = self.gas_compensation
        aside = GAS_COMPENSATION_USD / position.debt_price if given is None else given
        return Reward("position", units=gas_units), Reward("set_aside", debt=aside)
