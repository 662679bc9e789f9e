"""The spot designs by name, and what a call leaves of a position."""

from pydantic import TypeAdapter

from experiments.designs import designs
from models.liquidation import Design, Position, Taking
from models.liquidation.spot import SpotDesign

read = TypeAdapter(Design).validate_python
NAMES = [name for name, kind in designs().items() if issubclass(kind, SpotDesign)]
BY_NAME = [read({"design": name}) for name in NAMES]


def health_after(at: Position, taking: Taking) -> float:
    backing = at.health * at.debt_usd - taking.seized * at.collateral_price * at.liquidation_threshold
    return backing / (at.debt_usd - taking.repaid * at.debt_price)


def ltv_after(at: Position, taking: Taking) -> float:
    return (at.debt_usd - taking.repaid * at.debt_price) / (at.collateral_usd - taking.seized * at.collateral_price)
