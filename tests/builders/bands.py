"""Pools of bands as several test modules have them."""

import numpy as np

from models.market import Bands, Fill


def sums(pool: Bands) -> tuple[float, float]:
    """Quote and base in all bands."""
    held = np.array(list(pool.bands().values())).reshape(-1, 2).sum(axis=0)
    return float(held[0]), float(held[1])


def example(fee: float = 0.006, oracle: float = 1900.0) -> Bands:
    """Two owners whose bands overlap, after a fall of the oracle; nobody has traded yet."""
    pool = Bands(2000.0, 100.0, fee)
    pool.deposit("anna", 10.0, 1, 10)
    pool.deposit("bert", 40.0, 6, 25)
    pool.set_oracle(oracle, 600.0)
    return pool


def trade(pool: Bands, fill: Fill) -> Fill:
    pool.settle(fill)
    return fill
