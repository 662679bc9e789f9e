"""Prices to be run, and tables for them."""

import numpy as np
from hypothesis import settings

from models.prices import Price
from models.types import FloatArray

few = settings(max_examples=60)


def run(price: Price, steps: int, step_seconds: float = 60.0, seed: int = 1) -> FloatArray:
    """A path of `price` with all its draws made from `seed`."""
    normals = np.random.default_rng([seed, 0]).standard_normal(steps)
    return price.path(steps, step_seconds, normals, np.random.default_rng([seed, 1]))


def table(**columns: list[float]) -> dict[str, FloatArray]:
    return {name: np.array(column, dtype=np.float64) for name, column in columns.items()}
