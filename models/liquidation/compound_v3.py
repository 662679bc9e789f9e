"""Compound III: the protocol absorbs the position and sells the collateral itself, at a fixed discount.

**Source**: compound-finance/comet, ``contracts/Comet.sol``; parameters of USDC on mainnet, with those of WETH.

**Models**: below health 1 a call absorbs the whole position: the reserves bear the debt, and what `liquidation_factor`
of the collateral's value is worth beyond it is credited to the borrower in the debt asset. Nothing is paid to the
caller. The collateral is for sale to anyone, in any size, at the feed less `store_front_price_factor` of the
liquidation penalty, as long as the reserves are below `target_reserves_usd`. What a buyer pays goes to the reserves.
Of several collaterals each is absorbed with its part of the debt by value, and one call absorbs all of them.

**Leaves out**: several debts of one account, which Compound III does not know: here the largest goes first, with as
much of it as the collateral pays for. Liquidator points, pauses, rounding.

**Units**: as `models.liquidation.opening`.

**Invariants**: an absorption moves no cash: the reserves are what depositors have no claim on, and below nothing they
are a loss that depositors bear without being told.
"""

from typing import ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import Accounts, OpeningCeiling
from models.liquidation.offer import Bounds, Position
from models.liquidation.opening import Absorption, House, Lot, Opening, openable, price_of
from models.liquidation.sale import Floats, SaleDesign, SaleTerms

# Collateral or debt beside the pair that is no more than this part of it is a rounding of sums.
_ROUNDING: Final = 1e-9


class CompoundV3(SaleDesign):
    """The absorption and the store front of Compound III."""

    source: ClassVar[str] = "compound-finance/comet, Comet.sol; USDC on mainnet"
    leaves_out: ClassVar[str] = "several debts of one account, liquidator points, pauses, rounding"
    bounds: ClassVar[Bounds] = {"liquidation_factor": (0.8, 1.0), "store_front_price_factor": (0.0, 1.0)}

    design: Literal["compound_v3"] = "compound_v3"
    liquidation_factor: float = Field(0.95, gt=0, le=1, description="part of the collateral's value that pays for debt")
    store_front_price_factor: float = Field(0.5, ge=0, le=1, description="part of the penalty that buyers get")
    target_reserves_usd: float = Field(5_000_000.0, ge=0, description="reserves from which on nothing is sold")

    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """Absorb the collateral with its part of the debt: a lot of the protocol's own, from which no debt is due."""
        if not openable(position):
            return None
        value = price_of(position) * position.collateral_units * self.liquidation_factor
        borne = self._borne(position, value)
        absorption = Absorption(
            debt_from_reserves=borne,
            credit=max(value - borne, 0.0),
            units_to_protocol=position.collateral_units,
        )
        store = Lot(position.collateral_units, 0.0, float("inf"), now_seconds, position.debt_price)
        return Opening([store], absorption=absorption)

    def opening_ceiling(self, accounts: Accounts, house: House) -> OpeningCeiling:
        """No reward, and all of the collateral at its discount, which is to raise no certain amount."""
        kept = self.unit_price(0.0, 0.0, 1.0)
        rate = 1.0 / kept if kept > 0.0 else float("inf")
        nothing = np.zeros_like(accounts.debt_usd)
        return OpeningCeiling(nothing, nothing + float("inf"), rate)

    def terms(self, lot: Lot, now_seconds: float, feed_price: float, house: House) -> SaleTerms | None:
        """The feed less the discount; None while the reserves are at their target."""
        if house.reserves * lot.debt_price_usd >= self.target_reserves_usd:
            return None
        return SaleTerms(self.unit_price(lot.top, now_seconds - lot.top_seconds, feed_price), lot.tab)

    def unit_price(self, top: Floats, since_seconds: Floats, feed_price: Floats) -> Floats:
        """The feed less the discount, at any time."""
        discount = self.store_front_price_factor * (1.0 - self.liquidation_factor)
        price: Floats = feed_price * (1.0 - discount)
        return price

    def _borne(self, position: Position, value: float) -> float:
        """Units of the debt that go with the collateral: its part by value, and all with the last of it."""
        pair_usd = position.collateral_units * position.collateral_price
        if position.collateral_usd <= pair_usd * (1.0 + _ROUNDING):
            return position.debt_units
        if position.debt_usd <= position.debt_units * position.debt_price * (1.0 + _ROUNDING):
            return position.debt_units * (pair_usd / position.collateral_usd)
        return min(position.debt_units, value)
