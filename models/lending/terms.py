"""The risk terms of a reserve in a scenario."""

from typing import Self

from pydantic import Field, model_validator

from models.parameters import Parameters


class ReserveTerms(Parameters):
    """Risk terms of a reserve, as fractions. The rate model stands beside them, not in them."""

    ltv: float = Field(0.0, ge=0, le=1, description="debt that a unit of collateral value may open")
    liquidation_threshold: float = Field(0.0, ge=0, le=1, description="debt at which that collateral is liquidated")
    reserve_factor: float = Field(0.0, ge=0, le=1, description="the treasury's part of the interest paid")

    @model_validator(mode="after")
    def _threshold_above_ltv(self) -> Self:
        if self.liquidation_threshold < self.ltv:
            raise ValueError(
                f"liquidation_threshold {self.liquidation_threshold} is below ltv {self.ltv}: whoever borrows to the "
                "limit could be liquidated at once; set liquidation_threshold to ltv or more"
            )
        return self
