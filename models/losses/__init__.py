"""Slot: a loss layer, a source of money that absorbs bad debt. `waterfall` allocates a loss over layers in order."""

from typing import Annotated, Protocol

from pydantic import Field

from models.losses.insurance import InsuranceLayer
from models.losses.reserve import ReserveLayer
from models.losses.waterfall import (
    DEPOSITORS,
    UNCOVERED,
    InvalidLoss,
    LayerState,
    Loss,
    Payment,
    Recognition,
    allocate,
    bad_debt,
    waterfall,
)

__all__ = [
    "DEPOSITORS",
    "UNCOVERED",
    "InsuranceLayer",
    "InvalidLoss",
    "Layer",
    "LayerState",
    "Loss",
    "LossLayer",
    "Payment",
    "Recognition",
    "ReserveLayer",
    "allocate",
    "bad_debt",
    "waterfall",
]


class LossLayer(Protocol):
    """Terms that turn what a payer has into what it can pay for one loss."""

    def state(self, name: str, available_units: float, price_usd: float) -> LayerState:
        """What the layer can do right now about a loss in an asset of that price."""


Layer = Annotated[ReserveLayer | InsuranceLayer, Field(discriminator="kind")]
