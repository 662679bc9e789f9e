"""Concentrated liquidity to trade on."""

from models.market import Concentrated


def overlapping(fee: float = 0.003) -> Concentrated:
    """Ranges within, across, beside and beyond one another."""
    positions = [
        (50.0, 200.0, 1000.0),
        (99.0, 101.0, 5e4),
        (95.0, 100.5, 700.0),
        (100.2, 100.3, 3e6),
        (20.0, 40.0, 1e5),
    ]
    return Concentrated(100.1, positions, fee)
