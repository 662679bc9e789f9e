"""Numbers compared digit by digit."""

from decimal import Decimal
from typing import Any


def near(value: float, exact: Any, tolerance: float = 1e-12, floor: float = 0.0) -> bool:
    """Whether a value is within a relative tolerance of the exact one, which counts as `floor` at least."""
    return abs(Decimal(value) - Decimal(exact)) <= Decimal(tolerance) * max(abs(Decimal(exact)), Decimal(floor))
