"""What all loss layers have in common: terms, and how they become a state at the moment of a loss."""

from math import inf

from pydantic import Field

from models.losses.waterfall import LayerState
from models.parameters import Parameters


class LayerTerms(Parameters):
    """The terms on which a layer pays for one bad debt."""

    share: float = Field(1.0, gt=0, le=1, description="part of the loss beyond the deductible that the layer takes")
    deductible_usd: float = Field(0.0, ge=0, description="loss that the layer leaves to those after it")
    limit_usd: float | None = Field(
        None, ge=0, description="most that the layer pays for one bad debt; none by default"
    )

    def state(self, name: str, available_units: float, price_usd: float) -> LayerState:
        """The layer facing a loss in an asset of `price_usd`, with `available_units` of it to pay from."""
        limit = inf if self.limit_usd is None else self.limit_usd / price_usd
        return LayerState(name, min(available_units, limit), self.share, self.deductible_usd / price_usd)
